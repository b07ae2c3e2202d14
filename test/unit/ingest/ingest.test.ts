import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { ingest } from '../../../src/ingest/ingest.js';
import type { IngestOptions } from '../../../src/ingest/options.js';
import type { IngestReport } from '../../../src/ingest/report.js';
import { type Db, openStoreForWriting } from '../../../src/store/open-store.js';
import { SMALL_TABLES } from './small-tables.js';

const MIGRATIONS = new URL('../../../migrations', import.meta.url).pathname;
const NOW_US = Date.parse('2026-01-01T00:00:00Z') * 1000;

let folder: string;
let db: Db;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ingest-'));
  db = openStoreForWriting(realHost(), { path: join(folder, 'store.db'), migrationsFolder: MIGRATIONS }, NOW_US);
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function run(inputs: readonly string[], options: IngestOptions = {}, signal?: AbortSignal): Promise<IngestReport> {
  const clock = { nowUs: () => NOW_US, monotonicMs: () => performance.now() };
  return ingest(
    { host: realHost(), clock, ...(signal === undefined ? {} : { signal }) },
    db,
    inputs,
    options,
    SMALL_TABLES,
  );
}

function events(count: number, from = 0): string {
  return Array.from(
    { length: count },
    (_, index) => `event ${(from + index) * 1000} NEW 192.0.2.1:${1024 + from + index} 198.51.100.7:80\n`,
  ).join('');
}

function rows(table: string): number {
  return db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
}

async function tarOf(members: Readonly<Record<string, string | Uint8Array>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, data] of Object.entries(members))
    tar.entry({ name, mtime: new Date(1_700_000_000_000) }, Buffer.from(data));
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

describe('the same again', () => {
  it('adds nothing, also under another name and compressed', async () => {
    const path = file('events.log', events(500));
    const first = await run([path]);
    expect(first.isAnythingNew).toBe(true);
    expect(first.sources.map(({ outcome, lines }) => [outcome, lines])).toEqual([['read', 500]]);
    file('other.log.1.gz', gzipSync(readFileSync(path)));
    const second = await run([path, join(folder, 'other.log.1.gz')]);
    expect(second.sources.map(({ outcome }) => outcome)).toEqual(['known', 'known']);
    expect(second.isAnythingNew).toBe(false);
    expect([rows('events'), rows('sources'), rows('flows'), rows('hosts')]).toEqual([500, 1, 500, 1]);
  });

  it('reads what has grown from where it was left', async () => {
    const path = file('events.log', events(300));
    await run([path]);
    appendFileSync(path, events(50, 300));
    const { sources } = await run([path]);
    expect(sources.map(({ outcome, lines }) => [outcome, lines])).toEqual([['continued', 50]]);
    expect(rows('events')).toBe(350);
    expect(db.prepare('SELECT max(line) FROM events').pluck().get()).toBe(350);
  });

  it('takes a file that begins alike but goes on otherwise for another', async () => {
    const path = file('events.log', events(300));
    await run([path]);
    writeFileSync(path, events(200) + events(200, 1000));
    const { sources } = await run([path]);
    expect(sources[0]?.outcome).toBe('read');
    expect(rows('events')).toBe(700);
    expect((await run([path])).isAnythingNew).toBe(false);
  });

  it('takes a bundle for the same as the tree it was made of', async () => {
    const members = {
      MANIFEST: 'MANIFEST host gw\n',
      'before/sysctl.txt': 'a = 1\n',
      'after/sysctl.txt': 'a = 1\n',
      'events.log': events(10),
    };
    for (const [name, text] of Object.entries(members)) file(`tree/${name}`, text);
    await run([join(folder, 'tree')]);
    const { sources } = await run([file('case.tar', await tarOf(members))]);
    expect(sources.map(({ outcome }) => outcome)).toEqual(['known', 'known', 'known', 'known']);
    expect([rows('events'), rows('snapshots'), rows('hosts')]).toEqual([10, 2, 1]);
  });
});

