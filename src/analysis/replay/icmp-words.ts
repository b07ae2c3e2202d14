// Type and code of an ICMP query, from the words that name its flow in the store.

import type { TupleRow } from '../../store/case-reader.js';

const ICMP = 1;
const ICMPV6 = 58;

export interface IcmpQuery {
  readonly proto: 'icmp' | 'icmpv6';
  readonly type: number;
  readonly code: number;
}

/** NULL: not ICMP, or its words do not tell the type. */
export function parseIcmp(tuple: TupleRow): IcmpQuery | null {
  if (tuple.proto !== ICMP && tuple.proto !== ICMPV6) return null;
  const told = /\btype=(\d+)(?: code=(\d+))?/.exec(tuple.extra ?? '');
  if (told === null) return null;
  return { proto: tuple.proto === ICMP ? 'icmp' : 'icmpv6', type: Number(told[1]), code: Number(told[2] ?? 0) };
}
