// Steps of nft and xtables traces: netlink events with an id per packet, unlike the kernel log's TRACE lines.

import type { RuleKind } from './kernel-line.js';
import type { Packet } from './packet.js';

export interface TraceStep {
  /** 'legacy': other tools that name rules of iptables-legacy by number. */
  readonly tool: 'nft' | 'xtables' | 'legacy';
  /** Hex id as printed; the same for all steps of one packet's pass. '#' and a line where the tool prints none: steps are then not joined further. */
  readonly traceId: string;
  readonly family: string;
  readonly table: string | null;
  readonly chain: string | null;
  readonly ruleKind: RuleKind;
  readonly handle: number | null;
  /** Counted from 1 as iptables -L --line-numbers does; only 'legacy' tools print it. */
  readonly ruleNumber: number | null;
  readonly ruleText: string | null;
  /** 'continue', 'accept', 'drop', 'jump NAME', 'goto NAME', 'return', 'queue', as printed, lower case. */
  readonly verdict: string | null;
  readonly packet: Packet | null;
  /** nft conntrack lines (kernel 6.16+): words as printed. */
  readonly ctDirection: string | null;
  readonly ctState: string | null;
  readonly ctStatus: string | null;
  readonly ctId: number | null;
  readonly mark: number | null;
}
