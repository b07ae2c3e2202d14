// What does the envelope of a kernel log line tell: when, where, by whom, and where does the message begin?

import type { KernelLine } from '../../model/kernel-line.js';
import { readBracketTime } from './brackets.js';
import { isBlank, isDigit, LESS, OPEN_BRACKET, skipBlanks, wordEnd } from './characters.js';
import {
  classicTime,
  dayFirstTime,
  isoTime,
  isWeekdayAt,
  type ReadStamp,
  unixTime,
  weekdayTime,
} from './clock-times.js';
import { type EnvelopeDraft, emptyEnvelope } from './draft.js';
import { unescapeControls, unescapeHex, withoutTerminalCodes } from './escapes.js';
import { readOrigin, type TimeStyle } from './origin.js';
import { readDecodedPriority, readPriority, readRawLevel, readTriple } from './priorities.js';
import { readKmsg, readProxmox, readRfc5424 } from './whole-records.js';

/** The stamp at `at` and what its notation allows behind it. */
function wallTime(line: string, at: number): { readonly read: ReadStamp; readonly style: TimeStyle } | null {
  if (isDigit(line.charCodeAt(at))) {
    const iso = isoTime(line, at) ?? unixTime(line, at);
    if (iso !== null) return { read: iso, style: iso.hasComma ? 'message' : 'iso' };
    const dayFirst = dayFirstTime(line, at);
    if (dayFirst !== null) return { read: dayFirst, style: 'classic' };
    // '2021 Nov 21 08:29:57' (year in front).
    const behindYear = /^(?:19|20)\d\d (?=[A-Z][a-z]{2} )/.exec(line.slice(at, at + 9));
    const dated = behindYear === null ? null : classicTime(line, at + 5);
    if (dated === null || dated.stamp.kind !== 'wall') return null;
    return {
      read: { ...dated, stamp: { ...dated.stamp, year: Number(line.slice(at, at + 4)) } },
      style: 'classic',
    };
  }
  const read = classicTime(line, at) ?? weekdayTime(line, at);
  return read === null ? null : { read, style: 'classic' };
}

/** OpenWrt's logread can print the host in front of the time: 'OpenWrt Fri Jun 13 20:37:50 2025 kern.warn kernel: …'. */
function leadingHost(line: string, draft: EnvelopeDraft): number {
  const end = wordEnd(line, 0);
  const next = skipBlanks(line, end);
  if (next === end || end > 64 || !isWeekdayAt(line, next) || weekdayTime(line, next) === null) return -1;
  draft.host = line.slice(0, end);
  return next;
}

interface Head {
  readonly messageAt: number;
  readonly isKmsg: boolean;
}

/** Behind the marks that a mail program or a forum puts in front of a line it quotes: '> ', '>> ', a single back quote; 0 without. */
function quoteEnd(line: string): number {
  const first = line.charCodeAt(0);
  if (first === GREATER) return /^(?:> ?)+/.exec(line)![0].length;
  return first === BACK_QUOTE && line.charCodeAt(1) !== BACK_QUOTE ? 1 : 0;
}

/** Times, priorities and origin, in any order that a writer or a relay between two writers leaves them. */
function readHead(line: string, draft: EnvelopeDraft): Head {
  const first = line.charCodeAt(0);
  if (isDigit(first)) {
    const kmsg = readKmsg(line, draft);
    if (kmsg >= 0) return { messageAt: kmsg, isKmsg: true };
    const proxmox = readProxmox(line, draft);
    if (proxmox >= 0) return { messageAt: proxmox, isKmsg: false };
  }
  let at = quoteEnd(line);
  if (at > 0) return readQuoted(line, at, draft);
  if (first === LESS) {
    const behind = readPriority(line, 0, draft);
    const message = behind < 0 ? -1 : readRfc5424(line, behind, draft);
    if (message >= 0) return { messageAt: behindKernelTime(line, message, draft), isKmsg: false };
    if (behind >= 0) at = behind;
  } else {
    const raw = readRawLevel(line, 0, draft);
    const decoded = raw < 0 ? readDecodedPriority(line, 0, draft) : raw;
    at = decoded >= 0 ? decoded : 0;
  }
  if (draft.facility === null) {
    const behindHost = leadingHost(line, draft);
    if (behindHost >= 0) at = behindHost;
  }
  return readTimes(line, at, draft);
}

