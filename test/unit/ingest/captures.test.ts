import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { ingest } from '../../../src/ingest/ingest.js';
import { type Db, openStoreForWriting } from '../../../src/store/open-store.js';

const MIGRATIONS = new URL('../../../migrations', import.meta.url).pathname;
const NOW_US = Date.parse('2026-01-01T00:00:00Z') * 1000;

let folder: string;
let db: Db;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-captures-'));
  db = openStoreForWriting(realHost(), { path: join(folder, 'store.db'), migrationsFolder: MIGRATIONS }, NOW_US);
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

async function read(text: string): Promise<unknown[]> {
  const path = join(folder, 'tcpdump.txt');
  writeFileSync(path, text);
  const clock = { nowUs: () => NOW_US, monotonicMs: () => performance.now() };
  await ingest({ host: realHost(), clock }, db, [path], {});
  return db
    .prepare(
      `SELECT c.kind, c.offset_us AS offset, p.clock_us AS at, p.flags, p.seq, p.window, p.payload, json_extract(p.extra, '$.tcpOptions') AS options
       FROM captured_packets p JOIN clocks c ON c.id = p.clock_id ORDER BY p.line`,
    )
    .all();
}

describe('packets on the wire in the store', () => {
  it('keep the distances of tcpdump text that names no day, also past midnight, on a clock that is not placed', async () => {
    const rows =
      await read(`23:59:59.000001 IP 192.0.2.1.1 > 192.0.2.2.2: Flags [S], seq 7, win 64240, options [mss 1460,nop,wscale 7], length 0
23:59:58.999999 IP 192.0.2.1.1 > 192.0.2.2.2: Flags [S], seq 7, win 64240, length 0
00:00:01.000000 IP 192.0.2.1.1 > 192.0.2.2.2: Flags [R], seq 8, win 0, length 0
`);
    const day = 86_400_000_000;
    expect(rows).toEqual([
      expect.objectContaining({
        kind: 'none',
        offset: null,
        at: day - 999_999,
        flags: 'SYN',
        seq: 7,
        window: 64240,
        payload: 0,
        options: '020405B401030307',
      }),
      expect.objectContaining({ at: day - 1_000_001 }),
      expect.objectContaining({ at: day + 1_000_000, flags: 'RST', seq: 8 }),
    ]);
  });
});
