// One ingest of one kernel log into a fresh store and the answer to "lines and distinct flows per prefix", in a process of its own, so
// that time and memory are those of a whole run. Prints one line of JSON. Runs the built program.
// Usage: node ingest-kernel-log.js DIST LOG STORE thread|here|answer

import { closeSync, openSync, readSync, statSync } from 'node:fs';

const [dist, log, store, how] = process.argv.slice(2) as [string, string, string, string];
const { openStoreForWriting, openStoreForReading } = await import(`${dist}/store/open-store.js`);
const { realHost } = await import(`${dist}/host/real-host.js`);

/** Per path first: a path's lines are the same for each of its packets. */
const ANSWER = `
WITH per_path AS (SELECT path_id, tuple_id, tuple2_id, count(*) AS packets FROM passages GROUP BY path_id, tuple_id, tuple2_id),
steps AS (
  SELECT s.path_id, s.slot, coalesce(h.prefix, h.table_name || ':' || h.chain || ':' || h.rule_kind || ':' || h.rule_no, h.message) AS prefix, count(*) AS lines
  FROM path_steps s JOIN heads h ON h.id = s.head_id GROUP BY s.path_id, s.slot, 3)
SELECT prefix, sum(lines * packets) AS lines, count(DISTINCT t.src || ' ' || t.sport) AS flows
FROM per_path p JOIN steps s ON s.path_id = p.path_id JOIN tuples t ON t.id = CASE s.slot WHEN 0 THEN p.tuple_id ELSE p.tuple2_id END
GROUP BY prefix ORDER BY prefix`;

const location = { path: store, migrationsFolder: new URL('../../migrations', import.meta.url).pathname };
const host = realHost({});
const started = process.hrtime.bigint();
if (how !== 'answer') {
  const { openKernelLog } = await import(`${dist}/ingest/kernel-log/open-kernel-log.js`);
  const { parseSlow } = await import(`${dist}/ingest/kernel-log/parse-slow.js`);
  const { openRawBlocks } = await import(`${dist}/store/raw-blocks.js`);
  const { finishPacketLoad } = await import(`${dist}/store/packet-writer.js`);
  const db = openStoreForWriting(host, location, 0);
  db.exec(`INSERT INTO hosts (id, name) VALUES (1, 'fw'); INSERT INTO ingests (id, began_at_us, kind, arguments) VALUES (1, 0, 'ingest', '[]');
    INSERT INTO sources (id, host_id, ingest_id, last_ingest_id, kind, name, added_at_us, head_bytes, head_hash) VALUES (1, 1, 1, 1, 'file', 'kern.log', 0, 0, x'00')`);
  db.pragma('foreign_keys = OFF'); // as every ingest does
  db.exec('BEGIN');
  const raw = openRawBlocks(db, 1);
  const kernelLog = openKernelLog({
    db,
    sourceId: 1,
    bootId: null,
    firstLine: 1,
    hints: { assumedYear: 2026, sizeBytes: how === 'thread' ? statSync(log).size : null },
    parseSlow,
    onForeignLine: () => undefined,
    onUnread: () => undefined,
  });
  const file = openSync(log, 'r');
  const buffer = Buffer.allocUnsafeSlow(1 << 18);
  let sinceCommit = 0;
  for (
    let count = readSync(file, buffer, 0, buffer.length, null);
    count > 0;
    count = readSync(file, buffer, 0, buffer.length, null)
  ) {
    const chunk = buffer.subarray(0, count);
    kernelLog.feed(chunk);
    raw.add(chunk);
    sinceCommit += count;
    if (sinceCommit > 1 << 26) {
      sinceCommit = 0;
      raw.flush();
      kernelLog.checkpoint();
      db.exec('COMMIT; BEGIN');
    }
  }
  closeSync(file);
  kernelLog.end();
  raw.end();
  finishPacketLoad(db);
  db.exec('COMMIT');
  db.close();
  if (kernelLog.stats().lines === 0) throw new Error('no line was read');
}
const loaded = process.hrtime.bigint();
const db = openStoreForReading(host, location, 2);
const rows = db.prepare(ANSWER).all();
const ended = process.hrtime.bigint();
console.log(
  JSON.stringify({
    loadMs: Number(loaded - started) / 1e6,
    answerMs: Number(ended - loaded) / 1e6,
    peakMb: process.resourceUsage().maxRSS / 1024,
    rows,
  }),
);
