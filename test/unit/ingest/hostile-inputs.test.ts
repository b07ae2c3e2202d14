import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Headers, pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../helpers/run-command.js';

const LINES = 400;
const logLine = (index: number, prefix = 'DROP: '): string =>
  `Nov 21 12:${String(Math.floor(index / 60) % 60).padStart(2, '0')}:${String(index % 60).padStart(2, '0')} fw1 kernel: [${1000 + index}.000000] ${prefix}IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=192.0.2.${(index % 250) + 1} DST=198.51.100.7 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=${index} DF PROTO=TCP SPT=${1024 + index} DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
const LOG = Array.from({ length: LINES }, (_, index) => logLine(index)).join('');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hostile-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Read {
  readonly code: number;
  readonly packets: number;
  readonly said: readonly string[];
  readonly names: readonly string[];
}

let count = 0;
async function read(...files: readonly string[]): Promise<Read> {
  const db = join(folder, `${++count}.db`);
  const { code, stdout, stderr } = await runCommand(['ingest', ...files, '--db', db, '--json']);
  if (stdout === '') throw new Error(stderr);
  const { sources } = JSON.parse(stdout) as { sources: { name: string; why: string | null }[] };
  const rows = await runCommand(['query', 'select count(*) n from packets', '--db', db, '--json']);
  return {
    code,
    packets: Number((JSON.parse(rows.stdout) as { rows: { n: number }[] }).rows[0]!.n),
    said: sources.map(({ why }) => why).filter((why) => why !== null),
    names: sources.map(({ name }) => name),
  };
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function tar(entries: readonly (readonly [Headers, string])[]): Promise<Buffer> {
  const out = pack();
  for (const [header, text] of entries) out.entry({ mtime: new Date(1_763_000_000_000), ...header }, text);
  out.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of out) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

const little = Buffer.from(LOG, 'utf16le');
const big = Buffer.from(little).swap16();

describe('text of other systems and of crashes', () => {
  it.each([
    ['UTF-16 with its mark', Buffer.concat([Buffer.from([0xff, 0xfe]), little])],
    ['UTF-16 big-endian with its mark', Buffer.concat([Buffer.from([0xfe, 0xff]), big])],
    ['UTF-16 without a mark', little],
    ['UTF-16 big-endian without a mark', big],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${LOG}`)],
    ['latin-1', Buffer.from(LOG.replaceAll('DROP', 'Verf\u00fcgt'), 'latin1')],
    ['CRLF', Buffer.from(LOG.replaceAll('\n', '\r\n'))],
    ['zeros behind', Buffer.concat([Buffer.from(LOG), Buffer.alloc(70_000)])],
    ['zeros between', Buffer.concat([Buffer.from(LOG), Buffer.alloc(70_000), Buffer.from('\n')])],
    ['zeros before', Buffer.concat([Buffer.alloc(70_000), Buffer.from(LOG)])],
  ])('%s', async (name, content) => {
    expect(await read(file(`${name}.log`, content))).toMatchObject({ code: 0, packets: LINES, said: [] });
  });

  it('nothing but zeros is said to be that', async () => {
    expect(await read(file('zeros.log', new Uint8Array(300_000)))).toMatchObject({
      code: 1,
      packets: 0,
      said: ['only zero bytes'],
    });
  });

  it('a gzip of zeros does not go on for ever', async () => {
    const layers = gzipSync(new Uint8Array(300 << 20), { level: 9 });
    expect(await read(file('bomb.gz', layers))).toMatchObject({ code: 1, said: ['only zero bytes'] });
  });
});

