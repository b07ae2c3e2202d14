// What is this kernel message: a rule's LOG or TRACE line, conntrack's own complaint, a helper's, a debug line, a notice, or none of ours?

import type { KernelMessage } from '../model/kernel-line.js';
import type { Packet } from '../model/packet.js';
import { parseAuditPacket } from './netfilter-log/audit-packet.js';
import { type DebugLine, parseDecorated } from './netfilter-log/debug-line.js';
import { findAnyField, findDump, findShortenedDump } from './netfilter-log/dump-start.js';
import { type MessageHead, parseMessageHead, withoutNumbers } from './netfilter-log/message-head.js';
import { parseNotice } from './netfilter-log/notices.js';
import { parsePacketDump } from './netfilter-log/parse-packet-dump.js';
import { parseTraceHead, traceWordAt } from './netfilter-log/trace-head.js';

/** The catalogue of the kernel's messages, as this parser needs it. */
export interface MessageCatalogue {
  /**
   * @param text the message without its dump and without blanks or newlines at its ends, but with its 'nf_ct_…: ' prefix.
   * @returns the entry's id, the text without that prefix and with its numbers as %u, and the numbers; null when it is not in there.
   */
  match(
    text: string,
    kind: 'log-invalid' | 'helper' | 'debug' | 'notice',
  ): { readonly reasonId: string; readonly message: string; readonly numbers: readonly number[] } | null;
}

const OTHER: KernelMessage = { kind: 'other' };

function trackerMessage(
  text: string,
  head: MessageHead,
  end: number,
  packet: Packet | null,
  catalogue: MessageCatalogue,
): KernelMessage {
  const kind = head.isHelper ? 'helper' : 'log-invalid';
  const known = catalogue.match(text.slice(head.at, end).trim(), kind);
  const own = known ?? withoutNumbers(text.slice(head.textAt, end).trim());
  return {
    kind,
    message: own.message,
    numbers: own.numbers,
    protoName: head.name,
    reasonId: known?.reasonId ?? null,
    packet,
  };
}

function debugMessage(text: string, functionName: string | null, catalogue: MessageCatalogue): KernelMessage {
  return { kind: 'debug', reasonId: catalogue.match(text, 'debug')?.reasonId ?? null, function: functionName, text };
}

/** 'nf_conntrack: …' is the prefix of the core's printk as well as a decoration. */
function decoratedMessage(text: string, line: DebugLine, catalogue: MessageCatalogue): KernelMessage {
  const words = text.trim();
  const notice = line.function === null ? catalogue.match(words, 'notice') : null;
  return notice === null
    ? debugMessage(line.text.trim(), line.function, catalogue)
    : { kind: 'notice', reasonId: notice.reasonId, count: null, detail: {}, text: words };
}

/** A message that has, or had, a dump. */
function withDump(text: string, dumpAt: number, catalogue: MessageCatalogue): KernelMessage {
  const prefix = text.slice(0, dumpAt);
  const { packet } = parsePacketDump(text, dumpAt);
  if (prefix.includes(':')) {
    const trace = parseTraceHead(prefix);
    if (trace !== null) return { kind: 'trace', ...trace, packet };
    const head = parseMessageHead(prefix, dumpAt);
    if (head !== null) return trackerMessage(text, head, dumpAt, packet, catalogue);
  }
  return { kind: 'log', prefix, packet };
}

/** A tracker's or helper's message whose dump is missing, shortened beyond IN= and SRC=, or never was (pr_debug). */
function withoutHeadOfDump(text: string, head: MessageHead, catalogue: MessageCatalogue): KernelMessage {
  const fieldAt = findAnyField(text, head.textAt);
  if (fieldAt >= 0) {
    return trackerMessage(text, head, fieldAt, parsePacketDump(text, fieldAt).packet, catalogue);
  }
  const words = text.slice(head.at).trim();
  if (head.isNumbered || text.startsWith('dropping packet', head.textAt)) {
    return trackerMessage(text, head, text.length, null, catalogue);
  }
  // 'nf_ct_tcp: invalid new deleting.' is pr_debug's; 'nf_ct_tcp: invalid state' lost its dump.
  const isDebug = head.isHelper || catalogue.match(words, 'debug') !== null;
  const isLogInvalid = !isDebug && catalogue.match(words, 'log-invalid') !== null;
  return isLogInvalid ? trackerMessage(text, head, text.length, null, catalogue) : debugMessage(words, null, catalogue);
}

/** The reason a notice names; words of a paste in front of it, and the end that a terminal wrapped, do not hide a full table. */
function noticeReason(words: string, catalogue: MessageCatalogue): string | null {
  const known = catalogue.match(words, 'notice');
  if (known !== null) return known.reasonId;
  const full = /(?:nf|ip)_conntrack: (?:(?:nf|ip)_conntrack: )?table full(?: in netns \d+)?/.exec(words)?.[0];
  return full === undefined ? null : (catalogue.match(`${full}, dropping packet`, 'notice')?.reasonId ?? null);
}

/** A TRACE line that ends before its dump; behind other words the line is another tool's. */
const TRACE_WITHOUT_DUMP = /TRACE: \S+\s*I?N?$/;

function withoutDump(text: string, catalogue: MessageCatalogue): KernelMessage {
  const traceAt = traceWordAt(text);
  if (traceAt >= 0 && TRACE_WITHOUT_DUMP.test(text.slice(traceAt))) {
    const trace = parseTraceHead(text.replace(/\sI?N?$/, ''));
    return trace === null
      ? { kind: 'unreadable', reason: 'TRACE line cut in front of its rule number', at: text.length }
      : { kind: 'trace', ...trace, packet: parsePacketDump(text, text.length).packet };
  }
  const notice = parseNotice(text);
  if (notice !== null) {
    const words = text.trim();
    return { kind: 'notice', reasonId: noticeReason(words, catalogue), ...notice, text: words };
  }
  if (text.includes('_ct_') || text.includes('helper ')) {
    const head = parseMessageHead(text, text.length);
    if (head !== null) return withoutHeadOfDump(text, head, catalogue);
    if (/^\s*(?:nf|ip)_ct_[\w.-]*:?\s*$/.test(text)) {
      return { kind: 'unreadable', reason: 'conntrack message cut behind its prefix', at: text.length };
    }
  }
  const decorated = parseDecorated(text);
  if (decorated !== null) return decoratedMessage(text, decorated, catalogue);
  if (text.includes('NETFILTER_PKT') || text.includes('type=1324')) {
    const audit = parseAuditPacket(text);
    if (audit !== null) return audit;
  }
  const words = text.trim();
  const debug = words === '' ? null : catalogue.match(words, 'debug');
  return debug === null ? OTHER : { kind: 'debug', reasonId: debug.reasonId, function: null, text: words };
}

/**
 * Classifies one kernel message and reads what it tells.
 *
 * @param text the message behind its envelope (KernelLine.message); it may contain newlines, be cut or garbled anywhere.
 * @param catalogue gives reason ids and the fixed words of known messages; unknown ones keep their form with reasonId null.
 * @returns 'other' for what is not netfilter's, 'unreadable' for what looks like it but cannot be read. Never throws.
 */
export function parseKernelMessage(text: string, catalogue: MessageCatalogue): KernelMessage {
  const dumpAt = findDump(text, 0);
  if (dumpAt >= 0) return withDump(text, dumpAt, catalogue);
  const shortenedAt = findShortenedDump(text, 0);
  return shortenedAt >= 0 ? withDump(text, shortenedAt, catalogue) : withoutDump(text, catalogue);
}
