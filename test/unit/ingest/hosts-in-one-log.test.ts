import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { ingest } from '../../../src/ingest/ingest.js';
import type { IngestOptions, IngestProgress } from '../../../src/ingest/options.js';
import type { IngestReport } from '../../../src/ingest/report.js';
import { type Db, openStoreForWriting } from '../../../src/store/open-store.js';
import { readTheseRawLines } from '../../../src/store/raw-blocks.js';

const MIGRATIONS = new URL('../../../migrations', import.meta.url).pathname;
const NOW_US = Date.parse('2026-11-22T00:00:00Z') * 1000;
const HOSTS = ['gw1', 'gw2.example.net', 'edge-router-3'] as const;

let folder: string;
let db: Db;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hosts-'));
  db = store('store.db');
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

function store(name: string): Db {
  return openStoreForWriting(realHost(), { path: join(folder, name), migrationsFolder: MIGRATIONS }, NOW_US);
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function run(
  into: Db,
  inputs: readonly string[],
  options: IngestOptions = {},
  signal?: AbortSignal,
  onProgress: (progress: IngestProgress) => void = () => {},
): Promise<IngestReport> {
  const clock = { nowUs: () => NOW_US, monotonicMs: () => performance.now() };
  return ingest(
    { host: realHost(), clock, onProgress, ...(signal === undefined ? {} : { signal }) },
    into,
    inputs,
    options,
  );
}

interface Line {
  readonly host: string;
  readonly atMs: number;
  readonly uptimeUs: number;
  readonly message: string;
}

/** Boots at different moments; the same tuples on the first two hosts, in turns that are not even. */
function centralLines(count: number): readonly Line[] {
  const start = Date.parse('2026-11-21T10:00:00Z');
  const releases = ['6.1.0-18-amd64', '5.10.0-8-amd64', '6.18.2'];
  return Array.from({ length: count }, (_, index): Line => {
    const which = index < 3 ? index : (index * 7 + Math.floor(index / 5)) % 3;
    const atMs = start + index * 20;
    const port = 40000 + (index % 49);
    const tuple = which === 2 ? `SRC=203.0.113.9 DST=203.0.113.80` : 'SRC=192.0.2.10 DST=198.51.100.80';
    const packet = `${tuple} LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=${index % 65536} DF PROTO=TCP SPT=${port} DPT=443 WINDOW=64240 RES=0x00 ACK URGP=0 `;
    const message =
      index < 3
        ? `Linux version ${releases[which]} (builder@example.net) (gcc 12) #1 SMP`
        : index % 4 === 0
          ? `nf_ct_proto_6: invalid packet ignored in state SYN_SENT IN= OUT= ${packet}`
          : index % 11 === 5
            ? 'usb 1-1: new high-speed USB device number 4'
            : `FW ${HOSTS[which]}: IN=lan0 OUT=wan0 MAC= ${packet}`;
    return {
      host: HOSTS[which]!,
      atMs,
      uptimeUs: (1000 + which * 500_000) * 1_000_000 + (atMs - start) * 1000,
      message,
    };
  });
}

function syslog({ host, atMs, uptimeUs, message }: Line): string {
  const uptime = `${Math.floor(uptimeUs / 1_000_000)}.${String(uptimeUs % 1_000_000).padStart(6, '0')}`;
  return `${new Date(atMs).toISOString().replace('Z', '000+00:00')} ${host} kernel: [${uptime.padStart(12)}] ${message}\n`;
}

/** Packet lines with the host the store says, and their text. */
function packetLines(from: Db): readonly { readonly host: string; readonly line: number; readonly text: string }[] {
  const rows = from
    .prepare(
      `SELECT h.name AS host, k.line, k.source_id AS sourceId FROM packets k JOIN sources s ON s.id = k.source_id JOIN hosts h ON h.id = s.host_id ORDER BY k.line`,
    )
    .all() as { host: string; line: number; sourceId: number }[];
  const texts = new Map(
    [...new Set(rows.map(({ sourceId }) => sourceId))].map((id) => [
      id,
      readTheseRawLines(
        from,
        id,
        rows.filter(({ sourceId }) => sourceId === id).map(({ line }) => line),
      ),
    ]),
  );
  return rows.map(({ host, line, sourceId }) => ({ host, line, text: texts.get(sourceId)?.get(line) ?? '' }));
}

function perHost(from: Db): unknown {
  return from
    .prepare(
      `SELECT h.name AS host, count(DISTINCT f.id) AS flows, (SELECT kernel_release FROM boots b WHERE b.host_id = h.id AND kernel_release IS NOT NULL) AS kernel
       FROM hosts h LEFT JOIN flows f ON f.host_id = h.id GROUP BY h.id ORDER BY h.name`,
    )
    .all();
}

describe('a log of several hosts', () => {
  it('gives each record to its own host, with the line and the text that are its', async () => {
    const lines = centralLines(1500);
    const path = file('central.log', lines.map(syslog).join(''));
    const report = await run(db, [path]);
    expect(report.hosts.map(({ name, kernel }) => [name, kernel]).sort()).toEqual([
      ['edge-router-3', '6.18.2'],
      ['gw1', '6.1.0-18-amd64'],
      ['gw2.example.net', '5.10.0-8-amd64'],
    ]);
    const stored = packetLines(db);
    expect(stored).toHaveLength(lines.filter(({ message }) => message.includes('SRC=')).length);
    for (const { host, line, text } of stored) {
      expect(lines[line - 1]?.host).toBe(host);
      expect(`${text}\n`).toBe(syslog(lines[line - 1]!));
    }
    expect(report.sources.map(({ name, lines: read, unreadLines }) => [name, read, unreadLines])).toEqual([
      [path, 1500, 0],
    ]);
  });

  it('joins nothing across hosts: one connection is two where two hosts saw it', async () => {
    await run(db, [file('central.log', centralLines(600).map(syslog).join(''))]);
    const shared = db
      .prepare(
        `SELECT t.src, t.sport, count(DISTINCT f.host_id) AS hosts FROM flows f JOIN tuples t ON t.id = f.orig_tuple_id
         WHERE t.src = '192.0.2.10' GROUP BY f.orig_tuple_id`,
      )
      .all() as { hosts: number }[];
    expect(shared.filter(({ hosts }) => hosts === 2).length).toBeGreaterThan(20);
    const crossed = db
      .prepare(
        `SELECT count(*) FROM journeys j JOIN packets p ON p.journey_id = j.id JOIN sources a ON a.id = j.source_id JOIN sources b ON b.id = p.source_id WHERE a.host_id <> b.host_id`,
      )
      .pluck()
      .get();
    expect(crossed).toBe(0);
  });

  it('is the same when it is read twice, in parts as it grows, or killed and taken up again', async () => {
    const text = centralLines(1200).map(syslog);
    const whole = store('whole.db');
    const grown = store('grown.db');
    try {
      const path = file('central.log', text.join(''));
      await run(whole, [path]);
      expect((await run(whole, [path])).isAnythingNew).toBe(false);
      const growing = file('growing.log', text.slice(0, 401).join(''));
      await run(grown, [growing]);
      for (const [from, to] of [
        [401, 402],
        [402, 1000],
        [1000, 1200],
      ] as const) {
        appendFileSync(growing, text.slice(from, to).join(''));
        const { sources } = await run(grown, [growing]);
        expect(sources.map(({ outcome, lines }) => [outcome, lines])).toEqual([['continued', to - from]]);
      }
      expect(packetLines(grown)).toEqual(packetLines(whole));
      expect(perHost(grown)).toEqual(perHost(whole));
    } finally {
      whole.close();
      grown.close();
    }
  });

  it('reads on after a stop in the middle', async () => {
    const filler = `${new Date(Date.parse('2026-11-21T10:00:00Z')).toISOString()} gw1 app[1]: ${'nothing of interest '.repeat(2000)}\n`;
    const text = centralLines(600)
      .map(syslog)
      .map((line) => line + filler);
    const path = file('central.log', text.join(''));
    const abort = new AbortController();
    await run(db, [path], {}, abort.signal, ({ bytes }) => {
      if (bytes > 18 << 20) abort.abort();
    });
    const before = packetLines(db).length;
    expect(before).toBeGreaterThan(0);
    const { sources } = await run(db, [path]);
    expect(sources[0]?.outcome).toBe('continued');
    const whole = store('whole.db');
    try {
      await run(whole, [path]);
      expect(before).toBeLessThan(packetLines(whole).length);
      expect(packetLines(db)).toEqual(packetLines(whole));
    } finally {
      whole.close();
    }
  });

  it('counts what cannot be read once', async () => {
    const lines = centralLines(300).map(syslog);
    lines.splice(
      100,
      0,
      '2026-11-21T10:00:02.000000+00:00 gw1 kernel: [ 1002.000000] FW: IN=lan0 OUT=wan0 SRC=192.0.2.\n',
    );
    const report = await run(db, [file('central.log', lines.join(''))]);
    expect(report.sources.map(({ unreadLines, firstUnread }) => [unreadLines, firstUnread?.line])).toEqual([[1, 101]]);
    expect(db.prepare('SELECT count(*) FROM unread_lines').pluck().get()).toBe(1);
  });

  it('makes no host of one that never showed evidence, and none of localhost beside one name', async () => {
    const lines = centralLines(60)
      .filter(({ host }) => host === 'gw1')
      .map(syslog);
    const text = [
      lines[0]!.replace(' gw1 ', ' localhost '),
      ...lines.slice(1),
      '2026-11-21T11:00:00.000000+00:00 printer7 kernel: [ 10.000000] usb 1-1: new device\n',
      '2026-11-21T11:00:00.000000+00:00 nas2 sshd[12]: Accepted publickey\n',
    ].join('');
    const report = await run(db, [file('kern.log', text)]);
    expect(report.hosts.map(({ name }) => name)).toEqual(['gw1']);
  });

  it('lets --host name what the lines leave open, and not what they name otherwise', async () => {
    const text = centralLines(90).map(syslog).join('');
    await run(db, [file('central.log', text)], { hostName: 'gw1' });
    expect(new Set(packetLines(db).map(({ host }) => host))).toEqual(new Set(HOSTS));
    const renamed = store('renamed.db');
    try {
      const one = centralLines(90)
        .filter(({ host }) => host === 'gw1')
        .map(syslog)
        .join('');
      await run(renamed, [file('kern.log', one)], { hostName: 'fw-old' });
      expect(new Set(packetLines(renamed).map(({ host }) => host))).toEqual(new Set(['fw-old']));
    } finally {
      renamed.close();
    }
  });
});

describe('a journal of several hosts', () => {
  const MACHINES = [
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',
    'cccccccccccccccccccccccccccccccc',
  ];
  const fields = ({ host, atMs, uptimeUs, message }: Line, index: number): Readonly<Record<string, string>> => {
    const which = HOSTS.findIndex((one) => host.startsWith(one));
    // The first host boots once more in the middle, and counts its uptime on from a higher one.
    const boot = which === 0 && index >= 200 ? 9 : which + 1;
    return {
      __REALTIME_TIMESTAMP: String(atMs * 1000),
      _SOURCE_MONOTONIC_TIMESTAMP: String(uptimeUs + (boot === 9 ? 7_000_000_000 : 0)),
      _BOOT_ID: String(boot).repeat(32),
      _MACHINE_ID: MACHINES[which]!,
      _HOSTNAME: host,
      _TRANSPORT: 'kernel',
      MESSAGE: message,
    };
  };
  const asJson = (line: Line, index: number) => `${JSON.stringify(fields(line, index))}\n`;
  const asExport = (line: Line, index: number) =>
    `${Object.entries(fields(line, index))
      .map(([name, value]) => `${name}=${value}\n`)
      .join('')}\n`;

  it.each([
    ['json', asJson, 1],
    ['export', asExport, 8],
  ] as const)('gives each record to its host and boot (%s)', async (_, write, linesEach) => {
    const lines = centralLines(400);
    await run(db, [file('journal.txt', lines.map(write).join(''))]);
    const stored = packetLines(db);
    expect(stored).toHaveLength(lines.filter(({ message }) => message.includes('SRC=')).length);
    for (const { host, line } of stored) expect(lines[Math.floor((line - 1) / linesEach)]?.host).toBe(host);
    const boots = db
      .prepare(
        `SELECT h.name AS host, substr(b.boot_uuid, 1, 1) AS boot, min(p.line) AS first FROM passages p JOIN clocks c ON c.id = p.clock_id
         JOIN boots b ON b.id = c.boot_id JOIN hosts h ON h.id = b.host_id GROUP BY b.id ORDER BY 1, 2`,
      )
      .all() as { host: string; boot: string; first: number }[];
    expect(boots.map(({ host, boot }) => [host, boot])).toEqual([
      ['edge-router-3', '3'],
      ['gw1', '1'],
      ['gw1', '9'],
      ['gw2.example.net', '2'],
    ]);
    expect(boots[2]!.first).toBeGreaterThan(200 * linesEach);
  });

  it('knows a host by its machine id, whatever it is called', async () => {
    const lines = centralLines(120).map((line, index) => {
      const entry = fields(line, 0);
      const name =
        entry['_MACHINE_ID'] === MACHINES[0] && index > 60 ? 'gw1-renamed' : line.host === HOSTS[2] ? 'gw1' : line.host;
      return `${JSON.stringify({ ...entry, _HOSTNAME: name })}\n`;
    });
    await run(db, [file('journal.json', lines.join(''))]);
    expect(new Set(packetLines(db).map(({ host }) => host))).toEqual(
      new Set(['gw1', 'gw2.example.net', 'gw1-cccccccc']),
    );
  });
});

it('reads a log of one host as before', async () => {
  const path = file(
    'kern.log',
    centralLines(200)
      .filter(({ host }) => host === 'gw1')
      .map(syslog)
      .join(''),
  );
  await run(db, [path]);
  expect(db.prepare('SELECT count(*) FROM sources').pluck().get()).toBe(1);
  expect(readFileSync(path, 'utf8').split('\n').length - 1).toBe(
    db.prepare('SELECT done_lines FROM sources').pluck().get(),
  );
});
