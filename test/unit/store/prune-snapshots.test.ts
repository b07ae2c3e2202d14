// What goes with old snapshots, and what must stay: rows that a later snapshot still shows, and what findings cite.

import { describe, expect, it } from 'vitest';
import { openTextReader } from '../../../src/ingest/read-text.js';
import { conntrackListForm } from '../../../src/parsers/forms/conntrack-list.js';
import { beginSnapshot } from '../../../src/store/conntrack-writer.js';
import { buildFlows, flowMarks } from '../../../src/store/flows.js';
import { hostByName } from '../../../src/store/hosts.js';
import type { Db } from '../../../src/store/open-store.js';
import { pruneSnapshots, thinSnapshots } from '../../../src/store/prune-snapshots.js';
import { addSeries } from '../../../src/store/snapshots.js';
import { patient } from '../../lab/clock.js';
import { emptyStore } from './empty-store.js';

const START_US = 1_795_260_000_000_000;
const STEP_US = 10_000_000;
const line = (sport: number, left: number) =>
  `ipv4 2 tcp 6 ${left} ESTABLISHED src=192.0.2.1 dst=198.51.100.1 sport=${sport} dport=443 src=198.51.100.1 dst=192.0.2.1 sport=443 dport=${sport} [ASSURED] mark=0 use=1 id=${sport}`;

/** One snapshot each ten seconds, with entries of these ports and a setting. */
function fill(
  db: Db,
  snapshots: readonly { readonly ports: readonly number[]; readonly value: string }[],
  stepUs = STEP_US,
): number {
  const hostId = hostByName(db, 'gw');
  const seriesId = addSeries(db, { hostId, bootId: null, namespaceId: null, madeBy: 'snapshot' });
  for (const [at, { ports, value }] of snapshots.entries()) {
    const marks = flowMarks(db);
    db.transaction(() => {
      const atUs = START_US + at * stepUs;
      const writer = beginSnapshot(db, { seriesId, takenAtUs: atUs, tookUs: 0, errorUs: 0, name: null });
      const reader = openTextReader(
        { forms: [conntrackListForm], fileName: '', command: 'conntrack -L', netns: null },
        {
          record: (record) => {
            if (record.kind === 'ct-entry') writer.entry('main', record.entry, atUs, null, 1);
          },
          unread: () => {},
          runEnded: () => {},
        },
      );
      // Port 9 is refreshed each time, port 8 between the first and the second only.
      for (const port of ports)
        reader.line(line(port, port === 9 ? 1000 : 1000 - 10 * (port === 8 ? Math.max(0, at - 1) : at)), 1);
      reader.end();
      writer.value('sysctl', 'net.a', -1, value, null, null);
      writer.part({ part: 'list:main', state: 'read', atUs, tookUs: 0, sourceId: null, firstLine: null, why: null });
      writer.finish();
      buildFlows(db, hostId, marks);
    })();
  }
  return seriesId;
}

const FOUR = [
  { ports: [1, 2, 8, 9], value: '0' },
  { ports: [2, 8, 9], value: '1' },
  { ports: [2, 3, 8, 9], value: '1' },
  { ports: [2, 3, 8, 9], value: '2' },
];
const all = (db: Db, sql: string) => db.prepare(sql).raw().all() as unknown[][];
const SHOWN = `SELECT snapshot_id, orig_sport, expires_at_us FROM ct_entries WHERE snapshot_id >= 3 ORDER BY 1, 2`;
const SETTINGS = 'SELECT snapshot_id, name, value FROM sysctls WHERE snapshot_id >= 3 ORDER BY 1';

describe('pruning snapshots', () => {
  it('leaves what the others show as it was', () => {
    const db = emptyStore();
    fill(db, FOUR);
    const before = [all(db, SHOWN), all(db, SETTINGS)];
    expect(before[0]).toHaveLength(8);
    expect(pruneSnapshots(db, START_US + 2 * STEP_US)).toEqual({ snapshots: 2, entries: 1 });
    expect([all(db, SHOWN), all(db, SETTINGS)]).toEqual(before);
    expect(all(db, 'SELECT id FROM snapshots')).toEqual([[3], [4]]);
    expect(all(db, 'SELECT count(*) FROM ct_entry_versions')).toEqual([[4]]);
    // The refreshed entry keeps the move that holds at the first snapshot left, and those behind it; so does the one refreshed before.
    expect(all(db, 'SELECT seq FROM ct_entry_moves ORDER BY seq')).toEqual([[2], [3], [4]]);
    expect(all(db, 'SELECT value FROM values_over_time ORDER BY seq')).toEqual([['1'], ['2']]);
    expect(all(db, 'SELECT t.sport FROM flows f JOIN tuples t ON t.id = f.orig_tuple_id ORDER BY 1')).toEqual([
      [2],
      [3],
      [8],
      [9],
    ]);
    expect(db.pragma('foreign_key_check')).toEqual([]);
    expect(pruneSnapshots(db, START_US + 2 * STEP_US)).toEqual({ snapshots: 0, entries: 0 });
  });

  it('keeps the newest, incidents, and what a finding cites', () => {
    const db = emptyStore();
    fill(db, FOUR);
    const version = db
      .prepare('SELECT v.id FROM ct_entry_versions v JOIN tuples t ON t.id = v.tuple_id WHERE t.sport = 1')
      .pluck()
      .get() as number;
    db.prepare(
      "INSERT INTO findings (id, key, outcome, class, confidence, made_at_us, data) VALUES (1, 'k', 'NEW', 'normal', 'certain', 0, '{}')",
    ).run();
    db.prepare("INSERT INTO finding_evidence (finding_id, n, table_name, row_id) VALUES (1, 1, 'ct_entries', ?)").run(
      version,
    );
    db.prepare('INSERT INTO incidents (name, from_at_us, to_at_us) VALUES (?, ?, ?)').run(
      'night',
      START_US + 2 * STEP_US,
      START_US + 2 * STEP_US,
    );
    expect(pruneSnapshots(db, START_US + 360 * STEP_US)).toEqual({ snapshots: 1, entries: 0 });
    expect(all(db, 'SELECT id FROM snapshots')).toEqual([[1], [3], [4]]);
    expect(all(db, 'SELECT orig_sport FROM ct_entries WHERE snapshot_id = 1 ORDER BY 1')).toEqual([[1], [2], [8], [9]]);
  });
});

