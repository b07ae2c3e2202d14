import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { openInputs } from '../../../src/sources/open-inputs.js';
import { SANE_LIMITS, type SourceLimits } from '../../../src/sources/source.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sources-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Read {
  readonly name: string;
  readonly path: string;
  readonly text: string;
  readonly error: string | null;
}

async function readAll(
  inputs: readonly string[],
  options: { limits?: SourceLimits; standardInput?: Readable; host?: ReturnType<typeof realHost> } = {},
): Promise<{ read: Read[]; skipped: { name: string; why: string }[] }> {
  const read: Read[] = [];
  const skipped: { name: string; why: string }[] = [];
  const { host = realHost(), ...rest } = options;
  for await (const found of openInputs(host, inputs, rest)) {
    if (found.is === 'skipped') {
      skipped.push({ name: found.name, why: found.why });
      continue;
    }
    const chunks: Uint8Array[] = [];
    let error: string | null = null;
    try {
      for await (const chunk of found.item.open()) chunks.push(chunk);
    } catch (problem) {
      error = (problem as Error).message;
    }
    read.push({ name: found.item.name, path: found.item.path, text: Buffer.concat(chunks).toString(), error });
  }
  return { read, skipped };
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

describe('files and trees', () => {
  it('reads a tree in sorted order, files before folders, without following links out of it', async () => {
    mkdirSync(join(folder, 'tree/before'), { recursive: true });
    writeFileSync(join(folder, 'outside.txt'), 'secret');
    writeFileSync(join(folder, 'tree/zz.txt'), 'z');
    writeFileSync(join(folder, 'tree/before/a.txt'), 'a');
    symlinkSync(join(folder, 'outside.txt'), join(folder, 'tree/link.txt'));
    symlinkSync(folder, join(folder, 'tree/loop'));
    const { read } = await readAll([join(folder, 'tree')]);
    expect(read.map(({ path, text }) => [path, text])).toEqual([
      ['zz.txt', 'z'],
      ['before/a.txt', 'a'],
    ]);
  });

  it('says why a file cannot be read and goes on', async () => {
    writeFileSync(join(folder, 'a.txt'), 'a');
    const { read, skipped } = await readAll([join(folder, 'none.txt'), join(folder, 'a.txt')]);
    expect(read.map(({ text }) => text)).toEqual(['a']);
    expect(skipped).toEqual([{ name: join(folder, 'none.txt'), why: 'no such file or directory' }]);
  });

  it('reads standard input', async () => {
    const { read } = await readAll(['-'], { standardInput: Readable.from([Buffer.from('one '), Buffer.from('two')]) });
    expect(read).toEqual([{ name: '-', path: '-', text: 'one two', error: null }]);
  });
});

describe('compression', () => {
  it.each([
    ['gzip', (path: string) => writeFileSync(path, gzipSync(readFileSync(path)))],
    ['xz', (path: string) => writeFileSync(path, execFileSync('xz', ['-c', path]))],
    ['zstd', (path: string) => writeFileSync(path, execFileSync('zstd', ['-cq', path]))],
    ['bzip2', (path: string) => writeFileSync(path, execFileSync('bzip2', ['-c', path]))],
    ['gzip twice', (path: string) => writeFileSync(path, gzipSync(gzipSync(readFileSync(path))))],
  ])('%s is recognised by content, not by name', async (_, compress) => {
    const path = join(folder, 'kern.log');
    const text = 'a line of text\n'.repeat(50_000);
    writeFileSync(path, text);
    compress(path);
    const { read } = await readAll([path]);
    expect(read).toEqual([{ name: path, path: 'kern.log', text, error: null }]);
  });

  it('gives what a cut gzip file holds and then says that it is cut', async () => {
    const path = join(folder, 'cut.gz');
    const text = Array.from({ length: 100_000 }, (_, index) => `line ${index * 7919}\n`).join('');
    const whole = gzipSync(text);
    writeFileSync(path, whole);
    truncateSync(path, Math.floor(whole.length / 2));
    const { read } = await readAll([path]);
    expect(read[0]?.error).toContain('the gzip data ends or breaks here');
    expect(read[0]?.text.length).toBeGreaterThan(text.length / 3);
    expect(text.startsWith(read[0]?.text ?? '?')).toBe(true);
  });

  it('names the program that is missing', async () => {
    const path = join(folder, 'a.xz');
    writeFileSync(path, 'text');
    writeFileSync(path, execFileSync('xz', ['-c', path]));
    const host = { ...realHost(), pipe: (command: string) => realHost().pipe(`no-such-${command}`, []) };
    const { read } = await readAll([path], { host });
    expect(read[0]?.error).toBe(
      `${path} is compressed with xz and the program xz is not installed here: install it, or decompress the file elsewhere`,
    );
  });

  it('stops at the limit after decompression', async () => {
    const path = join(folder, 'bomb.gz');
    writeFileSync(path, gzipSync(Buffer.alloc(5_000_000, 65)));
    const { read } = await readAll([path], { limits: { ...SANE_LIMITS, maxBytes: 100_000 } });
    expect(read[0]?.error).toContain('more than 100000 bytes after decompression');
  });
});

describe('archives', () => {
  it('names members archive!member and never lets a name climb', async () => {
    const path = join(folder, 'case.tar');
    writeFileSync(path, await tarOf({ 'case/MANIFEST': 'm', '../../etc/passwd': 'p', '/var/log/messages': 'l' }));
    const { read } = await readAll([path]);
    expect(read.map(({ name, text }) => [name, text])).toEqual([
      [`${path}!case/MANIFEST`, 'm'],
      [`${path}!etc/passwd`, 'p'],
      [`${path}!var/log/messages`, 'l'],
    ]);
  });

  it('opens compressed members and archives within archives', async () => {
    const inner = await tarOf({ 'x/conntrack.txt': 'inner' });
    const path = join(folder, 'outer.tgz');
    writeFileSync(
      path,
      gzipSync(await tarOf({ 'kern.log.1.gz': gzipSync('old'), 'inner.tar.gz': gzipSync(inner), 'last.txt': 'end' })),
    );
    const { read } = await readAll([path]);
    expect(read.map(({ path: within, text }) => [within, text])).toEqual([
      ['kern.log.1.gz', 'old'],
      ['inner.tar.gz/x/conntrack.txt', 'inner'],
      ['last.txt', 'end'],
    ]);
  });

  it('gives what a cut archive holds and says that it is cut', async () => {
    const path = join(folder, 'cut.tar');
    const whole = await tarOf({ 'a.txt': 'first', 'b.txt': 'x'.repeat(10_000) });
    writeFileSync(path, whole.subarray(0, 4096));
    const { read, skipped } = await readAll([path]);
    expect(read[0]?.text).toBe('first');
    expect(skipped.at(-1)?.why).toContain('ends or breaks here');
  });

  it('leaves out members above the limit, with the reason, and reads the rest', async () => {
    const path = join(folder, 'big.tar');
    writeFileSync(path, await tarOf({ 'core.dump': 'x'.repeat(9000), 'a.txt': 'a' }));
    const { read, skipped } = await readAll([path], { limits: { ...SANE_LIMITS, maxBytes: 5000 } });
    expect(read.map(({ text }) => text)).toEqual(['a']);
    expect(skipped).toEqual([{ name: `${path}!core.dump`, why: '9000 bytes are more than the limit of 5000' }]);
  });
});

describe('the file systems of the running kernel', () => {
  it('are not walked, and what gives a line to one reader only is not read', async () => {
    expect(await readAll(['/proc/self/net', '/proc/kmsg'])).toEqual({
      read: [],
      skipped: [
        { name: '/proc/self/net', why: expect.stringContaining('running kernel') },
        { name: '/proc/kmsg', why: expect.stringContaining('kmsg:') },
      ],
    });
  });

  it('are read where a file in them is named', async () => {
    expect((await readAll(['/proc/version'])).read[0]?.text).toContain('Linux version');
  });
});
