// A packet of a connection as a record shows it, in the form that the tracker's model takes: what is told, and what is left open.

import type { EvidenceItem } from '../../model/finding.js';
import type { CapturedRow } from '../../store/capture-reader.js';
import type { TupleRow } from '../../store/case-reader.js';
import { ACK, type HeaderFault, tcpFlagBits } from '../../tracker/packet.js';
import { tcpOptionBytes } from '../../tracker/tcp-options.js';
import type { Datagram } from '../../tracker/unseen/follow-datagrams.js';
import { NOTHING_OBSERVED, type Observed } from '../../tracker/unseen/observed.js';
import { type Amount, amount } from '../../tracker/unseen/range.js';
import type { Segment } from '../../tracker/unseen/segment.js';
import type { End } from '../../tracker/unseen/world.js';
import type { SeenPacket } from '../explain/case.js';
import { parseIcmp } from './icmp-words.js';

export type SightingKind = 'capture' | 'trace' | 'log';

export interface FlowPacket {
  readonly atUs: number | null;
  readonly errorUs: number;
  readonly from: End;
  readonly kinds: readonly SightingKind[];
  readonly flagWords: string | null;
  readonly len: number | null;
  readonly ipId: number | null;
  readonly ttl: number | null;
  readonly interface: string | null;
  /** TCP only. */
  readonly segment: Segment | null;
  /** UDP and ICMP. */
  readonly datagram: Datagram | null;
  readonly observed: Observed;
  /** The message as the kernel printed it, numbers put in; NULL: none was seen. */
  readonly message: string | null;
  readonly cited: readonly EvidenceItem[];
}

const TCP = 6;
const UDP = 17;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const TCP_HEADER = 20;
const MOST_OPTIONS = 40;
const MICROSECONDS = 1000;

/** Clocks of two files tell nothing finer than this. */
const LEAST_ERROR_US = 1;
/** However far a clock is off, two packets of it are off by the same; what is left is a clock that shows seconds. */
const WITHIN_SOURCE_US = 1_000_000;

interface Told {
  readonly tuple: TupleRow;
  readonly from: End;
  readonly atUs: number | null;
  readonly errorUs: number;
  readonly flags: string | null;
  readonly seq: number | null;
  readonly ack: number | null;
  readonly window: number | null;
  readonly payload: Amount | null;
  readonly options: Uint8Array | null;
  readonly hasOptions: boolean;
  readonly fault: HeaderFault | null;
  readonly isDropped: boolean;
}

function segmentOf(told: Told): Segment | null {
  if (told.tuple.proto !== TCP || told.flags === null) return null;
  const flags = tcpFlagBits(told.flags);
  return {
    atMs: told.atUs === null ? null : told.atUs / MICROSECONDS,
    errorMs: Math.min(told.errorUs, WITHIN_SOURCE_US) / MICROSECONDS,
    from: told.from,
    flags,
    seq: told.seq,
    ack: (flags & ACK) === 0 ? (told.ack ?? 0) : told.ack,
    window: told.window,
    payload: told.payload,
    options: told.options,
    hasOptions: told.hasOptions,
    fault: told.fault,
    isDropped: told.isDropped,
  };
}

function datagramOf(told: Told): Datagram | null {
  const { tuple, from } = told;
  const [src, dst] = from === 0 ? ['a', 'b'] : ['b', 'a'];
  const head = {
    atMs: (told.atUs ?? 0) / MICROSECONDS,
    zone: 0,
    src: src!,
    dst: dst!,
    fault: told.fault,
    isDropped: told.isDropped,
  };
  if (tuple.proto === UDP) return { ...head, proto: 'udp', sport: from === 0 ? 1 : 2, dport: from === 0 ? 2 : 1 };
  const icmp = parseIcmp(tuple);
  return icmp === null ? null : { ...head, ...icmp, id: 1, quoted: null, hopLimit: null };
}

/** Payload of a TCP segment by the length of its packet; options that are not told leave it open. */
function payloadOf(
  tuple: TupleRow,
  len: number | null,
  ipOptionBytes: number,
  options: number | null,
): { readonly payload: Amount | null; readonly isBare: boolean } {
  if (len === null) return { payload: null, isBare: false };
  const headers = (tuple.src.includes(':') ? IPV6_HEADER : IPV4_HEADER + ipOptionBytes) + TCP_HEADER;
  const rest = Math.max(0, len - headers);
  if (options !== null) return { payload: amount(Math.max(0, rest - options)), isBare: false };
  return { payload: amount(Math.max(0, rest - MOST_OPTIONS), rest), isBare: rest === 0 };
}

const FAULTS: Readonly<Record<string, HeaderFault>> = {
  'tuple-unreadable': 'no-ports',
  'tcp-short-header': 'short',
  'tcp-truncated': 'truncated',
  'tcp-bad-checksum': 'bad-checksum',
  'udp-short-packet': 'short',
  'udp-truncated': 'truncated',
  'udp-bad-checksum': 'bad-checksum',
  'icmp-short-packet': 'short',
  'icmp-bad-checksum': 'bad-checksum',
  'icmpv6-bad-checksum': 'bad-checksum',
};

function numbersOf(packet: SeenPacket, step: number): readonly number[] {
  const owner = packet.steps[step]?.owner ?? packet.row;
  const own = packet.steps[step]?.step ?? step;
  const all = owner.extra['numbers'] as Readonly<Record<string, readonly number[]>> | undefined;
  return all?.[String(own)] ?? [];
}

