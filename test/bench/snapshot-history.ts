// How much room does a month of snapshots take, and how fast is it asked? A seeded history, thinned as `snapshot take --keep` does it.
// npx tsx test/bench/snapshot-history.ts [--entries 1000] [--days 30] [--churn 0.04] [--refreshed 0.2] [--every 60] [--counters 60] [--seed 1] [--db FILE]

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { realHost } from '../../src/host/real-host.js';
import type { CtEntry } from '../../src/model/conntrack.js';
import { conntrackListForm } from '../../src/parsers/forms/conntrack-list.js';
import { beginSnapshot } from '../../src/store/conntrack-writer.js';
import { buildFlows, flowMarks } from '../../src/store/flows.js';
import { hostByName } from '../../src/store/hosts.js';
import { NAMED_QUERIES } from '../../src/store/named-queries.js';
import { openStoreForWriting } from '../../src/store/open-store.js';
import { thinSnapshots } from '../../src/store/prune-snapshots.js';
import { runQuery } from '../../src/store/query.js';
import { addQueryFunctions } from '../../src/store/query-functions.js';
import { addSeries } from '../../src/store/snapshots.js';

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '1000' },
    days: { type: 'string', default: '30' },
    churn: { type: 'string', default: '0.04' },
    refreshed: { type: 'string', default: '0.2' },
    every: { type: 'string', default: '60' },
    counters: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    db: { type: 'string' },
  },
});
const [entries, days, churn, refreshed, everyS] = [
  values.entries,
  values.days,
  values.churn,
  values.refreshed,
  values.every,
].map(Number) as [number, number, number, number, number];

let state = Number(values.seed);
/** 0 to 1, the same for a seed. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

const START_US = 1_795_000_000_000_000;
let born = 0;

/** An entry as conntrack prints it, read once; addresses of the documentation, and of 100.64/10 for the many clients. */
function newEntry(): { readonly entry: CtEntry; leftS: number } {
  const number = born++;
  const client = `100.${64 + ((number >> 16) & 63)}.${(number >> 8) & 255}.${number & 255}`;
  const sport = 1024 + ((number * 7919) % 64_000);
  const id = (Math.imul(number, 2_654_435_761) >>> 0) + 1;
  const line = `ipv4     2 tcp      6 431999 ESTABLISHED src=${client} dst=198.51.100.${number % 20} sport=${sport} dport=443 src=198.51.100.${number % 20} dst=203.0.113.1 sport=443 dport=${sport} [ASSURED] mark=0 use=1 id=${id}`;
  let found: CtEntry | null = null;
  const reader = conntrackListForm.open(
    (record) => {
      if (record.kind === 'ct-entry') found = record.entry;
    },
    { fileName: '', command: 'conntrack -L' },
  );
  reader.line(line, 1);
  reader.end();
  if (found === null) throw new Error(`not read: ${line}`);
  return { entry: found, leftS: 300 + Math.floor(random() * 400_000) };
}

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-history-'));
const path = values.db ?? join(folder, 'history.db');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const migrationsFolder = new URL('../../migrations', import.meta.url).pathname;
const db = openStoreForWriting(realHost(), { path, migrationsFolder }, START_US);
const bytes = (): number => statSync(path).size;
const mb = (size: number): string => `${(size / 1e6).toFixed(1)} MB`;

const hostId = hostByName(db, 'gw');
const seriesId = addSeries(db, { hostId, bootId: null, namespaceId: null, madeBy: 'snapshot' });
const table = Array.from({ length: entries }, newEntry);
const total = Math.round((days * 86_400) / everyS);
let slowestThinMs = 0;
const beganMs = performance.now();
for (let nth = 0; nth < total; nth++) {
  const atUs = START_US + nth * everyS * 1e6;
  for (let at = 0; at < entries; at++) {
    if (nth > 0 && random() < churn) table[at] = newEntry();
    else if (random() < refreshed) table[at]!.leftS = 431_999;
    else table[at]!.leftS -= everyS;
  }
  db.transaction(() => {
    const marks = flowMarks(db);
    const writer = beginSnapshot(db, { seriesId, takenAtUs: atUs, tookUs: 1e6, errorUs: 100_000, name: null });
    for (const { entry, leftS } of table) writer.entry('main', { ...entry, timeoutS: leftS }, atUs, null, 1);
    for (let name = 0; name < Number(values.counters); name++)
      writer.value('nstat', `counter${name}`, -1, nth * (name + 1), null, null);
    for (let name = 0; name < 110; name++) writer.value('sysctl', `net.setting${name}`, -1, '1', null, null);
    writer.part({ part: 'list:main', state: 'read', atUs, tookUs: 1e6, sourceId: null, firstLine: null, why: null });
    writer.finish();
    buildFlows(db, hostId, marks);
  })();
  // Of the processor: a busy machine must not look like a slow query.
  const before = process.cpuUsage();
  thinSnapshots(db, atUs);
  const { user, system } = process.cpuUsage(before);
  slowestThinMs = Math.max(slowestThinMs, (user + system) / 1000);
  if ((nth + 1) % Math.round(21_600 / everyS) === 0) {
    db.pragma('wal_checkpoint(TRUNCATE)');
    const day = ((nth + 1) * everyS) / 86_400;
    console.log(
      `day ${day.toFixed(2)}: ${mb(bytes())}, ${db.prepare('SELECT count(*) FROM snapshots').pluck().get()} snapshots, slowest thinning ${slowestThinMs.toFixed(0)} ms of CPU, ${((performance.now() - beganMs) / 1000).toFixed(0)} s`,
    );
  }
}
console.log(
  `${entries} entries, ${days} days, one each ${everyS} s, ${values.counters} counters: ${mb(bytes())}, of it free ${mb((db.pragma('freelist_count', { simple: true }) as number) * 4096)}`,
);
for (const table of ['ct_entry_versions', 'ct_entry_moves', 'tuples', 'flows', 'values_over_time'])
  console.log(`  ${table} ${db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()} rows`);
addQueryFunctions(db);
for (const { name, sql, parameters } of NAMED_QUERIES) {
  const before = process.cpuUsage();
  const count = [...runQuery(db, sql, parameters).rows].length;
  const { user, system } = process.cpuUsage(before);
  console.log(`  ${name}: ${((user + system) / 1000).toFixed(0)} ms of CPU, ${count} rows`);
}
db.close();
