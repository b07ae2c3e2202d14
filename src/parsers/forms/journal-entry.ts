// What does one journal entry say of a kernel message? The fields are the same in every export form of journald.

import type { KernelLine, Stamp } from '../../model/kernel-line.js';

/** Field names to values; a field given twice keeps its first value. */
export type JournalFields = ReadonlyMap<string, string>;

function microseconds(fields: JournalFields, name: string): number | null {
  const text = fields.get(name);
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : null;
}

function small(fields: JournalFields, name: string, most: number): number | null {
  const text = fields.get(name);
  const value = text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  return value <= most ? value : null;
}

/**
 * systemd.journal-fields(7): of a kernel message _SOURCE_MONOTONIC_TIMESTAMP is printk's own time; __REALTIME_TIMESTAMP is when journald
 * received it.
 * @returns null for an entry without MESSAGE (journald leaves it out when it is too large).
 */
export function journalLine(fields: JournalFields, messageAt: number): KernelLine | null {
  const message = fields.get('MESSAGE');
  if (message === undefined) return null;
  const isKernel = fields.get('_TRANSPORT') === 'kernel' || (!fields.has('_TRANSPORT') && isKernelName(fields));
  const stamps: Stamp[] = [];
  const uptimeUs = isKernel ? microseconds(fields, '_SOURCE_MONOTONIC_TIMESTAMP') : null;
  if (uptimeUs !== null) stamps.push({ kind: 'uptime', us: uptimeUs });
  const epochUs = microseconds(fields, '_SOURCE_REALTIME_TIMESTAMP') ?? microseconds(fields, '__REALTIME_TIMESTAMP');
  if (epochUs !== null) stamps.push({ kind: 'epoch', us: epochUs });
  const machineId = fields.get('_MACHINE_ID');
  return {
    stamps,
    ...(machineId === undefined ? {} : { machineId }),
    host: fields.get('_HOSTNAME') ?? null,
    bootId: fields.get('_BOOT_ID') ?? null,
    sequence: null,
    facility: small(fields, 'SYSLOG_FACILITY', 23),
    severity: small(fields, 'PRIORITY', 7),
    caller: null,
    message,
    messageAt,
    isOtherProgram: !isKernel,
  };
}

function isKernelName(fields: JournalFields): boolean {
  const name = fields.get('SYSLOG_IDENTIFIER');
  return name === 'kernel' || (name === undefined && !fields.has('_PID') && !fields.has('_COMM'));
}