/** What its lines show of the kernel's answer. @param isCovered a log_invalid line would have been seen at this time */
export function observedOf(
  packet: SeenPacket,
  isCovered: boolean,
): { readonly observed: Observed; readonly message: string | null } {
  const at = packet.steps.findIndex((step) => step.kind === 'log-invalid');
  const step = packet.steps[at];
  const isWorded = packet.stateIs === 'shown' || packet.steps[packet.stateStep ?? -1]?.kind !== 'log-invalid';
  const verdict = isWorded ? packet.state : null;
  if (step === undefined)
    return { observed: { ...NOTHING_OBSERVED, verdict, isSilent: isCovered && verdict !== null }, message: null };
  const numbers = numbersOf(packet, at);
  let used = 0;
  const message = step.message?.trim().replace(/%u/g, () => String(numbers[used++] ?? '?')) ?? null;
  return {
    observed: {
      verdict,
      reasonId: step.reasonId,
      number: /%u/.test(step.message ?? '') ? (numbers[0] ?? null) : null,
      isSilent: false,
    },
    message,
  };
}

function hexLength(hex: unknown): number | null {
  return typeof hex === 'string' && /^(?:[0-9A-F]{2})*$/i.test(hex) ? hex.length / 2 : null;
}

/** Bytes of IP options in a dump: hex, in brackets or not. */
function ipOptionBytes(words: unknown): number {
  return typeof words === 'string' ? words.replace(/[^0-9A-F]/gi, '').length / 2 : 0;
}

/** A packet of the kernel log or of a trace. */
export function packetOfLines(
  packet: SeenPacket,
  from: End,
  isCovered: boolean,
  cite: (step: number) => EvidenceItem,
): FlowPacket | null {
  const { row } = packet;
  const tuple = packet.tuples[0];
  if (tuple === undefined) return null;
  const { observed, message } = observedOf(packet, isCovered);
  const kinds = packet.steps.map((step) => step.kind);
  const isTraced = kinds.some((kind) => kind.endsWith('trace'));
  // Traces and log_invalid lines always print options, so that none means that there are none; a LOG rule only where it was told to.
  const printsOptions = kinds.some((kind) => kind === 'trace' || kind === 'log-invalid');
  const hex = row.extra['opt'] ?? row.extra['tcpOptions'];
  const told = hexLength(hex);
  const optionBytes = told ?? (printsOptions ? 0 : null);
  const ipOptions = ipOptionBytes(row.extra['ipopt'] ?? row.extra['ipOptions']);
  const { payload, isBare } = payloadOf(tuple, row.len, ipOptions, optionBytes);
  const incomplete = row.extra['incomplete'];
  const short: HeaderFault | null =
    typeof incomplete !== 'number' ? null : incomplete < 4 ? 'no-ports' : incomplete < TCP_HEADER ? 'short' : null;
  const last = packet.steps.at(-1);
  const facts: Told = {
    tuple,
    from,
    atUs: row.atUs ?? (row.clockKind === 'none' ? null : row.clockUs),
    errorUs: Math.max(LEAST_ERROR_US, row.atUs === null ? 0 : (row.errorUs ?? 0)),
    flags: packet.steps.find((step) => step.flags !== null)?.flags ?? null,
    seq: row.seq,
    ack: row.ack,
    window: row.window,
    payload,
    options: told === null || told === 0 ? null : tcpOptionBytes(String(hex)),
    hasOptions: optionBytes !== null || isBare,
    fault: short ?? FAULTS[observed.reasonId ?? ''] ?? null,
    isDropped: isTraced && last?.verdict?.toUpperCase() === 'DROP',
  };
  return {
    atUs: facts.atUs,
    errorUs: facts.errorUs,
    from,
    kinds: [isTraced ? 'trace' : 'log'],
    flagWords: facts.flags,
    len: row.len,
    ipId: row.ipId,
    ttl: row.ttl,
    interface: packet.steps.find((step) => step.inIf !== null && step.inIf !== '')?.inIf ?? null,
    segment: segmentOf(facts),
    datagram: tuple.proto === TCP ? null : datagramOf(facts),
    observed,
    message,
    cited: packet.steps.map((_, step) => cite(step)),
  };
}

/** A packet on the wire. */
export function packetOfCapture(row: CapturedRow, tuple: TupleRow, from: End, cited: EvidenceItem): FlowPacket {
  const isRelative = row.extra['hasRelativeNumbers'] === true;
  const hex = row.extra['tcpOptions'];
  const told = hexLength(hex);
  const ipOptions = ipOptionBytes(row.extra['ipOptions']);
  const byLength = payloadOf(tuple, row.len, ipOptions, told);
  // A length that was told, and no options: the header had none.
  const headers = tuple.src.includes(':') ? IPV6_HEADER : IPV4_HEADER + ipOptions;
  const optionBytes =
    told ?? (row.len !== null && row.payload !== null ? row.len - headers - TCP_HEADER - row.payload : null);
  const facts: Told = {
    tuple,
    from,
    atUs: row.atUs,
    errorUs: Math.max(LEAST_ERROR_US, row.errorUs ?? 0),
    flags: row.flags,
    seq: isRelative ? null : row.seq,
    ack: isRelative ? null : row.ack,
    window: row.window,
    payload: row.payload === null ? byLength.payload : amount(row.payload),
    options: told === null || told === 0 ? null : tcpOptionBytes(String(hex)),
    hasOptions: told !== null || optionBytes === 0,
    fault: null,
    isDropped: false,
  };
  return {
    atUs: row.atUs,
    errorUs: facts.errorUs,
    from,
    kinds: ['capture'],
    flagWords: row.flags,
    len: row.len,
    ipId: row.ipId,
    ttl: row.ttl,
    interface: row.interface,
    segment: segmentOf(facts),
    datagram: tuple.proto === TCP ? null : datagramOf(facts),
    observed: NOTHING_OBSERVED,
    message: null,
    cited: [cited],
  };
}
