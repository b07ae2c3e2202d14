// Envelopes: every notation a kernel line is passed on in, and nothing told that the line does not tell.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KernelLine, Stamp } from '../../../src/model/kernel-line.js';
import { parseEnvelope } from '../../../src/parsers/envelope/parse-envelope.js';

const DUMP = 'IN=eth0 OUT= SRC=192.0.2.1 DST=198.51.100.2 LEN=60';
const HOUR = 3_600_000_000;
const EIGHT_29_57 = 8 * HOUR + (29 * 60 + 57) * 1_000_000;

const uptime = (us: number): Stamp => ({ kind: 'uptime', us });
const wall = (year: number | null, month: number, day: number, usOfDay = EIGHT_29_57): Stamp => ({
  kind: 'wall',
  year,
  month,
  day,
  usOfDay,
});
const epoch = (iso: string, micros = 0): Stamp => ({ kind: 'epoch', us: Date.parse(iso) * 1000 + micros });

const NOTHING: KernelLine = {
  stamps: [],
  host: null,
  bootId: null,
  sequence: null,
  facility: null,
  severity: null,
  caller: null,
  message: '',
  messageAt: 0,
  isOtherProgram: false,
};

const UP = uptime(12_345_678_901);

describe('kernel lines', () => {
  it.each<[head: string, told: Partial<KernelLine>]>([
    ['', {}],
    ['Nov 21 08:29:57 gw kernel: ', { stamps: [wall(null, 11, 21)], host: 'gw' }],
    ['Nov 21 08:29:57 gw kernel: [12345.678901] ', { stamps: [UP, wall(null, 11, 21)], host: 'gw' }],
    ['Nov  1 08:29:57 gw kernel: [   12.345678] ', { stamps: [uptime(12_345_678), wall(null, 11, 1)], host: 'gw' }],
    ['Nov 1 08:29:57 kernel: ', { stamps: [wall(null, 11, 1)] }],
    ['Apr 1808:29:57 gw kernel: ', { stamps: [wall(null, 4, 18)], host: 'gw' }],
    ['Apr 108:29:57 gw kernel: ', { stamps: [wall(null, 4, 1)], host: 'gw' }],
    ['Nov 21 08:29:57.123 gw kernel: ', { stamps: [wall(null, 11, 21, EIGHT_29_57 + 123_000)], host: 'gw' }],
    ['Nov 21 2021 08:29:57 gw kernel: ', { stamps: [wall(2021, 11, 21)], host: 'gw' }],
    ['2021 Nov 21 08:29:57 gw kernel: ', { stamps: [wall(2021, 11, 21)], host: 'gw' }],
    ['Nov 21 08:29:57 gw kernel[0]: ', { stamps: [wall(null, 11, 21)], host: 'gw' }],
    ['Nov 21 08:29:57 [host name hidden] kernel: ', { stamps: [wall(null, 11, 21)], host: null }],
    [
      'Nov 21 08:29:57 <host> kernel: <4>[12345.678901] ',
      { stamps: [UP, wall(null, 11, 21)], host: '<host>', facility: 0, severity: 4 },
    ],
    ['<6>Nov 21 08:29:57 gw kernel: ', { stamps: [wall(null, 11, 21)], host: 'gw', facility: 0, severity: 6 }],
    [
      'Nov 21 08:29:57 gw kern.warn kernel: [12345.678901] ',
      { stamps: [UP, wall(null, 11, 21)], host: 'gw', facility: 0, severity: 4 },
    ],
    ['Nov 21 08:29:57 kern.notice kernel: ', { stamps: [wall(null, 11, 21)], facility: 0, severity: 5 }],
    [
      'Sun Nov 21 08:29:57 2021 kern.err kernel: [12345.678901] ',
      { stamps: [UP, wall(2021, 11, 21)], facility: 0, severity: 3 },
    ],
    [
      'router Sun Nov 21 08:29:57 2021 kern.warn kernel: ',
      { stamps: [wall(2021, 11, 21)], host: 'router', facility: 0, severity: 4 },
    ],
    ['kern.warn kernel: [12345.678901] ', { stamps: [UP], facility: 0, severity: 4 }],
    ['kernel: ', {}],
    ['2021-11-21T08:29:57Z gw kernel: ', { stamps: [epoch('2021-11-21T08:29:57Z')], host: 'gw' }],
    [
      '2021-11-21T08:29:57.123456+01:00 gw kernel: [12345.678901] ',
      { stamps: [UP, epoch('2021-11-21T07:29:57Z', 123_456)], host: 'gw' },
    ],
    ['2021-11-21T08:29:57,5-0330 gw kernel: ', { stamps: [epoch('2021-11-21T11:59:57Z', 500_000)], host: 'gw' }],
    ['2021-11-21 08:29:57+02 gw kernel: ', { stamps: [epoch('2021-11-21T06:29:57Z')], host: 'gw' }],
    ['2021-11-21 08:29:57 UTC gw kernel: ', { stamps: [epoch('2021-11-21T08:29:57Z')], host: 'gw' }],
    ['2021-11-21 08:29:57.25 gw kernel: ', { stamps: [wall(2021, 11, 21, EIGHT_29_57 + 250_000)], host: 'gw' }],
    ['2021/11/21 08:29:57 gw kernel: ', { stamps: [wall(2021, 11, 21)], host: 'gw' }],
    ['Sun 2021-11-21 08:29:57 UTC gw kernel: ', { stamps: [epoch('2021-11-21T08:29:57Z')], host: 'gw' }],
    ['Sun 2021-11-21 08:29:57 CET gw kernel: ', { stamps: [wall(2021, 11, 21)], host: 'gw' }],
    ['1637483397.123456 gw kernel: ', { stamps: [{ kind: 'epoch', us: 1_637_483_397_123_456 }], host: 'gw' }],
    ['2021-11-21T08:29:57.571658 [12345.678901] ', { stamps: [UP, wall(2021, 11, 21, EIGHT_29_57 + 571_658)] }],
    ['2021-11-21T08:29:57,000001+00:00 ', { stamps: [epoch('2021-11-21T08:29:57Z', 1)] }],
    ['[12345.678901] gw kernel: ', { stamps: [UP], host: 'gw' }],
    ['[12345.678901] ', { stamps: [UP] }],
    ['[    0.000001] ', { stamps: [uptime(1)] }],
    ['[12345.678901][ T512] ', { stamps: [UP], caller: 'T512' }],
    ['[12345.678901][    C1] ', { stamps: [UP], caller: 'C1' }],
    ['[12345.678901] [    C1] ', { stamps: [UP], caller: 'C1' }],
    ['[12345.678901 <    0.500000 >] fw kernel: ', { stamps: [UP], host: 'fw' }],
    ['[12345.678901                ] fw kernel: ', { stamps: [UP], host: 'fw' }],
    ['[12345.678901@1] ', { stamps: [UP] }],
    ['[12345.678901 <    0.000012>] ', { stamps: [UP] }],
    ['[  +0.000012] ', {}],
    ['[Nov21 08:29] ', { stamps: [wall(null, 11, 21, 8 * HOUR + 29 * 60_000_000)] }],
    ['[Sun Nov 21 08:29:57 2021] ', { stamps: [wall(2021, 11, 21)] }],
    ['<4>[12345.678901] ', { stamps: [UP], facility: 0, severity: 4 }],
    ['<12>', { facility: 1, severity: 4 }],
    ['kern  :warn  : [12345.678901] ', { stamps: [UP], facility: 0, severity: 4 }],
    ['daemon:info  : [12345.678901] ', { stamps: [UP], facility: 3, severity: 6 }],
    ['4,1234,5678901,-;', { stamps: [uptime(5_678_901)], sequence: 1234, facility: 0, severity: 4 }],
    [
      '30,1234,5678901,c,caller=T1;',
      { stamps: [uptime(5_678_901)], sequence: 1234, facility: 3, severity: 6, caller: 'T1' },
    ],
    [
      '<174>1 2003-08-24T05:14:15+00:00 gw kernel - - - ',
      { stamps: [epoch('2003-08-24T05:14:15Z')], host: 'gw', facility: 21, severity: 6 },
    ],
    ['<4>1 - - - - - [a@1 b="c]\\"d"][e@2] ', { facility: 0, severity: 4 }],
    [
      '0 3 PVEFW-HOST-IN 21/Nov/2021:08:29:57 +0100 ',
      { stamps: [epoch('2021-11-21T07:29:57Z')], severity: 3, chain: 'PVEFW-HOST-IN' },
    ],
    ['08:29:57 21-11-2021 (warning|kern|kernel) ', { stamps: [wall(2021, 11, 21)], facility: 0, severity: 4 }],
    ['Nov 21 08:29:57 gw ', { stamps: [wall(null, 11, 21)], host: 'gw' }],
    [
      'Nov 21 09:00:00 relay 2021-11-21T08:29:57Z gw kernel: ',
      { stamps: [wall(null, 11, 21, 9 * HOUR)], host: 'relay' },
    ],
  ])('%s', (head, told) => {
    const line = head + DUMP;
    const read = parseEnvelope(line);
    const isRelayed = head.includes('relay') || head.includes('hidden');
    if (isRelayed) expect(read.stamps).toEqual(told.stamps);
    else expect(read).toEqual({ ...NOTHING, message: DUMP, messageAt: head.length, ...told });
    expect(line.slice(read.messageAt)).toBe(read.message);
  });

  it.each([
    ['Nov 21 08:29:57 gw kernel: DROP IN: IN=eth0 OUT= ', 'DROP IN: IN=eth0 OUT= '],
    ['Nov 21 08:29:57 kernel: [wan-lan-D]IN=eth0 OUT= ', '[wan-lan-D]IN=eth0 OUT= '],
    ['[   37.285169] gate one: IN=lo OUT= ', 'gate one: IN=lo OUT= '],
    ['2021-11-21T08:29:57.571658 [12345.678901] gate accepted IN=lo OUT= ', 'gate accepted IN=lo OUT= '],
    ['2021-11-21T08:29:57,000000+00:00 EGRESS: IN= OUT=eth0 SRC=192.0.2.1', 'EGRESS: IN= OUT=eth0 SRC=192.0.2.1'],
    ['Nov 21 08:29:57 gw [fw-17-A] IN=eth0 OUT= MAC=', '[fw-17-A] IN=eth0 OUT= MAC='],
    ['Nov 21 08:29:57 gw nf_conntrack: table full, dropping packet', 'nf_conntrack: table full, dropping packet'],
    ['Nov 21 08:29:57 gw kernel: [12345.678901]  IN=eth0', ' IN=eth0'],
    ['[UFW BLOCK] IN=eth0 OUT= ', '[UFW BLOCK] IN=eth0 OUT= '],
    ['TRACE: raw:PREROUTING:rule:1 IN=eth0', 'TRACE: raw:PREROUTING:rule:1 IN=eth0'],
  ])('%s: the message keeps what is its own', (line, message) => {
    expect(parseEnvelope(line).message).toBe(message);
    expect(parseEnvelope(line).isOtherProgram).toBe(false);
  });

  it.each([
    ['Nov 21 08:29:57 gw sshd[123]: Accepted publickey for root', 'gw'],
    ['Nov 21 08:29:57 gw systemd: Started Session 1', 'gw'],
    ['Nov 21 08:29:57 gw ulogd[77]: DROP IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=1', 'gw'],
    ['Nov 21 08:29:57 gw ulogd: DROP IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=1', 'gw'],
    ['2021-11-21T08:29:57Z gw systemd-journald[1]: Missed 12 kernel messages', 'gw'],
    ['Nov 21 08:29:57 daemon.info dnsmasq[5]: started', null],
    ['<30>1 2003-08-24T05:14:15Z gw sshd 12 - - hello', 'gw'],
    ['08:29:57 21-11-2021 (info|daemon|ntpd) time', null],
  ])('%s: another program wrote it', (line, host) => {
    expect(parseEnvelope(line)).toMatchObject({ isOtherProgram: true, host });
  });

  it.each([
    ['5,1,2,-;sctp failed\\x0a IN=eth0', 'sctp failed\n IN=eth0'],
    ['5,1,2,-;caf\\xc3\\xa9 \\x5cn', 'café \\n'],
    ['Nov 21 08:29:57 gw kernel: sctp failed#012 IN=eth0', 'sctp failed\n IN=eth0'],
    ['[1.000000] sctp failed\\n IN=eth0', 'sctp failed\n IN=eth0'],
    ['[1.000000] sctp failed\\x0a IN=eth0', 'sctp failed\n IN=eth0'],
    ['[1.000000] C:\\new #999 \\x41', 'C:\\new #999 \\x41'],
    ['[1.000000] DROP IN=eth0\r', 'DROP IN=eth0'],
  ])('%s: control characters come back', (line, message) => {
    expect(parseEnvelope(line).message).toBe(message);
  });

  it('takes colours off', () => {
    const line = '\u001b[32m[12345.678901] \u001b[0m\u001b[33mnf_conntrack: \u001b[0mtable full';
    expect(parseEnvelope(line)).toMatchObject({ stamps: [UP], message: 'nf_conntrack: table full' });
  });

  it.each([
    'Nov 31x',
    '[12345.]',
    '[1.2.3] x',
    'Foo 21 08:29:57',
    'Nov 21 25:29:57 gw x',
    '2021-13-41T08:29:57Z x',
    '<999>x',
    '1,2',
    '4,1,2,-',
    '0 9 X 21/Nov/2021:08:29:57 x',
  ])('%s is no envelope', (line) => {
    expect(parseEnvelope(line)).toEqual({ ...NOTHING, message: line });
  });

  it('never throws, and the message is the end of the line', () => {
    const part = fc.constantFrom(
      'Nov 21 08:29:57',
      '[',
      ']',
      '<',
      '>',
      '6',
      ' ',
      'kernel:',
      'gw',
      '12.5',
      'T1',
      '2021-11-21',
      ',',
      ';',
      ':',
      'Sun',
      'kern.warn',
      '|',
      '(',
      '\u001b[',
      '\\x0a',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(part).map((parts) => parts.join('')),
        ),
        (line) => {
          const read = parseEnvelope(line);
          expect(read.messageAt).toBeLessThanOrEqual(line.length);
          if (!/[\\#\u001b\r]/.test(line)) expect(line.slice(read.messageAt)).toBe(read.message);
        },
      ),
      { numRuns: 5000 },
    );
  });
});