describe('thinning snapshots', () => {
  const HOUR_US = 3_600_000_000;
  const STEP_20_MIN = HOUR_US / 3;
  /** Ten days of a snapshot each twenty minutes; the same numbers each time. */
  const history = (seed: number) => {
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    return Array.from({ length: 720 }, () => ({
      ports: [1, 2, 3, 4, 5, 8, 9].filter(() => random(5) > 0),
      value: String(random(3)),
    }));
  };

  it.each([1, 22])('leaves what the others show as it was (history %d)', { timeout: patient(180_000) }, (seed) => {
    const db = emptyStore();
    fill(db, history(seed), STEP_20_MIN);
    const nowUs = START_US + 720 * STEP_20_MIN;
    db.prepare("UPDATE snapshots SET name = 'kept by hand' WHERE id = 5").run();
    const shown = 'SELECT snapshot_id, orig_sport, expires_at_us, timeout_s FROM ct_entries ORDER BY 1, 2';
    const settings = 'SELECT snapshot_id, name, value FROM sysctls ORDER BY 1, 2';
    const before = [all(db, shown), all(db, settings)] as [number, ...unknown[]][][];
    const { snapshots } = thinSnapshots(db, nowUs);
    expect(snapshots).toBeGreaterThan(400);
    const left = new Set(all(db, 'SELECT id FROM snapshots').flat() as number[]);
    expect(left.has(5)).toBe(true);
    expect([all(db, shown), all(db, settings)]).toEqual(before.map((rows) => rows.filter(([id]) => left.has(id))));
    // Two days whole, five with one an hour, three with one in six hours; and the one with a name.
    const age = `(${nowUs} - taken_at_us)`;
    const [counts] = all(
      db,
      `SELECT sum(${age} <= ${48 * HOUR_US}), sum(${age} > ${48 * HOUR_US} AND ${age} <= ${168 * HOUR_US}), sum(${age} > ${168 * HOUR_US}) FROM snapshots`,
    ) as number[][];
    expect(counts![0]).toBe(144);
    expect(counts![1]).toBeGreaterThanOrEqual(119);
    expect(counts![1]).toBeLessThanOrEqual(121);
    expect(counts![2]).toBeGreaterThanOrEqual(12);
    expect(counts![2]).toBeLessThanOrEqual(14);
    // Nothing is left of what no snapshot shows.
    expect(
      all(
        db,
        `SELECT count(*) FROM ct_entry_versions v WHERE to_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM snapshots n WHERE n.series_id = v.series_id AND n.seq >= v.from_seq AND n.seq < v.to_seq)`,
      ),
    ).toEqual([[0]]);
    expect(
      all(db, 'SELECT count(*) FROM ct_entry_moves WHERE version_id NOT IN (SELECT id FROM ct_entry_versions)'),
    ).toEqual([[0]]);
    expect(db.pragma('foreign_key_check')).toEqual([]);
    expect(thinSnapshots(db, nowUs)).toEqual({ snapshots: 0, entries: 0 });
  });

  it('lets tuples go that nothing names, and no others', { timeout: patient(180_000) }, () => {
    const db = emptyStore();
    // Each connection lives for two snapshots.
    fill(
      db,
      Array.from({ length: 720 }, (_, at) => ({ ports: [100 + at, 101 + at], value: '0' })),
      STEP_20_MIN,
    );
    const sports = () =>
      all(db, "SELECT count(*) FROM tuples WHERE dport = 443 AND src = '192.0.2.1'")[0]![0] as number;
    expect(sports()).toBe(721);
    thinSnapshots(db, START_US + 720 * STEP_20_MIN);
    const wanted = all(db, 'SELECT count(DISTINCT tuple_id) FROM ct_entry_versions')[0]![0] as number;
    expect(sports()).toBe(wanted);
    expect(wanted).toBeLessThan(500);
    expect(db.pragma('foreign_key_check')).toEqual([]);
  });
});
