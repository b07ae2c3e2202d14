// Envelopes with a layout of their own from the first to the last character: /dev/kmsg records, RFC 5424, the Proxmox firewall log.

import { BLANK, digitsEnd, digitsValue, isDigit, wordEnd } from './characters.js';
import { isoTime, slashTime } from './clock-times.js';
import { type EnvelopeDraft, notePriority } from './draft.js';

const KMSG = /^(\d{1,4}),(\d{1,16}),(\d{1,16}),([^;]{1,80});/;

/** '4,1234,5678901,-,caller=T1;message' (Documentation/ABI/testing/dev-kmsg): the offset of the message, or -1. */
export function readKmsg(line: string, draft: EnvelopeDraft): number {
  const end = digitsEnd(line, 0);
  if (end === 0 || end > 4 || line.charAt(end) !== ',') return -1;
  const match = KMSG.exec(line.slice(0, 128));
  if (match === null) return -1;
  notePriority(draft, Number(match[1]));
  draft.sequence = Number(match[2]);
  draft.stamps.push({ kind: 'uptime', us: Number(match[3]) });
  draft.caller = /,caller=([TC]\d+)/.exec(match[4] ?? '')?.[1] ?? null;
  return match[0].length;
}

/** A line that belongs to the /dev/kmsg record before it: ' SUBSYSTEM=net', ' DEVICE=+pci:0000:00:03.0'. */
export function isKmsgContinuation(line: string): boolean {
  return /^ (?:SUBSYSTEM|DEVICE)=/.test(line);
}

/** The offset behind RFC 5424's structured data at `at` ('-' or '[id key="value"]…'), or -1. */
function structuredDataEnd(line: string, at: number): number {
  if (line.charAt(at) === '-') return at + 1;
  let here = at;
  while (line.charAt(here) === '[') {
    let isQuoted = false;
    here++;
    while (here < line.length && (isQuoted || line.charAt(here) !== ']')) {
      if (line.charAt(here) === '\\') here++;
      else if (line.charAt(here) === '"') isQuoted = !isQuoted;
      here++;
    }
    if (here >= line.length) return -1;
    here++;
  }
  return here === at ? -1 : here;
}

/** What stands behind '<pri>' in RFC 5424: '1 TIME HOST APP PROCID MSGID SD message'. The offset of the message, or -1. */
export function readRfc5424(line: string, at: number, draft: EnvelopeDraft): number {
  if (!isDigit(line.charCodeAt(at)) || line.charCodeAt(at + 1) !== BLANK) return -1;
  let here = at + 2;
  const timeEnd = wordEnd(line, here);
  const time = isoTime(line, here);
  if ((time === null || time.end !== timeEnd) && line.slice(here, timeEnd) !== '-') return -1;
  const words: string[] = [];
  here = timeEnd;
  while (words.length < 4 && line.charCodeAt(here) === BLANK) {
    const end = wordEnd(line, here + 1);
    words.push(line.slice(here + 1, end));
    here = end;
  }
  if (words.length < 4 || line.charCodeAt(here) !== BLANK) return -1;
  const end = structuredDataEnd(line, here + 1);
  if (end < 0) return -1;
  if (time !== null) draft.stamps.push(time.stamp);
  const [host, application] = words;
  draft.host = host === undefined || host === '-' ? null : host;
  draft.isOtherProgram = application !== '-' && application !== 'kernel';
  const message = line.charCodeAt(end) === BLANK ? end + 1 : end;
  return line.charCodeAt(message) === 0xfeff ? message + 1 : message;
}

/** '0 3 PVEFW-HOST-IN 20/Jun/2022:13:09:14 +0200 ' (pve-firewall: guest, level, chain, time). The offset of the message, or -1. */
export function readProxmox(line: string, draft: EnvelopeDraft): number {
  const guestEnd = digitsEnd(line, 0);
  if (guestEnd === 0 || guestEnd > 9 || line.charCodeAt(guestEnd) !== BLANK) return -1;
  const level = line.charCodeAt(guestEnd + 1);
  if (level < 48 || level > 55 || line.charCodeAt(guestEnd + 2) !== BLANK) return -1;
  const chainEnd = wordEnd(line, guestEnd + 3);
  const time = slashTime(line, chainEnd + 1);
  if (time === null) return -1;
  draft.severity = digitsValue(line, guestEnd + 1, guestEnd + 2);
  draft.chain = line.slice(guestEnd + 3, chainEnd);
  draft.stamps.push(time.stamp);
  return line.charCodeAt(time.end) === BLANK ? time.end + 1 : time.end;
}
