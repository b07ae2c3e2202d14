// Audit logs: the packets of iptables' AUDIT target (NETFILTER_PKT) and the changes of rulesets (NETFILTER_CFG), raw or from ausearch.

import type { KernelLine, KernelMessage, Stamp } from '../../model/kernel-line.js';
import { isoTime, timeOfDay } from '../envelope/clock-times.js';
import { type Emit, type Form, type FormReader, OTHER, TAKEN } from '../form.js';
import { type MessageCatalogue, parseKernelMessage } from '../kernel-message.js';
import { parseAuditPacket } from '../netfilter-log/audit-packet.js';

const RECORD = /^(?:node=(\S+) )?type=([A-Z_0-9]+|UNKNOWN\[\d+\]) msg=audit\(([^)]*)\)\s*:\s?/;
/** What ausearch puts between the records of two events. */
const SEPARATOR = /^-{4}\s*$|^time->/;

/** 'seconds.millis:serial', or interpreted: a date in the order of the locale or ISO, time, serial. */
function stampOf(text: string): Stamp | null {
  const raw = /^(\d{1,12})\.(\d{3}):\d+$/.exec(text);
  if (raw !== null) return { kind: 'epoch', us: Number(raw[1]) * 1_000_000 + Number(raw[2]) * 1000 };
  const iso = isoTime(text, 0);
  if (iso !== null) return iso.stamp;
  const date = /^(\d{2})\/(\d{2})\/(\d{2,4}) /.exec(text);
  const time = date === null ? null : timeOfDay(text, date[0].length);
  if (date === null || time === null) return null;
  const [month, day, year] = [Number(date[1]), Number(date[2]), Number(date[3])];
  // ausearch prints the locale's order; only what cannot be a month is known to be the day.
  const isDayFirst = month > 12;
  return {
    kind: 'wall',
    year: year < 100 ? 2000 + year : year,
    month: isDayFirst ? day : month,
    day: isDayFirst ? month : day,
    usOfDay: time.us,
  };
}

const OTHER_MESSAGE: KernelMessage = { kind: 'other' };

function messageOf(type: string, text: string, catalogue: MessageCatalogue): KernelMessage {
  if (type === 'NETFILTER_PKT' || type === 'UNKNOWN[1324]') {
    return (
      parseAuditPacket(text) ?? {
        kind: 'unreadable',
        reason: 'audit record of a packet without addresses',
        at: text.length,
      }
    );
  }
  if (type === 'NETFILTER_CFG' || type === 'UNKNOWN[1325]') return parseKernelMessage(text, catalogue);
  return OTHER_MESSAGE;
}

function open(emit: Emit, catalogue: MessageCatalogue): FormReader {
  return {
    line(text, line) {
      const record = RECORD.exec(text);
      if (record === null) return text.trim() === '' || SEPARATOR.test(text) ? TAKEN : OTHER;
      const [head, node, type = '', time = ''] = record;
      const message = messageOf(type, text, catalogue);
      if (message.kind === 'unreadable') return { is: 'unread', reason: message.reason, at: message.at };
      const stamp = stampOf(time);
      const envelope: KernelLine = {
        stamps: stamp === null ? [] : [stamp],
        host: node ?? null,
        bootId: null,
        sequence: null,
        facility: null,
        severity: null,
        caller: null,
        message: text.slice(head.length),
        messageAt: head.length,
        isOtherProgram: false,
      };
      emit({ kind: 'kernel', line, envelope, message });
      return TAKEN;
    },
    end() {
      // Every record is one line.
    },
  };
}

/** The form of audit.log and of ausearch's output. */
export function auditForm(catalogue: MessageCatalogue): Form {
  return {
    id: 'audit',
    title: 'audit log: packets of the AUDIT target, changes of rulesets',
    recognise: (line) => (RECORD.test(line) ? (line.includes('type=NETFILTER_') ? 98 : 85) : 0),
    open: (emit) => open(emit, catalogue),
  };
}
