// What the tracker tells about itself: entries, events, expectations, statistics.
// Names are those of libnetfilter_conntrack and of `conntrack` output.

import type { Tuple } from './tuple.js';

export type CtList = 'main' | 'unconfirmed' | 'dying';

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
  readonly flags: string | null;
  readonly helper: string | null;
}

export type CtEventKind = 'NEW' | 'UPDATE' | 'DESTROY' | 'EXP_NEW' | 'EXP_UPDATE' | 'EXP_DESTROY';

/** One line of `conntrack -E`. */
export interface CtEvent {
  readonly kind: CtEventKind;
  /** Microseconds since the epoch (-o timestamp); NULL when the stream carries no time. */
  readonly atUs: number | null;
  readonly entry: CtEntry | null;
  readonly expectation: Expectation | null;
  /** Netlink port of the program that asked for it; NULL when not printed. */
  readonly portId: number | null;
  /** true: '[USERSPACE]' is printed; false: this output could have shown it and did not; NULL: it could not. */
  readonly isUserSpace: boolean | null;
}

/** Counters of /proc/net/stat/nf_conntrack or `conntrack -S`, one CPU. */
export interface CtStatistics {
  readonly cpu: number;
  readonly values: Readonly<Record<string, number>>;
}
