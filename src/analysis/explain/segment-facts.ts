// What a TCP segment of a case is, and what its numbers say: flags, direction, payload, the bound that the kernel printed beside it.

import { distance, plus } from '../../tracker/serial.js';
import type { Case, SeenPacket } from './case.js';
import { numbersAt } from './message-words.js';

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const TCP_HEADER = 20;
/** A TCP header holds at most so many bytes of options. */
const MOST_OPTIONS = 40;

export function hasFlag({ flags }: Pick<SeenPacket, 'flags'>, flag: string): boolean {
  return (flags ?? '').split(' ').includes(flag);
}

/** ACK without SYN, FIN or RST: the only kind that loose tracking takes up (net/netfilter/nf_conntrack_proto_tcp.c: tcp_new(), all versions). */
export function isMidstreamFlags(flags: string | null): boolean {
  return flags !== null && /\bACK\b/.test(flags) && !/\b(SYN|FIN|RST)\b/.test(flags);
}

export function isSynAck(packet: Pick<SeenPacket, 'flags'>): boolean {
  return hasFlag(packet, 'SYN') && hasFlag(packet, 'ACK') && !hasFlag(packet, 'RST') && !hasFlag(packet, 'FIN');
}

/** A SYN without ACK. */
export function isSyn(packet: Pick<SeenPacket, 'flags'>): boolean {
  return hasFlag(packet, 'SYN') && !hasFlag(packet, 'ACK') && !hasFlag(packet, 'RST') && !hasFlag(packet, 'FIN');
}

/** Whether two packets of one case went the same way; their first addresses tell, also behind address translation. */
export function isSameWay(a: SeenPacket, b: SeenPacket): boolean {
  const [one, other] = [a.tuples[0], b.tuples[0]];
  if (one === undefined || other === undefined) return true;
  if (one.src === other.src && one.sport === other.sport) return true;
  if (one.src === other.dst && one.sport === other.dport) return false;
  return one.dport === other.dport;
}

/** TCP options as stored beside the packet, in hex; NULL when the line did not print them. */
export function optionsOf({ row }: SeenPacket): string | null {
  const { opt } = row.extra;
  return typeof opt === 'string' && /^[0-9A-Fa-f]*$/.test(opt) ? opt : null;
}

/** Bytes of payload, least and most: a line without its options leaves up to 40 bytes open. NULL without a length. */
export function payloadOf(packet: SeenPacket): { readonly least: number; readonly most: number } | null {
  const { len } = packet.row;
  const src = packet.tuples[0]?.src;
  if (len === null || src === undefined) return null;
  const rest = Math.max(0, len - (src.includes(':') ? IPV6_HEADER : IPV4_HEADER) - TCP_HEADER);
  const options = optionsOf(packet);
  if (options === null) return { least: Math.max(0, rest - MOST_OPTIONS), most: rest };
  const payload = Math.max(0, rest - options.length / 2);
  return { least: payload, most: payload };
}

/** The bound that the kernel printed with a refusal, a sequence number; NULL where this line holds none (until 6.0, or cut). */
export function boundOf(packet: SeenPacket): number | null {
  if (packet.reasonStep === null) return null;
  const [first] = numbersAt(packet, packet.reasonStep);
  return typeof first === 'number' ? first : null;
}

/** How far a number lies beyond the last one that was allowed. @param bound the first that is not, as printed */
export function beyond(number: number, bound: number): number {
  return distance(number, plus(bound, -1));
}

/** What a TCP option holds, in bytes; NULL: these options have none of the kind. @param hex the options as stored, in hex */
export function optionIn(hex: string, kind: number): readonly number[] | null {
  const bytes = (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0) break;
    if (bytes[at] === 1) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    if (bytes[at] === kind) return bytes.slice(at + 2, at + Math.max(2, length));
    if (length < 2) break;
    at += length;
  }
  return null;
}

/** The shift of the window scale option in a SYN's options; -1: options were printed and hold none; NULL: not told. */
export function scaleOf(packet: SeenPacket): number | null {
  const hex = optionsOf(packet);
  if (hex === null) return null;
  const option = optionIn(hex, 3);
  return option === null ? -1 : Math.min(option[0] ?? 0, 14);
}

/** It is seen on a bridge port: bridged frames pass the rules only where br_netfilter hands them over. */
export function isBridged(packets: readonly SeenPacket[]): boolean {
  return packets.some((packet) =>
    packet.steps.some((step) => (step.physIn ?? '') !== '' || (step.physOut ?? '') !== ''),
  );
}

/** The interfaces a packet came in by and leaves by, as far as any of its lines tells; '' is said as NULL. */
export function roadOf(packet: SeenPacket): { readonly inIf: string | null; readonly outIf: string | null } {
  const told = (pick: (step: SeenPacket['steps'][number]) => string | null) =>
    packet.steps.map(pick).find((name) => name !== null && name !== '') ?? null;
  return { inIf: told((step) => step.inIf), outIf: told((step) => step.outIf) };
}

/** Packets of the flow that went against the packets of the case. */
export function otherWay(subject: Case): readonly SeenPacket[] {
  const first = subject.packets[0]!;
  return subject.all.filter((packet) => !isSameWay(packet, first));
}
