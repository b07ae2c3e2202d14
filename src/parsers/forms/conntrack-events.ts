// `conntrack -E`: what happened to entries, one line each, with or without stamps.

import { hintOf, hintOfPrompt } from '../conntrack/command.js';
import { findEvent, readEventLine } from '../conntrack/event-line.js';
import { messageRecord, readToolMessage } from '../conntrack/tool-message.js';
import { type Form, OTHER, TAKEN } from '../form.js';

/** A line that begins as an event and was cut before its addresses. */
const CUT_EVENT = /\[(?:NEW|UPDATE|DESTROY)\](?:\s+(?:ipv[46]\s+\d+\s*)?(?:[a-z][\w-]*\s*)?[\d\s]*[A-Z_0-9]*)?\s*$/;

export const conntrackEventsForm: Form = {
  id: 'conntrack -E',
  title: 'events printed by conntrack -E, with its own stamps or with those that were put before the lines',
  recognise(line, context) {
    const place = findEvent(line);
    if (place !== null) return place.isExpectation ? 60 : 95;
    if (hintOfPrompt(line)?.subject === 'events') return 90;
    const message = readToolMessage(line);
    if (message?.is === 'shown') return message.what === 'events' ? 95 : 0;
    if (message?.is === 'lost-events') return 95;
    return CUT_EVENT.test(line) && hintOf(context)?.subject === 'events' ? 60 : 0;
  },
  open(emit, context) {
    const given = hintOf(context);
    // The newest conntrack says '[USERSPACE]' unasked: one such line proves that the others could have said it.
    let showsUserSpace = given?.showsUserSpace === true ? true : null;
    return {
      line(text, line) {
        const reading = readEventLine(text, showsUserSpace);
        if (reading !== null) {
          if ('reason' in reading) return { is: 'unread', reason: reading.reason, at: reading.at };
          if (reading.event.isUserSpace === true) showsUserSpace = true;
          emit({ kind: 'ct-event', line, event: reading.event });
          return TAKEN;
        }
        if (text.trim() === '') return TAKEN;
        const typed = hintOfPrompt(text);
        if (typed !== null) {
          if (typed.subject !== 'events') return OTHER;
          if (typed.showsUserSpace) showsUserSpace = true;
          return TAKEN;
        }
        const message = readToolMessage(text);
        if (message !== null) {
          if (message.is === 'shown' && message.what !== 'events') return OTHER;
          if (message.is === 'failed') return { is: 'unread', reason: `conntrack failed: ${message.text}`, at: 0 };
          const record = messageRecord(message, line);
          if (record !== null) emit(record);
          return TAKEN;
        }
        if (CUT_EVENT.test(text))
          return { is: 'unread', reason: 'cut before both addresses were named', at: text.length };
        return OTHER;
      },
      end() {},
    };
  },
};
