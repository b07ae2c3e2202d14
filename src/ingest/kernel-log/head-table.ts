// The part of a line before its addresses repeats for thousands of packets: known heads are found by their bytes, mostly by a guess
// from the head before. A head becomes known when the full parser has read a line with it.

import type { KernelMessage } from '../../model/kernel-line.js';
import type { Packet } from '../../model/packet.js';
import type { HeadRow } from '../../store/packet-batch.js';
import { FAMILY_NAMES, textHash } from './dump.js';
import { ownText } from './dump-tables.js';
import { openPlaces, type Place } from './hook-order.js';
import { sameBytes, viewOf } from './same-bytes.js';

/** A head of one address family, as the store knows it. */
export interface HeadVariant {
  readonly number: number;
  readonly hash: number;
  readonly place: Place;
}

/** A head as bytes. */
export interface Head {
  readonly bytes: DataView;
  /** What usually comes next in this log. */
  next: Head | null;
  readonly byFamily: (HeadVariant | null)[];
  readonly source: HeadSource;
}

/** A message with a dump. */
export type DumpMessage = Extract<KernelMessage, { packet: Packet | null }> & { readonly packet: Packet };

interface HeadSource {
  readonly message: DumpMessage;
  readonly physIn: string | null;
  readonly physOut: string | null;
  readonly inIf: string | null;
  readonly outIf: string | null;
  /** Chain that the envelope names (Proxmox). */
  readonly chain: string | null;
}

export interface HeadTable {
  /** A head whose bytes stand at `at`, guessed from the head before. */
  guess(previous: Head | null, bytes: DataView, at: number, end: number): Head | null;
  /** A head by its text; NULL when the full parser has not read one yet. */
  find(text: string): Head | null;
  /** A head by its text with numbers taken out; they are left in numbers(). */
  findNumbered(text: string): Head | null;
  numbers(): string;
  /** Remembers the head of a line that the full parser read. @param text its bytes up to MAC= or SRC=, as latin1 */
  learn(text: string, message: DumpMessage): void;
  variant(head: Head, family: number): HeadVariant;
  /** The variant for a message read by the full parser. */
  variantOf(message: DumpMessage, family: number, chain: string | null): HeadVariant;
  takeNew(): HeadRow[];
  isFull(): boolean;
  clear(): void;
}

const MOST_HEADS = 8_000;
const NUMBERED = /^nf_ct_/;

export function openHeadTable(): HeadTable {
  let byText = new Map<string, Head>();
  let numbered = new Map<string, Head>();
  let variants = new Map<string, HeadVariant>();
  let fresh: HeadRow[] = [];
  let lastNumbers = '';
  const placeOf = openPlaces();

  const variantOfSource = (source: HeadSource, family: number): HeadVariant => {
    const row = headRow(source, family);
    const known = variants.get(row.text);
    if (known !== undefined) return known;
    const variant = {
      number: variants.size,
      hash: textHash(row.text),
      place: placeOf({
        kind: row.kind,
        table: row.table,
        chain: row.chain,
        ruleKind: row.ruleKind,
        ruleNumber: row.ruleNumber,
        inIf: row.inIf,
        outIf: row.outIf,
      }),
    };
    variants.set(row.text, variant);
    fresh.push(row);
    return variant;
  };

  return {
    guess(previous, bytes, at, end) {
      const head = previous === null ? null : previous.next;
      if (head === null) return null;
      const length = head.bytes.byteLength;
      return at + length <= end && sameBytes(bytes, at, head.bytes, 0, length) ? head : null;
    },
    find: (text) => byText.get(text) ?? null,
    findNumbered(text) {
      if (!NUMBERED.test(text)) return null;
      const { template, numbers } = takeNumbersOut(text);
      const head = numbered.get(template) ?? null;
      lastNumbers = head === null ? '' : `[${numbers.join(',')}]`;
      return head;
    },
    numbers: () => lastNumbers,
    learn(text, message) {
      const head: Head = {
        bytes: viewOf(Uint8Array.from(Buffer.from(text, 'latin1'))),
        next: null,
        byFamily: [null, null, null, null, null],
        source: sourceOf(message, null),
      };
      if (!('numbers' in message) || message.numbers.length === 0) {
        byText.set(ownText(text), head);
        return;
      }
      // Only where taking numbers out of the bytes gives what the full parser said.
      const { template, numbers } = takeNumbersOut(text);
      const agrees =
        template.includes(`: ${message.message} `) &&
        numbers.length === message.numbers.length &&
        numbers.every((number, i) => number === message.numbers[i]);
      if (agrees) numbered.set(ownText(template), head);
    },
    variant(head, family) {
      const known = head.byFamily[family];
      if (known !== null && known !== undefined) return known;
      const made = variantOfSource(head.source, family);
      head.byFamily[family] = made;
      return made;
    },
    variantOf: (message, family, chain) => variantOfSource(sourceOf(message, chain), family),
    takeNew() {
      const taken = fresh;
      fresh = [];
      return taken;
    },
    isFull: () => byText.size + numbered.size > MOST_HEADS || variants.size > MOST_HEADS,
    clear() {
      byText = new Map();
      numbered = new Map();
      variants = new Map();
      fresh = [];
    },
  };
}

