// The quick way through a line says what the full parser says, whatever the envelope and however the bytes arrive.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLog } from './journeys-of.js';
import { makeTraffic } from './traffic-model.js';

const MAC = 'MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 ';
const MESSAGES = [
  `[UFW BLOCK] IN=eth0 OUT= ${MAC}SRC=192.0.2.7 DST=203.0.113.9 LEN=44 TOS=0x00 PREC=0x20 TTL=243 ID=54321 PROTO=TCP SPT=40125 DPT=23 WINDOW=65535 RES=0x00 SYN URGP=0 `,
  `nf_ct_proto_6: SEQ is over upper bound 1234567 (over the window of the receiver) IN=eth0 OUT= ${MAC}SRC=192.0.2.7 DST=203.0.113.9 LEN=52 TOS=0x00 PREC=0x00 TTL=64 ID=77 DF PROTO=TCP SPT=40125 DPT=443 SEQ=99 ACK=7 WINDOW=501 RES=0x00 ACK PSH URGP=0 OPT (0101080A0011223344556677) `,
  `drop: IN=eth0 OUT=eth1 ${MAC}SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0001:0000:0000:0000:0000:00ff LEN=80 TC=0 HOPLIMIT=63 FLOWLBL=123456 PROTO=UDP SPT=5353 DPT=53 LEN=40 `,
  'out: IN= OUT=eth1 SRC=203.0.113.9 DST=192.0.2.7 LEN=30 TOS=0x10 PREC=0x00 TTL=64 ID=9 DF PROTO=UDP SPT=500 DPT=4500 LEN=10 UID=0 GID=0 MARK=0x2a ',
  `ping: IN=eth0 OUT= ${MAC}SRC=192.0.2.7 DST=203.0.113.9 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID=3 DF PROTO=ICMP TYPE=8 CODE=0 ID=77 SEQ=12 `,
  `err: IN=eth0 OUT= ${MAC}SRC=192.0.2.1 DST=203.0.113.9 LEN=56 TOS=0x00 PREC=0xC0 TTL=64 ID=4 PROTO=ICMP TYPE=3 CODE=4 [SRC=203.0.113.9 DST=192.0.2.7 LEN=1500 TOS=0x00 PREC=0x00 TTL=63 ID=5 DF PROTO=TCP SPT=80 DPT=4000 WINDOW=1 RES=0x00 ACK URGP=0 ] MTU=1400 `,
  `odd: IN=eth0 OUT= ${MAC}SRC=192.0.2.7 DST=203.0.113.9 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=6 CE DF MF PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x38 CWR ECE URG ACK PSH RST SYN FIN URGP=77 `,
  `esp: IN=eth0 OUT= ${MAC}SRC=192.0.2.7 DST=203.0.113.9 LEN=120 TOS=0x00 PREC=0x00 TTL=64 ID=8 PROTO=ESP SPI=0xcb886522 `,
  'TRACE: filter:FORWARD:rule:3 IN=br0 OUT=eth1 PHYSIN=veth1 SRC=192.0.2.7 DST=203.0.113.9 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=11 DF PROTO=TCP SPT=40 DPT=50 SEQ=1 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B4) ',
];

const ENVELOPES: Readonly<Record<string, (at: number) => string>> = {
  'syslog with uptime': (at) =>
    `Nov 21 09:00:${String(at % 60).padStart(2, '0')} fw kernel: [${String(100 + at).padStart(5)}.000123] `,
  'syslog without uptime': (at) => `Nov 21 09:00:${String(at % 60).padStart(2, '0')} fw kernel: `,
  dmesg: (at) => `[${String(100 + at).padStart(5)}.000123] `,
  'RFC 3339 with uptime': (at) =>
    `2026-11-21T09:00:${String(at % 60).padStart(2, '0')}.12345${at % 10}+01:00 fw kernel: [${String(100 + at).padStart(5)}.000123] `,
  'dmesg -T': (at) => `[Sat Nov 21 09:00:${String(at % 60).padStart(2, '0')} 2026] `,
  kmsg: (at) => `4,${1000 + at},${100_000_000 + at},-;`,
};

/** Every message three times, half a minute apart, so that the second and third are read the quick way where there is one. */
function logOf(envelope: (at: number) => string): string {
  return [0, 20, 40].flatMap((from) => MESSAGES.map((message, i) => `${envelope(from + i)}${message}\n`)).join('');
}

/** What is said of a packet, without where and when. */
function told(log: string) {
  return readLog(log).packets.map(({ heads, shapes, tuples, mac, fields, extra, clockUs }) => ({
    heads,
    shapes,
    tuples,
    mac,
    fields,
    extra,
    clockUs,
  }));
}

