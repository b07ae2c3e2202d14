// `conntrack -o xml`: listings, events and expectations, a flow in one line or over many.

import { hintOf, hintOfPrompt, type TrackerHint } from '../conntrack/command.js';
import { messageRecord, readToolMessage } from '../conntrack/tool-message.js';
import { readElement } from '../conntrack/xml-elements.js';
import { type FlowReading, readFlow } from '../conntrack/xml-flow.js';
import { type Emit, type Form, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';

/** What stands around flows: declaration and root element. */
const FRAME = /^(?:\s|<\?xml[^>]*\?>|<\/?(?:conntrack|expect)>)*$/;
const FLOW = /<flow[\s>]/;
const FLOW_END = '</flow>';
/** Who asked for the change: behind the flow, in the same line. */
const ASKED = /^\s*\[USERSPACE\](?:\s+portid=(\d+))?(?:\s+progname=\S+)?/;
/** A flow is a kilobyte; what grows beyond this is none. */
const LONGEST_FLOW = 65_536;

function openXml(emit: Emit, hint: TrackerHint | null): FormReader {
  const list = hint?.list ?? 'main';
  let held = '';
  let heldFrom = 0;
  let isEvents = hint?.isEvents === true;
  let showsUserSpace = hint?.showsUserSpace === true ? true : null;

  const emitFlow = (flow: FlowReading, line: number, portId: number | null, isAsked: boolean): void => {
    if (isAsked) showsUserSpace = true;
    const { entry, expectation, event, stamp } = flow;
    if (event !== null) {
      isEvents = true;
      emit({
        kind: 'ct-event',
        line,
        event: {
          kind: event,
          atUs: null,
          stamp,
          entry,
          expectation,
          portId,
          isUserSpace: isAsked ? true : showsUserSpace === true ? false : null,
        },
      });
    } else if (entry !== null) emit({ kind: 'ct-entry', line, list, entry });
    else if (expectation !== null) emit({ kind: 'expectation', line, expectation });
  };

  /** Reads the flows of a text that are whole; what is left waits for the next line. */
  const readFlows = (text: string, line: number): LineOutcome => {
    let rest = text;
    let from = held === '' ? line : heldFrom;
    let outcome: LineOutcome = TAKEN;
    for (;;) {
      const start = FLOW.exec(rest)?.index ?? -1;
      if (start < 0) {
        held = '';
        return FRAME.test(rest) || outcome.is === 'unread'
          ? outcome
          : { is: 'unread', reason: 'text between flows', at: 0 };
      }
      const end = rest.indexOf(FLOW_END, start);
      const next = FLOW.exec(rest.slice(start + 5));
      const nextAt = next === null ? -1 : start + 5 + next.index;
      if (nextAt >= 0 && (end < 0 || nextAt < end)) {
        outcome = { is: 'unread', reason: `the flow that begins in line ${from} does not end`, at: 0 };
        rest = rest.slice(nextAt);
        from = line;
        continue;
      }
      if (end < 0) {
        held = rest.slice(start);
        heldFrom = from;
        if (held.length <= LONGEST_FLOW) return outcome;
        held = '';
        return { is: 'unread', reason: `the flow that begins in line ${from} does not end`, at: 0 };
      }
      const element = readElement(rest.slice(0, end + FLOW_END.length), start);
      const behind = rest.slice(end + FLOW_END.length);
      const asked = ASKED.exec(behind);
      if ('reason' in element) outcome = { is: 'unread', reason: element.reason, at: element.at };
      else {
        const flow = readFlow(element);
        if ('reason' in flow) outcome = { is: 'unread', reason: flow.reason, at: start };
        else emitFlow(flow, from, asked?.[1] === undefined ? null : Number(asked[1]), asked !== null);
      }
      rest = behind.slice(asked?.[0].length ?? 0);
      from = line;
    }
  };

  return {
    line(text, line) {
      if (held !== '') return readFlows(`${held}\n${text}`, line);
      if (FLOW.test(text)) return readFlows(text, line);
      if (FRAME.test(text)) return TAKEN;
      if (hintOfPrompt(text)?.subject === 'xml') return TAKEN;
      const message = readToolMessage(text);
      if (message === null) return OTHER;
      if (message.is === 'failed') return { is: 'unread', reason: `conntrack failed: ${message.text}`, at: 0 };
      const record = messageRecord(message, line);
      if (record !== null) emit(record);
      return TAKEN;
    },
    end() {
      if (held === '') return;
      held = '';
      // Its lines are taken already; the reader of the answers has to know that the listing is not whole.
      emit({
        kind: 'bundle',
        line: heldFrom,
        statement: {
          kind: 'coverage',
          what: isEvents ? 'events' : `list:${list}`,
          fromUs: null,
          toUs: null,
          state: 'limited',
          why: `the flow that begins in line ${heldFrom} does not end`,
        },
      });
    },
  };
}

export const conntrackXmlForm: Form = {
  id: 'conntrack xml',
  title: 'entries, events or expectations in the XML of conntrack -o xml',
  recognise(line) {
    if (/<flow(?: type="\w+")?>\s*(?:<(?:meta|layer3)\b|$)/.test(line)) return 97;
    if (/^\s*(?:<\?xml[^>]*\?>\s*)?<(?:conntrack|expect)>\s*$/.test(line)) return 95;
    if (/^\s*<\?xml version="1\.0" encoding="utf-8"\?>\s*$/.test(line)) return 50;
    return hintOfPrompt(line)?.subject === 'xml' ? 90 : 0;
  },
  open: (emit, context) => openXml(emit, hintOf(context)),
};
