import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import type { IngestTables } from '../../../src/ingest/call.js';
import { ingest } from '../../../src/ingest/ingest.js';
import type { IngestOptions } from '../../../src/ingest/options.js';
import { type Db, openStoreForWriting } from '../../../src/store/open-store.js';
import { SMALL_TABLES } from './small-tables.js';

const MIGRATIONS = new URL('../../../migrations', import.meta.url).pathname;
const BOOT_S = 1_800_000_000;
const US = 1_000_000;

let folder: string;
let db: Db;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coverage-'));
  db = openStoreForWriting(realHost(), { path: join(folder, 'store.db'), migrationsFolder: MIGRATIONS }, 0);
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

async function read(
  files: Readonly<Record<string, string>>,
  options: IngestOptions = {},
  tables?: IngestTables,
): Promise<void> {
  const paths = Object.entries(files).map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  });
  const clock = { nowUs: () => (BOOT_S + 86_400) * US, monotonicMs: () => performance.now() };
  // A folder, so that a manifest speaks about the files beside it.
  await ingest({ host: realHost(), clock }, db, 'MANIFEST' in files ? [folder] : paths, options, tables);
}

interface Row {
  readonly what: string;
  readonly state: string;
  readonly from: number | null;
  readonly to: number | null;
  readonly lost: number | null;
  readonly why: string | null;
}

/** Rows of some kinds, times in seconds since boot. */
function coverage(...kinds: readonly string[]): readonly Row[] {
  const rows = db
    .prepare(
      'SELECT what, state, from_at_us AS "from", to_at_us AS "to", lost, why FROM coverage ORDER BY from_at_us, state DESC',
    )
    .all() as Row[];
  const seconds = (us: number | null): number | null => (us === null ? null : (us - BOOT_S * US) / US);
  return rows
    .filter(({ what }) => kinds.includes(what))
    .map((row) => ({ ...row, from: seconds(row.from), to: seconds(row.to) }));
}

const PACKET =
  'IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=40000 DPT=80 WINDOW=64240 RES=0x00 SYN URGP=0 ';
const BOOTED: IngestOptions = { bootAtUs: BOOT_S * US, bootErrorUs: 1000, hostName: 'gw' };

function dmesg(...lines: readonly (readonly [number, string])[]): string {
  return lines.map(([at, text]) => `[${at.toFixed(6).padStart(12)}] ${text}\n`).join('');
}