/** Numbers between 'nf_ct_proto_6: ' and ' IN=' replaced by %u. */
function takeNumbersOut(text: string): { readonly template: string; readonly numbers: readonly number[] } {
  const from = text.indexOf(': ') + 2;
  const end = text.lastIndexOf(' IN=');
  const to = end < from ? text.length : end;
  const numbers: number[] = [];
  const middle = text.slice(from, to).replace(/\d+/g, (digits) => {
    numbers.push(Number(digits));
    return '%u';
  });
  return { template: text.slice(0, from) + middle + text.slice(to), numbers };
}

function sourceOf(message: DumpMessage, chain: string | null): HeadSource {
  const { inIf, outIf, physIn, physOut } = message.packet;
  return { message: { ...message, packet: EMPTY }, inIf, outIf, physIn, physOut, chain };
}

/** The packet of a line is not part of its head; a reference would keep each first line of a head alive. */
const EMPTY = {} as Packet;

/** include/uapi/linux/netfilter.h: enum nf_inet_hooks. */
const AUDIT_HOOKS: readonly string[] = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

function headRow(source: HeadSource, family: number): HeadRow {
  const { message, inIf, outIf, physIn, physOut } = source;
  const familyName = FAMILY_NAMES[family] ?? null;
  const word = (name: string, value: string | null): string => (value === null ? '' : ` ${name}=${value}`);
  const interfaces = `${word('IN', inIf)}${word('OUT', outIf)}${word('PHYSIN', physIn)}${word('PHYSOUT', physOut)}`;
  const shared = { family: familyName === '' ? null : familyName, inIf, outIf, physIn, physOut };
  const text = (said: string): string => `${familyName ?? ''} ${said}${interfaces}`;
  const nothing = {
    table: null,
    chain: null,
    ruleKind: null,
    ruleNumber: null,
    verdict: null,
    prefix: null,
    reasonId: null,
    message: null,
  };
  if (message.kind === 'trace') {
    const { table, chain, ruleKind, ruleNumber } = message;
    const said = `TRACE: ${table}:${chain}:${ruleKind}:${ruleNumber}`;
    return { ...nothing, ...shared, text: text(said), kind: 'trace', table, chain, ruleKind, ruleNumber };
  }
  if (message.kind === 'log') {
    const said = `LOG: ${source.chain === null ? '' : `${source.chain} `}${message.prefix}`;
    return { ...nothing, ...shared, text: text(said), kind: 'log', chain: source.chain, prefix: message.prefix };
  }
  if (message.kind === 'audit') {
    const said = `audit ${message.action ?? ''} ${message.hook ?? ''}`;
    return {
      ...nothing,
      ...shared,
      text: text(said),
      kind: 'audit',
      chain: AUDIT_HOOKS[message.hook ?? -1] ?? null,
      verdict: message.action,
    };
  }
  return {
    ...nothing,
    ...shared,
    text: text(`${message.kind} ${message.protoName}: ${message.message}`),
    kind: message.kind,
    prefix: null,
    reasonId: message.reasonId,
    message: message.message,
  };
}
