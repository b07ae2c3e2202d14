// What conntrack says about its own work: how many entries it showed, that events were lost, that it failed.

import type { EvidenceRecord } from '../../model/record.js';

export type ToolMessage =
  | {
      readonly is: 'shown';
      readonly what: 'entries' | 'events' | 'expectations';
      /** Of expectations: they were reported as they came and went, not listed. */
      readonly isEvents: boolean;
      readonly count: number;
    }
  | { readonly is: 'lost-events'; readonly text: string }
  | { readonly is: 'failed'; readonly text: string }
  | { readonly is: 'remark' };

const SHOWN =
  /conntrack v[\d.]+ \(conntrack-tools\): (\d+) (flow entries|flow events|expectation events|expectations) have been (shown|deleted|created|updated|added)/;
const SAID = /conntrack v[\d.]+ \(conntrack-tools\): (.*)$/;
const WHAT: Readonly<Record<string, 'entries' | 'events' | 'expectations'>> = {
  'flow entries': 'entries',
  'flow events': 'events',
  'expectation events': 'expectations',
  expectations: 'expectations',
};

/** Reads a message of conntrack (src/conntrack.c: exit_msg, event_cb); NULL for any other line. */
export function readToolMessage(line: string): ToolMessage | null {
  const shown = SHOWN.exec(line);
  if (shown !== null)
    return shown[3] === 'shown'
      ? { is: 'shown', what: WHAT[shown[2]!]!, isEvents: shown[2]!.endsWith('events'), count: Number(shown[1]) }
      : { is: 'remark' };
  if (/^\s*WARNING: We have hit ENOBUFS/.test(line)) return { is: 'lost-events', text: line.trim() };
  if (
    /^\s*(?:NOTICE: (?:Netlink|The) |WARNING: (?:ignoring|Could not)|nfct_labelmap_new:|.*has been set to \d+ bytes\.$)/.test(
      line,
    )
  )
    return { is: 'remark' };
  const said = SAID.exec(line);
  if (said === null) return null;
  return /has been emptied|^\s*$/.test(said[1]!) ? { is: 'remark' } : { is: 'failed', text: said[1]!.trim() };
}

/** The record that a message makes; NULL when it makes none. */
export function messageRecord(message: ToolMessage, line: number): EvidenceRecord | null {
  if (message.is === 'shown' && message.what === 'entries')
    return { kind: 'ct-count', line, what: 'shown', value: message.count };
  if (message.is === 'shown') {
    const what = message.what === 'expectations' && message.isEvents ? 'expectation events' : message.what;
    return { kind: 'host-fact', line, fact: { kind: 'listed', data: { what, shown: message.count } } };
  }
  if (message.is !== 'lost-events') return null;
  return {
    kind: 'bundle',
    line,
    statement: { kind: 'coverage', what: 'events', fromUs: null, toUs: null, state: 'lost', why: message.text },
  };
}
