// In which state is a TCP entry after this packet? The tracker's transition table as data, by kernel version.

import { ALWAYS, between, holds, type KernelVersion, since, until, type VersionRange } from './kernel-version.js';
import type { TcpIndex } from './tcp-flags.js';

/** By number, as ctnetlink and the debug lines print them; older user space calls SYN_SENT2 LISTEN. */
export const TCP_STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;
export type TcpState = (typeof TCP_STATES)[number];
export type TcpNext = TcpState | 'INVALID' | 'IGNORE';

/** 0 original: the direction of the first packet that this entry saw, which may be the server's. 1 reply. */
export type Direction = 0 | 1;

const SHORT: Readonly<Record<string, TcpNext>> = {
  NO: 'NONE',
  SS: 'SYN_SENT',
  SR: 'SYN_RECV',
  ES: 'ESTABLISHED',
  FW: 'FIN_WAIT',
  CW: 'CLOSE_WAIT',
  LA: 'LAST_ACK',
  TW: 'TIME_WAIT',
  CL: 'CLOSE',
  S2: 'SYN_SENT2',
  IV: 'INVALID',
  IG: 'IGNORE',
};

interface TransitionRow {
  readonly dir: Direction;
  readonly index: TcpIndex;
  readonly versions: VersionRange;
  /** One word a state, in the order of TCP_STATES. */
  readonly next: readonly TcpNext[];
}

function row(dir: Direction, index: TcpIndex, words: string, versions: VersionRange = ALWAYS): TransitionRow {
  return { dir, index, versions, next: words.split(' ').map((word) => SHORT[word] ?? 'INVALID') };
}

/** tcp_conntracks[][][] (net/netfilter/nf_conntrack_proto_tcp.c), 2.6.32 to 7.3. Columns: NO SS SR ES FW CW LA TW CL S2. */
export const TCP_TRANSITIONS: readonly TransitionRow[] = [
  row(0, 0, 'SS SS IG IG IG IG IG SS SS S2'),
  row(0, 1, 'IV IV SR IV IV IV IV IV IV SR', since('3.8', { maybeSince: '3.3' })),
  row(0, 1, 'IV IV IG IG IG IG IG IG IG SR', until('3.2', { maybeUntil: '3.7' })),
  row(0, 2, 'IV IV FW FW LA LA LA TW CL IV'),
  row(0, 3, 'ES IV ES ES CW CW TW TW CL IV'),
  row(0, 4, 'IV CL CL CL CL CL CL CL CL CL'),
  row(0, 5, 'IV IV IV IV IV IV IV IV IV IV'),
  row(1, 0, 'IV S2 IV IV IV IV IV SS IV S2', since('3.19', { maybeSince: '3.17' })),
  row(1, 0, 'IV S2 IV IV IV IV IV IV IV S2', until('3.16', { maybeUntil: '3.18' })),
  row(1, 1, 'IV SR IG IG IG IG IG IG IG SR', since('3.2', { maybeSince: '2.6.33' })),
  row(1, 1, 'IV SR SR IG IG IG IG IG IG SR', until('2.6.32', { maybeUntil: '3.1' })),
  row(1, 2, 'IV IV FW FW LA LA LA TW CL IV'),
  row(1, 3, 'IV IG SR ES CW CW TW TW CL IG'),
  row(1, 4, 'IV CL CL CL CL CL CL CL CL CL'),
  row(1, 5, 'IV IV IV IV IV IV IV IV IV IV'),
];

/**
 * What the table says for a packet of this row and direction on an entry in this state; more than one answer when the kernel version
 * leaves it open. What comes on top of the table (reopening, answers to ignored SYNs, RST checks) is not in it.
 */
export function tcpTransition(
  dir: Direction,
  index: TcpIndex,
  state: TcpState,
  version: KernelVersion | null,
): readonly TcpNext[] {
  const column = TCP_STATES.indexOf(state);
  const possible = TCP_TRANSITIONS.filter(
    (entry) => entry.dir === dir && entry.index === index && holds(entry.versions, version) !== 'no',
  );
  return [...new Set(possible.map((entry) => entry.next[column] ?? 'INVALID'))];
}

export type TcpTimeoutName = Lowercase<Exclude<TcpState, 'NONE'>> | 'max_retrans' | 'unacknowledged';

/** tcp_timeouts[]: seconds, the same in all versions. */
export const TCP_TIMEOUTS_S: Readonly<Record<TcpTimeoutName, number>> = {
  syn_sent: 120,
  syn_recv: 60,
  established: 432_000,
  fin_wait: 120,
  close_wait: 60,
  last_ack: 30,
  time_wait: 120,
  close: 10,
  syn_sent2: 120,
  max_retrans: 300,
  unacknowledged: 300,
};

/** The sysctl that sets a state's timeout; SYN_SENT2 has none. */
export function tcpTimeoutSysctl(name: TcpTimeoutName): string | null {
  return name === 'syn_sent2' ? null : `net.netfilter.nf_conntrack_tcp_timeout_${name}`;
}

/** 5.1 to 7.2: an RST that left the entry ESTABLISHED gave it CLOSE's timeout; since 7.3 the unacknowledged one. */
export const INEXACT_RST_TIMEOUT: readonly { readonly timeout: TcpTimeoutName; readonly versions: VersionRange }[] = [
  { timeout: 'close', versions: between('5.1', '7.2') },
  { timeout: 'unacknowledged', versions: since('7.3') },
];
