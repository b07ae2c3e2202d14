// Expectations: `conntrack -L expect`, `conntrack -E expect`, /proc/net/nf_conntrack_expect.

import { hintOfPrompt } from '../conntrack/command.js';
import { findEvent, readEventLine } from '../conntrack/event-line.js';
import { findExpectation, readExpectationLine } from '../conntrack/expectation-line.js';
import { isCached } from '../conntrack/listing-reader.js';
import { messageRecord, readToolMessage } from '../conntrack/tool-message.js';
import { type Form, OTHER, TAKEN } from '../form.js';

/** An expectation alone in its line, or behind conntrack's own stamp. */
const ALONE = /^\s*(?:\[[\d. ]+\]\s*)?(?:\d+|-)?\s*(?:l3proto\s*=\s*\d+\s+)?proto=\d+\s+src=/;

export const conntrackExpectationsForm: Form = {
  id: 'conntrack expect',
  title: 'expectations listed or reported by conntrack, or by the kernel in /proc/net/nf_conntrack_expect',
  recognise(line) {
    const event = findEvent(line);
    if (event !== null) return event.isExpectation ? 96 : 0;
    if (ALONE.test(line) && !isCached(line)) return 95;
    if (hintOfPrompt(line)?.subject === 'expectations') return 95;
    const message = readToolMessage(line);
    return message?.is === 'shown' && message.what === 'expectations' ? 95 : 0;
  },
  open(emit) {
    return {
      line(text, line) {
        const event = findEvent(text);
        if (event !== null) {
          if (!event.isExpectation) return OTHER;
          const reading = readEventLine(text, null)!;
          if ('reason' in reading) return { is: 'unread', reason: reading.reason, at: reading.at };
          emit({ kind: 'ct-event', line, event: reading.event });
          return TAKEN;
        }
        if (findExpectation(text) !== null) {
          if (isCached(text)) return OTHER;
          const reading = readExpectationLine(text, 0);
          if ('reason' in reading) return { is: 'unread', reason: reading.reason, at: reading.at };
          emit({ kind: 'expectation', line, expectation: reading.expectation });
          return TAKEN;
        }
        if (text.trim() === '') return TAKEN;
        if (hintOfPrompt(text)?.subject === 'expectations') return TAKEN;
        const message = readToolMessage(text);
        if (message === null || (message.is === 'shown' && message.what !== 'expectations')) return OTHER;
        if (message.is === 'failed') return { is: 'unread', reason: `conntrack failed: ${message.text}`, at: 0 };
        const record = messageRecord(message, line);
        if (record !== null) emit(record);
        return TAKEN;
      },
      end() {},
    };
  },
};
