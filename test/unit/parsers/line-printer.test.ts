// What stands still in a line of a listing, and what runs on, read from bytes: it has to be what the reader of entries says.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CtEntry } from '../../../src/model/conntrack.js';
import { isPrintOf, type LinePrint } from '../../../src/model/line-print.js';
import { openLinePrinter } from '../../../src/parsers/conntrack/line-printer.js';
import { conntrackListForm } from '../../../src/parsers/forms/conntrack-list.js';

const COMMAND = 'conntrack -L -f ipv4 -o extended,id';

function printOf(line: string, command = COMMAND): LinePrint | null {
  // Somewhere in a larger buffer, as a line of a listing is.
  const bytes = Buffer.from(`what came before\n${line}\nwhat follows`, 'latin1');
  const print = openLinePrinter(command).print(bytes, 17, 17 + Buffer.byteLength(line, 'latin1'));
  return print === null ? null : { ...print };
}

function entryOf(line: string): CtEntry | null {
  let entry: CtEntry | null = null;
  const reader = conntrackListForm.open(
    (record) => {
      if (record.kind === 'ct-entry') entry = record.entry;
    },
    { fileName: '', command: COMMAND },
  );
  reader.line(line, 1);
  reader.end();
  return entry;
}

interface Parts {
  readonly head: string;
  readonly seconds: number;
  readonly state: string;
  readonly port: number;
  readonly counters: readonly [number, number, number, number] | null;
  readonly use: number;
  readonly deltaS: number | null;
  readonly id: number;
}

function lineOf({ head, seconds, state, port, counters, use, deltaS, id }: Parts): string {
  const counted = (at: 0 | 2) => (counters === null ? '' : `packets=${counters[at]} bytes=${counters[at + 1]} `);
  const delta = deltaS === null ? '' : `delta-time=${deltaS} `;
  return `${head} ${seconds} ${state}src=192.0.2.1 dst=198.51.100.2 sport=${port} dport=443 ${counted(0)}src=198.51.100.2 dst=203.0.113.1 sport=443 dport=${port} ${counted(2)}[ASSURED] mark=0 helper=use=3 ${delta}use=${use} id=${id}`;
}

const number = fc.nat({ max: 2 ** 40 });
const parts: fc.Arbitrary<Parts> = fc.record({
  head: fc.constantFrom('tcp      6', 'ipv4     2 tcp      6', 'ipv6     10 tcp      6', 'ipv4     2 udp      17'),
  seconds: fc.nat({ max: 432_000 }),
  state: fc.constantFrom('', 'ESTABLISHED ', 'SYN_SENT '),
  port: fc.integer({ min: 1, max: 65_535 }),
  counters: fc.option(fc.tuple(number, number, number, number)),
  use: fc.integer({ min: 1, max: 30 }),
  deltaS: fc.option(fc.nat()),
  id: fc.nat({ max: 2 ** 32 - 1 }),
});

describe('the print of a line', () => {
  it('stays the same while an entry ages and is counted on, and says how far it did', () => {
    fc.assert(
      fc.property(parts, parts, (one, later) => {
        const counters = one.counters === null ? null : (later.counters ?? one.counters);
        const deltaS = one.deltaS === null ? null : (later.deltaS ?? one.deltaS);
        const aged = { ...one, seconds: later.seconds, use: later.use, counters, deltaS };
        expect(printOf(lineOf(aged))?.hash).toBe(printOf(lineOf(one))?.hash);
        expect(isPrintOf(printOf(lineOf(aged))!, entryOf(lineOf(aged))!)).toBe(true);
      }),
    );
  });

  it('is another with every other byte that changes, and for another command', () => {
    const line = lineOf({
      head: 'ipv4     2 tcp      6',
      seconds: 117,
      state: 'TIME_WAIT ',
      port: 40_000,
      counters: [1, 60, 2, 120],
      use: 1,
      deltaS: 7,
      id: 12,
    });
    const print = printOf(line)!;
    expect(print).toMatchObject({ timeoutS: 117, packets: 1, bytes: 60, replyPackets: 2, replyBytes: 120 });
    expect(printOf(line, 'conntrack -L dying')?.hash).not.toBe(print.hash);
    const running = new Set<number>();
    for (const { index, 0: word } of line.matchAll(/(?<= )(?:117|packets=\d+|bytes=\d+|delta-time=\d+|use=\d+)/g))
      for (let at = index + word.indexOf('=') + 1; at < index + word.length; at++) running.add(at);
    for (let at = 0; at < line.length; at++) {
      const code = line.charCodeAt(at) === 57 ? '8' : '9';
      const changed = printOf(line.slice(0, at) + code + line.slice(at + 1));
      expect([at, changed?.hash === print.hash]).toEqual([at, running.has(at)]);
    }
  });

  it('is none where a number is too large to be exact, or the line begins otherwise', () => {
    expect(printOf(`tcp      6 ${'9'.repeat(16)} ESTABLISHED src=192.0.2.1`)).toBeNull();
    expect(printOf(`tcp      6 1 ESTABLISHED src=192.0.2.1 bytes=${'1'.repeat(16)}`)).toBeNull();
    expect(printOf('conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.')).toBeNull();
    expect(printOf('')).toBeNull();
  });

  it('is taken of any bytes without an error, cut anywhere, in any place', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat({ max: 200 }),
        fc.nat({ max: 200 }),
        (bytes, one, other) => {
          const [start, end] = [one, other].map((at) => Math.min(at, bytes.length)).sort((a, b) => a - b);
          openLinePrinter('').print(bytes, start!, end!);
        },
      ),
    );
    fc.assert(
      fc.property(parts, fc.nat({ max: 300 }), (of, length) => {
        const cut = lineOf(of).slice(0, length);
        const [print, entry] = [printOf(cut), entryOf(cut)];
        // A cut number may be part of a larger one: what the reader doubts, the next snapshot reads again.
        if (print !== null && entry !== null && isPrintOf(print, entry)) expect(print.timeoutS).toBe(entry.timeoutS);
      }),
    );
  });
});
