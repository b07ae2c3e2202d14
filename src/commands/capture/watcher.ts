// What a capture has seen so far, while it goes on: counts for the live line, the first of each kind, and the moment that --stop-on waits for.

import { createMessageCatalogue } from '../../catalogue/match-message.js';
import { covers } from '../../changes/rules/effective-filter.js';
import type { CtEvent } from '../../model/conntrack.js';
import type { Packet } from '../../model/packet.js';
import type { PacketFilter } from '../../model/packet-filter.js';
import type { TraceStep } from '../../model/trace.js';
import { readEventLine } from '../../parsers/conntrack/event-line.js';
import { pcapForm } from '../../parsers/forms/pcap.js';
import { parseKernelMessage } from '../../parsers/kernel-message.js';
import { readNftTraceLine } from '../../parsers/trace/nft-trace-line.js';

export interface Seen {
  /** Different packets that lines were about. */
  packets: number;
  invalid: number;
  fresh: number;
  dropped: number;
  resets: number;
  events: number;
}

export type Trigger = 'reset' | 'invalid' | 'drop';

/** The first of a kind: what it was, of which connection, and what the record says. */
export interface First {
  readonly atUs: number;
  readonly what: string;
  readonly flow: string | null;
  readonly says: string;
}

export interface WatcherHooks {
  readonly filter: PacketFilter;
  readonly nowUs: () => number;
  readonly onFirst: (first: First) => void;
  readonly onTrigger: (trigger: Trigger, atUs: number) => void;
}

export interface Watcher {
  readonly seen: Seen;
  kernel(message: string): void;
  trace(line: string, atUs: number): void;
  event(line: string): void;
  /** Bytes of a capture file of NFLOG, in any pieces. */
  packets(bytes: Uint8Array): void;
}

/** Packets whose trace may still go on. */
const MOST_OPEN = 2000;
/** Beyond so many lines a second they are only kept, not looked at: collecting comes first. */
const MOST_PER_S = 5000;

const LINE_DELAY_MS = 400;

const OURS = /^ctwhy_\d+$/;
const CATALOGUE = createMessageCatalogue();

interface OpenTrace {
  packet: Packet | null;
  isInvalid: boolean;
}

