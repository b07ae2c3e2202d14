import { describe, expect, it } from 'vitest';
import { openKernelLog } from '../../../../src/ingest/kernel-log/open-kernel-log.js';
import { parseSlow } from '../../../../src/ingest/kernel-log/parse-slow.js';
import type { Db } from '../../../../src/store/open-store.js';
import { finishPacketLoad } from '../../../../src/store/packet-writer.js';
import { openRawBlocks } from '../../../../src/store/raw-blocks.js';
import { storeOfSources } from '../../store/store-of-sources.js';
import { makeTraffic } from './traffic-model.js';

const LOG = makeTraffic({ seed: 9, packets: 400, ids: 'counting', cpus: 3, twins: 0, lost: 0 }).text;

function logInto(db: Db, sourceId: number, resume: string | null = null, firstLine = 1) {
  return openKernelLog({
    db,
    sourceId,
    bootId: null,
    firstLine,
    hints: { assumedYear: 2026, sizeBytes: null },
    parseSlow,
    onForeignLine: () => undefined,
    onUnread: (line, _, reason) => {
      throw new Error(`line ${line}: ${reason}`);
    },
    resume,
  });
}

function ingest(db: Db, sourceId: number, text: string) {
  const raw = openRawBlocks(db, sourceId);
  const log = logInto(db, sourceId);
  log.feed(Buffer.from(text));
  raw.add(Buffer.from(text));
  log.end();
  raw.end();
  finishPacketLoad(db);
  return log;
}

/** Every line of every packet, by what the contract's view says of it. */
function linesOf(db: Db): readonly unknown[] {
  db.exec('UPDATE clocks SET offset_us = 0');
  return db
    .prepare(
      `SELECT seen_at_us, kind, prefix, table_name, chain, rule_kind, rule_no, in_if, out_if, src, dst, sport, dport, ttl, ip_id, len, flags, seq, journey_id
       FROM packets ORDER BY seen_at_us, journey_id, step`,
    )
    .all()
    .map((row) => ({ ...(row as object), journey_id: undefined }));
}

describe('a kernel log in the store', () => {
  it('gives every line back as a row of packets', () => {
    const db = storeOfSources();
    ingest(db, 1, LOG);
    expect(linesOf(db)).toHaveLength(LOG.trimEnd().split('\n').length);
    expect(db.pragma('foreign_key_check')).toEqual([]);
    expect(db.prepare('SELECT count(DISTINCT journey_id) FROM packets').pluck().get()).toBe(400);
  });

  it('is the same when it was interrupted and read on', () => {
    const whole = storeOfSources();
    ingest(whole, 1, LOG);
    const db = storeOfSources();
    const bytes = Buffer.from(LOG);
    let done = { bytes: 0, lines: 0 };
    let open: string | null = null;
    while (done.bytes + 150_000 < bytes.length) {
      // A new process each time: it reads 150,000 bytes, commits and is killed; the rest of its last line is read again.
      const chunk = bytes.subarray(done.bytes, done.bytes + 150_000);
      const raw = openRawBlocks(db, 1, done);
      const log = logInto(db, 1, open);
      raw.add(chunk);
      log.feed(chunk);
      const point = log.checkpoint();
      open = point.openState;
      done = { bytes: done.bytes + point.bytes, lines: point.lines };
      expect(raw.flush()).toEqual(done);
    }
    const log = logInto(db, 1, open);
    log.feed(bytes.subarray(done.bytes));
    log.end();
    expect(linesOf(db)).toEqual(linesOf(whole));
    expect(db.prepare('SELECT count(*) FROM passages').pluck().get()).toBe(400);
    expect(db.prepare('SELECT count(*) FROM clocks').pluck().get()).toBe(1);
  });

  it('recognises the same packets in a second source of the boot', () => {
    const db = storeOfSources(2);
    ingest(db, 1, LOG);
    // kern.log beside dmesg: the same lines behind another envelope.
    const other = LOG.replace(/^/gm, 'Nov 21 09:00:00 fw kernel: ').replace(/Nov 21 09:00:00 fw kernel: $/, '');
    const log = ingest(db, 2, other);
    expect(log.stats()).toMatchObject({ written: 0, merged: 400 });
    expect(db.prepare('SELECT count(*) FROM passage_sources WHERE source_id = 2').pluck().get()).toBe(400);
    expect(db.prepare('SELECT count(*) FROM passages').pluck().get()).toBe(400);
  });
});
