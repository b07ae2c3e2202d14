// An entry while it is being read: every form fills the same slots, and one function makes the model's entry of them.

import type { CtCounters, CtEntry } from '../../model/conntrack.js';
import type { Stamp } from '../../model/kernel-line.js';
import type { Tuple } from '../../model/tuple.js';
import { familyOf } from './words.js';

/** Numbers of one direction; the reply's lie SIDE behind the original's. */
export const SPORT = 0;
export const DPORT = 1;
export const ICMP_TYPE = 2;
export const ICMP_CODE = 3;
export const ICMP_ID = 4;
export const SRC_KEY = 5;
export const DST_KEY = 6;
export const PACKETS = 7;
export const BYTES = 8;
export const SIDE_ZONE = 9;
export const SIDE = 10;
/** Numbers of the entry. */
export const TIMEOUT = 20;
export const ZONE = 21;
export const ID = 22;
export const MARK = 23;
export const USE = 24;
export const DELTA_TIME = 25;
export const ACTIVE_SINCE = 26;
export const PORT_ID = 27;
export const STARTED_AT_US = 28;
export const STOPPED_AT_US = 29;
const NUMBERS = 30;

/** Words in brackets that every listing repeats, as bits, so that their combinations share one array. */
export const STATUS_BITS: ReadonlyMap<string, number> = new Map([
  ['UNREPLIED', 1],
  ['ASSURED', 2],
  ['OFFLOAD', 4],
  ['HW_OFFLOAD', 8],
]);
const STATUS_LISTS: readonly (readonly string[])[] = Array.from({ length: 16 }, (_, bits) =>
  Object.freeze([...STATUS_BITS].filter(([, bit]) => (bits & bit) !== 0).map(([word]) => word)),
);
const OFFLOADED = 4 | 8;
const NOTHING: readonly string[] = Object.freeze([]);
const NO_COUNTERS: CtCounters = Object.freeze({ packets: null, bytes: null });

export interface EntryDraft {
  family: 'ip' | 'ip6' | null;
  proto: number;
  /** Values by slot; only those whose bit is set in `toldBits` mean anything. */
  readonly numbers: Float64Array;
  toldBits: number;
  src: string | null;
  dst: string | null;
  replySrc: string | null;
  replyDst: string | null;
  state: string | null;
  statusBits: number;
  otherStatus: string[] | null;
  helper: string | null;
  labels: string | null;
  secctx: string | null;
  startedLocal: Stamp | null;
  stoppedLocal: Stamp | null;
  isUserSpace: boolean;
  unknown: string[] | null;
}

export function newDraft(): EntryDraft {
  return {
    family: null,
    proto: -1,
    numbers: new Float64Array(NUMBERS),
    toldBits: 0,
    src: null,
    dst: null,
    replySrc: null,
    replyDst: null,
    state: null,
    statusBits: 0,
    otherStatus: null,
    helper: null,
    labels: null,
    secctx: null,
    startedLocal: null,
    stoppedLocal: null,
    isUserSpace: false,
    unknown: null,
  };
}

/** Makes a draft as new, so that one serves a whole listing. */
export function clearDraft(draft: EntryDraft): void {
  draft.family = null;
  draft.proto = -1;
  draft.toldBits = 0;
  draft.src = draft.dst = draft.replySrc = draft.replyDst = null;
  draft.state = null;
  draft.statusBits = 0;
  draft.otherStatus = null;
  draft.helper = draft.labels = draft.secctx = null;
  draft.startedLocal = draft.stoppedLocal = null;
  draft.isUserSpace = false;
  draft.unknown = null;
}

export function addStatus(draft: EntryDraft, word: string): void {
  const bit = STATUS_BITS.get(word);
  if (bit !== undefined) draft.statusBits |= bit;
  else if (draft.otherStatus === null) draft.otherStatus = [word];
  else draft.otherStatus.push(word);
}

