// Every screen of every command on every recorded host, and on one where everything is long: no line is wider than the terminal, no
// text of a packet, rule or host drives it, and a pipe gets what a terminal of the same width shows.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASONS } from '../../../src/catalogue/all-reasons.js';
import { TOPICS } from '../../../src/commands/help/topics.js';
import { COMMANDS } from '../../../src/commands/index.js';
import { NAMED_QUERIES } from '../../../src/store/named-queries.js';
import { displayWidth } from '../../../src/text/display-width.js';
import { REPOSITORY, runCommand } from '../../helpers/run-command.js';
import { writeLongNames } from './long-names.js';

const HOSTS = join(REPOSITORY, 'fixtures/hosts');
const WIDTHS = [60, 80, 100, 132];
const NO_COLOUR = { NO_COLOR: '1' };
/** What no terminal may be sent: controls but line feeds, and characters that reorder or hide. */
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'screens-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Documents about a store with evidence. */
const ANSWERS: readonly (readonly string[])[] = [
  ['explain'],
  ['explain', '--all', '--fix', '-v'],
  ['path', '1', '-v', '--expect', 'RELATED'],
  ['timeline', '1', '-v'],
];
/** Rows of it, and what filters leave. */
const ROWS: readonly (readonly string[])[] = [
  ['status'],
  ['explain', '-p', 'sctp'],
  ['path', '2', '--expect', 'ACCEPT'],
  ['timeline', '2'],
  ['query', 'select * from packets', '-o', 'table', '-n', '3'],
  ['query', 'select * from rules', '-o', 'table', '-n', '5'],
  ...NAMED_QUERIES.map(({ name }) => ['query', name, '-o', 'table', '-n', '20']),
];
/** Screens without any. */
const OTHERS: readonly (readonly string[])[] = [
  [],
  ['--help'],
  ['help'],
  ['explain'],
  ['query', '--list', '-o', 'table'],
  ['query', '--schema', '-o', 'table'],
  ['reasons', 'list', '-o', 'table'],
  ['reasons', 'list', '--message', 'quark'],
  ...TOPICS.map(({ name }) => ['help', name]),
  ...REASONS.filter((_, at) => at % 4 === 0).map(({ id }) => ['reasons', 'show', id]),
  ...COMMANDS.map(({ words }) => [...words.split(' '), '--help']),
  ['explian'],
  ['explain', '--dprot', '80'],
  ['explain', '-r', '/nowhere/that-is-a-folder-with-a-name-so-long-that-no-line-of-eighty-columns-holds-it.tar'],
  ['reasons', 'show', 'tcp-bogus'],
  ['query', 'drop table packets'],
];

/** Lines that pass the width; a single word of a command that goes on may: to break it would change it. */
function tooWide(text: string, width: number): readonly string[] {
  const lines = text.split('\n');
  return lines.filter(
    (line, at) =>
      displayWidth(line) > width && !(/ \\$/.test(lines[at - 1] ?? '') && !/ /.test(line.trim().replace(/ \\$/, ''))),
  );
}

async function screen(words: readonly string[], width: number, isTerminal = true): Promise<string> {
  const { stdout, stderr } = await runCommand(words, { width, isTerminal, environment: NO_COLOUR });
  return stdout + stderr;
}

async function expectFits(words: readonly string[], db: string, widths: readonly number[]): Promise<void> {
  for (const width of widths) {
    const text = await screen([...words, '--db', db], width);
    expect(tooWide(text, width), `ctwhy ${words.join(' ')} at ${width} columns`).toEqual([]);
    expect(text, `ctwhy ${words.join(' ')}`).not.toMatch(UNSAFE);
    expect(text).not.toContain('a fault of ctwhy itself');
  }
}

describe('a screen is never wider than the terminal', () => {
  const hosts = readdirSync(HOSTS);
  it('with recorded hosts to look at', () => expect(hosts.length).toBeGreaterThan(10));

  it.each(hosts)(
    '%s',
    async (host) => {
      const db = join(folder, `${host}.db`);
      const text = await screen(['ingest', '-v', '--db', db, join(HOSTS, host)], 80);
      expect(tooWide(text, 80)).toEqual([]);
      for (const words of ANSWERS) await expectFits(words, db, [60, 80]);
    },
    600_000,
  );

  it.each(['long names', 'hostile names'])(
    '%s',
    async (host) => {
      const files = writeLongNames(join(folder, host), host.startsWith('hostile'));
      const db = join(folder, `${host}.db`);
      await expectFits(['ingest', '-v', files], db, WIDTHS);
      for (const words of [...ANSWERS, ...ROWS]) await expectFits(words, db, WIDTHS);
    },
    120_000,
  );

  it('without evidence', async () => {
    for (const words of OTHERS) await expectFits(words, join(folder, 'none.db'), [60, 80]);
  }, 120_000);

  it('long names are read, so that there is something to fit', async () => {
    const text = await screen(['explain', '--all', '-r', writeLongNames(join(folder, 'read'), true)], 80, false);
    expect(text).toContain('2001:db8:1111:2222:3333:4444:5555:6666');
    // Colour of a pasted screen is taken away as it is read; what else a terminal would obey is spelt out.
    expect(text).toContain('\\x1b]0;owned');
    expect(text).not.toContain('\u001b');
    expect(text).toMatch(/0 lines[ \n]+unread/);
  });
});

describe('documents', () => {
  it.each([
    ['explain', '--fix'],
    ['path', '1'],
    ['timeline', '1'],
  ])('%s prints into a pipe what a terminal shows', async (...words) => {
    const read = [...words.filter((word) => typeof word === 'string'), '-r', join(HOSTS, 'finwait-deleted')];
    expect(await screen(read, 80, false)).toBe(await screen(read, 80, true));
  });

  it('a command that goes on can still be pasted', async () => {
    const text = await screen(['explain', '--fix', '-r', join(HOSTS, 'finwait-deleted')], 60);
    const wrapped = text.replace(/ \\\n +/g, ' ');
    expect(wrapped).not.toBe(text);
    expect(wrapped).toMatch(/^ +iptables-legacy -I OUTPUT 1 .* -m conntrack --ctstate INVALID -j ACCEPT$/m);
  });
});
