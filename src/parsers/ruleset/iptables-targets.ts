// Targets of iptables: which end a packet's way through the chain, and how long the prefix may be that they log with.

import type { Rule } from '../../model/ruleset.js';

export interface TargetMeaning {
  /** NULL: the packet goes on to the next rule. */
  readonly verdict: Rule['verdict'];
  /** Option that carries the log prefix, and how many characters of it the kernel keeps. */
  readonly prefixOption?: string;
  readonly prefixLength?: number;
}

const goesOn: TargetMeaning = { verdict: null };
const translates: TargetMeaning = { verdict: 'NAT' };
const queues: TargetMeaning = { verdict: 'QUEUE' };
const drops: TargetMeaning = { verdict: 'DROP' };

/** By the name behind -j. A chain of that name comes first (libiptc/libiptc.c: iptcc_map_target()). */
export const TARGETS: ReadonlyMap<string, TargetMeaning> = new Map<string, TargetMeaning>([
  ['ACCEPT', { verdict: 'ACCEPT' }],
  ['DROP', drops],
  ['RETURN', { verdict: 'RETURN' }],
  ['REJECT', { verdict: 'REJECT' }],
  ['QUEUE', queues],
  ['NFQUEUE', queues],
  ['DNAT', translates],
  ['SNAT', translates],
  ['MASQUERADE', translates],
  ['REDIRECT', translates],
  ['NETMAP', translates],
  ['SAME', translates],
  ['BALANCE', translates],
  ['FULLCONENAT', translates],
  // net/netfilter/xt_TPROXY.c: tproxy_tg4() answers NF_ACCEPT when it found a socket and NF_DROP otherwise.
  ['TPROXY', { verdict: 'ACCEPT' }],
  ['TARPIT', drops],
  ['DELUDE', drops],
  ['CHAOS', drops],
  ['STEAL', drops],
  ['MIRROR', drops],
  // net/ipv4/netfilter/ipt_SYNPROXY.c: handled SYNs and ACKs are dropped or consumed, others go on.
  ['SYNPROXY', goesOn],
  ['LOG', { verdict: null, prefixOption: '--log-prefix', prefixLength: 29 }],
  ['NFLOG', { verdict: null, prefixOption: '--nflog-prefix', prefixLength: 63 }],
  ['ULOG', { verdict: null, prefixOption: '--ulog-prefix', prefixLength: 31 }],
  ...[
    'AUDIT',
    'CHECKSUM',
    'CLASSIFY',
    'CLUSTERIP',
    'CONNMARK',
    'CONNSECMARK',
    'CT',
    'DNPT',
    'DSCP',
    'ECN',
    'FLOWOFFLOAD',
    'HL',
    'HMARK',
    'IDLETIMER',
    'IMQ',
    'IPMARK',
    'LED',
    'LOGMARK',
    'MARK',
    'NOTRACK',
    'RATEEST',
    'RAWDNAT',
    'RAWSNAT',
    'ROUTE',
    'SECMARK',
    'SET',
    'SNPT',
    'SYSRQ',
    'TCPMSS',
    'TCPOPTSTRIP',
    'TEE',
    'TOS',
    'TRACE',
    'TTL',
  ].map((name) => [name, goesOn] as const),
]);

/** Target options that take exactly one word, even one that begins with a dash. */
export const ONE_WORD_OPTIONS: ReadonlySet<string> = new Set([
  '--log-prefix',
  '--log-level',
  '--nflog-prefix',
  '--nflog-group',
  '--nflog-size',
  '--nflog-range',
  '--nflog-threshold',
  '--ulog-prefix',
  '--to-destination',
  '--to-source',
  '--to-ports',
  '--to',
  '--reject-with',
  '--set-mark',
  '--set-xmark',
  '--helper',
  '--zone',
]);

/** The table that only this target is allowed in, where there is exactly one. */
export const TABLE_OF_TARGET: Readonly<Record<string, string>> = {
  DNAT: 'nat',
  SNAT: 'nat',
  MASQUERADE: 'nat',
  REDIRECT: 'nat',
  NETMAP: 'nat',
  CT: 'raw',
  NOTRACK: 'raw',
  RAWDNAT: 'raw',
  TPROXY: 'mangle',
  TTL: 'mangle',
  HL: 'mangle',
  TOS: 'mangle',
  DSCP: 'mangle',
  ECN: 'mangle',
  CLASSIFY: 'mangle',
  CHECKSUM: 'mangle',
};
