// What people mean by "these packets": conntrack's and iptables' words, matched in either direction and on either side of NAT.

/** Inclusive. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** NULL = not asked for. */
export interface FlowFilter {
  /** IP protocol numbers allowed; ports without a protocol mean TCP and UDP. */
  readonly protos: readonly number[] | null;
  readonly src: readonly string[] | null;
  readonly dst: readonly string[] | null;
  readonly sport: readonly PortRange[] | null;
  readonly dport: readonly PortRange[] | null;
  readonly family: 4 | 6 | null;
  readonly icmpType: number | null;
  readonly inIf: string | null;
  readonly outIf: string | null;
  /** Flag words the packet must have. */
  readonly flags: readonly string[] | null;
  readonly mark: number | null;
  readonly zone: number | null;
  readonly ctstate: string | null;
  readonly reasonId: string | null;
  readonly hostName: string | null;
  readonly fromUs: number | null;
  readonly toUs: number | null;
  /** Number of a finding, as explain counts them. */
  readonly finding: number | null;
}

export const NO_FILTER: FlowFilter = {
  protos: null,
  src: null,
  dst: null,
  sport: null,
  dport: null,
  family: null,
  icmpType: null,
  inIf: null,
  outIf: null,
  flags: null,
  mark: null,
  zone: null,
  ctstate: null,
  reasonId: null,
  hostName: null,
  fromUs: null,
  toUs: null,
  finding: null,
};

/** Whether the filter says anything about addresses, ports or protocols. */
export function asksForTuples(filter: FlowFilter): boolean {
  return [filter.protos, filter.src, filter.dst, filter.sport, filter.dport, filter.family, filter.icmpType].some(
    (part) => part !== null,
  );
}
