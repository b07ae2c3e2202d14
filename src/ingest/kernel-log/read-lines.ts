// Bytes of a kernel log to batches of packets: the loop that every line passes. A line whose envelope, head and dump are known is read
// from its bytes; any other goes through the full parser, which also teaches the next ones.

import type { KernelLine, KernelMessage } from '../../model/kernel-line.js';
import type { PacketBatch } from '../../store/packet-batch.js';
import { type BatchBuilder, openBatchBuilder } from './batch-builder.js';
import { type ClockStretch, openClockTracker } from './clock-tracker.js';
import { type Dump, emptyDump } from './dump.js';
import { openDumpTables } from './dump-tables.js';
import { openEnvelopeReader } from './envelope-template.js';
import { type DumpMessage, type Head, type HeadVariant, openHeadTable } from './head-table.js';
import { type LineCounts, NO_LINES } from './line-counts.js';
import { lineText, stampResolutionUs } from './line-text.js';
import { DECODED_MAC, decodedMac, noticeKind, PLAIN } from './message-words.js';
import { enterDump, packetToDump, sameDump } from './packet-to-dump.js';
import type { LineFacts, Passage } from './passage.js';
import { openPassageAssembler } from './passage-assembler.js';
import { openPathTree } from './path-tree.js';
import { sameBytes, viewOf } from './same-bytes.js';
import { openDumpScanner } from './scan-dump.js';
import { openWrappedLines } from './wrapped-lines.js';

/** The full parsers, put together: see parsers/envelope and parsers/kernel-message. Never throws. */
export type ParseSlow = (line: string) => { readonly envelope: KernelLine; readonly message: KernelMessage };

export interface LineReaderOptions {
  readonly parseSlow: ParseSlow;
  /** Number of the first line that will be fed. */
  readonly firstLine: number;
  /** Year of the first line where stamps name none; NULL: not known. */
  readonly assumedYear: number | null;
  /** A line without any envelope whose message is not the kernel's: perhaps of another form. */
  readonly onForeign: (text: string, line: number) => void;
  /** A line that looks like netfilter's and cannot be read. at: column. */
  readonly onUnread: (line: number, reason: string, at: number) => void;
  readonly onBatch: (batch: PacketBatch) => void;
}

export interface LineReader {
  /** Reads whole lines: bytes[from, end) ends with a newline. */
  read(bytes: Buffer, from: number, end: number): void;
  /** Closes what is open and hands on the last batch. */
  end(): void;
  /** Hands on the passages that are closed. */
  flush(): void;
  /** Open passages as line numbers (first line, then offsets), and the clocks: what is needed to read on later. */
  openState(): OpenLines;
  /** Takes up an open state; `text` gives the raw text of a line. */
  restore(state: OpenLines, text: (line: number) => string | null): void;
  readonly counts: LineCounts;
  readonly stretches: () => readonly ClockStretch[];
}

export interface OpenLines {
  readonly nextLine: number;
  readonly clocks: unknown;
  readonly passages: readonly (readonly number[])[];
}

/** Messages without a dump; a log_invalid line that somebody shortened is one of them. */
type NoticeMessage = Extract<KernelMessage, { kind: 'notice' | 'debug' | 'log-invalid' | 'helper' }>;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const KEPT_DUMPS = 4;

