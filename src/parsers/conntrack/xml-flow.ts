// Turns one <flow> of `conntrack -o xml` into an entry, an event or an expectation.
// Format: libnetfilter_conntrack src/conntrack/snprintf_xml.c and src/expect/snprintf_xml.c.

import type { CtEntry, CtEventKind, Expectation } from '../../model/conntrack.js';
import type { Stamp } from '../../model/kernel-line.js';
import type { Tuple } from '../../model/tuple.js';
import {
  addStatus,
  addUnknown,
  BYTES,
  clearDraft,
  DELTA_TIME,
  DPORT,
  DST_KEY,
  draftedEntry,
  type EntryDraft,
  ICMP_CODE,
  ICMP_ID,
  ICMP_TYPE,
  ID,
  MARK,
  newDraft,
  PACKETS,
  SIDE,
  SIDE_ZONE,
  SPORT,
  SRC_KEY,
  STARTED_AT_US,
  STOPPED_AT_US,
  setNumber,
  TIMEOUT,
  USE,
  ZONE,
} from './entry-draft.js';
import { shared, sharedAddress } from './words.js';
import { child, type XmlElement } from './xml-elements.js';

const SCTP = 132;
const DCCP = 33;

const TCP_STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;

/**
 * Up to libnetfilter_conntrack 1.1.1 the XML writer looks up SCTP's and DCCP's states in TCP's table, so that <state>SYN_SENT</state>
 * of an SCTP flow is CLOSED. By position in that table, these are the names meant.
 */
const STATES_BEHIND_TCPS: ReadonlyMap<number, readonly string[]> = new Map([
  [
    SCTP,
    [
      'NONE',
      'CLOSED',
      'COOKIE_WAIT',
      'COOKIE_ECHOED',
      'ESTABLISHED',
      'SHUTDOWN_SENT',
      'SHUTDOWN_RECD',
      'SHUTDOWN_ACK_SENT',
      'HEARTBEAT_SENT',
      'HEARTBEAT_ACKED',
    ],
  ],
  [DCCP, ['NONE', 'REQUEST', 'RESPOND', 'PARTOPEN', 'OPEN', 'CLOSEREQ', 'CLOSING', 'TIMEWAIT', 'IGNORE', 'INVALID']],
]);

function stateMeant(proto: number, printed: string): string {
  const position = (TCP_STATES as readonly string[]).indexOf(printed);
  return (position < 0 ? undefined : STATES_BEHIND_TCPS.get(proto)?.[position]) ?? printed;
}

/** Numbers that an element's text carries, by where they stand. */
const TUPLE_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['sport', SPORT],
  ['dport', DPORT],
  ['srckey', SRC_KEY],
  ['dstkey', DST_KEY],
  ['type', ICMP_TYPE],
  ['code', ICMP_CODE],
  ['id', ICMP_ID],
  ['packets', PACKETS],
  ['bytes', BYTES],
  ['zone', SIDE_ZONE],
]);
const ENTRY_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['timeout', TIMEOUT],
  ['mark', MARK],
  ['zone', ZONE],
  ['use', USE],
  ['id', ID],
  ['deltatime', DELTA_TIME],
]);
const STATUS: ReadonlyMap<string, string> = new Map([
  ['assured', 'ASSURED'],
  ['unreplied', 'UNREPLIED'],
]);

const TIMES: ReadonlyMap<string, number> = new Map([
  ['start', STARTED_AT_US],
  ['stop', STOPPED_AT_US],
]);

/** Elements that hold others and tell nothing themselves. */
const HOLDERS = new Set(['layer3', 'layer4', 'counters', 'timestamp']);

function numberIn(text: string): number {
  return /^(?:\d+|0x[0-9a-fA-F]+)$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : Number.NaN;
}

/** Microseconds of nanoseconds that do not fit a JavaScript number. */
function microseconds(nanoseconds: string): number {
  return /^\d{4,19}$/.test(nanoseconds) ? Number(nanoseconds.slice(0, -3)) : Number.NaN;
}

const asPrinted = (element: XmlElement): string =>
  element.text === '' ? element.name : `${element.name}=${element.text}`;

function readDirection(draft: EntryDraft, meta: XmlElement, side: number): void {
  for (const element of meta.children) {
    if (element.name === 'src' || element.name === 'dst') {
      const address = sharedAddress(element.text);
      if (side === 0) draft[element.name] = address;
      else if (element.name === 'src') draft.replySrc = address;
      else draft.replyDst = address;
    } else if (HOLDERS.has(element.name)) {
      if (element.name === 'layer4' && side === 0) draft.proto = protocolIn(element);
      readDirection(draft, element, side);
    } else {
      const slot = TUPLE_NUMBERS.get(element.name);
      const value = slot === undefined ? Number.NaN : numberIn(element.text);
      if (slot === undefined || Number.isNaN(value)) addUnknown(draft, asPrinted(element));
      else setNumber(draft, side + slot, value);
    }
  }
}