describe('a killed ingest', () => {
  it('is read on by the next, and ends as if it had never been killed', async () => {
    // Abort in the middle: what is committed stays, the rest comes with the next call.
    const filler = `${'another program says something of no interest '.repeat(40)}\n`.repeat(500);
    const text = Array.from({ length: 40 }, (_, part) => events(500, part * 500) + filler).join('');
    const path = file('events.log', text);
    const abort = new AbortController();
    let calls = 0;
    const clock = { nowUs: () => NOW_US, monotonicMs: () => performance.now() };
    await ingest(
      { host: realHost(), clock, signal: abort.signal, onProgress: () => void (++calls === 25 && abort.abort()) },
      db,
      [path],
      {},
      SMALL_TABLES,
    );
    const before = rows('events');
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(20_000);
    const { sources } = await run([path]);
    expect(sources[0]?.outcome).toBe('continued');
    expect(rows('events')).toBe(20_000);
    expect(db.prepare('SELECT count(DISTINCT line) FROM events').pluck().get()).toBe(20_000);
  });

  it('leaves a listing whole or not at all when it is stopped', async () => {
    const broken = {
      ...SMALL_TABLES,
      writers: {
        ...SMALL_TABLES.writers,
        listings: SMALL_TABLES.writers.listings.map((entry) => ({
          ...entry,
          open(listing: Parameters<typeof entry.open>[0]) {
            const writer = entry.open(listing);
            let count = 0;
            return {
              ...writer,
              record(record: Parameters<typeof writer.record>[0]) {
                if (++count === 3) throw new Error('killed');
                writer.record(record);
              },
            };
          },
        })),
      },
    };
    const path = file('sysctl.txt', 'a = 1\nb = 2\nc = 3\nd = 4\n');
    const clock = { nowUs: () => NOW_US, monotonicMs: () => 0 };
    await expect(ingest({ host: realHost(), clock }, db, [path], {}, broken)).rejects.toThrow('killed');
    expect([rows('values_over_time'), rows('snapshots')]).toEqual([0, 0]);
    await run([path]);
    expect([rows('values_over_time'), rows('snapshots')]).toEqual([4, 1]);
  });
});

describe('hosts', () => {
  it('makes one assumed host of unnamed files of a call, and another for the next call', async () => {
    await run([file('a.log', events(3)), file('sysctl.txt', 'a = 1\n')]);
    await run([file('b.log', events(3, 100))]);
    expect(db.prepare('SELECT name, is_assumed FROM hosts').all()).toEqual([
      { name: 'unnamed-1', is_assumed: 1 },
      { name: 'unnamed-2', is_assumed: 1 },
    ]);
  });

  it('gives unnamed files to the one host that the call names', async () => {
    const report = await run([
      file('a.log', events(3)),
      file(
        'case.tar',
        await tarOf({ 'events.log': events(5, 50), MANIFEST: 'MANIFEST host gw\nMANIFEST kernel 6.1.0-9-amd64\n' }),
      ),
    ]);
    expect(report.hosts).toEqual([{ name: 'gw', isAssumed: false, kernel: '6.1.0-9-amd64' }]);
    expect(db.prepare('SELECT DISTINCT h.name FROM sources s JOIN hosts h ON h.id = s.host_id').pluck().all()).toEqual([
      'gw',
    ]);
  });

  it('keeps two named hosts and a stranger apart', async () => {
    await run([
      file('x/MANIFEST', 'MANIFEST host gw\n').replace('/MANIFEST', ''),
      file('y/MANIFEST', 'MANIFEST host db\n').replace('/MANIFEST', ''),
      file('a.log', events(3)),
    ]);
    expect(db.prepare('SELECT name FROM hosts ORDER BY name').pluck().all()).toEqual(['db', 'gw', 'unnamed-1']);
  });

  it('takes the name and kernel from the options', async () => {
    const report = await run([file('a.log', events(3))], { hostName: 'fw1', kernelRelease: '5.10.0-8' });
    expect(report.hosts).toEqual([{ name: 'fw1', isAssumed: false, kernel: '5.10.0-8' }]);
  });
});

