import { describe, expect, it } from 'vitest';
import { type KmsgRecord, parseKmsgRecord } from '../../lab/kernel-log.js';
import { type KernelLogForm, writeKernelLog } from '../../record/kernel-log-forms.js';

const BOOT_AT_US = Date.UTC(2026, 2, 1, 11, 0, 0) * 1000;
const UPTIME_US = 3723_004_005;
const TEXT = 'OUTPUT NEW: IN= OUT=eth0 SRC=192.0.2.5 DST=198.51.100.5 ';
const RAW = `5,817,${UPTIME_US},-;${TEXT}\n SUBSYSTEM=net\n`;
const ORIGIN = { host: 'client', bootId: '12345678-1234-1234-1234-123456789abc', bootAtUs: BOOT_AT_US };

function record(): KmsgRecord {
  const parsed = parseKmsgRecord(RAW, BOOT_AT_US + UPTIME_US + 1500);
  if (parsed === null) throw new Error('not a record');
  return parsed;
}

const write = (form: KernelLogForm): string => writeKernelLog(form, [record()], ORIGIN);

describe('a kernel-log record', () => {
  it('is read from /dev/kmsg with its continuation lines kept aside', () => {
    expect(record()).toMatchObject({
      priority: 5,
      facility: 0,
      sequence: 817,
      uptimeUs: UPTIME_US,
      text: TEXT,
      raw: RAW,
    });
  });

  it('has its escaped bytes restored and its facility split off', () => {
    expect(parseKmsgRecord('14,9,1000,-;a\\x09b\n', 0)).toMatchObject({ priority: 6, facility: 1, text: 'a\tb' });
  });

  it.each(['', 'hello', '5,817;text', ';'])('is not made of %j', (raw) => {
    expect(parseKmsgRecord(raw, 0)).toBeNull();
  });

  it.each([
    ['rsyslog-rfc3339', `2026-03-01T12:02:03.005505+00:00 client kernel: [ 3723.004005] ${TEXT}\n`],
    ['rsyslog-classic', `Mar  1 12:02:03 client kernel: [ 3723.004005] ${TEXT}\n`],
    ['dmesg', `[ 3723.004005] ${TEXT}\n`],
    ['dmesg-time', `[Sun Mar  1 12:02:03 2026] ${TEXT}\n`],
    ['dmesg-raw', `<5>[ 3723.004005] ${TEXT}\n`],
    ['journal-short', `Mar  1 12:02:03.005505 client kernel: ${TEXT}\n`],
    ['kmsg', RAW],
  ] as const)('looks in %s as people send it', (form, line) => {
    expect(write(form)).toBe(line);
  });

  it('keeps both of its times in the journal', () => {
    const fields = JSON.parse(write('journal-json')) as Record<string, string>;
    expect(fields).toMatchObject({
      __REALTIME_TIMESTAMP: String(BOOT_AT_US + UPTIME_US + 1500),
      _SOURCE_MONOTONIC_TIMESTAMP: String(UPTIME_US),
      _BOOT_ID: '12345678123412341234123456789abc',
      PRIORITY: '5',
      MESSAGE: TEXT,
    });
    const exported = write('journal-export');
    for (const [name, value] of Object.entries(fields)) expect(exported).toContain(`${name}=${value}\n`);
    expect(exported.endsWith('\n\n')).toBe(true);
  });
});
