// Who wrote the line, and on which host? What stands between the time and the message: '[host] [facility.severity] [tag:] '.

import { findDump } from '../netfilter-log/dump-start.js';
import { BLANK, COLON, digitsEnd, isBlank, skipBlanks, wordEnd } from './characters.js';
import type { EnvelopeDraft } from './draft.js';
import { readFacilityWord } from './priorities.js';

/** How the time in front was written; it decides what may follow without a tag. */
export type TimeStyle =
  /** No time, or only the kernel's own: no host and no program follow, except journalctl's 'host kernel:'. */
  | 'none'
  /** syslog's: a host always follows where a daemon wrote it (ulogd's LOGEMU puts the message right behind it). */
  | 'classic'
  /** RFC 3339: host and tag follow together or not at all. */
  | 'iso'
  /** dmesg --time-format iso: the message follows. */
  | 'message';

const KERNEL_BEGINNINGS =
  /^(?:nf_|ip_ct_|ip_conntrack|TRACE: |net_ratelimit: |helper [\w.-]+ dropping |(?:IPv4: )?martian |ll header: |UDP: |conntrack: )/;

/** Offset behind 'kernel: ' or 'kernel[0]: ' at `at`, or -1. */
function behindKernelTag(line: string, at: number): number {
  if (!line.startsWith('kernel', at)) return -1;
  let here = at + 6;
  if (line.charAt(here) === '[') {
    const end = digitsEnd(line, here + 1);
    if (line.charAt(end) !== ']') return -1;
    here = end + 1;
  }
  if (line.charCodeAt(here) !== COLON) return -1;
  return line.charCodeAt(here + 1) === BLANK ? here + 2 : here + 1;
}

/** The kernel's tag behind at most a host and a facility word. Notes both. The offset of the message, or -1. */
function readKernelOrigin(line: string, at: number, style: TimeStyle, draft: EnvelopeDraft): number {
  const direct = behindKernelTag(line, at);
  if (direct >= 0) return direct;
  const tag = line.indexOf('kernel', at);
  if (tag < 0 || tag > at + 120) return -1;
  const wordLimit = style === 'none' && draft.stamps.length === 0 ? 1 : 2;
  let here = at;
  let host: string | null = null;
  let hasFacility = false;
  for (let words = 0; words < wordLimit && here < tag; words++) {
    const behindFacility = readFacilityWord(line, here, draft);
    if (behindFacility >= 0) {
      hasFacility = true;
      here = skipBlanks(line, behindFacility);
    } else {
      if (host !== null || line.charCodeAt(here) === BLANK) return -1;
      const end = wordEnd(line, here);
      // 'DROP: kernel: …' would be a message about the kernel, not a host.
      if (line.charCodeAt(end - 1) === COLON) return -1;
      host = line.slice(here, end);
      here = skipBlanks(line, end);
    }
  }
  if (style === 'none' && draft.stamps.length === 0 && !hasFacility) return -1;
  const message = here === tag ? behindKernelTag(line, tag) : -1;
  if (message >= 0 && host !== null) draft.host = host;
  return message;
}

interface Tag {
  readonly name: string;
  readonly hasPid: boolean;
  /** Offset behind the tag's colon and one blank. */
  readonly end: number;
}

/** A program's tag at `at`: 'sshd[123]: ', 'rsyslogd-2177: ', 'ulogd: '. */
function tagAt(line: string, at: number): Tag | null {
  const end = wordEnd(line, at);
  if (end === at || line.charCodeAt(end - 1) !== COLON) return null;
  const word = line.slice(at, end - 1);
  const pid = /^([\w./@-]+)\[\d+\]$/.exec(word);
  if (pid === null && !/^[\w./@#-]+$/.test(word)) return null;
  return { name: pid?.[1] ?? word, hasPid: pid !== null, end: line.charCodeAt(end) === BLANK ? end + 1 : end };
}

function isHostWord(word: string): boolean {
  return /^(?:[A-Za-z0-9][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+|<[^>]+>)$/.test(word);
}

const LOG_WRITERS = /^(?:ulogd2?|rsyslogd?(?:-\d+)?|systemd-journald?|journal|syslogd|syslog-ng|klogd|imklog)$/;

/** Without a kernel tag: another program's line, a message without tag, or a packet logger's. The offset of the message. */
function readUntagged(line: string, at: number, style: TimeStyle, draft: EnvelopeDraft): number {
  const firstEnd = wordEnd(line, at);
  const second = skipBlanks(line, firstEnd);
  if (KERNEL_BEGINNINGS.test(line.slice(at, at + 40))) return at;
  const firstTag = tagAt(line, at);
  const host = line.slice(at, firstEnd);
  const hasHost = firstTag === null && isHostWord(host);
  const tag = firstTag ?? (hasHost ? tagAt(line, second) : null);
  if (hasHost && second > firstEnd && KERNEL_BEGINNINGS.test(line.slice(second, second + 40))) {
    draft.host = host;
    return second;
  }
  if (tag !== null && (tag.hasPid || LOG_WRITERS.test(tag.name) || findDump(line, at) < 0)) {
    if (firstTag === null) draft.host = host;
    draft.isOtherProgram = true;
    return tag.end;
  }
  if (style === 'iso') return at;
  if (hasHost && second > firstEnd) {
    draft.host = host;
    draft.isOtherProgram = findDump(line, second) < 0;
    return second;
  }
  return at;
}

/**
 * Reads host, facility word and tag at `at`.
 * @returns the offset of the message; the draft then says host, facility, severity and whether another program wrote it.
 */
export function readOrigin(line: string, at: number, style: TimeStyle, draft: EnvelopeDraft): number {
  const kernel = readKernelOrigin(line, at, style, draft);
  if (kernel >= 0) return kernel;
  if (style === 'none' || style === 'message') return at;
  const behindFacility = readFacilityWord(line, at, draft);
  const here = behindFacility < 0 ? at : behindFacility;
  return isBlank(line.charCodeAt(here)) ? here : readUntagged(line, here, style, draft);
}
