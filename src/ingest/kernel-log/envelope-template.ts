// The envelope of a log hardly changes from line to line: date and host stay, the time of day and the uptime count on.
// A template is learned from one line that the full parser read, and then read from bytes; it is given up for the full parser
// whenever anything but digits differs.

import type { KernelLine, Stamp } from '../../model/kernel-line.js';

const DAY_US = 86_400_000_000;
const SPACE = 0x20;

/** What the last matched line's envelope told. -1: not told. */
export interface EnvelopeFields {
  /** Microseconds of the day of a wall or epoch stamp. */
  usOfDay: number;
  uptimeUs: number;
  /** Where the message begins. */
  messageAt: number;
}

interface Template {
  /** A record of /dev/kmsg: '4,1234,5678901,-;', where priority, number and time are its only changing parts. */
  readonly isRecord: boolean;
  /** Bytes before the time of day ('Nov 21 ', '2026-11-21T', '[Fri Nov 21 '); all fixed bytes when there is no time of day. */
  readonly before: Uint8Array;
  readonly hasTime: boolean;
  /** Digits of a fraction behind HH:MM:SS and its sign, 0 for none. */
  readonly fraction: number;
  readonly fractionSign: number;
  /** Bytes between the time and the uptime ('+00:00 host kernel: ['), or the message. */
  readonly between: Uint8Array;
  readonly hasUptime: boolean;
  readonly wall: Exclude<Stamp, { kind: 'uptime' }> | null;
  /** Epoch stamps: the epoch at usOfDay 0 as printed. */
  readonly epochDayUs: number;
}

export interface EnvelopeReader {
  /** Reads an envelope at `from` into `fields`; false when the template does not fit. */
  match(bytes: Uint8Array, from: number, end: number): boolean;
  readonly fields: EnvelopeFields;
  /** Wall or epoch stamp of the last matched line; NULL when it has none. */
  stamp(): Stamp | null;
  /** Of the wall or epoch stamp: 1 for microseconds, 1,000,000 for whole seconds. */
  resolutionUs(): number;
  /** Changes whenever another template is learned. */
  generation(): number;
  /** Tries to make a template of a line that the full parser read. latin1 text, so that columns are bytes. */
  learn(line: string, envelope: KernelLine): void;
}

const TIME = /(?<!\d)(\d\d):(\d\d):(\d\d)(?:([.,])(\d{3,6}))?/;
const UPTIME_AT_END = /\[ *\d{1,10}\.\d{6}\] $/;
/** A whole record of the kernel's own: facility 0, no caller (kernel/printk/printk.c: info_print_ext_header(), v6.1). */
const RECORD = /^[0-7],\d{1,16},\d{1,15},-;$/;
const RECORD_END = latin1(',-;');
const COMMA = 0x2c;

