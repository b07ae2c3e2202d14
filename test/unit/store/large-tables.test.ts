// A table of many entries takes ways of its own into the store: what they leave has to be what the plain ways leave.

import { describe, expect, it } from 'vitest';
import type { CtEntry } from '../../../src/model/conntrack.js';
import type { LinePrint } from '../../../src/model/line-print.js';
import type { Tuple } from '../../../src/model/tuple.js';
import { openLinePrinter } from '../../../src/parsers/conntrack/line-printer.js';
import { conntrackListForm } from '../../../src/parsers/forms/conntrack-list.js';
import { beginSnapshot } from '../../../src/store/conntrack-writer.js';
import { tupleHash } from '../../../src/store/entry-hash.js';
import { newEntryTable } from '../../../src/store/entry-table.js';
import { LARGE_TABLE, readOpenEntries, writeOpenEntries } from '../../../src/store/open-entries.js';
import type { Db } from '../../../src/store/open-store.js';
import { countBorn } from '../../../src/store/snapshot-reader.js';
import { openTupleLoad } from '../../../src/store/tuple-load.js';
import { openTuples } from '../../../src/store/tuples.js';
import { BARE_ENTRY } from '../../helpers/bare-entry.js';
import { patient } from '../../lab/clock.js';
import { emptyStore } from './empty-store.js';

const T0 = 1_795_000_000_000_000;
const MINUTE = 60_000_000;