describe('a kernel log', () => {
  it('covers what lies between its first and last line, whoever wrote them', async () => {
    await read(
      { 'dmesg.txt': dmesg([10, 'usb 1-1: new device'], [20, `DROP: ${PACKET}`], [90, 'usb 1-1: disconnect']) },
      BOOTED,
    );
    expect(coverage('log')).toEqual([{ what: 'log', state: 'complete', from: 10, to: 90, lost: null, why: null }]);
  });

  it('is perhaps an excerpt where it has netfilter lines only', async () => {
    await read({ 'log.txt': dmesg([20, `DROP: ${PACKET}`], [30, `DROP: ${PACKET}`]) }, BOOTED);
    expect(coverage('log')[0]?.state).toBe('limited');
  });

  it.each([
    ['** 212 printk messages dropped **', 212],
    ['systemd-journald[212]: Missed 12 kernel messages', 12],
  ])('has a hole where it says %j', async (text, lost) => {
    await read(
      {
        'dmesg.txt': dmesg(
          [10, 'usb 1-1: a'],
          [20, `DROP: ${PACKET}`],
          [40, text],
          [50, 'usb 1-1: b'],
          [90, 'usb 1-1: c'],
        ),
      },
      BOOTED,
    );
    expect(coverage('log')).toEqual([
      { what: 'log', state: 'complete', from: 10, to: 20, lost: null, why: null },
      { what: 'log', state: 'lost', from: 20, to: 50, lost, why: text },
      { what: 'log', state: 'complete', from: 50, to: 90, lost: null, why: null },
    ]);
  });

  it('takes the word of journald and rsyslog, who write under their own names', async () => {
    const line = (second: string, who: string, text: string) =>
      `2027-01-15T08:00:${second}.000000+00:00 gw ${who}: ${text}\n`;
    await read({
      'kern.log':
        line('10', 'kernel', `DROP: ${PACKET}`) +
        line('20', 'systemd-journald[9]', 'Missed 7 kernel messages') +
        line('30', 'rsyslogd', 'imklog: 9 messages lost due to rate-limiting') +
        line('40', 'systemd-journald[9]', 'Suppressed 11 messages from sshd.service') +
        line('50', 'kernel', 'usb 1-1: b'),
    });
    expect(coverage('log').map(({ state, lost }) => [state, lost])).toEqual([
      ['lost', 7],
      ['lost', 9],
      ['complete', null],
    ]);
  });

  it('keeps the log whole when the kernel held back its own warnings: LOG and log_invalid are not asked', async () => {
    await read(
      {
        'dmesg.txt': dmesg(
          [10, 'usb 1-1: a'],
          [20, 'nf_conntrack: nf_conntrack: table full, dropping packet'],
          [25, 'net_ratelimit: 118 callbacks suppressed'],
          [90, 'usb 1-1: c'],
        ),
      },
      BOOTED,
    );
    expect(coverage('log').map(({ state, from, to }) => [state, from, to])).toEqual([['complete', 10, 90]]);
    expect(coverage('notices').map(({ state, lost }) => [state, lost])).toEqual([['lost', 118]]);
  });
});

describe('an empty list of entries', () => {
  const bundle = (exit: string) => ({
    MANIFEST: `ctwhy-bundle 1\nhost gw\nkernel 6.1.0\npart conntrack-L.txt start=${BOOT_S}.1 end=${BOOT_S}.3 ${exit} command=conntrack -L -o id\n`,
    'conntrack-L.txt': '',
  });

  it('is no entry where a manifest says that its command ended well', async () => {
    await read(bundle('exit=0'));
    expect(coverage('list:main').map(({ state }) => state)).toEqual(['complete']);
    expect(db.prepare('SELECT part, state, at_us / 1e6 - ? AS at FROM snapshot_parts').all(BOOT_S)).toEqual([
      { part: 'list:main', state: 'read', at: expect.closeTo(0.2, 3) },
    ]);
  });

  it.each(['', 'exit=signal', 'exit=1'])("says nothing with '%s', or beside no manifest", async (exit) => {
    await read(bundle(exit));
    expect(coverage('list:main').filter(({ state }) => state === 'complete')).toEqual([]);
    expect(db.prepare("SELECT count(*) FROM snapshot_parts WHERE state = 'read'").pluck().get()).toBe(0);
    await read({ 'conntrack-L-bare.txt': '' });
    expect(db.prepare("SELECT count(*) FROM snapshot_parts WHERE state = 'read'").pluck().get()).toBe(0);
  });
});