export function addUnknown(draft: EntryDraft, word: string): void {
  if (draft.unknown === null) draft.unknown = [word];
  else draft.unknown.push(word);
}

export function setNumber(draft: EntryDraft, slot: number, value: number): void {
  draft.numbers[slot] = value;
  draft.toldBits |= 1 << slot;
}

export function clearNumber(draft: EntryDraft, slot: number): void {
  draft.toldBits &= ~(1 << slot);
}

export function isTold(draft: EntryDraft, slot: number): boolean {
  return (draft.toldBits & (1 << slot)) !== 0;
}

/** Value of a slot; NULL where the text did not tell it. */
export function told(draft: EntryDraft, slot: number): number | null {
  return isTold(draft, slot) ? draft.numbers[slot]! : null;
}

/** Whether the reply tells each of these that the original told: a reply that does not was cut. */
export function isMirrored(draft: EntryDraft, slots: readonly number[]): boolean {
  return slots.every((slot) => !isTold(draft, slot) || isTold(draft, slot + SIDE));
}

/** What names the flow beside addresses and ports, in the order and form that conntrack prints it. */
function tupleExtra(draft: EntryDraft, side: number): string | null {
  const type = told(draft, side + ICMP_TYPE);
  if (type !== null) {
    const id = told(draft, side + ICMP_ID);
    const code = told(draft, side + ICMP_CODE);
    return `type=${type}${code === null ? '' : ` code=${code}`}${id === null ? '' : ` id=${id}`}`;
  }
  const source = told(draft, side + SRC_KEY);
  if (source === null) return null;
  const destination = told(draft, side + DST_KEY);
  return `srckey=0x${source.toString(16)}${destination === null ? '' : ` dstkey=0x${destination.toString(16)}`}`;
}

function tupleOf(draft: EntryDraft, side: number, src: string, dst: string): Tuple {
  return {
    proto: draft.proto,
    src,
    dst,
    sport: told(draft, side + SPORT),
    dport: told(draft, side + DPORT),
    extra: tupleExtra(draft, side),
  };
}

function countersOf(draft: EntryDraft, side: number): CtCounters {
  const packets = told(draft, side + PACKETS);
  const bytes = told(draft, side + BYTES);
  return packets === null && bytes === null ? NO_COUNTERS : { packets, bytes };
}

/** The entry that a draft holds; NULL when it has no original source and destination. */
export function draftedEntry(draft: EntryDraft): CtEntry | null {
  const { src, dst, replySrc, replyDst } = draft;
  if (src === null || dst === null) return null;
  const status = STATUS_LISTS[draft.statusBits]!;
  return {
    family: draft.family ?? familyOf(src),
    orig: tupleOf(draft, 0, src, dst),
    reply: replySrc === null || replyDst === null ? null : tupleOf(draft, SIDE, replySrc, replyDst),
    timeoutS: told(draft, TIMEOUT),
    state: draft.state,
    status: draft.otherStatus === null ? status : [...status, ...draft.otherStatus],
    zone: told(draft, ZONE),
    zoneOrig: told(draft, SIDE_ZONE),
    zoneReply: told(draft, SIDE + SIDE_ZONE),
    id: told(draft, ID),
    mark: told(draft, MARK),
    use: told(draft, USE),
    helper: draft.helper,
    labels: draft.labels,
    secctx: draft.secctx,
    origCounters: countersOf(draft, 0),
    replyCounters: countersOf(draft, SIDE),
    deltaTimeS: told(draft, DELTA_TIME),
    startedAtUs: told(draft, STARTED_AT_US),
    stoppedAtUs: told(draft, STOPPED_AT_US),
    startedLocal: draft.startedLocal,
    stoppedLocal: draft.stoppedLocal,
    activeSinceS: told(draft, ACTIVE_SINCE),
    isOffloaded: (draft.statusBits & OFFLOADED) !== 0,
    unknown: draft.unknown ?? NOTHING,
  };
}
