// What the tracker tells about itself: entries, events, expectations, statistics.
// Names are those of libnetfilter_conntrack and of `conntrack` output.

import type { Stamp } from './kernel-line.js';
import type { Tuple } from './tuple.js';

/**
 * 'main', 'unconfirmed', 'dying': the kernel's own lists. 'conntrackd' and 'conntrackd-external': copies that the daemon keeps of this
 * host's and of its peer's entries. 'ovs': Open vSwitch's view, the kernel's or its own tracker's; the output does not tell.
 */
export type CtList = 'main' | 'unconfirmed' | 'dying' | 'conntrackd' | 'conntrackd-external' | 'ovs';

export interface CtCounters {
  readonly packets: number | null;
  readonly bytes: number | null;
}

/** One conntrack entry as a listing or an event printed it. */
export interface CtEntry {
  readonly family: 'ip' | 'ip6' | null;
  readonly orig: Tuple;
  /** NULL where a line was cut or the form shows one direction only. */
  readonly reply: Tuple | null;
  readonly timeoutS: number | null;
  /** TCP, SCTP and DCCP states as printed; NULL for others and for offloaded entries. */
  readonly state: string | null;
  /** Words in brackets: UNREPLIED, ASSURED, OFFLOAD, HW_OFFLOAD, … */
  readonly status: readonly string[];
  readonly zone: number | null;
  readonly zoneOrig: number | null;
  readonly zoneReply: number | null;
  readonly id: number | null;
  readonly mark: number | null;
  readonly use: number | null;
  readonly helper: string | null;
  readonly labels: string | null;
  readonly secctx: string | null;
  readonly origCounters: CtCounters;
  readonly replyCounters: CtCounters;
  readonly deltaTimeS: number | null;
  /** Start and stop of the entry (nf_conntrack_timestamp=1), microseconds since the epoch. */
  readonly startedAtUs: number | null;
  readonly stoppedAtUs: number | null;
  /** The same as `-o ktimestamp` prints it in text: local time of the host, whole seconds. */
  readonly startedLocal: Stamp | null;
  readonly stoppedLocal: Stamp | null;
  /** conntrackd: seconds that its cache has held this entry, which may be less than the entry's age. */
  readonly activeSinceS: number | null;
  readonly isOffloaded: boolean;
  /** key=value words this parser does not know, as printed. */
  readonly unknown: readonly string[];
}

export interface Expectation {
  readonly tuple: Tuple;
  readonly maskSrc: string | null;
  readonly maskDst: string | null;
  readonly maskSport: number | null;
  readonly maskDport: number | null;
  readonly master: Tuple | null;
  readonly timeoutS: number | null;
  readonly zone: number | null;
  readonly class: number | null;
  /** 'PERMANENT', 'INACTIVE', 'USERSPACE', comma separated as printed. */
  readonly flags: string | null;
  readonly helper: string | null;
  /** Words this parser does not know, as printed. */
  readonly unknown: readonly string[];
}

export type CtEventKind = 'NEW' | 'UPDATE' | 'DESTROY' | 'EXP_NEW' | 'EXP_UPDATE' | 'EXP_DESTROY';

/** One line of `conntrack -E`. */
export interface CtEvent {
  readonly kind: CtEventKind;
  /** Microseconds since the epoch (-o timestamp); NULL when the stream carries no time. */
  readonly atUs: number | null;
  /** The stamp of the line, -o timestamp's or one that people put before it; NULL when it has none. */
  readonly stamp: Stamp | null;
  readonly entry: CtEntry | null;
  readonly expectation: Expectation | null;
  /** Netlink port of the program that asked for it; NULL when not printed. */
  readonly portId: number | null;
  /** true: '[USERSPACE]' is printed; false: this output could have shown it and did not; NULL: it could not. */
  readonly isUserSpace: boolean | null;
}

/** Counters of /proc/net/stat/nf_conntrack or `conntrack -S`, one CPU. */
export interface CtStatistics {
  /** As printed; position of the line where the form prints none (/proc); -1 for totals over all CPUs. */
  readonly cpu: number;
  /** By the names of `conntrack -S`, also where /proc prints another (icmp_error, clashres, chainlength). */
  readonly values: Readonly<Record<string, number>>;
}