describe('the kernel of a log', () => {
  const lists = {
    MANIFEST: [
      'ctwhy-bundle 1',
      'host gw',
      ...['unconfirmed', 'dying'].map(
        (list) =>
          `part conntrack-${list}.txt start=${BOOT_S}.1 end=${BOOT_S}.2 exit=0 moment=after command=conntrack -L ${list}`,
      ),
      `coverage events state=complete from=${BOOT_S} to=${BOOT_S + 5}`,
      '',
    ].join('\n'),
    'conntrack-unconfirmed.txt': '',
    'conntrack-dying.txt': '',
  };
  const log = (release: string) =>
    dmesg([0, `Linux version ${release} (builder@example.net) (gcc 12) #1 SMP`], [20, `DROP: ${PACKET}`]);

  it.each([
    ['6.1.0-9-amd64', ['cannot-show', 'cannot-show']],
    ['5.4.0-100-generic', ['complete', 'complete']],
  ])('is %s as its first line says, which decides what empty lists mean', async (release, states) => {
    await read({ ...lists, 'dmesg.txt': log(release) });
    expect(db.prepare('SELECT kernel_release FROM boots WHERE kernel_release IS NOT NULL').pluck().all()).toEqual([
      release,
    ]);
    expect(coverage('list:unconfirmed', 'list:dying').map(({ state }) => state)).toEqual(states);
    const parts = db.prepare("SELECT DISTINCT state FROM snapshot_parts WHERE part LIKE 'list:%'").pluck().all();
    expect(parts).toEqual([states[0] === 'complete' ? 'read' : 'cannot-show']);
  });

  it('not known makes empty lists doubtful', async () => {
    await read(lists);
    expect(coverage('list:unconfirmed', 'list:dying').map(({ state }) => state)).toEqual(['limited', 'limited']);
  });

  it('is told once, and so is what the manifest states', async () => {
    await read({ ...lists, 'dmesg.txt': log('6.1.0-9-amd64') });
    const before = coverage('events', 'log', 'list:dying');
    await read({ 'other.txt': 'net.netfilter.nf_conntrack_max = 7\n', ...lists, 'dmesg.txt': log('6.1.0-9-amd64') });
    expect(coverage('events', 'log', 'list:dying')).toEqual(before);
  });
});

describe('events', () => {
  const EVENTS = `[${BOOT_S}.000001]\t    [NEW] tcp      6 120 SYN_SENT src=192.0.2.7 dst=198.51.100.1 sport=40000 dport=80 [UNREPLIED] src=198.51.100.1 dst=192.0.2.7 sport=80 dport=40000\n`;

  it.each([
    ['conntrack -E -o timestamp', 'complete', null],
    ['conntrack -E -p tcp -o timestamp', 'limited', 'only -p tcp'],
    ['conntrack -E -e DESTROY -o timestamp', 'limited', 'only -e DESTROY'],
    ['conntrack -E -o timestamp | grep 192.0.2.7', 'limited', "only what 'grep 192.0.2.7' let pass"],
  ])('of %s are %s', async (command, state, why) => {
    await read({ 'events.txt': `root@gw:~# ${command}\n${EVENTS}` });
    expect(coverage('events').map((row) => [row.state, row.why])).toEqual([[state, why]]);
    expect(db.prepare('SELECT command FROM sources').pluck().get()).toBe(command);
  });
});

describe('settings and rules', () => {
  it('say which protocols log_invalid printed, at each reading', async () => {
    const sysctl = (value: number) =>
      `net.netfilter.nf_conntrack_log_invalid = ${value}\nnet.netfilter.nf_conntrack_max = 9\n`;
    await read({ 'before-sysctl.txt': sysctl(6), 'after-sysctl.txt': sysctl(6) }, BOOTED, SMALL_TABLES);
    expect(coverage('log-invalid:tcp').map(({ state }) => state)).toEqual(['complete', 'complete']);
  });

  it.each([
    [0, 'log-invalid:all', 'off'],
    [255, 'log-invalid:all', 'complete'],
    [17, 'log-invalid:udp', 'complete'],
  ])('log_invalid = %i', async (value, what, state) => {
    await read({ 'sysctl.txt': `net.netfilter.nf_conntrack_log_invalid = ${value}\n` }, BOOTED, SMALL_TABLES);
    expect(coverage(what).map((row) => row.state)).toEqual([state]);
  });

  it('a LOG rule with a limit does not show every packet', async () => {
    const rule = '-A INPUT -m limit --limit 3/min -j LOG --log-prefix "DROP: "';
    await read(
      { 'rules.txt': `# Generated by iptables-save v1.8.9\n*filter\n:INPUT ACCEPT [0:0]\n${rule}\nCOMMIT\n` },
      BOOTED,
    );
    const [row] = coverage('log');
    expect(row?.state).toBe('limited');
    expect(row?.why).toContain('--limit 3/min');
  });
});
