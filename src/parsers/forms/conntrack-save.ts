// `conntrack -o save`: entries or events as the options that would create, update or delete them.

import type { CtEventKind } from '../../model/conntrack.js';
import { hintOf, hintOfPrompt } from '../conntrack/command.js';
import { looksSaved, readSaveLine, type SaveVerb } from '../conntrack/save-line.js';
import { messageRecord, readToolMessage } from '../conntrack/tool-message.js';
import { type Form, OTHER, TAKEN } from '../form.js';

const KINDS: Readonly<Record<SaveVerb, CtEventKind>> = { add: 'NEW', update: 'UPDATE', delete: 'DESTROY' };
const CUT = /^-[AIUD] -t \d+ -u [A-Z_,]+(?: -|$)/;

export const conntrackSaveForm: Form = {
  id: 'conntrack -o save',
  title: 'entries or events saved by conntrack -o save',
  recognise(line) {
    if (looksSaved(line)) return 95;
    return hintOfPrompt(line)?.subject === 'save' ? 90 : 0;
  },
  open(emit, context) {
    const given = hintOf(context);
    let list = given?.list ?? 'main';
    // A listing prints -A only; -U, -D and '[USERSPACE]' are said of events.
    let isEvents = given?.isEvents === true;
    let showsUserSpace = given?.showsUserSpace === true ? true : null;
    return {
      line(text, line) {
        if (looksSaved(text) || CUT.test(text)) {
          const reading = readSaveLine(text);
          if ('reason' in reading) return { is: 'unread', reason: reading.reason, at: reading.at };
          const { verb, entry, portId, isUserSpace } = reading;
          if (verb !== 'add' || isUserSpace) isEvents = true;
          if (isUserSpace) showsUserSpace = true;
          if (!isEvents) emit({ kind: 'ct-entry', line, list, entry });
          else
            emit({
              kind: 'ct-event',
              line,
              event: {
                kind: KINDS[verb],
                atUs: null,
                stamp: null,
                entry,
                expectation: null,
                portId,
                isUserSpace: isUserSpace ? true : showsUserSpace === true ? false : null,
              },
            });
          return TAKEN;
        }
        if (text.trim() === '') return TAKEN;
        const typed = hintOfPrompt(text);
        if (typed !== null) {
          if (typed.subject !== 'save') return OTHER;
          ({ list, isEvents } = typed);
          return TAKEN;
        }
        const message = readToolMessage(text);
        if (message === null) return OTHER;
        if (message.is === 'failed') return { is: 'unread', reason: `conntrack failed: ${message.text}`, at: 0 };
        const record = messageRecord(message, line);
        if (record !== null) emit(record);
        return TAKEN;
      },
      end() {},
    };
  },
};
