// How much room does a month of snapshots take, and how fast is it asked? A seeded history through the store's own functions, thinned as
// `snapshot take --keep` does it: `npm run bench -- month`, 20,000 entries by default. Stretches that thinning would empty again are passed
// over (the snapshots it leaves are taken alone); --whole takes each and lets thinning do it, which leaves the same and takes days.
// Usage: tsx test/bench/snapshot-history.ts [--entries N] [--days N] [--churn N] [--refreshed N] [--every S] [--cpus N] [--nstat N]
//   [--rules N] [--sockets N] [--seed N] [--whole] [--db FILE] [--ask]   (--ask: asks the store that --db names, and makes nothing)

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { realHost } from '../../src/host/real-host.js';
import { openSnapshotRecords } from '../../src/ingest/snapshot-records.js';
import { beginSnapshot } from '../../src/store/conntrack-writer.js';
import { buildFlows, flowMarks } from '../../src/store/flows.js';
import { bootOf, hostByName, namespaceByInode } from '../../src/store/hosts.js';
import { NAMED_QUERIES } from '../../src/store/named-queries.js';
import { type Db, openStoreForWriting } from '../../src/store/open-store.js';
import { THINNING, thinSnapshots } from '../../src/store/prune-snapshots.js';
import { runQuery } from '../../src/store/query.js';
import { addQueryFunctions } from '../../src/store/query-functions.js';
import { addSeries } from '../../src/store/snapshots.js';
import { addSource, beginIngest } from '../../src/store/sources.js';
import { newHistoryHost } from './history-host.js';

const number = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    entries: number('20000'),
    days: number('30'),
    churn: number('0.04'),
    refreshed: number('0.2'),
    every: number('60'),
    cpus: number('16'),
    nstat: number('300'),
    rules: number('100'),
    sockets: number('100'),
    seed: number('1'),
    whole: { type: 'boolean', default: false },
    ask: { type: 'boolean', default: false },
    db: { type: 'string' },
  },
});

const START_US = 1_795_000_000_000_000;
const everyUs = Number(values.every) * 1e6;
const total = Math.round((Number(values.days) * 86_400e6) / everyUs);
const endUs = START_US + (total - 1) * everyUs;

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-history-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const path = values.db ?? join(folder, 'history.db');
const migrationsFolder = new URL('../../migrations', import.meta.url).pathname;
const db = openStoreForWriting(realHost(), { path, migrationsFolder }, START_US);
if (!values.ask) make(db);
ask(db);
db.close();

/** Whether thinning would leave it at the end: of each stretch the first. */
function stays(nth: number): boolean {
  const atUs = START_US + nth * everyUs;
  const tier = THINNING.find(({ olderThanUs }) => endUs - atUs > olderThanUs);
  return (
    nth === 0 || tier === undefined || Math.floor(atUs / tier.oneInUs) > Math.floor((atUs - everyUs) / tier.oneInUs)
  );
}

function make(db: Db): void {
  const host = newHistoryHost({
    entries: Number(values.entries),
    churn: Number(values.churn),
    refreshed: Number(values.refreshed),
    cpus: Number(values.cpus),
    nstat: Number(values.nstat),
    rules: Number(values.rules),
    sockets: Number(values.sockets),
    seed: Number(values.seed),
  });
  const hostId = hostByName(db, 'gw');
  const bootId = bootOf(db, hostId, '5e0c3a4e-0000-4000-8000-000000000001');
  const namespaceId = namespaceByInode(db, bootId, 4_026_531_840, null, true);
  const seriesId = addSeries(db, { hostId, bootId, namespaceId, madeBy: 'snapshot' });
  const ingestId = beginIngest(db, 'snapshot', [], START_US);
  const sourceId = addSource(db, {
    hostId,
    ingestId,
    kind: 'command',
    name: 'conntrack -L',
    addedAtUs: START_US,
    readAtUs: null,
    readErrorUs: null,
    namespaceId,
    head: new Uint8Array(0),
    place: 'history',
  });
  // As a snapshot does it.
  db.pragma('foreign_keys = OFF');
  db.pragma('synchronous = OFF');
  const beganMs = performance.now();
  let taken = 0;
  let thinningMs = 0;
  let waiting = 0;
  for (let nth = 0; nth < total; nth++) {
    if (nth > 0) waiting++;
    if (!values.whole && !stays(nth)) continue;
    host.pass(waiting, everyUs / 1e6);
    waiting = 0;
    const atUs = START_US + nth * everyUs;
    db.transaction(() => {
      const marks = flowMarks(db);
      const time = { takenAtUs: atUs, tookUs: 1e6, errorUs: 100_000 };
      const writer = beginSnapshot(db, { seriesId, ...time, name: null, isAlone: true });
      const records = openSnapshotRecords(db, writer, { seriesId, seq: writer.seq });
      for (const record of host.records()) records.record(record, atUs, sourceId);
      for (const part of ['list:main', 'sockets', 'stats', 'sysctl', 'counters', 'rules:ip:legacy'])
        writer.part({ part, state: 'read', atUs, tookUs: 1e6, sourceId, firstLine: 1, why: null });
      writer.finish();
      buildFlows(db, hostId, marks);
    })();
    taken++;
    // Does nothing before it is worth it, which is once an hour.
    const before = process.cpuUsage();
    if (taken % 10 === 0 || nth === total - 1) thinSnapshots(db, atUs);
    thinningMs = Math.max(thinningMs, cpuMsSince(before));
    if (taken % 240 !== 0 && nth !== total - 1) continue;
    db.pragma('wal_checkpoint(TRUNCATE)');
    const day = (((nth + 1) * everyUs) / 86_400e6).toFixed(2);
    console.log(
      `day ${day}: ${megabytes()}, ${count(db, 'snapshots')} snapshots, ${((performance.now() - beganMs) / 1000).toFixed(0)} s`,
    );
  }
  const free = (db.pragma('freelist_count', { simple: true }) as number) * 4096;
  console.log(
    `${values.entries} entries, ${values.churn} of them new each ${values.every} s, ${values.days} days: ${megabytes()}, of it free ${(free / 1e6).toFixed(0)} MB; slowest thinning ${thinningMs.toFixed(0)} ms of CPU`,
  );
  for (const table of [
    'snapshots',
    'ct_entry_versions',
    'ct_entry_moves',
    'tuples',
    'flows',
    'values_over_time',
    'rule_counters',
  ])
    console.log(`  ${table} ${count(db, table)} rows`);
}

/** Of the processor, as a busy machine must not look like a slow query, and of the clock. */
function ask(db: Db): void {
  addQueryFunctions(db);
  console.log(`each named query: milliseconds of CPU (and of the clock), rows; load ${loadavg()[0]!.toFixed(1)}`);
  for (const { name, sql, parameters } of NAMED_QUERIES) {
    const before = process.cpuUsage();
    const beganMs = performance.now();
    let rows = 0;
    for (const _row of runQuery(db, sql, parameters).rows) rows++;
    const cpuMs = cpuMsSince(before);
    const tooSlow = cpuMs >= 1000 ? '   MORE THAN A SECOND' : '';
    console.log(`  ${name}: ${cpuMs.toFixed(0)} (${(performance.now() - beganMs).toFixed(0)}), ${rows}${tooSlow}`);
  }
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function count(db: Db, table: string): number {
  return db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
}

function megabytes(): string {
  return `${(statSync(path).size / 1e6).toFixed(0)} MB`;
}
