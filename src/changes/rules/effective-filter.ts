// How much does a filter let through, however it is spelled, and does it hold a given connection?

import type { PortRange } from '../../model/flow-filter.js';
import type { PacketFilter } from '../../model/packet-filter.js';
import { isInPrefix } from '../../text/address.js';

/** A connection as a socket or an entry shows it. */
export interface Ends {
  readonly proto: number;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
}

/** The part of all addresses of a family that the list holds, 0 to 1; overlaps count twice at most up to all of them. */
function addressShare(addresses: readonly string[] | null): number {
  if (addresses === null) return 1;
  const shareOf = (address: string) => {
    const [, prefix] = address.split('/');
    const bits = address.includes(':') ? 64 : 32; // an IPv6 host is as good as its network
    if (prefix === undefined) return 2 ** -bits;
    return 2 ** -Math.min(bits, prefix.includes('.') ? maskBits(prefix) : Number(prefix));
  };
  return Math.min(
    1,
    addresses.reduce((sum, address) => sum + shareOf(address), 0),
  );
}

function maskBits(mask: string): number {
  return mask
    .split('.')
    .map((part) => Number(part).toString(2).replaceAll('0', '').length)
    .reduce((sum, bits) => sum + bits, 0);
}

function portShare(ranges: readonly PortRange[] | null): number {
  if (ranges === null) return 1;
  return Math.min(1, ranges.reduce((sum, { from, to }) => sum + (to - from + 1), 0) / 65_536);
}

/** The part of all packets there could be that the filter holds, 0 to 1. Protocols and interfaces alone narrow nothing. */
export function effectiveShare(filter: PacketFilter): number {
  return (
    addressShare(filter.src) *
    addressShare(filter.dst) *
    portShare(filter.sport) *
    portShare(filter.dport) *
    (filter.icmpType === null ? 1 : 1 / 64) *
    (filter.mark === null ? 1 : 1 / 256)
  );
}

/** A filter that holds more than this part of what there could be holds, on some host, everything. */
export const BROAD_SHARE = 1 / 64;

const isIn = (address: string, list: readonly string[] | null) =>
  list === null || list.some((one) => (one.includes('/') ? isInPrefix(address, one) : one === address));
const isPort = (port: number | null, ranges: readonly PortRange[] | null) =>
  ranges === null || (port !== null && ranges.some(({ from, to }) => port >= from && port <= to));

/** Whether packets of the connection match, in either direction. */
export function covers(filter: PacketFilter, ends: Ends): boolean {
  if (filter.protos !== null && !filter.protos.includes(ends.proto)) return false;
  if (filter.icmpType !== null && ends.proto !== 1 && ends.proto !== 58) return false;
  if (filter.family !== null && (filter.family === 6) !== ends.src.includes(':')) return false;
  const one = (a: Ends) =>
    isIn(a.src, filter.src) &&
    isIn(a.dst, filter.dst) &&
    isPort(a.sport, filter.sport) &&
    isPort(a.dport, filter.dport);
  return one(ends) || one({ proto: ends.proto, src: ends.dst, sport: ends.dport, dst: ends.src, dport: ends.sport });
}
