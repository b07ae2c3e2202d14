// Reads one entry as Open vSwitch prints it (`ovs-appctl dpctl/dump-conntrack`, `ovs-dpctl dump-conntrack`).

import type { CtEntry } from '../../model/conntrack.js';
import type { Stamp } from '../../model/kernel-line.js';
import { protocolNumber } from '../../text/protocols.js';
import {
  addStatus,
  addUnknown,
  BYTES,
  clearDraft,
  DPORT,
  draftedEntry,
  ICMP_CODE,
  ICMP_ID,
  ICMP_TYPE,
  ID,
  MARK,
  newDraft,
  PACKETS,
  SIDE,
  SPORT,
  setNumber,
  TIMEOUT,
  ZONE,
} from './entry-draft.js';
import type { Unreadable } from './entry-line.js';
import { readOwnStamp } from './own-stamp.js';
import { shared, sharedAddress } from './words.js';

const START = /^\s*([A-Za-z][\w.-]*|\d{1,3}|unknown\(\d+\)),orig=\(/;
const NUMBER = /^\d+$/;

/** lib/ct-dpif.c: ct_dpif_format_tuple(), ct_dpif_format_counters(). */
const TUPLE_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['sport', SPORT],
  ['dport', DPORT],
  ['type', ICMP_TYPE],
  ['code', ICMP_CODE],
  ['id', ICMP_ID],
  ['packets', PACKETS],
  ['bytes', BYTES],
]);
/** lib/ct-dpif.c: ct_dpif_format_entry(). */
const ENTRY_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['timeout', TIMEOUT],
  ['zone', ZONE],
  ['id', ID],
]);

const draft = newDraft();

export function looksLikeOvs(text: string): boolean {
  return START.test(text);
}

interface Word {
  readonly name: string;
  readonly value: string;
  /** Whether the value stood in parentheses that end. */
  readonly isGroup: boolean;
}

/** Splits 'a=1,b=(c=2,d=3),e' at its outer commas. */
function wordsOf(text: string): readonly Word[] {
  const words: Word[] = [];
  let from = 0;
  let depth = 0;
  for (let at = 0; at <= text.length; at++) {
    const character = text[at];
    if (character === '(') depth++;
    else if (character === ')') depth--;
    if (at < text.length && (character !== ',' || depth > 0)) continue;
    const word = text.slice(from, at);
    from = at + 1;
    const equals = word.indexOf('=');
    const value = equals < 0 ? '' : word.slice(equals + 1);
    const isGroup = value.startsWith('(') && value.endsWith(')');
    words.push({
      name: equals < 0 ? word : word.slice(0, equals),
      value: isGroup ? value.slice(1, -1) : value,
      isGroup,
    });
  }
  return words;
}

function readTuple(group: string, side: number): void {
  for (const { name, value } of wordsOf(group)) {
    const slot = TUPLE_NUMBERS.get(name);
    if (name === 'src') {
      if (side === 0) draft.src = sharedAddress(value);
      else draft.replySrc = sharedAddress(value);
    } else if (name === 'dst') {
      if (side === 0) draft.dst = sharedAddress(value);
      else draft.replyDst = sharedAddress(value);
    } else if (slot !== undefined && NUMBER.test(value)) setNumber(draft, side + slot, Number(value));
    else addUnknown(draft, `${name}=${value}`);
  }
}

/** 'state=X', or with -m 'state_orig=X,state_reply=Y' and more: X where both agree, nothing where they do not. */
function readProtocolInfo(group: string): void {
  const words = wordsOf(group);
  const value = (name: string): string | undefined => words.find((word) => word.name === name)?.value;
  const original = value('state_orig');
  const state = value('state') ?? (original === value('state_reply') ? original : undefined);
  if (state !== undefined) draft.state = shared(state);
  for (const word of words) {
    const isTold = word.name === 'state' || (state !== undefined && /^state_(?:orig|reply)$/.test(word.name));
    if (!isTold) addUnknown(draft, `${word.name}=${word.value}`);
  }
}

function readStatus(printed: string): void {
  const words = printed.split('|');
  if (!words.includes('SEEN_REPLY')) addStatus(draft, 'UNREPLIED');
  for (const word of words) if (word !== 'SEEN_REPLY' && word !== '') addStatus(draft, shared(word));
}

/**
 * Reads an entry of OVS. A reply group that is cut is not told; marks may be given with a mask (0x1/0xff), labels are kept as printed.
 * Never throws.
 */
export function readOvsLine(text: string): { readonly entry: CtEntry } | Unreadable {
  const start = START.exec(text);
  if (start === null) return { reason: 'no entry of Open vSwitch', at: 0 };
  clearDraft(draft);
  const number = /^unknown\((\d+)\)$/.exec(start[1]!)?.[1] ?? start[1]!;
  draft.proto = protocolNumber(number) ?? -1;
  const from = start[0].length - 'orig=('.length;
  for (const { name, value, isGroup } of wordsOf(text.slice(from).trimEnd())) {
    const slot = ENTRY_NUMBERS.get(name);
    if ((name === 'orig' || name === 'reply') && isGroup) readTuple(value, name === 'orig' ? 0 : SIDE);
    else if (name === 'protoinfo' && isGroup) readProtocolInfo(value);
    else if (name === 'status') readStatus(value);
    else if (name === 'labels') draft.labels = shared(value);
    else if (name === 'helper') draft.helper = shared(value);
    else if (name === 'mark' && /^(?:0x[0-9a-fA-F]+|\d+)$/.test(value)) setNumber(draft, MARK, Number(value));
    else if (name === 'start' || name === 'stop') {
      const stamp: Stamp | null = readOwnStamp(value);
      if (name === 'start') draft.startedLocal = stamp;
      else draft.stoppedLocal = stamp;
    } else if (slot !== undefined && NUMBER.test(value)) setNumber(draft, slot, Number(value));
    else if (name !== '') addUnknown(draft, value === '' ? name : `${name}=${isGroup ? `(${value})` : value}`);
  }
  const entry = draftedEntry(draft);
  return entry === null ? { reason: 'cut before both addresses were named', at: from } : { entry };
}
