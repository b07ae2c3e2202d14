// Which tracker or helper wrote this message, and what does it say? 'nf_ct_proto_6: …', 'nf_ct_tcp: …', 'ip_ct_tcp: …', 'helper ftp …'.

import { protocolName } from '../../text/protocols.js';

export interface MessageHead {
  /** Offset of the prefix in the message (an unknown envelope may stand in front). */
  readonly at: number;
  /** Offset behind the prefix, and behind a second one that SCTP and DCCP print. */
  readonly textAt: number;
  /** 'tcp', 'icmpv6', 'sctp', 'ftp', …; a number that has no name stays a number. */
  readonly name: string;
  readonly isHelper: boolean;
  /** 'nf_ct_proto_N: ', which nothing but log_invalid prints. */
  readonly isNumbered: boolean;
}

/** Connection helpers of net/netfilter/nf_conntrack_*.c, and the protocols inside the H.323 one. */
const HELPERS = new Set(
  'ftp irc sip tftp sane amanda h323 h245 q931 ras H.245 Q.931 RAS pptp snmp netbios-ns netbios_ns talk rtsp mms'.split(
    ' ',
  ),
);

/** Protocols with a tracker of their own. */
const TRACKERS = new Set(['tcp', 'udp', 'udplite', 'icmp', 'icmpv6', 'sctp', 'dccp', 'gre', 'generic']);

const PREFIX = /^(?:nf_ct_proto_(\d{1,3})|(?:nf|ip)_ct_([A-Za-z0-9_.-]+)):\s+/;
const INNER_PREFIX = /^(?:nf|ip)_ct_[a-z0-9]+:\s+/;
const HELPER_DROP = /^helper ([A-Za-z0-9_.-]+) dropping packet/;

/** Where one of the prefixes begins: at the start, or behind an envelope that nobody knows. */
function prefixAt(text: string, end: number): number {
  for (const word of ['nf_ct_', 'ip_ct_']) {
    const at = text.indexOf(word);
    if (at >= 0 && at < end && (at === 0 || /[\s\]:|>]/.test(text.charAt(at - 1)))) return at;
  }
  const helper = text.indexOf('helper ');
  return helper >= 0 && helper < end && text.startsWith(' dropping packet', text.indexOf(' ', helper + 7))
    ? helper
    : -1;
}

/**
 * @param text the whole message. @param end where its dump begins, or its end.
 * @returns null when neither a tracker nor a helper wrote it.
 */
export function parseMessageHead(text: string, end: number): MessageHead | null {
  const at = prefixAt(text, end);
  if (at < 0) return null;
  const rest = text.slice(at, end);
  const helper = HELPER_DROP.exec(rest);
  if (helper !== null) {
    return {
      at,
      textAt: at + 'helper '.length + (helper[1]?.length ?? 0) + 1,
      name: helper[1] ?? '',
      isHelper: true,
      isNumbered: false,
    };
  }
  const prefix = PREFIX.exec(rest);
  if (prefix === null) return null;
  const [whole, number, word] = prefix;
  const name = number === undefined ? (word ?? '').toLowerCase() : protocolName(Number(number));
  const inner = INNER_PREFIX.exec(rest.slice(whole.length));
  return {
    at,
    textAt: at + whole.length + (inner?.[0].length ?? 0),
    name,
    // A helper of a module we do not know says what only helpers say.
    isHelper:
      number === undefined &&
      !TRACKERS.has(name) &&
      (HELPERS.has(name) || rest.startsWith('dropping packet', whole.length)),
    isNumbered: number !== undefined,
  };
}

const NUMBER_OR_ADDRESS =
  /\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7}\b|(?<![\w.])\d+(?![\w.])/g;

/**
 * A message that is in no catalogue, with its numbers taken out: '%u' for a number, '%pI4' and '%pI6' for an address.
 * @param text the words between prefix and dump, without blanks at the ends.
 */
export function withoutNumbers(text: string): { readonly message: string; readonly numbers: readonly number[] } {
  const numbers: number[] = [];
  const message = text.replace(NUMBER_OR_ADDRESS, (word) => {
    if (word.includes(':')) return '%pI6';
    if (word.includes('.')) return '%pI4';
    numbers.push(Number(word));
    return '%u';
  });
  return { message, numbers };
}