describe('lines', () => {
  for (const [name, envelope] of Object.entries(ENVELOPES)) {
    it(`${name}: read quickly as they are read slowly`, () => {
      const log = logOf(envelope);
      const whole = readLog(log);
      expect(whole.unread).toEqual([]);
      expect(whole.packets).toHaveLength(MESSAGES.length * 3);
      // Alone, a line is always read by the full parser.
      const alone = log
        .trimEnd()
        .split('\n')
        .flatMap((line) => told(`${line}\n`));
      expect(told(log)).toEqual(alone);
      expect(whole.slowLines).toBeLessThan(MESSAGES.length * 2);
    });
  }

  it('gives the same packets in any split', () => {
    const log = makeTraffic({ seed: 5, packets: 60, ids: 'counting', cpus: 2, twins: 0.1, lost: 0 }).text.replaceAll(
      '\n',
      '\r\n',
    );
    const whole = readLog(log);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 }), (sizes) => {
        expect(readLog(log, sizes).packets).toEqual(whole.packets);
      }),
      { numRuns: 30 },
    );
  });

  it('never throws, and reads whole lines around a cut one as before', () => {
    const log = logOf(ENVELOPES['syslog with uptime']!).split('\n');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: log.length - 2 }), fc.integer({ min: 0, max: 200 }), (line, at) => {
        const cut = log.map((text, i) => (i === line ? text.slice(0, at) : text)).join('\n');
        const { packets } = readLog(cut);
        const others = packets.filter((packet) => packet.lines[0] !== line + 1);
        expect(others).toHaveLength(MESSAGES.length * 3 - 1);
      }),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        readLog(bytes);
      }),
    );
  });

  it('finds the moment of boot from lines with both clocks, and a step of the wall clock', () => {
    const lineAt = (wall: number, uptime: number): string =>
      `Nov 21 09:${String(Math.floor(wall / 60)).padStart(2, '0')}:${String(wall % 60).padStart(2, '0')} fw kernel: [${uptime.toFixed(6).padStart(12)}] ${MESSAGES[0]}\n`;
    const even = Array.from({ length: 400 }, (_, i) => lineAt(Math.floor(5.25 + i * 0.3), 100 + i * 0.3)).join('');
    const { stretches } = readLog(even);
    expect(stretches).toHaveLength(1);
    const bootUs = Date.UTC(2026, 10, 21, 9, 0, 5) * 1000 + 250_000 - 100_000_000;
    expect(stretches[0]!.bootLowUs).toBeLessThanOrEqual(bootUs + 1);
    expect(stretches[0]!.bootHighUs).toBeGreaterThanOrEqual(bootUs - 1);
    expect(stretches[0]!.bootHighUs - stretches[0]!.bootLowUs).toBeLessThan(310_000);
    const stepped =
      even + Array.from({ length: 40 }, (_, i) => lineAt(Math.floor(500 + i * 0.3), 221 + i * 0.3)).join('');
    expect(readLog(stepped).stretches.map((stretch) => stretch.isStep)).toEqual([false, true]);
    const rebooted =
      even + Array.from({ length: 40 }, (_, i) => lineAt(Math.floor(500 + i * 0.3), 3 + i * 0.3)).join('');
    expect(readLog(rebooted).stretches.map((stretch) => stretch.boot)).toEqual([0, 1]);
  });
});

const WRAPPED = MESSAGES[0]!;

/** A message broken into pieces of so many characters, at blanks or wherever the screen ended. */
function brokenAt(text: string, width: number, atBlanks: boolean): string {
  const pieces: string[] = [];
  for (let rest = text; rest !== ''; ) {
    const at = rest.length <= width ? rest.length : atBlanks ? rest.lastIndexOf(' ', width) : width;
    const end = at <= 0 ? rest.length : at;
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return pieces.join('\n');
}

describe('a message over several lines', () => {
  const head = 'Nov 21 09:00:01 fw kernel: ';
  const [whole] = told(`${head}${WRAPPED}\n`);

  it.each([60, 80, 100, 132])('is read as one when it was wrapped at blanks before column %i', (width) => {
    const log = `${brokenAt(head + WRAPPED, width, true)}\n${head}${MESSAGES[3]}\n`;
    const { packets, unread } = readLog(log);
    expect(unread).toEqual([]);
    expect(packets).toHaveLength(2);
    expect(told(log)[0]).toEqual(whole);
  });

  it('is read as one when the screen broke it inside a word', () => {
    const log = `${brokenAt(head + WRAPPED, 80, false)}\n`;
    expect(readLog(log).unread).toEqual([]);
    expect(told(log)).toEqual([whole]);
  });

  it('is read as one when somebody broke it by hand', () => {
    const at = WRAPPED.indexOf(' SRC=');
    const log = `${head}${WRAPPED.slice(0, at)} \\\n${WRAPPED.slice(at + 1)}\n`;
    expect(told(log)).toEqual([whole]);
  });

  it('stays cut where the next line begins a message of its own', () => {
    const cut = WRAPPED.slice(0, WRAPPED.indexOf(' SRC='));
    const { packets, unread } = readLog(`${head}${cut}\n${head}${WRAPPED}\n`);
    expect([packets.length, unread.length]).toEqual([1, 1]);
  });

  it.each(['> ', '>> ', '`'])('is read behind a mark of whoever quotes it: %s', (mark) => {
    expect(told(`${mark}${head}${WRAPPED}\n`)).toEqual([whole]);
  });
});