describe('what was cut is read as far as it goes, and said', () => {
  const packed = gzipSync(LOG);

  it('gzip', async () => {
    const { code, packets, said } = await read(file('cut.gz', packed.subarray(0, packed.length / 2)));
    expect([code, said.length]).toEqual([0, 1]);
    expect(packets).toBeGreaterThan(LINES / 4);
    expect(said[0]).toContain('the gzip data ends or breaks here');
  });

  it('something behind the end of a gzip', async () => {
    // As much as zlib drops of what it had inflated lies behind what it had handed on.
    const { code, packets, said } = await read(
      file('more.gz', Buffer.concat([packed, Buffer.from('garbage '.repeat(99))])),
    );
    expect([code, said.length]).toEqual([0, 1]);
    expect(packets).toBeGreaterThanOrEqual(LINES - (16 << 10) / 240);
  });

  it.each(['xz', 'zstd', 'bzip2'])('%s, whose program must not outlive the reading', async (program) => {
    const many = Array.from({ length: 2000 }, (_, index) => logLine(index)).join('');
    let whole: Buffer;
    try {
      whole = execFileSync(program, ['-c'], { input: many, maxBuffer: 1 << 28 });
    } catch {
      return; // not installed here
    }
    expect(await read(file(`whole.${program}`, whole))).toMatchObject({ code: 0, packets: 2000, said: [] });
    // bzip2 gives nothing of a block that was cut, and this is one block.
    const { code, said } = await read(file(`cut.${program}`, whole.subarray(0, whole.length * 0.7)));
    expect([code, said.length]).toEqual([program === 'bzip2' ? 1 : 0, 1]);
    expect(said[0]).toContain(`${program} could not read it to the end`);
    expect(processesOf(program)).toEqual([]);
  });

  it('tar, within a member', async () => {
    const whole = await tar([
      [{ name: 'a/kern.log' }, LOG],
      [{ name: 'b/kern.log' }, LOG.replaceAll('DROP', 'LATE')],
    ]);
    for (const [name, bytes] of [
      ['cut.tar', whole.subarray(0, whole.length * 0.7)],
      ['cut.tar.gz', gzipSync(whole).subarray(0, gzipSync(whole).length * 0.7)],
    ] as const) {
      const { code, packets, said } = await read(file(name, bytes));
      expect([name, code]).toEqual([name, 1]); // a named input that is not whole
      expect(packets).toBeGreaterThan(LINES);
      expect(packets).toBeLessThan(2 * LINES);
      expect(said.join()).toContain('the archive ends or breaks within it; what came before was read');
    }
  });
});

it('names and kinds within a tar lead nowhere', async () => {
  const archive = await tar([
    [{ name: '/ctwhy-absolute.log' }, LOG],
    [{ name: '../../ctwhy-above.log' }, LOG.replaceAll('DROP', 'UP')],
    [{ name: 'we\u001b[31mird\n.log' }, LOG.replaceAll('DROP', 'ODD')],
    [{ name: 'block', type: 'block-device', devmajor: 8, devminor: 0 }, ''],
    [{ name: 'character', type: 'character-device', devmajor: 1, devminor: 5 }, ''],
    [{ name: 'hard.log', type: 'link', linkname: '/etc/passwd' }, ''],
    [{ name: 'soft.log', type: 'symlink', linkname: '/etc/passwd' }, ''],
    [{ name: 'pipe', type: 'fifo' }, ''],
  ]);
  const path = file('evil.tar', archive);
  const before = readdirSync(folder).filter((name) => !name.includes('.db'));
  const { code, packets, names } = await read(path);
  expect([code, packets]).toEqual([0, 3 * LINES]);
  expect(names).toEqual([`${path}!ctwhy-absolute.log`, `${path}!ctwhy-above.log`, `${path}!we\u001b[31mird\n.log`]);
  expect(readdirSync(folder).filter((name) => !name.includes('.db'))).toEqual(before);
  expect(existsSync('/ctwhy-absolute.log')).toBe(false);
  const shown = await runCommand(['ingest', path, '--db', join(folder, 'shown.db')]);
  expect(shown.stdout).not.toContain('\u001b[31m');
});

it('folders that lead into themselves are walked once', async () => {
  const loop = join(folder, 'loop');
  mkdirSync(join(loop, 'a/b'), { recursive: true });
  symlinkSync('../..', join(loop, 'a/b/up'));
  symlinkSync('.', join(loop, 'self'));
  symlinkSync('x.log', join(loop, 'x.log'));
  writeFileSync(join(loop, 'a/kern.log'), LOG);
  expect(await read(loop)).toMatchObject({ code: 0, packets: LINES, said: [] });
});

/** Programs of a name that we are the parent of. */
function processesOf(name: string): readonly string[] {
  const listed = execFileSync('ps', ['-o', 'args=', '--ppid', String(process.pid)], { encoding: 'utf8' });
  return listed.split('\n').filter((line) => line.includes(`${name} -dc`));
}
