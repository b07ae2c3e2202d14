import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { ingest } from '../../../src/ingest/ingest.js';
import { type Db, openStoreForWriting } from '../../../src/store/open-store.js';

const MIGRATIONS = new URL('../../../migrations', import.meta.url).pathname;
const NOW_US = Date.parse('2026-01-01T00:00:00Z') * 1000;

const HEAD = 'DROP INVALID IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00';
const BODY =
  ' SRC=192.0.2.1 DST=198.51.100.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=7 DF PROTO=TCP SPT=4 DPT=443 WINDOW=0 RES=0x00 RST URGP=0 ';
const WHOLE = HEAD + BODY;

let folder: string;
let db: Db;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-cut-'));
  db = openStoreForWriting(realHost(), { path: join(folder, 'store.db'), migrationsFolder: MIGRATIONS }, NOW_US);
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

async function read(
  name: string,
  text: string,
): Promise<{ readonly unread: number; readonly sources: readonly string[] }> {
  const path = join(folder, name);
  writeFileSync(path, text);
  const clock = { nowUs: () => NOW_US, monotonicMs: () => performance.now() };
  const report = await ingest({ host: realHost(), clock }, db, [path], {});
  const sources = db.prepare('SELECT DISTINCT t.src FROM passages p JOIN tuples t ON t.id = p.tuple_id').all() as {
    src: string;
  }[];
  return { unread: report.sources[0]?.unreadLines ?? -1, sources: sources.map(({ src }) => src) };
}

/** Every cut behind IN= that takes something of the addresses away. */
const CUTS = Array.from({ length: WHOLE.indexOf('198.51.100.2') + 12 - HEAD.indexOf('OUT=') }, (_, index) =>
  WHOLE.slice(0, HEAD.indexOf('OUT=') + index),
);

describe('a line that was cut in front of or inside its addresses', () => {
  it('is unread, wherever it was cut, and makes no packet between the stations of the link', async () => {
    const text = [...CUTS, WHOLE].map((line, index) => `Jan  5 10:00:00 fw kernel: [${100 + index}.000001] ${line}\n`);
    expect(await read('kern.log', text.join(''))).toEqual({ unread: CUTS.length, sources: ['192.0.2.1'] });
  });

  it('is unread in journal JSON as well', async () => {
    const entry = (message: string, at: number): string =>
      JSON.stringify({
        __REALTIME_TIMESTAMP: String(1_700_000_000_000_000 + at),
        _TRANSPORT: 'kernel',
        _BOOT_ID: '0'.repeat(32),
        MESSAGE: message,
      });
    const text = [...CUTS, WHOLE].map((line, index) => `${entry(line, index)}\n`);
    expect(await read('journal.json', text.join(''))).toEqual({ unread: CUTS.length, sources: ['192.0.2.1'] });
  });

  it('leaves an address that somebody hid, and stations of packets that have no addresses', async () => {
    const text = [
      WHOLE.replace('192.0.2.1', 'XXX.XXX.XXX.XXX'),
      'bridge IN=eth0 OUT= MACSRC=00:00:5e:00:53:02 MACDST=00:00:5e:00:53:01 MACPROTO=88cc ',
    ].map((line, index) => `Jan  5 10:00:00 fw kernel: [${100 + index}.000001] ${line}\n`);
    expect(await read('kern.log', text.join(''))).toEqual({
      unread: 0,
      sources: expect.arrayContaining(['00:00:5e:00:53:02']) as unknown,
    });
  });
});