describe('snapshots', () => {
  it('reads before before after, whatever the order of the archive', async () => {
    await run([file('case.tar', await tarOf({ 'after/sysctl.txt': 'a = 2\n', 'before/sysctl.txt': 'a = 1\n' }))]);
    expect(
      db
        .prepare('SELECT n.seq, n.name, v.value FROM snapshots n JOIN sysctls v ON v.snapshot_id = n.id ORDER BY n.seq')
        .all(),
    ).toEqual([
      { seq: 1, name: 'before', value: '1' },
      { seq: 2, name: 'after', value: '2' },
    ]);
  });

  it('takes moments and times from the manifest', async () => {
    const manifest =
      'MANIFEST host gw\nMANIFEST part two.txt late 3000000 3200000\nMANIFEST part one.txt early 1000000 1100000\n';
    await run([file('case.tar', await tarOf({ MANIFEST: manifest, 'two.txt': 'a = 2\n', 'one.txt': 'a = 1\n' }))]);
    expect(db.prepare('SELECT name, taken_at_us, took_us FROM snapshots ORDER BY id').all()).toEqual([
      { name: 'early', taken_at_us: 1_050_000, took_us: 100_000 },
      { name: 'late', taken_at_us: 3_100_000, took_us: 200_000 },
    ]);
  });

  it('opens another for a second listing in the same file', async () => {
    await run([file('watch.txt', '# sysctl -a\na = 1\nb = 1\n# sysctl -a\na = 2\nb = 1\na = 3\n')]);
    expect(db.prepare("SELECT seq, value FROM values_over_time WHERE name = 'a' ORDER BY seq").all()).toEqual([
      { seq: 1, value: '1' },
      { seq: 2, value: '2' },
      { seq: 3, value: '3' },
    ]);
  });

  it('notes an empty list that was read, and one that could not be', async () => {
    const manifest = [
      'MANIFEST host gw',
      'MANIFEST part empty.txt now 1000 2000 0 conntrack -L',
      'MANIFEST part none.txt now 3000 4000 1 conntrack -L dying',
    ].join('\n');
    await run([file('case.tar', await tarOf({ MANIFEST: `${manifest}\n`, 'empty.txt': '' }))]);
    expect(db.prepare('SELECT part, state, why FROM snapshot_parts ORDER BY part').all()).toEqual([
      { part: 'list:dying', state: 'failed', why: 'conntrack -L dying ended with status 1' },
      { part: 'list:main', state: 'read', why: null },
    ]);
  });
});

describe('mixed and broken text', () => {
  it('reads several forms in one file, with prompts, CRLF and NUL, and shows what it could not read', async () => {
    const path = file(
      'mail.txt',
      Buffer.from(
        `Hello,\r\n\r\nroot@gw:~# sysctl net.x\r\na = 1\r\n\r\nand then\r\n${events(2)}event oops\r\n\0\0\xff\xfe\r\nSRC=1 but nothing\r\n`,
        'latin1',
      ),
    );
    const { sources } = await run([path]);
    expect(sources[0]?.forms.map(({ form, records, unread }) => [form, records, unread])).toEqual([
      ['small settings', 1, 0],
      ['small events', 2, 1],
    ]);
    expect(sources[0]?.unreadLines).toBe(2);
    expect(sources[0]?.firstUnread).toEqual({
      line: 9,
      form: 'small events',
      reason: 'not an event',
      text: 'event oops',
    });
    expect(db.prepare('SELECT line, form, reason FROM unread_lines ORDER BY line').all()).toEqual([
      { line: 9, form: 'small events', reason: 'not an event' },
      { line: 11, form: null, reason: 'no known form' },
    ]);
  });

  it('names what is missing for a full answer', async () => {
    const { missing } = await run([file('sysctl.txt', 'a = 1\n')]);
    expect(missing.map(({ what }) => what)).not.toContain('settings');
    expect(missing.find(({ what }) => what === 'entries')?.ask).toContain('conntrack -L');
  });

  it('says of a file without evidence that there was nothing in it', async () => {
    const { sources, isAnythingNew } = await run([file('notes.txt', 'nothing of interest\n')]);
    expect(sources[0]?.outcome).toBe('nothing');
    expect(isAnythingNew).toBe(false);
  });
});

describe('connections', () => {
  it('makes one row for each life of a connection', async () => {
    await run([
      file(
        'e.log',
        'event 1000 NEW 192.0.2.1:1024 198.51.100.7:80\nevent 9000 DESTROY 192.0.2.1:1024 198.51.100.7:80\nevent 20000 NEW 192.0.2.1:1024 198.51.100.7:80\n',
      ),
    ]);
    expect(db.prepare('SELECT began_at_us, ended_at_us, direction_known_by FROM flows ORDER BY id').all()).toEqual([
      { began_at_us: 1000, ended_at_us: 9000, direction_known_by: 'event' },
      { began_at_us: 20000, ended_at_us: null, direction_known_by: 'event' },
    ]);
  });
});
