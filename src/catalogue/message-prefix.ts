// What stands in front of a conntrack message: the tracker's name, the module's, or what dynamic debug decorates it with?

import { protocolName } from '../text/protocols.js';

export interface PrefixedMessage {
  /** Protocol as conntrack names it ('tcp', 'icmpv6', a number for an unknown one); NULL without such a prefix. */
  readonly protoName: string | null;
  /** The words after the prefix (after both, where two were printed). */
  readonly rest: string;
}

/** nf_ct_proto_6: (4.15 and newer), nf_ct_tcp: (until 4.14), ip_ct_tcp: (ip_conntrack, until 2.6.21). */
const TRACKER = /^(?:nf_ct_proto_(\d{1,3})|(?:nf|ip)_ct_([A-Za-z0-9._-]+?)): ?/;

/**
 * Takes the tracker's prefix off a log_invalid message. Header checks of SCTP and DCCP print two (nf_ct_proto_132: nf_ct_sctp: …).
 */
export function splitTrackerPrefix(text: string): PrefixedMessage {
  const first = TRACKER.exec(text);
  if (first === null) return { protoName: null, rest: text };
  const protoName = first[1] === undefined ? (first[2] ?? '').toLowerCase() : protocolName(Number(first[1]));
  const rest = text.slice(first[0].length);
  const second = /^nf_ct_(?:sctp|dccp): ?/.exec(rest);
  return { protoName, rest: second === null ? rest : rest.slice(second[0].length) };
}

/** '[512] ' or '<intr> ' of the decoration +t, '[00] ' of a collector. */
const THREAD = /^(?:\[\d+\]|<intr>) /;
/** 'nf_conntrack: ' of the file, 'nf_conntrack:tcp_in_window:512: ' of the decorations +mfl. */
const TOKEN = /^((?:[\w./-]+:)+) /;
const MOST_TOKENS = 3;

/** The text, and the text with one, two and three leading 'name: ' taken off: kernels and decorations differ in what they put there. */
export function* withoutModulePrefixes(text: string): Generator<string> {
  let rest = text.replace(THREAD, '');
  yield rest;
  for (let taken = 0; taken < MOST_TOKENS; taken += 1) {
    const token = TOKEN.exec(rest);
    if (token === null) return;
    rest = rest.slice(token[0].length);
    yield rest;
  }
}
