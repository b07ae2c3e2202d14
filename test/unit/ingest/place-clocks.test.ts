import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { ingest } from '../../../src/ingest/ingest.js';
import type { IngestOptions } from '../../../src/ingest/options.js';
import { readBootTime, readUptimeAt } from '../../../src/ingest/place-clocks.js';
import { type Db, openStoreForWriting } from '../../../src/store/open-store.js';

const MIGRATIONS = new URL('../../../migrations', import.meta.url).pathname;
const NOW_US = Date.parse('2026-03-01T00:00:00Z') * 1000;

let folder: string;
let db: Db;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clocks-'));
  db = openStoreForWriting(realHost(), { path: join(folder, 'store.db'), migrationsFolder: MIGRATIONS }, NOW_US);
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

async function read(files: Readonly<Record<string, string>>, options: IngestOptions = {}): Promise<void> {
  const paths = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  });
  await ingest({ host: realHost(), clock: { nowUs: () => NOW_US, monotonicMs: () => 0 } }, db, paths, options);
}

function clock(kind: string): { offset_us: number | null; error_us: number | null; method: string } {
  return db.prepare('SELECT offset_us, error_us, method FROM clocks WHERE kind = ?').get(kind) as never;
}

const SYN = (sport: number): string =>
  `fw: IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=198.51.100.7 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=${sport} DF PROTO=TCP SPT=${sport} DPT=80 WINDOW=64240 RES=0x00 SYN URGP=0 `;
const NEW = (at: number, sport: number): string =>
  `[${(at / 1e6).toFixed(6)}]\t    [NEW] tcp      6 120 SYN_SENT src=192.0.2.1 dst=198.51.100.7 sport=${sport} dport=80 [UNREPLIED] src=198.51.100.7 dst=192.0.2.1 sport=80 dport=${sport}\n`;

describe('clocks on one axis', () => {
  it('ties uptime and epoch by the first packets that a log and events share', async () => {
    const boot = 1_770_000_000_000_000;
    const flows = [10, 25, 61].map((second, index) => ({ us: second * 1_000_000 + 250, sport: 40_000 + index }));
    await read({
      'dmesg.txt': flows.map(({ us, sport }) => `[${(us / 1e6).toFixed(6).padStart(12)}] ${SYN(sport)}\n`).join(''),
      'conntrack-E.txt': flows.map(({ us, sport }, index) => NEW(boot + us + 80 + index * 20, sport)).join(''),
    });
    const placed = clock('uptime');
    expect(placed.method).toBe('shared-records');
    expect(Math.abs((placed.offset_us ?? 0) - boot)).toBeLessThanOrEqual((placed.error_us ?? 0) + 100);
    expect(placed.error_us).toBe(5000);
  });

  it('leaves uptime unplaced when nothing tells, and places it by a stated boot time', async () => {
    await read({ 'dmesg.txt': `[   10.000000] ${SYN(40_000)}\n` });
    expect(clock('uptime')).toEqual({ offset_us: null, error_us: null, method: 'unplaced' });
    await read({ 'other.txt': `[   11.000000] ${SYN(40_001)}\n` }, { bootAtUs: 5_000_000, bootErrorUs: 100 });
    expect(db.prepare('SELECT offset_us, error_us, method FROM clocks ORDER BY id DESC LIMIT 1').get()).toEqual({
      offset_us: 5_000_000,
      error_us: 100 + 1100,
      method: 'boot-time',
    });
  });

  it('keeps the doubt about year and zone of a classic syslog stamp, and takes them from options', async () => {
    await read({ 'kern.log': `Feb 10 10:00:00 gw kernel: ${SYN(40_000)}\n` });
    const doubtful = clock('wall');
    expect(doubtful.method).toBe('assumed-year');
    expect(doubtful.error_us).toBeGreaterThan(365 * 86_400e6);
    await read({ 'b.log': `Feb 11 10:00:00 db kernel: ${SYN(40_001)}\n` }, { year: 2024, timeZone: 'Europe/Berlin' });
    const at = db.prepare('SELECT seen_at_us, seen_error_us FROM packets WHERE sport = 40001').get() as {
      seen_at_us: number;
      seen_error_us: number;
    };
    expect(new Date(at.seen_at_us / 1000).toISOString()).toBe('2024-02-11T09:00:00.000Z');
    expect(at.seen_error_us).toBe(1_000_000);
  });
});

describe('statements of a manifest', () => {
  it('reads boot times and uptime beside the epoch', () => {
    expect(readBootTime('1770000000')).toEqual({ offsetUs: 1_770_000_000_000_000, errorUs: 1_000_000 });
    expect(readBootTime('1770000000.123456')).toEqual({ offsetUs: 1_770_000_000_123_456, errorUs: 1000 });
    expect(readBootTime('1770000000.5 0.000112')).toEqual({ offsetUs: 1_770_000_000_500_000, errorUs: 112 });
    expect(readBootTime('yesterday')).toBeNull();
    expect(readUptimeAt('100.50 at 1770000100.500000')).toEqual({
      atUptimeUs: 100_500_000,
      offsetUs: 1_770_000_000_000_000,
      errorUs: 21_000,
    });
  });
});
