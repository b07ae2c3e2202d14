// How would this kernel-log record look in kern.log, dmesg, the journal? One text for each form people send.

import { secondsText } from '../lab/clock.js';
import type { KmsgRecord } from '../lab/kernel-log.js';

export type KernelLogForm =
  | 'rsyslog-rfc3339'
  | 'rsyslog-classic'
  | 'dmesg'
  | 'dmesg-time'
  | 'dmesg-raw'
  | 'journal-short'
  | 'journal-json'
  | 'journal-export'
  | 'kmsg';

/** What the lines cannot be written without. */
export interface KernelLogOrigin {
  readonly host: string;
  readonly bootId: string;
  /** Epoch of uptime 0, in microseconds. */
  readonly bootAtUs: number;
}

/** File name and the command that gives this form on a real host. */
export const KERNEL_LOG_FILES: Readonly<Record<KernelLogForm, { readonly file: string; readonly command: string }>> = {
  'rsyslog-rfc3339': { file: 'kern.log', command: 'cat /var/log/kern.log' },
  'rsyslog-classic': { file: 'kern.log', command: 'cat /var/log/kern.log' },
  dmesg: { file: 'dmesg.txt', command: 'dmesg' },
  'dmesg-time': { file: 'dmesg-T.txt', command: 'dmesg -T' },
  'dmesg-raw': { file: 'dmesg-r.txt', command: 'dmesg -r' },
  'journal-short': { file: 'journal-k.txt', command: 'journalctl -k -o short-precise' },
  'journal-json': { file: 'journal-k.json', command: 'journalctl -k -o json' },
  'journal-export': { file: 'journal-k.export', command: 'journalctl -k -o export' },
  kmsg: { file: 'kmsg.txt', command: 'cat /dev/kmsg' },
};

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
/** Recorded hosts have no machine id of their own; a journal entry has to have one. */
const MACHINE_ID = '0123456789abcdef0123456789abcdef';

/** The records, one text in the given form. Every line ends with a newline. */
export function writeKernelLog(form: KernelLogForm, records: readonly KmsgRecord[], origin: KernelLogOrigin): string {
  return records.map((record) => writeRecord(form, record, origin)).join('');
}

function writeRecord(form: KernelLogForm, record: KmsgRecord, origin: KernelLogOrigin): string {
  const uptime = `[${secondsText(record.uptimeUs).padStart(12)}]`;
  switch (form) {
    case 'rsyslog-rfc3339':
      return `${rfc3339(record.readAtUs)} ${origin.host} kernel: ${uptime} ${record.text}\n`;
    case 'rsyslog-classic':
      return `${classicTime(record.readAtUs)} ${origin.host} kernel: ${uptime} ${record.text}\n`;
    case 'dmesg':
      return `${uptime} ${record.text}\n`;
    case 'dmesg-time':
      return `[${ctime(origin.bootAtUs + record.uptimeUs)}] ${record.text}\n`;
    case 'dmesg-raw':
      return `<${record.priority + record.facility * 8}>${uptime} ${record.text}\n`;
    case 'journal-short': {
      const micro = String(record.readAtUs % 1_000_000).padStart(6, '0');
      return `${classicTime(record.readAtUs)}.${micro} ${origin.host} kernel: ${record.text}\n`;
    }
    case 'journal-json':
      return `${JSON.stringify(Object.fromEntries(journalFields(record, origin)))}\n`;
    case 'journal-export':
      return `${journalFields(record, origin)
        .map(([name, value]) => `${name}=${value}\n`)
        .join('')}\n`;
    case 'kmsg':
      return record.raw;
  }
}

/** Fields as journald gives them to a kernel record (man 7 systemd.journal-fields); all values are text, also in JSON. */
function journalFields(record: KmsgRecord, origin: KernelLogOrigin): [string, string][] {
  const bootId = origin.bootId.replaceAll('-', '');
  const monotonicUs = Math.round(record.readAtUs - origin.bootAtUs);
  const hex = (value: number): string => value.toString(16);
  const cursor = `s=${MACHINE_ID};i=${hex(record.sequence)};b=${bootId};m=${hex(monotonicUs)};t=${hex(record.readAtUs)};x=0`;
  return [
    ['__CURSOR', cursor],
    ['__REALTIME_TIMESTAMP', String(record.readAtUs)],
    ['__MONOTONIC_TIMESTAMP', String(monotonicUs)],
    ['_BOOT_ID', bootId],
    ['_SOURCE_MONOTONIC_TIMESTAMP', String(record.uptimeUs)],
    ['_TRANSPORT', 'kernel'],
    ['PRIORITY', String(record.priority)],
    ['SYSLOG_FACILITY', String(record.facility)],
    ['SYSLOG_IDENTIFIER', 'kernel'],
    ['_HOSTNAME', origin.host],
    ['_MACHINE_ID', MACHINE_ID],
    ['MESSAGE', record.text],
  ];
}

function rfc3339(us: number): string {
  const micro = String(us % 1_000_000).padStart(6, '0');
  return `${new Date(us / 1000).toISOString().slice(0, 19)}.${micro}+00:00`;
}

function classicTime(us: number): string {
  const at = new Date(us / 1000);
  return `${MONTHS[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)} ${at.toISOString().slice(11, 19)}`;
}

function ctime(us: number): string {
  const at = new Date(us / 1000);
  return `${DAYS[at.getUTCDay()]} ${classicTime(us)} ${at.getUTCFullYear()}`;
}
