// One direction of a flow, the way every form of evidence can name it.

/** IP protocol number; -1 where a line does not tell. */
export type ProtoNumber = number;

export interface Tuple {
  readonly proto: ProtoNumber;
  /** Canonical text (RFC 5952 for IPv6); masked or unreadable addresses stay as printed. */
  readonly src: string;
  readonly dst: string;
  /** NULL for protocols without ports and where a line was cut. */
  readonly sport: number | null;
  readonly dport: number | null;
  /** What else names the flow: 'type=8 code=0 id=77' for ICMP, 'srckey=0x0 dstkey=0x1' for GRE. */
  readonly extra: string | null;
}

/** The tuple of a packet in the opposite direction, ports and addresses swapped. ICMP is turned by type (see catalogue). */
export function reversed(tuple: Tuple): Tuple {
  return { ...tuple, src: tuple.dst, dst: tuple.src, sport: tuple.dport, dport: tuple.sport };
}