/** What is quoted has an envelope of its own behind the mark. */
function readQuoted(line: string, at: number, draft: EnvelopeDraft): Head {
  const own = readHead(line.slice(at), draft);
  return { ...own, messageAt: own.messageAt + at };
}

function readTimes(line: string, from: number, draft: EnvelopeDraft): Head {
  let at = from;
  let style: TimeStyle = 'none';
  // A relay puts its own time in front of the line's: two wall times and one of the kernel are the most that was met.
  for (let round = 0; round < 4; round++) {
    const bracket = readBracketTime(line, at, draft);
    if (bracket >= 0) {
      at = bracket;
      continue;
    }
    const wall = wallTime(line, at);
    if (wall === null) break;
    draft.stamps.push(wall.read.stamp);
    style = wall.style;
    at = isBlank(line.charCodeAt(wall.read.end)) ? skipBlanks(line, wall.read.end) : wall.read.end;
  }
  const triple = readTriple(line, at, draft);
  if (triple >= 0) return { messageAt: triple, isKmsg: false };
  const message = readOrigin(line, at, style, draft);
  return { messageAt: message === at ? at : behindKernelTime(line, message, draft), isKmsg: false };
}

/** The kernel's level and time behind a daemon's envelope: '<4>[12345.678901] '. */
function behindKernelTime(line: string, at: number, draft: EnvelopeDraft): number {
  if (draft.isOtherProgram) return at;
  let here = at;
  if (line.charCodeAt(here) === LESS) {
    const behind = readPriority(line, here, draft);
    if (behind >= 0) here = behind;
  }
  if (line.charCodeAt(here) === OPEN_BRACKET) {
    const behind = readBracketTime(line, here, draft);
    if (behind >= 0) here = behind;
  }
  return here;
}

const GREATER = 62;
const BACK_QUOTE = 96;
const RANK = { uptime: 0, epoch: 1, wall: 2 } as const;

function bestFirst(draft: EnvelopeDraft): EnvelopeDraft['stamps'] {
  const stamps = draft.stamps;
  const [first, second] = stamps;
  if (first === undefined || second === undefined) return stamps;
  if (stamps.length === 2) return RANK[first.kind] <= RANK[second.kind] ? stamps : [second, first];
  return stamps.sort((left, right) => RANK[left.kind] - RANK[right.kind]);
}

/**
 * Reads the envelope of one line of kernel text: syslog daemons', journalctl's, dmesg's in all its options, /dev/kmsg's, logread's, the
 * Proxmox firewall log's, or none at all.
 *
 * @param line without its line end.
 * @returns only what the envelope tells; the message has its control characters back (a multi-line message contains '\n'), `messageAt` is
 *   its column in the line as given. The kernel's own uptime comes first among the stamps. Never throws.
 */
export function parseEnvelope(line: string): KernelLine {
  const plain = withoutTerminalCodes(line);
  const draft = emptyEnvelope();
  const head = readHead(plain, draft);
  const rest = plain.slice(head.messageAt);
  const kernelLine: KernelLine = {
    stamps: bestFirst(draft),
    host: draft.host,
    bootId: null,
    sequence: draft.sequence,
    facility: draft.facility,
    severity: draft.severity,
    caller: draft.caller,
    message: head.isKmsg ? unescapeHex(rest) : unescapeControls(rest),
    messageAt: line.includes('\u001b') ? Math.max(line.indexOf(rest), head.messageAt) : head.messageAt,
    isOtherProgram: draft.isOtherProgram,
  };
  return draft.chain === null ? kernelLine : { ...kernelLine, chain: draft.chain };
}