export function openEnvelopeReader(): EnvelopeReader {
  let template: Template | null = null;
  let generation = 0;
  const fields: EnvelopeFields = { usOfDay: -1, uptimeUs: -1, messageAt: 0 };

  const matchRecord = (bytes: Uint8Array, from: number): boolean => {
    const priority = bytes[from]! - 0x30;
    if (priority < 0 || priority > 7 || bytes[from + 1] !== COMMA) return false;
    let at = from + 2;
    let digit = bytes[at]! - 0x30;
    while (digit >= 0 && digit <= 9) digit = bytes[++at]! - 0x30;
    if (at === from + 2 || at > from + 18 || bytes[at] !== COMMA) return false;
    const first = ++at;
    let us = 0;
    digit = bytes[at]! - 0x30;
    while (digit >= 0 && digit <= 9) {
      us = us * 10 + digit;
      digit = bytes[++at]! - 0x30;
    }
    if (at === first || at - first > 15) return false;
    for (let i = 0; i < RECORD_END.length; i++) if (bytes[at + i] !== RECORD_END[i]) return false;
    fields.usOfDay = -1;
    fields.uptimeUs = us;
    fields.messageAt = at + RECORD_END.length;
    return true;
  };

  const match = (bytes: Uint8Array, from: number, end: number): boolean => {
    if (template === null) return false;
    if (template.isRecord) return matchRecord(bytes, from);
    let at = from;
    const before = template.before;
    if (from + before.length + template.between.length + 32 > end) return false;
    for (let i = 0; i < before.length; i++) if (bytes[at + i] !== before[i]) return false;
    at += before.length;
    if (template.hasTime) {
      const hours = twoDigits(bytes, at);
      const minutes = twoDigits(bytes, at + 3);
      const seconds = twoDigits(bytes, at + 6);
      if (hours < 0 || minutes < 0 || seconds < 0 || hours > 23 || minutes > 59 || seconds > 59) return false;
      if (bytes[at + 2] !== 0x3a || bytes[at + 5] !== 0x3a) return false;
      at += 8;
      let us = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000;
      if (template.fraction > 0) {
        if (bytes[at] !== template.fractionSign) return false;
        let scale = 100_000;
        for (let i = 1; i <= template.fraction; i++) {
          const digit = bytes[at + i]! - 0x30;
          if (digit < 0 || digit > 9) return false;
          us += digit * scale;
          scale /= 10;
        }
        at += template.fraction + 1;
      }
      fields.usOfDay = us;
    } else fields.usOfDay = -1;
    const between = template.between;
    for (let i = 0; i < between.length; i++) if (bytes[at + i] !== between[i]) return false;
    at += between.length;
    if (template.hasUptime) {
      while (bytes[at] === SPACE) at++;
      let seconds = 0;
      const first = at;
      let digit = bytes[at]! - 0x30;
      while (digit >= 0 && digit <= 9) {
        seconds = seconds * 10 + digit;
        digit = bytes[++at]! - 0x30;
      }
      if (at === first || at - first > 10 || bytes[at] !== 0x2e) return false;
      let us = 0;
      for (let i = 1; i <= 6; i++) {
        digit = bytes[at + i]! - 0x30;
        if (digit < 0 || digit > 9) return false;
        us = us * 10 + digit;
      }
      at += 7;
      if (bytes[at] !== 0x5d || bytes[at + 1] !== SPACE) return false;
      at += 2;
      fields.uptimeUs = seconds * 1_000_000 + us;
    } else fields.uptimeUs = -1;
    fields.messageAt = at;
    return true;
  };

  return {
    match,
    fields,
    generation: () => generation,
    resolutionUs: () => (template === null || template.fraction === 0 ? 1_000_000 : template.fraction >= 6 ? 1 : 1000),
    stamp() {
      if (template === null || template.wall === null || fields.usOfDay < 0) return null;
      return template.wall.kind === 'epoch'
        ? { kind: 'epoch', us: template.epochDayUs + fields.usOfDay }
        : { ...template.wall, usOfDay: fields.usOfDay };
    },
    learn(line, envelope) {
      const candidate = templateOf(line, envelope);
      if (candidate === null) return;
      const kept = template;
      template = candidate;
      const bytes = Buffer.from(`${line}${' '.repeat(64)}`, 'latin1');
      const uptime = envelope.stamps.find((stamp) => stamp.kind === 'uptime');
      const agrees =
        match(bytes, 0, bytes.length) &&
        fields.messageAt === envelope.messageAt &&
        fields.uptimeUs === (uptime === undefined ? -1 : uptime.us) &&
        sameStamp(this.stamp(), envelope.stamps.find((stamp) => stamp.kind !== 'uptime') ?? null);
      if (agrees) generation++;
      else template = kept;
    },
  };
}

function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 0x30;
  const ones = bytes[at + 1]! - 0x30;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

function sameStamp(a: Stamp | null, b: Stamp | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.kind !== b.kind) return false;
  return a.kind === 'wall' && b.kind === 'wall'
    ? a.year === b.year && a.month === b.month && a.day === b.day && a.usOfDay === b.usOfDay
    : a.kind !== 'wall' && b.kind !== 'wall' && a.us === b.us;
}

const NO_TIME = { hasTime: false, fraction: 0, fractionSign: 0, between: latin1(''), epochDayUs: 0 };

function templateOf(line: string, envelope: KernelLine): Template | null {
  const { stamps } = envelope;
  const head = line.slice(0, envelope.messageAt);
  if (RECORD.test(head) && stamps.length === 1 && stamps[0]?.kind === 'uptime' && !envelope.isOtherProgram)
    return { ...NO_TIME, isRecord: true, hasUptime: true, wall: null, before: latin1('') };
  // Facts that change from line to line in places a template does not know of.
  if (envelope.isOtherProgram || envelope.sequence !== null || envelope.caller !== null || stamps.length > 2)
    return null;
  const wall = stamps.find((stamp) => stamp.kind !== 'uptime') ?? null;
  const hasUptime = stamps.some((stamp) => stamp.kind === 'uptime');
  const uptimeAt = hasUptime ? head.search(UPTIME_AT_END) : head.length;
  if (uptimeAt < 0) return null;
  const fixed = hasUptime ? head.slice(0, uptimeAt + 1) : head;
  const shared = { isRecord: false, hasUptime, wall: wall as Template['wall'] };
  if (wall === null) return { ...NO_TIME, ...shared, before: latin1(fixed) };
  const time = TIME.exec(fixed);
  if (time === null) return null;
  const [whole, hours, minutes, seconds, sign, fraction] = time;
  const usOfDay =
    ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000_000 +
    Number((fraction ?? '').padEnd(6, '0'));
  return {
    ...shared,
    before: latin1(fixed.slice(0, time.index)),
    hasTime: true,
    fraction: fraction?.length ?? 0,
    fractionSign: sign?.charCodeAt(0) ?? 0,
    between: latin1(fixed.slice(time.index + whole.length)),
    epochDayUs: wall.kind === 'epoch' ? wall.us - usOfDay : 0,
  };
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/** Microseconds since the epoch of a wall stamp read as if it were UTC; `year` where the stamp has none. */
export function wallUs(stamp: Extract<Stamp, { kind: 'wall' }>, year: number): number {
  return (Date.UTC(stamp.year ?? year, stamp.month - 1, stamp.day) / 86_400_000) * DAY_US + stamp.usOfDay;
}
