// Which packets a rule of ours is for, in iptables' and conntrack's words. Matched in both directions of a connection, as PRODUCT has it.

import type { PortRange } from './flow-filter.js';

export interface PacketFilter {
  readonly family: 4 | 6 | null;
  /** IP protocol numbers; NULL: any. Ports without a protocol mean TCP and UDP. */
  readonly protos: readonly number[] | null;
  /** Addresses and prefixes, canonical; NULL: any. */
  readonly src: readonly string[] | null;
  readonly dst: readonly string[] | null;
  readonly sport: readonly PortRange[] | null;
  readonly dport: readonly PortRange[] | null;
  readonly icmpType: number | null;
  readonly inIf: string | null;
  readonly outIf: string | null;
  /** TCP flag words the packet has. */
  readonly flags: readonly string[] | null;
  readonly mark: number | null;
  readonly zone: number | null;
}

/** The same filter seen from the other end. Interfaces change sides too, and are not asked for then: routing may differ. */
export function turned(filter: PacketFilter): PacketFilter {
  return {
    ...filter,
    src: filter.dst,
    dst: filter.src,
    sport: filter.dport,
    dport: filter.sport,
    inIf: null,
    outIf: null,
  };
}

/** Families that the filter leaves. */
export function familiesOf({ family, src, dst, protos, icmpType }: PacketFilter): readonly (4 | 6)[] {
  const isOf = (address: string) => (address.includes(':') ? 6 : 4);
  return ([4, 6] as const).filter((one) => {
    if (family !== null && family !== one) return false;
    if ([src, dst].some((list) => list !== null && !list.some((address) => isOf(address) === one))) return false;
    if (protos?.every((proto) => (proto === 1 && one === 6) || (proto === 58 && one === 4))) return false;
    return icmpType === null || protos === null || protos.includes(one === 4 ? 1 : 58);
  });
}