function readIndependent(draft: EntryDraft, meta: XmlElement): void {
  for (const element of meta.children) {
    const { name, text } = element;
    const slot = ENTRY_NUMBERS.get(name);
    const value = slot === undefined ? Number.NaN : numberIn(text);
    const status = STATUS.get(name);
    if (slot !== undefined && !Number.isNaN(value)) setNumber(draft, slot, value);
    else if (status !== undefined) addStatus(draft, status);
    else if (name === 'state') draft.state = shared(stateMeant(draft.proto, text));
    else if (name === 'secctx') draft.secctx = shared(text);
    else if (name === 'helper') draft.helper = shared(text);
    else if (name === 'labels') draft.labels = shared(element.children.map((label) => label.text).join(','));
    else if (TIMES.has(name) && !Number.isNaN(microseconds(text)))
      setNumber(draft, TIMES.get(name)!, microseconds(text));
    else if (HOLDERS.has(name)) readIndependent(draft, element);
    else addUnknown(draft, asPrinted(element));
  }
}

function protocolIn(layer4: XmlElement | null): number {
  const number = Number(layer4?.attributes.get('protonum') ?? -1);
  return Number.isInteger(number) && number >= 0 && number <= 255 ? number : -1;
}

function familyIn(layer3: XmlElement | null): 'ip' | 'ip6' | null {
  const number = layer3?.attributes.get('protonum');
  return number === '2' ? 'ip' : number === '10' ? 'ip6' : null;
}

/** <when>: the local time of the machine that printed it, whole seconds. */
function whenOf(flow: XmlElement): Stamp | null {
  const when = child(flow, 'when') ?? child(child(flow, 'meta'), 'when');
  if (when === null) return null;
  const part = (name: string): number => numberIn(child(when, name)?.text ?? '');
  const usOfDay = (part('hour') * 3600 + part('min') * 60 + part('sec')) * 1_000_000;
  const [year, month, day] = [part('year'), part('month'), part('day')];
  return [usOfDay, year, month, day].some(Number.isNaN) ? null : { kind: 'wall', year, month, day, usOfDay };
}

const draft = newDraft();

function entryOf(flow: XmlElement): CtEntry | null {
  clearDraft(draft);
  for (const element of flow.children) {
    const direction = element.attributes.get('direction');
    if (direction === 'original') {
      draft.family = familyIn(child(element, 'layer3'));
      readDirection(draft, element, 0);
    } else if (direction === 'reply') readDirection(draft, element, SIDE);
    else if (element.name === 'meta') readIndependent(draft, element);
    else if (element.name === 'helper') draft.helper = shared(element.text);
    else if (element.name !== 'when') addUnknown(draft, asPrinted(element));
  }
  return draftedEntry(draft);
}

function expectedTuple(layer3: XmlElement, layer4: XmlElement | null, part: string): Tuple | null {
  const addresses = child(layer3, part);
  const src = child(addresses, 'src');
  const dst = child(addresses, 'dst');
  if (src === null || dst === null) return null;
  const words = child(layer4, part)?.children ?? [];
  const port = (name: string): number | null => {
    const value = numberIn(words.find((word) => word.name === name)?.text ?? '');
    return Number.isNaN(value) ? null : value;
  };
  const extra = words.filter((word) => word.name !== 'sport' && word.name !== 'dport').map(asPrinted);
  return {
    proto: protocolIn(layer4),
    src: sharedAddress(src.text),
    dst: sharedAddress(dst.text),
    sport: port('sport'),
    dport: port('dport'),
    extra: extra.length === 0 ? null : extra.join(' '),
  };
}

function expectationOf(flow: XmlElement, layer3: XmlElement): Expectation | null {
  const layer4 = child(flow, 'layer4');
  const tuple = expectedTuple(layer3, layer4, 'expected');
  if (tuple === null) return null;
  const mask = expectedTuple(layer3, layer4, 'mask');
  const meta = child(flow, 'meta');
  const number = (name: string): number | null => {
    const value = numberIn(child(meta, name)?.text ?? '');
    return Number.isNaN(value) ? null : value;
  };
  const flags = ['permanent', 'inactive', 'userspace'].filter((name) => child(meta, name) !== null);
  return {
    tuple,
    maskSrc: mask?.src ?? null,
    maskDst: mask?.dst ?? null,
    maskSport: mask?.sport ?? null,
    maskDport: mask?.dport ?? null,
    master: expectedTuple(layer3, layer4, 'master'),
    timeoutS: number('timeout'),
    zone: number('zone'),
    class: number('class'),
    flags: flags.length === 0 ? null : flags.join(',').toUpperCase(),
    helper: child(meta, 'helper-name')?.text ?? null,
    unknown: [],
  };
}

export interface FlowReading {
  /** NULL in a listing. */
  readonly event: CtEventKind | null;
  readonly entry: CtEntry | null;
  readonly expectation: Expectation | null;
  readonly stamp: Stamp | null;
}

const TYPES: ReadonlyMap<string, CtEventKind> = new Map([
  ['new', 'NEW'],
  ['update', 'UPDATE'],
  ['destroy', 'DESTROY'],
]);

/** What a <flow> element tells; the reason when it has no addresses. */
export function readFlow(flow: XmlElement): FlowReading | { readonly reason: string } {
  const event = TYPES.get(flow.attributes.get('type') ?? '') ?? null;
  const stamp = whenOf(flow);
  const layer3 = child(flow, 'layer3');
  if (layer3 !== null) {
    const expectation = expectationOf(flow, layer3);
    if (expectation === null) return { reason: 'an expectation without addresses' };
    return { event: event === null ? null : (`EXP_${event}` as CtEventKind), entry: null, expectation, stamp };
  }
  const entry = entryOf(flow);
  return entry === null ? { reason: 'a flow without addresses' } : { event, entry, expectation: null, stamp };
}
