import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CtEntry, CtList } from '../../../src/model/conntrack.js';
import type { Tuple } from '../../../src/model/tuple.js';
import { beginSnapshot, openSnapshot, type SnapshotWriter } from '../../../src/store/conntrack-writer.js';
import type { Db } from '../../../src/store/open-store.js';
import { openTuples } from '../../../src/store/tuples.js';
import { BARE_ENTRY } from '../../helpers/bare-entry.js';
import { emptyStore } from './empty-store.js';

const T0 = 1_795_000_000_000_000;
const MINUTE = 60_000_000;

const tuple = (sport: number, more: Partial<Tuple> = {}): Tuple => ({
  proto: 6,
  src: '192.0.2.1',
  dst: '198.51.100.2',
  sport,
  dport: 80,
  extra: null,
  ...more,
});

function entry(sport: number, more: Partial<CtEntry> = {}): CtEntry {
  return {
    ...BARE_ENTRY,
    orig: tuple(sport),
    reply: { proto: 6, src: '198.51.100.2', dst: '203.0.113.9', sport: 80, dport: sport, extra: null },
    id: sport * 7,
    ...more,
  };
}

type Listed = CtEntry | readonly [CtList, CtEntry];

function take(db: Db, atUs: number | null, entries: readonly Listed[], seriesId = 1): SnapshotWriter {
  const writer = beginSnapshot(db, { seriesId, takenAtUs: atUs, tookUs: 0, errorUs: 0, name: null });
  for (const [index, listed] of entries.entries()) {
    const [list, one] = Array.isArray(listed)
      ? (listed as readonly [CtList, CtEntry])
      : ['main' as const, listed as CtEntry];
    writer.entry(list, one, atUs, 1, index + 1);
  }
  writer.part({ part: 'list:main', state: 'read', atUs, tookUs: 0, sourceId: 1, firstLine: 1, why: null });
  writer.finish();
  return writer;
}

const versions = (db: Db) =>
  db
    .prepare(
      'SELECT o.sport, v.list, v.from_seq, v.to_seq, v.state, v.expires_at_us, v.timeout_s FROM ct_entry_versions v JOIN tuples o ON o.id = v.tuple_id ORDER BY v.id',
    )
    .raw()
    .all();
const moves = (db: Db) =>
  db.prepare('SELECT version_id, seq, expires_at_us, timeout_s, packets, reply_bytes FROM ct_entry_moves').raw().all();
const shown = (db: Db, snapshotId: number) =>
  db
    .prepare('SELECT orig_sport, state, timeout_s, packets FROM ct_entries WHERE snapshot_id = ? ORDER BY orig_sport')
    .raw()
    .all(snapshotId);

