// A stored packet as the rules see it: its dump put together again, and what is known besides.

import { emptyPacket, type Packet } from '../../model/packet.js';
import type { TupleRow } from '../../store/case-reader.js';
import { type CtState, NO_FACTS, type PacketFacts } from '../ruleset/packet-facts.js';
import type { WalkPath } from '../ruleset/walk.js';
import type { SeenPacket } from './case.js';

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** Empty interface names mean 'none', not 'not told'. */
function interfaces(packet: SeenPacket): {
  readonly inIf: string | null;
  readonly outIf: string | null;
  readonly physIn: string | null;
  readonly physOut: string | null;
} {
  const first = (pick: (step: SeenPacket['steps'][number]) => string | null) =>
    packet.steps.map(pick).find((name) => name !== null && name !== '') ?? null;
  const isTold = packet.steps.some((step) => step.inIf !== null);
  const inIf = first((step) => step.inIf);
  return {
    inIf: inIf ?? (isTold ? '' : null),
    outIf: first((step) => step.outIf),
    physIn: first((step) => step.physIn),
    physOut: first((step) => step.physOut),
  };
}

/** The packet as it came to the first hook. */
export function packetOf(packet: SeenPacket): Packet {
  const tuple: TupleRow | undefined = packet.tuples[0];
  const { row } = packet;
  const icmp = /\btype=(\d+)(?: code=(\d+))?(?: id=(\d+))?/.exec(tuple?.extra ?? '');
  return {
    ...emptyPacket(),
    ...interfaces(packet),
    family: tuple === undefined ? null : tuple.src.includes(':') ? 'ip6' : 'ip',
    src: tuple?.src ?? null,
    dst: tuple?.dst ?? null,
    sport: tuple?.sport ?? null,
    dport: tuple?.dport ?? null,
    proto: tuple === undefined || tuple.proto < 0 ? null : tuple.proto,
    lenBytes: row.len,
    ttl: row.ttl,
    ipId: row.ipId,
    seq: row.seq,
    ack: row.ack,
    window: row.window,
    mark: row.mark,
    flags: packet.flags,
    icmpType: icmp === null ? null : Number(icmp[1]),
    icmpCode: icmp?.[2] === undefined ? null : Number(icmp[2]),
    uid: numberOrNull(row.extra['uid']),
    gid: numberOrNull(row.extra['gid']),
    fragmentOffsetBytes: numberOrNull(row.extra['frag']),
    incompleteBytes: numberOrNull(row.extra['incomplete']),
    tcpOptions: typeof row.extra['opt'] === 'string' ? row.extra['opt'] : null,
  };
}

/** What a rule may ask beyond the dump. @param localAddresses NULL when no file tells */
export function factsOf(
  packet: SeenPacket,
  flow: TupleRow | null,
  localAddresses: readonly string[] | null,
): PacketFacts {
  const tuple = packet.tuples[0];
  const isOrig = flow !== null && tuple !== undefined && tuple.src === flow.src && tuple.sport === flow.sport;
  const isReply = flow !== null && tuple !== undefined && tuple.src === flow.dst && tuple.sport === flow.dport;
  return {
    ...NO_FACTS,
    ctstate: packet.state as CtState | null,
    ctdir: packet.state === 'INVALID' ? null : isOrig ? 'ORIGINAL' : isReply ? 'REPLY' : null,
    // A dump without MARK= is of a packet whose mark is 0; a trace tells it only once it was set.
    mark:
      packet.row.mark ?? (packet.steps.some((step) => step.kind === 'log' || step.kind === 'log-invalid') ? 0 : null),
    localAddresses,
  };
}

/** Which hooks it passes: told by its interfaces; NULL when they do not tell whether it was forwarded. */
export function walkPathOf(packet: SeenPacket, localAddresses: readonly string[] | null): WalkPath | null {
  const chains = packet.steps.map((step) => step.chain ?? '');
  if (chains.includes('FORWARD')) return 'forward';
  if (chains.includes('INPUT')) return 'input';
  const { inIf, outIf } = interfaces(packet);
  if ((inIf === '' || inIf === null) && outIf !== null) return 'output';
  if (inIf !== null && inIf !== '' && outIf !== null) return 'forward';
  const dst = packet.tuples.at(-1)?.dst;
  if (inIf !== null && inIf !== '' && localAddresses !== null && dst !== undefined)
    return localAddresses.includes(dst) ? 'input' : 'forward';
  return null;
}