const tuple = (number: number): Tuple => ({
  proto: 6,
  src: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`,
  dst: '198.51.100.2',
  sport: 1024,
  dport: 80,
  extra: null,
});

function entry(number: number, more: Partial<CtEntry> = {}): CtEntry {
  const orig = tuple(number);
  return {
    ...BARE_ENTRY,
    orig,
    reply: { ...orig, src: orig.dst, dst: orig.src, sport: orig.dport, dport: orig.sport },
    id: number + 1,
    ...more,
  };
}

function take(db: Db, atUs: number, entries: Iterable<CtEntry>): number {
  return db.transaction(() => {
    const snapshot = { seriesId: 1, takenAtUs: atUs, tookUs: 0, errorUs: 0, name: null, isAlone: true };
    const writer = beginSnapshot(db, snapshot);
    let line = 0;
    for (const one of entries) writer.entry('main', one, atUs, null, ++line);
    writer.part({ part: 'list:main', state: 'read', atUs, tookUs: 0, sourceId: null, firstLine: 1, why: null });
    writer.finish();
    return writer.seq;
  })();
}

const count = (db: Db, from: string): number => db.prepare(`SELECT count(*) FROM ${from}`).pluck().get() as number;

describe('snapshots of a large table', () => {
  it('compare themselves with the arrays that the one before left as they would with its rows', {
    timeout: patient(180_000),
  }, () => {
    const db = emptyStore();
    // As a snapshot does it: tuples are written later than what names them.
    db.pragma('foreign_keys = OFF');
    const entries = LARGE_TABLE + 10;
    function* at(minute: number): Generator<CtEntry> {
      // One is gone, one has another state, one was refreshed, one is new; the others ran on.
      for (let number = minute === 0 ? 0 : 1; number < entries + minute; number++) {
        const timeoutS = number === 3 ? 300 : 300 - 60 * minute;
        yield entry(number, { timeoutS, state: minute > 0 && number === 2 ? 'TIME_WAIT' : 'ESTABLISHED' });
      }
    }
    const first = take(db, T0, at(0));
    expect(countBorn(db, { seriesId: 1, seq: first })).toBe(entries);
    expect(count(db, 'tuples')).toBe(2 * entries);
    expect(count(db, 'open_entries WHERE seq = 1')).toBe(1);
    const left = (seq: number) => {
      const second = take(db, T0 + seq * MINUTE, at(seq));
      return {
        second,
        born: countBorn(db, { seriesId: 1, seq: second }),
        began: count(db, `ct_entry_versions WHERE from_seq = ${second}`),
        ended: count(db, `ct_entry_versions WHERE to_seq = ${second}`),
        moved: count(db, `ct_entry_moves WHERE seq = ${second}`),
      };
    };
    expect(left(1)).toEqual({ second: 2, born: 1, began: 2, ended: 2, moved: 1 });
    db.exec('DELETE FROM ct_entry_versions WHERE from_seq = 2; DELETE FROM ct_entry_moves WHERE seq = 2');
    db.exec(
      'UPDATE ct_entry_versions SET to_seq = NULL; DELETE FROM snapshots WHERE seq = 2; DELETE FROM snapshot_parts WHERE snapshot_id = 2',
    );
    // Of another snapshot now: the rows are asked.
    db.exec('UPDATE open_entries SET seq = 7');
    expect(left(1)).toEqual({ second: 2, born: 1, began: 2, ended: 2, moved: 1 });
    expect(count(db, 'open_entries WHERE seq = 2')).toBe(1);
    take(db, T0 + 2 * MINUTE, [entry(1)]);
    expect(count(db, 'open_entries')).toBe(0);
    expect(count(db, 'ct_entry_versions WHERE to_seq IS NULL')).toBe(1);
  });

  it('know lines again that only ran on, and leave what reading each of them leaves', {
    timeout: patient(180_000),
  }, () => {
    const printed = ({ orig, reply, timeoutS, state, id }: CtEntry): string =>
      `ipv4     2 tcp      6 ${timeoutS} ${state} src=${orig.src} dst=${orig.dst} sport=${orig.sport} dport=${orig.dport} src=${reply!.src} dst=${reply!.dst} sport=${reply!.sport} dport=${reply!.dport} [ASSURED] mark=0 use=1 id=${id}`;
    const size = LARGE_TABLE + 100;
    /** In the kernel's order, which new entries come into anywhere. */
    function* lines(minute: number): Generator<string> {
      for (let number = 0; number < size; number++) {
        if (minute > 0 && (number === 7 || (number > 100 && number < 140))) continue;
        if (minute > 0 && number % 10_000 === 5) yield printed(entry(1_000_000 * minute + number));
        const isTurned = number === 20 || number === 21;
        const of = isTurned && minute === 1 ? 41 - number : number;
        const timeoutS = number % 1000 === 3 ? 300 : 300 - 60 * minute;
        const state = minute === 1 && number === 9 ? 'TIME_WAIT' : 'ESTABLISHED';
        yield printed(entry(of, { timeoutS, state, id: minute > 0 && number === 11 ? 4_000_000 : of + 1 }));
      }
    }
    function takeLines(db: Db, minute: number, knows: boolean): { readonly readLines: number } {
      const atUs = T0 + minute * MINUTE;
      return db.transaction(() => {
        const snapshot = { seriesId: 1, takenAtUs: atUs, tookUs: 0, errorUs: 0, name: null, isAlone: true };
        const writer = beginSnapshot(db, snapshot);
        const printer = openLinePrinter('conntrack -L');
        let print: LinePrint | null = null;
        const reader = conntrackListForm.open(
          (record) => {
            if (record.kind === 'ct-entry') writer.entry(record.list, record.entry, atUs, null, record.line, print);
          },
          { fileName: '', command: 'conntrack -L' },
        );
        let [line, readLines] = [0, 0];
        for (const text of lines(minute)) {
          line++;
          print = knows ? printer.print(Buffer.from(text), 0, text.length) : null;
          if (print !== null && writer.shownAgain(print, atUs)) continue;
          readLines++;
          reader.line(text, line);
        }
        writer.part({ part: 'list:main', state: 'read', atUs, tookUs: 0, sourceId: null, firstLine: 1, why: null });
        writer.finish();
        return { readLines };
      })();
    }
    const rows = (db: Db) =>
      ['ct_entry_versions', 'ct_entry_moves'].map((table) => db.prepare(`SELECT * FROM ${table}`).raw().all());
    const [known, plain] = [emptyStore(), emptyStore()];
    for (const db of [known, plain]) db.pragma('foreign_keys = OFF');
    const readLines = [0, 1, 2].map((minute) => {
      takeLines(plain, minute, false);
      return takeLines(known, minute, true).readLines;
    });
    expect(rows(known)).toEqual(rows(plain));
    expect(readLines[0]).toBe(size);
    // Each minute: five new ones, what changed, and the line behind a gap that is too long to look over.
    expect(Math.max(readLines[1]!, readLines[2]!)).toBeLessThan(30);
  });
});

describe('open entries', () => {
  it('come back slot by slot, without those that ended, over several blocks', () => {
    const db = emptyStore();
    const table = newEntryTable(0);
    const size = 3 * LARGE_TABLE;
    for (let at = 0; at < size; at++) {
      const slot = table.add(at * 4_294_967_291);
      table.contents()[slot] = at + 0.5;
      table.versions()[slot] = 4_000_000_000 + at;
      table.prints()[slot] = at + 0.25;
      table.expiries()[slot] = at % 3 === 0 ? Number.NaN : T0 + at;
      table.timeouts()[slot] = at % 3 === 0 ? -1 : at;
      table.lists()[slot] = at % 5;
      table.setCounters(slot, at % 2 === 0 ? -1 : at);
    }
    const isOpen = (slot: number) => slot % 7 !== 0;
    writeOpenEntries(db, 1, 9, table, isOpen);
    const open = size - Math.ceil(size / 7);
    expect(readOpenEntries(db, 1, 8, open)).toBeNull();
    expect(readOpenEntries(db, 1, 9, open - 1)).toBeNull();
    expect(readOpenEntries(db, 2, 9, open)).toBeNull();
    const read = readOpenEntries(db, 1, 9, open)!;
    expect(read.size).toBe(open);
    for (let at = 1; at < size; at += 997) {
      const slot = read.first(table.keys()[at]!);
      if (!isOpen(at)) expect(slot).toBe(-1);
      else
        expect([
          read.contents()[slot],
          read.prints()[slot],
          read.versions()[slot],
          read.expiries()[slot],
          read.timeouts()[slot],
          read.lists()[slot],
          read.countersOf(slot),
          read.flags()[slot],
        ]).toEqual([
          table.contents()[at],
          table.prints()[at],
          table.versions()[at],
          table.expiries()[at],
          table.timeouts()[at],
          table.lists()[at],
          table.countersOf(at),
          0,
        ]);
    }
    db.exec('UPDATE open_entries SET data = substr(data, 1, length(data) - 1) WHERE block = 1');
    expect(readOpenEntries(db, 1, 9, open)).toBeNull();
  });
});

describe('a load of tuples', () => {
  const indexes = (db: Db) =>
    db.prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'tuples' ORDER BY 1").pluck().all();

  it('finds what was there, adds each new one once, and leaves the indexes as they were', () => {
    const db = emptyStore();
    const before = indexes(db);
    const plain = openTuples(db);
    const known = Array.from({ length: 3000 }, (_, number) => plain.id(tuple(number)));
    const load = openTupleLoad(db)!;
    const idOf = (number: number) => {
      const { a, b } = tupleHash(tuple(number));
      return load.id(tuple(number), a, b);
    };
    for (let number = 0; number < 3000; number += 7) expect(idOf(number)).toBe(known[number]);
    const added = Array.from({ length: 5000 }, (_, number) => idOf(3000 + number));
    expect(Array.from({ length: 5000 }, (_, number) => idOf(3000 + number))).toEqual(added);
    load.end();
    expect(indexes(db)).toEqual(before);
    expect(count(db, 'tuples')).toBe(8000);
    const again = openTuples(db);
    expect([again.id(tuple(5)), again.id(tuple(3000)), again.id(tuple(7999))]).toEqual([
      known[5],
      added[0],
      added[4999],
    ]);
    expect(count(db, 'tuples')).toBe(8000);
  });
});
