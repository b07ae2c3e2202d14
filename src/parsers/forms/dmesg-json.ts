// dmesg --json (util-linux 2.38 and newer): {"dmesg": [{"pri": 4, "time": 12.345678, "msg": "…"}, …]}, in any layout of lines.

import type { KernelLine, Stamp } from '../../model/kernel-line.js';
import { unescapeControls } from '../envelope/escapes.js';
import { parseEnvelope } from '../envelope/parse-envelope.js';
import { type Emit, type Form, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import type { MessageCatalogue } from '../kernel-message.js';
import { classifyWhole } from './kernel-record.js';

const FACILITIES = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
];
const SEVERITIES = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];

/** "time" is seconds since boot, or with --time-format a time as dmesg prints it in brackets or without. */
function stampsOf(time: unknown): readonly Stamp[] {
  if (typeof time === 'number' && Number.isFinite(time) && time >= 0) {
    return [{ kind: 'uptime', us: Math.round(time * 1_000_000) }];
  }
  if (typeof time !== 'string') return [];
  return /^\s*\d+\.\d+$/.test(time) ? parseEnvelope(`[${time}] `).stamps : parseEnvelope(`${time} `).stamps;
}

/** --decode prints names, and priority and facility as two; without it "pri" is the record's number. */
function priorityOf(
  object: Readonly<Record<string, unknown>>,
): readonly [facility: number | null, severity: number | null] {
  const { pri, fac } = object as { readonly pri?: unknown; readonly fac?: unknown };
  if (typeof pri === 'number') return [typeof fac === 'number' ? fac : pri >> 3, pri & 7];
  const facility = typeof fac === 'string' ? FACILITIES.indexOf(fac.trim()) : -1;
  const severity = typeof pri === 'string' ? SEVERITIES.indexOf(pri.trim()) : -1;
  return [facility < 0 ? null : facility, severity < 0 ? null : severity];
}

function envelopeOf(object: Readonly<Record<string, unknown>>): KernelLine | null {
  const { msg, time, caller } = object as {
    readonly msg?: unknown;
    readonly time?: unknown;
    readonly caller?: unknown;
  };
  if (typeof msg !== 'string') return null;
  const [facility, severity] = priorityOf(object);
  return {
    stamps: stampsOf(time),
    host: null,
    bootId: null,
    sequence: null,
    facility,
    severity,
    caller: typeof caller === 'string' ? caller : null,
    message: unescapeControls(msg),
    messageAt: 0,
    isOtherProgram: facility !== null && facility !== 0,
  };
}

function open(emit: Emit, catalogue: MessageCatalogue): FormReader {
  /** Text of the entry that is being collected: from its '{' on; '' between entries. */
  let entry = '';
  let entryLine = 0;
  let isOpen = false;

  const finish = (): LineOutcome => {
    const text = entry;
    entry = '';
    let object: Readonly<Record<string, unknown>>;
    try {
      object = JSON.parse(text) as Record<string, unknown>;
    } catch {
      return { is: 'unread', reason: 'JSON object of a dmesg entry is broken', at: 0 };
    }
    const envelope = envelopeOf(object);
    if (envelope === null) return TAKEN;
    const message = classifyWhole(envelope, catalogue);
    if (message.kind === 'unreadable') return { is: 'unread', reason: message.reason, at: 0 };
    emit({ kind: 'kernel', line: entryLine, envelope, message });
    return TAKEN;
  };

  /** Feeds one line; entries never nest, so a quote-aware search for braces is enough. */
  const feed = (text: string, line: number): LineOutcome => {
    let outcome: LineOutcome = TAKEN;
    let isQuoted = false;
    let from = entry === '' ? -1 : 0;
    for (let at = 0; at < text.length; at++) {
      const character = text.charAt(at);
      if (isQuoted) {
        if (character === '\\') at++;
        else if (character === '"') isQuoted = false;
      } else if (character === '"') isQuoted = true;
      else if (character === '{') {
        from = at;
        entry = '';
        entryLine = line;
      } else if (character === '}' && from >= 0) {
        entry += text.slice(from, at + 1);
        const one = finish();
        if (one.is === 'unread') outcome = one;
        from = -1;
      }
    }
    if (from >= 0) entry += `${text.slice(from)}\n`;
    return outcome;
  };

  return {
    line(text, line) {
      const opening = /^\s*\{\s*(?:"dmesg"\s*:\s*\[)?/.exec(text);
      if (!isOpen && opening === null) return OTHER;
      isOpen = true;
      if (/^\s*\]\s*\}?\s*$/.test(text) && entry === '') return TAKEN;
      const heading = /"dmesg"\s*:\s*\[/.exec(text);
      if (heading === null) return feed(text, line);
      entry = '';
      return feed(text.slice(heading.index + heading[0].length), line);
    },
    end() {
      entry = '';
      isOpen = false;
    },
  };
}

/** The form of dmesg --json. */
export function dmesgJsonForm(catalogue: MessageCatalogue): Form {
  return {
    id: 'dmesg --json',
    title: 'dmesg --json',
    recognise(line, context) {
      if (/^\s*\{\s*"dmesg"\s*:/.test(line)) return 98;
      if (/^\s*\{.*"msg"\s*:\s*"/.test(line) && /"(?:pri|time)"\s*:/.test(line)) return 70;
      return line.trim() === '{' && /dmesg/.test(context.command ?? context.fileName) ? 70 : 0;
    },
    open: (emit) => open(emit, catalogue),
  };
}
