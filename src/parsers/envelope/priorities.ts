// Facility and severity: as a number in angle brackets, as words of logread and dmesg -x, and as a router's own triple.

import { BLANK, digitsEnd, digitsValue, LESS, wordEnd } from './characters.js';
import { type EnvelopeDraft, notePriority } from './draft.js';

const FACILITIES = new Map(
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock local0 local1 local2 local3 local4 local5 local6 local7'
    .split(' ')
    .map((name, number) => [name, number]),
);
FACILITIES.set('security', 4);

const SEVERITIES = new Map([
  ['emerg', 0],
  ['panic', 0],
  ['alert', 1],
  ['crit', 2],
  ['err', 3],
  ['error', 3],
  ['warn', 4],
  ['warning', 4],
  ['notice', 5],
  ['info', 6],
  ['debug', 7],
]);

function noteWords(draft: EnvelopeDraft, facility: string, severity: string): boolean {
  const facilityNumber = FACILITIES.get(facility);
  const severityNumber = SEVERITIES.get(severity);
  if (facilityNumber === undefined || severityNumber === undefined) return false;
  draft.facility = facilityNumber;
  draft.severity = severityNumber;
  return true;
}

/** '<6>' or '<174>': the offset behind it, or -1. */
export function readPriority(line: string, at: number, draft: EnvelopeDraft): number {
  if (line.charCodeAt(at) !== LESS) return -1;
  const end = digitsEnd(line, at + 1);
  if (end === at + 1 || end > at + 4 || line.charAt(end) !== '>') return -1;
  const priority = digitsValue(line, at + 1, end);
  if (priority > 191) return -1;
  notePriority(draft, priority);
  return end + 1;
}

/** 'kern.warn ' as busybox and OpenWrt print it: the offset behind the blank, or -1. */
export function readFacilityWord(line: string, at: number, draft: EnvelopeDraft): number {
  const end = wordEnd(line, at);
  if (end - at > 18 || end === line.length) return -1;
  const dot = line.indexOf('.', at);
  if (dot < 0 || dot > end) return -1;
  return noteWords(draft, line.slice(at, dot), line.slice(dot + 1, end)) ? end + 1 : -1;
}

const DECODED = /^([a-z]+[0-7]?) *:([a-z]+) *: ?/;

/** 'kern  :warn  : ' of dmesg -x: the offset behind it, or -1. */
export function readDecodedPriority(line: string, at: number, draft: EnvelopeDraft): number {
  const colon = line.indexOf(':', at);
  if (colon < 0 || colon > at + 9) return -1;
  const match = DECODED.exec(line.slice(at, at + 24));
  if (match === null || !noteWords(draft, match[1] ?? '', match[2] ?? '')) return -1;
  return at + match[0].length;
}

/** '(warning|kern|kernel) ': severity, facility and program of a router's own log; the offset behind it, or -1. */
export function readTriple(line: string, at: number, draft: EnvelopeDraft): number {
  if (line.charAt(at) !== '(') return -1;
  const match = /^\(([a-z]+)\|([a-z0-7]+)\|([^)|]*)\) ?/.exec(line.slice(at, at + 80));
  if (match === null || !noteWords(draft, match[2] ?? '', match[1] ?? '')) return -1;
  draft.isOtherProgram = match[3] !== 'kernel';
  return at + match[0].length;
}

/** printk's own level marks in front of a message that never passed printk's formatting: SOH and a digit. */
export function readRawLevel(line: string, at: number, draft: EnvelopeDraft): number {
  if (line.charCodeAt(at) !== 1) return -1;
  const level = line.charCodeAt(at + 1) - 48;
  if (!(level >= 0 && level <= 7)) return -1;
  notePriority(draft, level);
  return at + 2;
}

/** The offset behind one blank at `at`, or `at`. */
export function behindBlank(line: string, at: number): number {
  return line.charCodeAt(at) === BLANK ? at + 1 : at;
}