export function openLineReader(options: LineReaderOptions): LineReader {
  const tables = openDumpTables();
  const heads = openHeadTable();
  const paths = openPathTree();
  const clocks = openClockTracker(options.assumedYear);
  const envelope = openEnvelopeReader();
  const scanner = openDumpScanner(tables);
  const batches: BatchBuilder = openBatchBuilder(tables, heads, paths, clocks);
  const assembler = openPassageAssembler(paths, tables.stableAddress, (passage) => batches.passage(passage));
  const counts: LineCounts = { ...NO_LINES };
  let line = options.firstLine;
  let previousHead: Head | null = null;
  let dumps: Dump[] = Array.from({ length: KEPT_DUMPS }, emptyDump);
  let lastDump = 0;
  const slowDump = emptyDump();
  const checkDump = emptyDump();
  let trustedShapes = new Set<number>();
  let view = viewOf(new Uint8Array(0));
  let macAt = 0;
  let macLength = -1;
  let lastMac = -1;
  let stampUsOfDay = -2;
  let stampGeneration = -1;
  let stamp = envelope.stamp();
  /** Reused for every line; the assembler copies what it keeps. */
  const facts: { -readonly [K in keyof LineFacts]: LineFacts[K] } = {
    clock: 0,
    us: 0,
    isFine: true,
    line: 0,
    head: 0,
    headHash: 0,
    place: null as unknown as LineFacts['place'],
    mac: -1,
    numbers: '',
  };
  let put: (facts: LineFacts, dump: Dump) => void = assembler.add;

  const add = (variant: HeadVariant, dump: Dump, mac: number, numbers: string): void => {
    facts.line = line;
    facts.head = variant.number;
    facts.headHash = variant.hash;
    facts.place = variant.place;
    facts.mac = mac;
    facts.numbers = numbers;
    put(facts, dump);
    counts.packetLines++;
  };

  const forget = (): void => {
    assembler.closeAll();
    hand();
    tables.clear();
    heads.clear();
    paths.clear();
    batches.nextGeneration();
    previousHead = null;
    trustedShapes = new Set();
    macLength = -1;
    dumps = dumps.map(emptyDump);
  };

  const hand = (): void => {
    const batch = batches.take();
    if (batch !== null) options.onBatch(batch);
  };

  /** Puts the line's time into facts from a template's fields. */
  const timeOfTemplate = (): void => {
    const { fields } = envelope;
    if (fields.usOfDay !== stampUsOfDay || envelope.generation() !== stampGeneration) {
      stamp = envelope.stamp();
      stampUsOfDay = fields.usOfDay;
      stampGeneration = envelope.generation();
    }
    facts.clock = clocks.line(line, fields.uptimeUs, stamp, envelope.resolutionUs());
    facts.us = clocks.us();
    facts.isFine = fields.uptimeUs >= 0 || envelope.resolutionUs() <= 1000;
  };

  /** The number of the MAC word at `at`, and where the word behind it begins; -1 in `macEnd` when there is something else. */
  let macEnd = 0;
  const readMac = (bytes: Buffer, at: number): number => {
    macEnd = at;
    if (bytes[at] !== 0x4d || bytes[at + 1] !== 0x41 || bytes[at + 2] !== 0x43 || bytes[at + 3] !== 0x3d) return -1;
    if (macLength > 0) {
      if (at + macLength <= bytes.length && sameBytes(view, at, view, macAt, macLength)) {
        macEnd = at + macLength;
        return lastMac;
      }
    }
    let end = at + 4;
    while (bytes[end] !== SPACE) {
      if (bytes[end] === NEWLINE) return -1;
      end++;
    }
    macAt = at;
    macLength = end + 1 - at;
    macEnd = end + 1;
    // 'MAC= ' is printed for devices without a link-layer header: nothing to keep.
    lastMac = end === at + 4 ? -1 : tables.mac(bytes.toString('latin1', at + 4, end));
    return lastMac;
  };

  /** The head that begins at the message, by its text; `headEnd` is where its MAC or SRC begins. NULL: no dump, or not known. */
  let headEnd = 0;
  let headNumbers = '';
  const findHead = (bytes: Buffer, at: number): Head | null => {
    headNumbers = '';
    let src = at;
    for (;;) {
      const byte = bytes[src]!;
      if (byte === NEWLINE) return null;
      if (byte === 0x53 && bytes[src + 1] === 0x52 && bytes[src + 2] === 0x43 && bytes[src + 3] === 0x3d) break;
      src++;
    }
    headEnd = src;
    if (src > at + 1) {
      let word = src - 2;
      while (word >= at && bytes[word] !== SPACE) word--;
      word++;
      if (bytes[word] === 0x4d && bytes[word + 1] === 0x41 && bytes[word + 2] === 0x43 && bytes[word + 3] === 0x3d)
        headEnd = word;
    }
    const text = bytes.toString('latin1', at, headEnd);
    const known = heads.find(text);
    if (known !== null) return known;
    const numbered = heads.findNumbered(text);
    if (numbered !== null) headNumbers = heads.numbers();
    return numbered;
  };

  /** Reads one line from its bytes. Returns where the next line begins, -1 when the full parser has to look. */
  const fast = (bytes: Buffer, from: number, end: number): number => {
    if (!envelope.match(bytes, from, end)) return -1;
    const messageAt = envelope.fields.messageAt;
    let head = heads.guess(previousHead, view, messageAt, end);
    let numbers = '';
    let at: number;
    if (head !== null) at = messageAt + head.bytes.byteLength;
    else {
      head = findHead(bytes, messageAt);
      if (head === null) return -1;
      numbers = headNumbers;
      at = headEnd;
    }
    const mac = readMac(bytes, at);
    at = macEnd;
    for (let i = 0; i < KEPT_DUMPS; i++) {
      const dump = dumps[(lastDump + i) % KEPT_DUMPS]!;
      if (dump.length > 0 && at + dump.length <= end && sameBytes(view, at, view, dump.at, dump.length)) {
        lastDump = (lastDump + i) % KEPT_DUMPS;
        timeOfTemplate();
        add(heads.variant(head, dump.family), dump, mac, numbers);
        remember(head, numbers);
        return at + dump.length;
      }
    }
    const index = (lastDump + KEPT_DUMPS - 1) % KEPT_DUMPS;
    const dump = dumps[index]!;
    const next = scanner.scan(bytes, at, end, dump);
    if (next < 0) return -1;
    enterDump(dump, tables);
    if (!trustedShapes.has(dump.shape)) {
      if (!agrees(bytes, from, next, dump)) {
        dump.length = -1;
        return -1;
      }
      trustedShapes.add(dump.shape);
    }
    lastDump = index;
    timeOfTemplate();
    add(heads.variant(head, dump.family), dump, mac, numbers);
    remember(head, numbers);
    return next;
  };

  const remember = (head: Head, numbers: string): void => {
    // A head with numbers in it is not found by its bytes, so it cannot be guessed either.
    if (numbers !== '') {
      previousHead = null;
      return;
    }
    if (previousHead !== null) previousHead.next = head;
    previousHead = head;
  };

  /** Whether the full parser reads the same off a line as the scanner did: asked once for each shape. */
  const agrees = (bytes: Buffer, from: number, next: number, dump: Dump): boolean => {
    const { message } = options.parseSlow(lineText(bytes, from, next));
    if (!('packet' in message) || message.packet === null) return false;
    return packetToDump(message.packet, tables, checkDump) && sameDump(dump, checkDump);
  };

  const slow = (bytes: Buffer, from: number): number => {
    const next = bytes.indexOf(NEWLINE, from) + 1 || bytes.length;
    slowLine(lineText(bytes, from, next));
    return next;
  };

  const slowLine = (text: string): void => {
    if (text === '') return;
    const parsed = options.parseSlow(text);
    if (!wrapped.takes(line, text, parsed)) understood(text, parsed, false);
  };

  const wrapped = openWrappedLines((own, raw, parsed, isJoined) => {
    const now = line;
    line = own;
    understood(raw, parsed, isJoined);
    line = now;
  });

  const understood = (text: string, parsed: ReturnType<ParseSlow>, isJoined: boolean): void => {
    const { message } = parsed;
    if (parsed.envelope.isOtherProgram) {
      counts.otherProgram++;
      return;
    }
    const uptime = parsed.envelope.stamps.find((one) => one.kind === 'uptime');
    const other = parsed.envelope.stamps.find((one) => one.kind !== 'uptime') ?? null;
    if (message.kind === 'other') {
      if (parsed.envelope.stamps.length === 0) {
        counts.foreign++;
        options.onForeign(text, line);
      } else counts.otherKernel++;
      return;
    }
    const resolutionUs = stampResolutionUs(text, parsed.envelope);
    facts.clock = clocks.line(line, uptime === undefined ? -1 : uptime.us, other, resolutionUs);
    facts.us = clocks.us();
    facts.isFine = uptime !== undefined || resolutionUs <= 1000;
    if (message.kind === 'unreadable') {
      counts.unread++;
      options.onUnread(line, message.reason, parsed.envelope.messageAt + message.at);
      return;
    }
    if (message.kind === 'notice' || message.kind === 'debug') {
      noticeLine(message, text);
      return;
    }
    if ('numbers' in message && message.packet === null) {
      noticeLine(message, text);
      return;
    }
    packetLine(text, parsed.envelope, message as DumpMessage, isJoined);
  };

  const packetLine = (text: string, kernelLine: KernelLine, message: DumpMessage, isJoined: boolean): void => {
    counts.slowLines++;
    if (!packetToDump(message.packet, tables, slowDump)) {
      // A complaint of the tracker whose addresses were left out still names the check that failed.
      if (message.kind === 'log-invalid' || message.kind === 'helper') {
        noticeLine(message, text);
        return;
      }
      counts.unread++;
      options.onUnread(line, 'the line ends before the addresses', text.length);
      return;
    }
    enterDump(slowDump, tables);
    const mac = message.packet.mac === null || message.packet.mac === '' ? decodedMac(message) : message.packet.mac;
    const numbers = 'numbers' in message && message.numbers.length > 0 ? JSON.stringify(message.numbers) : '';
    add(
      heads.variantOf(message, slowDump.family, kernelLine.chain ?? null),
      slowDump,
      mac === null ? -1 : tables.mac(mac),
      numbers,
    );
    previousHead = null;
    if (isJoined || !PLAIN.test(text) || kernelLine.chain !== undefined || message.kind === 'audit') return;
    envelope.learn(text, kernelLine);
    const src = text.indexOf('SRC=', kernelLine.messageAt);
    if (src < 0) return;
    const word = /MAC=\S* $/.exec(text.slice(kernelLine.messageAt, src));
    const head = text.slice(kernelLine.messageAt, word === null ? src : kernelLine.messageAt + word.index);
    if (!DECODED_MAC.test(head)) heads.learn(head, message);
  };

  const noticeLine = (message: NoticeMessage, text: string): void => {
    counts.notices++;
    batches.notice({
      clock: facts.clock,
      clockUs: facts.us,
      line,
      kind: message.kind === 'debug' ? 'debug' : noticeKind(text),
      reasonId: message.reasonId,
      function: message.kind === 'debug' ? message.function : null,
      count: message.kind === 'notice' ? message.count : null,
      text: 'text' in message ? message.text : message.message,
      extra:
        'protoName' in message
          ? JSON.stringify({ protoName: message.protoName, numbers: message.numbers })
          : message.kind === 'notice' && Object.keys(message.detail).length > 0
            ? JSON.stringify(message.detail)
            : null,
    });
  };

  return {
    counts,
    stretches: () => clocks.stretches,
    read(bytes, from, end) {
      // Positions of the last call's buffer mean nothing in this one.
      for (const dump of dumps) dump.length = -1;
      macLength = -1;
      if (view.buffer !== bytes.buffer || view.byteOffset !== bytes.byteOffset || view.byteLength !== bytes.byteLength)
        view = viewOf(bytes);
      for (let at = from; at < end; ) {
        if (tables.isFull() || heads.isFull() || paths.isFull()) forget();
        // Lines of other hosts in a shared log come as empty ones.
        // Behind a line that was cut the full parser decides whether this one goes on with it.
        const next = bytes[at] === NEWLINE ? at + 1 : wrapped.isWaiting() ? -1 : fast(bytes, at, end);
        at = next < 0 ? slow(bytes, at) : next;
        line++;
        counts.lines++;
        if (batches.isFull()) hand();
      }
      counts.passages = assembler.counts.passages;
    },
    flush() {
      wrapped.release();
      hand();
    },
    end() {
      wrapped.release();
      assembler.closeAll();
      hand();
    },
    openState: () => ({
      nextLine: line,
      clocks: clocks.state(),
      passages: assembler
        .open()
        .map((passage) => passage.lines.slice(0, passage.steps).map((offset) => passage.firstLine + offset)),
    }),
    restore(state, text) {
      clocks.restore(state.clocks, true);
      const owners = new Map<number, number>();
      state.passages.forEach((lines, index) => {
        for (const one of lines) owners.set(one, index);
      });
      const restored: (Passage | null)[] = state.passages.map(() => null);
      for (const [number, index] of [...owners].sort(([a], [b]) => a - b)) {
        const raw = text(number);
        if (raw === null) continue;
        line = number;
        put = (lineFacts, dump) => {
          restored[index] = assembler.addTo(restored[index]!, lineFacts, dump);
        };
        slowLine(raw);
        wrapped.release();
      }
      put = assembler.add;
      clocks.restore(state.clocks);
      line = state.nextLine;
    },
  };
}