describe('snapshots of entries', () => {
  it('writes nothing for an entry that only ran on', () => {
    const db = emptyStore();
    take(db, T0, [entry(1), entry(2)]);
    take(db, T0 + MINUTE, [entry(2, { timeoutS: 240 }), entry(1, { timeoutS: 241 })]);
    expect(versions(db)).toEqual([
      [1, 'main', 1, null, 'ESTABLISHED', T0 + 300_000_000, 300],
      [2, 'main', 1, null, 'ESTABLISHED', T0 + 300_000_000, 300],
    ]);
    expect(moves(db)).toEqual([]);
  });

  it('notes a refreshed entry, a changed one, one that is gone and one that is new', () => {
    const db = emptyStore();
    take(db, T0, [entry(1), entry(2), entry(3)]);
    const second = take(db, T0 + MINUTE, [
      entry(1, { timeoutS: 299 }),
      entry(2, { state: 'TIME_WAIT', timeoutS: 120 }),
      entry(4),
    ]);
    expect(versions(db).map((row) => (row as unknown[]).slice(0, 5))).toEqual([
      [1, 'main', 1, null, 'ESTABLISHED'],
      [2, 'main', 1, 2, 'ESTABLISHED'],
      [3, 'main', 1, 2, 'ESTABLISHED'],
      [2, 'main', 2, null, 'TIME_WAIT'],
      [4, 'main', 2, null, 'ESTABLISHED'],
    ]);
    expect(moves(db)).toEqual([[1, 2, T0 + MINUTE + 299_000_000, 299, null, null]]);
    expect(shown(db, second.snapshotId)).toEqual([
      [1, 'ESTABLISHED', 299, null],
      [2, 'TIME_WAIT', 120, null],
      [4, 'ESTABLISHED', 300, null],
    ]);
  });

  it('keeps counters with the snapshot that read them, and only when they moved', () => {
    const db = emptyStore();
    const counted = (packets: number, timeoutS: number) =>
      entry(1, { timeoutS, origCounters: { packets, bytes: 100 }, replyCounters: { packets: 1, bytes: 60 } });
    take(db, T0, [counted(5, 300)]);
    take(db, T0 + MINUTE, [counted(5, 240)]);
    take(db, T0 + 2 * MINUTE, [counted(6, 180)]);
    expect(moves(db)).toEqual([
      [1, 1, T0 + 300_000_000, 300, 5, 60],
      [1, 3, T0 + 2 * MINUTE + 180_000_000, 180, 6, 60],
    ]);
  });

  it('takes a tuple with another id for another connection, and one without id for the same', () => {
    const db = emptyStore();
    take(db, T0, [entry(1)]);
    take(db, T0, [entry(1, { id: null })]);
    expect(versions(db)).toHaveLength(1);
    take(db, T0, [entry(1, { id: 4242 })]);
    expect(versions(db).map((row) => (row as unknown[]).slice(2, 4))).toEqual([
      [1, 3],
      [3, null],
    ]);
  });

  it('tells lists, zones and protocols of one tuple apart', () => {
    const db = emptyStore();
    const all: Listed[] = [
      entry(1),
      ['dying', entry(1)],
      entry(1, { zone: 7 }),
      entry(1, { zoneOrig: 7 }),
      entry(1, { orig: tuple(1, { proto: 17 }) }),
      entry(1, { orig: tuple(1, { extra: 'type=8 code=0 id=1' }) }),
    ];
    take(db, T0, all);
    take(db, T0, all);
    expect(versions(db)).toHaveLength(6);
  });

  it('keeps the seconds where the time of reading is not known', () => {
    const db = emptyStore();
    take(db, null, [entry(1, { timeoutS: 300 }), entry(2, { timeoutS: null, state: null, isOffloaded: true })]);
    take(db, null, [entry(1, { timeoutS: 120 }), entry(2, { timeoutS: null, state: null, isOffloaded: true })]);
    expect(versions(db).map((row) => (row as unknown[]).slice(5))).toEqual([
      [null, 300],
      [null, null],
    ]);
    expect(moves(db)).toEqual([[1, 2, null, 120, null, null]]);
  });

  it('knows an entry whose line was cut before the reply', () => {
    const db = emptyStore();
    const snapshot = take(db, T0, [entry(1, { reply: null })]);
    expect(shown(db, snapshot.snapshotId)).toEqual([[1, 'ESTABLISHED', 300, null]]);
  });

  it('ends what a snapshot does not show', () => {
    const db = emptyStore();
    take(db, T0, [entry(1)]);
    const writer = beginSnapshot(db, { seriesId: 1, takenAtUs: T0, tookUs: 0, errorUs: 0, name: 'after' });
    writer.part({
      part: 'list:main',
      state: 'failed',
      atUs: T0,
      tookUs: 0,
      sourceId: 1,
      firstLine: null,
      why: 'EPERM',
    });
    writer.finish({ entryCount: 5, entryMax: 100 });
    expect(shown(db, writer.snapshotId)).toEqual([]);
    expect(db.prepare('SELECT name, entry_count, entry_max FROM snapshots WHERE seq = 2').raw().get()).toEqual([
      'after',
      5,
      100,
    ]);
  });

  it('takes a second source of the same snapshot in without ending what the first showed', () => {
    const db = emptyStore();
    take(db, T0, [entry(1), ['dying', entry(9)]]);
    const second = take(db, T0 + MINUTE, [entry(1, { timeoutS: 240 })]);
    const again = openSnapshot(db, { id: second.snapshotId, seriesId: 1, seq: 2, errorUs: 0 });
    again.entry('dying', entry(9), T0, 1, 1);
    again.part({ part: 'list:dying', state: 'read', atUs: T0, tookUs: 0, sourceId: 1, firstLine: 1, why: null });
    again.finish();
    expect(shown(db, second.snapshotId)).toHaveLength(2);
    expect(versions(db)).toHaveLength(2);
  });

  it('refuses a snapshot that is not the newest, and two of a series at once', () => {
    const db = emptyStore();
    const first = take(db, T0, []);
    const open = beginSnapshot(db, { seriesId: 1, takenAtUs: T0, tookUs: 0, errorUs: 0, name: null });
    expect(() => openSnapshot(db, { id: first.snapshotId, seriesId: 1, seq: 1, errorUs: 0 })).toThrow(/newest/);
    expect(() => openSnapshot(db, { id: open.snapshotId, seriesId: 1, seq: 2, errorUs: 0 })).toThrow(/open/);
  });

  it('shows in every snapshot exactly what was put into it', () => {
    const listed = fc.record({
      sport: fc.integer({ min: 1, max: 8 }),
      zone: fc.constantFrom(null, 1),
      id: fc.constantFrom(5, 6),
      state: fc.constantFrom('SYN_SENT', 'ESTABLISHED', null),
      timeoutS: fc.integer({ min: 0, max: 400 }),
      packets: fc.constantFrom(null, 1, 2),
    });
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(listed, { selector: (l) => `${l.sport} ${l.zone} ${l.id}` }), { maxLength: 6 }),
        (all) => {
          const db = emptyStore();
          const written = all.map((list, index) => {
            const entries = list.map((l) =>
              entry(l.sport, {
                zone: l.zone,
                id: l.id,
                state: l.state,
                timeoutS: l.timeoutS,
                origCounters: { packets: l.packets, bytes: l.packets },
              }),
            );
            return take(db, T0 + index * 2000 * 1_000_000, entries);
          });
          for (const [index, list] of all.entries()) {
            const rows = db
              .prepare(
                'SELECT orig_sport, zone, ct_id, state, timeout_s FROM ct_entries WHERE snapshot_id = ? ORDER BY 1, 2, 3',
              )
              .raw()
              .all(written[index]!.snapshotId);
            const expected = list
              .map((l) => [l.sport, l.zone ?? 0, l.id, l.state, l.timeoutS])
              .sort(
                (one, two) =>
                  (one[0] as number) - (two[0] as number) ||
                  (one[1] as number) - (two[1] as number) ||
                  (one[2] as number) - (two[2] as number),
              );
            expect(rows).toEqual(expected);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('tuples', () => {
  it('are stored once, NULLs equal, also beyond what is remembered', () => {
    const db = emptyStore();
    const tuples = openTuples(db);
    const plain = tuples.id(tuple(1, { sport: null, dport: null }));
    expect(tuples.id(tuple(1, { sport: null, dport: null }))).toBe(plain);
    expect(openTuples(db).id(tuple(1, { sport: null, dport: null }))).toBe(plain);
    expect(tuples.id(tuple(1, { sport: 0, dport: null }))).not.toBe(plain);
    db.exec('BEGIN');
    for (let port = 0; port < 40_000; port++) for (const proto of [6, 17]) tuples.id(tuple(port, { proto }));
    db.exec('COMMIT');
    expect(tuples.id(tuple(0))).toBe(openTuples(db).id(tuple(0)));
    expect(db.prepare('SELECT count(*) FROM tuples').pluck().get()).toBe(80_002);
  });
});

describe('values and expectations', () => {
  it('writes a value only when it changed, and the last one said in a snapshot', () => {
    const db = emptyStore();
    const say = (values: readonly number[]) => {
      const writer = beginSnapshot(db, { seriesId: 1, takenAtUs: T0, tookUs: 0, errorUs: 0, name: null });
      for (const value of values) writer.statistics({ cpu: 0, values: { drop: value } }, 1, 1);
      writer.value('sysctl', 'net.netfilter.nf_conntrack_max', -1, '65536', 1, 2);
      writer.finish();
    };
    say([1]);
    say([1]);
    say([2, 3]);
    expect(db.prepare('SELECT what, seq, value FROM values_over_time ORDER BY what, seq').raw().all()).toEqual([
      ['ct-stat', 1, 1],
      ['ct-stat', 3, 3],
      ['sysctl', 1, '65536'],
    ]);
  });

  it('keeps expectations with their master', () => {
    const db = emptyStore();
    const writer = beginSnapshot(db, { seriesId: 1, takenAtUs: T0, tookUs: 0, errorUs: 0, name: null });
    writer.expectation(
      {
        tuple: tuple(0),
        maskSrc: '255.255.255.255',
        maskDst: null,
        maskSport: 0,
        maskDport: 65535,
        master: tuple(21),
        timeoutS: 300,
        zone: null,
        class: 0,
        flags: null,
        helper: 'ftp',
        unknown: [],
      },
      1,
      7,
    );
    writer.finish();
    expect(db.prepare('SELECT sport, master_sport, mask_dport, helper, line FROM expectations').raw().all()).toEqual([
      [0, 21, 65535, 'ftp', 7],
    ]);
  });
});