export function openWatcher({ filter, nowUs, onFirst, onTrigger }: WatcherHooks): Watcher {
  const seen: Seen = { packets: 0, invalid: 0, fresh: 0, dropped: 0, resets: 0, events: 0 };
  const told = new Set<string>();
  const traces = new Map<string, OpenTrace>();
  /** INVALID packets by what told of them: conntrack's line and the trace are of the same packet. */
  const invalid = { lines: 0, traces: 0 };
  const packets = { lines: 0, traces: 0 };
  let second = 0;
  let looked = 0;

  const mayLook = (): boolean => {
    const now = Math.floor(nowUs() / 1e6);
    if (now !== second) {
      second = now;
      looked = 0;
    }
    return ++looked <= MOST_PER_S;
  };
  const first = (kind: string, one: First): void => {
    if (told.has(kind)) return;
    told.add(kind);
    onFirst(one);
  };
  const count = (): void => {
    seen.invalid = Math.max(invalid.lines, invalid.traces);
    seen.packets = Math.max(packets.lines, packets.traces);
  };
  const reset = (packet: Packet, atUs: number): void => {
    if (!(packet.flags ?? '').split(' ').includes('RST')) return;
    seen.resets++;
    first('reset', { atUs, what: 'first reset', flow: flowOf(packet), says: packet.flags ?? '' });
    onTrigger('reset', atUs);
  };
  const step = (one: TraceStep, atUs: number): void => {
    // A trace of ours begins in our table; others may trace as well.
    const open = traces.get(one.traceId) ?? (OURS.test(one.table ?? '') ? openTrace(one.traceId) : null);
    if (open === null) return;
    if (one.packet !== null && open.packet === null) {
      open.packet = one.packet;
      reset(one.packet, atUs);
    }
    const { packet } = open;
    const flow = packet === null ? null : flowOf(packet);
    const isInvalid = one.ctState === 'invalid' || /\bct state invalid\b/.test(one.ruleText ?? '');
    if (isInvalid && !open.isInvalid) {
      open.isInvalid = true;
      invalid.traces++;
      // Conntrack's own line of the same packet says more, and is on its way.
      setTimeout(() => {
        first('traced-invalid', { atUs, what: 'first INVALID', flow, says: packet?.flags ?? '' });
      }, LINE_DELAY_MS).unref();
      onTrigger('invalid', atUs);
    }
    if (one.ctState === 'new') seen.fresh++;
    if (one.verdict !== 'drop') return;
    seen.dropped++;
    const place = `${one.family} ${one.table} ${one.chain}`;
    const rule = one.ruleKind === 'policy' ? 'its policy' : withoutCounters(one.ruleText ?? `handle ${one.handle}`);
    first(`drop ${place} ${rule}`, { atUs, what: 'first drop', flow: null, says: `${place}: ${rule}` });
    onTrigger('drop', atUs);
  };
  function openTrace(id: string): OpenTrace {
    packets.traces++;
    const open: OpenTrace = { packet: null, isInvalid: false };
    traces.set(id, open);
    if (traces.size > MOST_OPEN) traces.delete(traces.keys().next().value!);
    return open;
  }

  const refused = (packet: Packet, words: string, atUs: number): void => {
    if (!isAsked(filter, packet)) return;
    packets.lines++;
    invalid.lines++;
    count();
    told.add('traced-invalid'); // the same packet, with less to tell
    const says = `${packet.flags ?? ''} "${words}"`.trim();
    first(`invalid ${words.replaceAll(/\d+/g, '0')}`, { atUs, what: 'first INVALID', flow: flowOf(packet), says });
    reset(packet, atUs);
    onTrigger('invalid', atUs);
  };
  const capture = pcapForm.open(
    (record) => {
      if (record.kind !== 'captured-packet' || !mayLook()) return;
      const { captured } = record;
      // include/net/netfilter/nf_conntrack_l4proto.h: "nf_ct_proto_%d: " since 4.15.
      const words = /^nf_ct_\w+: (.*?) *$/s.exec(captured.nflog?.prefix ?? '')?.[1];
      if (words !== undefined) refused(captured.packet, words, captured.atUs ?? nowUs());
    },
    { fileName: 'nflog.pcap', command: null },
  );

  return {
    seen,
    kernel(text) {
      if (!mayLook()) return;
      const message = parseKernelMessage(text, CATALOGUE);
      if (message.kind === 'log-invalid' && message.packet !== null)
        refused(message.packet, spoken(message.message, message.numbers), nowUs());
    },
    packets(bytes) {
      capture.bytes(bytes);
    },
    trace(line, atUs) {
      if (!mayLook()) return;
      const read = readNftTraceLine(line, 0);
      if (read.is === 'step') step(read.step, atUs);
      count();
    },
    event(line) {
      seen.events++;
      if (!mayLook()) return;
      const read = readEventLine(line, null);
      if (read === null || 'reason' in read) return;
      tellEvent(read.event);
    },
  };

  function tellEvent({ kind, entry, atUs, portId, isUserSpace }: CtEvent): void {
    if (entry === null || (kind !== 'NEW' && kind !== 'DESTROY')) return;
    const { orig, reply } = entry;
    if (!covers(filter, endsOf(orig)) && (reply === null || !covers(filter, endsOf(reply)))) return;
    const at = atUs ?? nowUs();
    const flow = `${end(orig.src, orig.sport)} > ${end(orig.dst, orig.dport)}`;
    if (kind === 'NEW') {
      seen.fresh++;
      first('new', { atUs: at, what: 'first NEW', flow, says: entry.state ?? '' });
      return;
    }
    const isByProgram = isUserSpace === true || (portId !== null && portId > 0);
    const kindOfEnd = isByProgram ? 'deleted by a program' : 'gone by itself';
    first(kindOfEnd, {
      atUs: at,
      what: isByProgram ? 'entry deleted' : 'entry ended',
      flow,
      says: isByProgram ? 'by a program' : 'by the kernel',
    });
  }
}

/** The kernel's words with their numbers. */
function spoken(message: string, numbers: readonly number[]): string {
  let at = 0;
  return message.trim().replaceAll('%u', () => String(numbers[at++] ?? '?'));
}

function withoutCounters(rule: string): string {
  return rule.replace(/ counter packets \d+ bytes \d+/g, '');
}

function isAsked(filter: PacketFilter, { proto, src, dst, sport, dport }: Packet): boolean {
  return proto === null || src === null || dst === null || covers(filter, { proto, src, dst, sport, dport });
}

function endsOf(tuple: { proto: number; src: string; dst: string; sport: number | null; dport: number | null }) {
  return { proto: tuple.proto, src: tuple.src, dst: tuple.dst, sport: tuple.sport, dport: tuple.dport };
}

function end(address: string | null, port: number | null): string {
  const host = address ?? '?';
  return port === null ? host : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function flowOf({ src, sport, dst, dport }: Packet): string {
  return `${end(src, sport)} > ${end(dst, dport)}`;
}
