// Everything a parser can hand on. A source form emits these; the store has one writer per kind.

import type { CapturedPacket } from './capture.js';
import type { CtEntry, CtEvent, CtList, CtStatistics, Expectation } from './conntrack.js';
import type { HostEvent, HostFact } from './host-fact.js';
import type { KernelLine, KernelMessage } from './kernel-line.js';
import type { Ruleset } from './ruleset.js';
import type { Socket } from './socket.js';
import type { TraceStep } from './trace.js';

/** What a bundle says about itself and about one of its files. */
export type BundleStatement =
  | {
      readonly kind: 'host';
      readonly key:
        | 'host'
        | 'kernel'
        // Mentioned in prose: a guess.
        | 'kernel-mention'
        | 'boot-id'
        | 'boot-time'
        | 'timezone'
        | 'netns'
        | 'uptime'
        | 'made-by'
        | 'iptables'
        | 'nft'
        | 'conntrack'
        | 'note';
      readonly value: string;
    }
  | {
      readonly kind: 'part';
      readonly file: string;
      /** 'before', 'after', … : files with the same moment are one snapshot. */
      readonly moment: string | null;
      readonly startedAtUs: number | null;
      readonly endedAtUs: number | null;
      readonly exitStatus: number | null;
      readonly netns: string | null;
      readonly command: string | null;
      readonly error: string | null;
    }
  | { readonly kind: 'ran'; readonly atUs: number | null; readonly command: string }
  | {
      readonly kind: 'coverage';
      readonly what: string;
      readonly fromUs: number | null;
      readonly toUs: number | null;
      readonly state: string;
      readonly why: string | null;
    };

export type ListedOf = 'everything' | 'ip' | 'ip6' | 'dying' | 'unconfirmed';

/** line: number in its source, from 1. */
export type EvidenceRecord =
  | { readonly kind: 'kernel'; readonly line: number; readonly envelope: KernelLine; readonly message: KernelMessage }
  | { readonly kind: 'ct-entry'; readonly line: number; readonly list: CtList; readonly entry: CtEntry }
  | { readonly kind: 'ct-event'; readonly line: number; readonly event: CtEvent }
  | { readonly kind: 'expectation'; readonly line: number; readonly expectation: Expectation }
  | { readonly kind: 'ct-statistics'; readonly line: number; readonly statistics: CtStatistics }
  /** `conntrack -C`, nf_conntrack_count, or the '… flow entries have been shown' line. */
  | {
      readonly kind: 'ct-count';
      readonly line: number;
      readonly what: 'count' | 'max' | 'shown';
      readonly value: number;
      /** Of 'shown', where lines were counted: of everything there is, of one family, or of what is not in the table (yet, or any more). */
      readonly of?: ListedOf;
    }
  | { readonly kind: 'sysctl'; readonly line: number; readonly name: string; readonly value: string }
  | { readonly kind: 'counter'; readonly line: number; readonly name: string; readonly value: number }
  | { readonly kind: 'ruleset'; readonly line: number; readonly ruleset: Ruleset }
  | { readonly kind: 'socket'; readonly line: number; readonly socket: Socket }
  | { readonly kind: 'host-fact'; readonly line: number; readonly fact: HostFact }
  | { readonly kind: 'host-event'; readonly line: number; readonly event: HostEvent }
  | { readonly kind: 'trace-step'; readonly line: number; readonly step: TraceStep; readonly atUs: number | null }
  | { readonly kind: 'captured-packet'; readonly line: number; readonly captured: CapturedPacket }
  | { readonly kind: 'bundle'; readonly line: number; readonly statement: BundleStatement };

export type RecordKind = EvidenceRecord['kind'];
