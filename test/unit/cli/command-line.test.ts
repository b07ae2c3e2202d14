// Wrong command lines, and right ones that look wrong: what is said, and with which exit code.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY, runCommand } from '../../helpers/run-command.js';

const LOG = join(REPOSITORY, 'fixtures/hosts/finwait-deleted/kern.log');
let folder: string;
let db: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'words-'));
  db = join(folder, 'store.db');
  await runCommand(['ingest', '--db', db, LOG]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Words, and what the first line on standard error must say. */
const WRONG: ReadonlyArray<readonly [words: string, says: string]> = [
  ['ingset kern.log', "there is no command 'ingset'; did you mean ingest?"],
  ['xyzzy', "there is no command 'xyzzy'"],
  ['xyzzy --help', "there is no command 'xyzzy'"],
  ['--db x exlpain', "there is no command 'exlpain'; did you mean explain?"],
  ['-q', 'this needs a command'],
  ['query --lsit', 'query has no option --lsit; did you mean --list?'],
  ['query --bogus=1', 'query has no option --bogus'],
  ['query -Z', 'query has no option -Z'],
  ['explain --dprot 80', 'explain has no option --dprot; did you mean --dport?'],
  ['query --list -n 2 -n 3', '--lines is given 2 times; once is enough'],
  ['query reasons --db a --db b', '--db is given 2 times; once is enough'],
  ['query --db', '--db needs a FILE'],
  ['query reasons -o', '--output needs one of table, lines, json'],
  ['query reasons --lines abc', "--lines takes a whole number, not 'abc'"],
  ['query reasons -n -1', "--lines takes a whole number, not '-1'"],
  [
    'query reasons -o josn',
    "--output takes one of table, lines, json, ndjson, csv, tsv, markdown, not 'josn'; did you mean json?",
  ],
  ['query select 1', "query takes no further word: '1' (SQL is one word: put it in quotes)"],
  ['query', 'query needs SQL, the name of a query, @FILE or -'],
  ['query --list reasons', 'give one of these only: --list, SQL or a name'],
  ['query reason', "there is no query named 'reason'; did you mean reasons?"],
  ['query --show nothing', "there is no query named 'nothing'"],
  ['query reasons --param x', "--param takes NAME=VALUE, not 'x'"],
  ['query reasons --param x=1', 'the query has no parameter x'],
  ['ingest', 'ingest needs FILE'],
  ['reasons bogus', "reasons has no verb 'bogus'; it has list, show"],
  ['reasons shwo tcp-invalid-new', "reasons has no verb 'shwo'; did you mean show?"],
  ['reasons show', 'reasons show needs'],
  ['explain --since nonsense', "this time is not understood: 'nonsense'"],
  ['explain -p nosuch', "--proto: there is no protocol 'nosuch'"],
  ['explain -4 -6', '-4 and -6 together'],
  ['help nosuch', "there is no topic 'nosuch'"],
];

describe('a wrong command line', () => {
  it.each(WRONG)('%s', async (line, says) => {
    const words = line.split(' ');
    const { stdout, stderr, code } = await runCommand(
      line.includes('--db') || words[0] === 'help' ? words : [...words, '--db', db],
    );
    expect(stderr.split('\n')[0]).toContain(`ctwhy: ${says}`);
    expect([stdout, code]).toEqual(['', 2]);
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  it('names an empty store', async () => {
    expect((await runCommand(['query', 'reasons', '--db', ''])).stderr).toContain('--db');
    const { stderr, code } = await runCommand(['query', 'reasons'], { environment: { CTWHY_DB: '' } });
    expect([stderr.split('\n')[0], code]).toEqual(['ctwhy: the name of the store is empty (--db or CTWHY_DB)', 2]);
  });

  it('is never printed as it came when it could drive the terminal', async () => {
    const { stderr } = await runCommand(['\u001b[31mx\u202e']);
    expect(stderr).toContain("'\\x1b[31mx\\u202e'");
    expect(stderr).not.toMatch(/[\u001b\u202e]/);
  });
});

describe('a right command line that looks wrong', () => {
  it.each([
    ['options before the command', ['--db', 'DB', '-q', 'query', 'reasons']],
    ['options after it', ['query', 'reasons', '--db', 'DB']],
    ['with an equals sign', ['query', 'reasons', '--db=DB', '-o=tsv']],
    ['a switch twice', ['-q', 'query', 'reasons', '--db', 'DB', '-q']],
    ['words after --', ['query', '--db', 'DB', '--', 'reasons']],
  ])('%s', async (_, words) => {
    const { stdout, stderr, code } = await runCommand(words.map((word) => word.replace('DB', db)));
    expect([stderr, code]).toEqual(['', 0]);
    expect(stdout.split('\n')[1]).toBe('tcp-invalid-new\tinvalid new\t5\t1');
  });

  it('takes a file that begins with a dash after --', async () => {
    const { stdout, stderr, code } = await runCommand([
      'ingest',
      '--db',
      join(folder, 'dash.db'),
      '--',
      '-no-such.log',
    ]);
    expect([(stdout + stderr).includes('-no-such.log'), code]).toEqual([true, 1]);
  });

  it('reads SQL from standard input at a lone -, and from a file at @', async () => {
    const sql = 'SELECT 1 AS one';
    expect((await runCommand(['query', '-', '--db', db], { stdin: `${sql}\n` })).stdout).toBe('one\n1\n');
    const file = join(folder, 'q.sql');
    writeFileSync(file, sql);
    expect((await runCommand(['query', `@${file}`, '--db', db])).stdout).toBe('one\n1\n');
    expect((await runCommand(['query', `@${file}x`, '--db', db])).code).toBe(1);
  });

  it('takes several files after one -r, and -r several times', async () => {
    const other = join(REPOSITORY, 'fixtures/hosts/finwait-deleted/conntrack-E.txt');
    for (const words of [
      ['-r', LOG, other],
      ['-r', LOG, '-r', other],
      [`--read=${LOG}`, '-r', other],
    ]) {
      const { stdout, stderr } = await runCommand(['query', 'select count(*) AS n from sources', ...words]);
      expect([stdout, stderr]).toEqual(['n\n2\n', '']);
    }
  });

  it('takes a relative time that looks like an option', async () => {
    const { code, stderr } = await runCommand(['explain', '--db', db, '--since', '-10m']);
    expect(stderr).not.toMatch(/needs|option/);
    expect(code).not.toBe(2);
  });
});

describe('help', () => {
  it('is there for the program and for each command, in 80 columns', async () => {
    const { stdout, code } = await runCommand(['--help']);
    expect(code).toBe(0);
    for (const word of ['explain', 'ingest', 'query', 'demo', 'help'])
      expect(stdout).toMatch(new RegExp(`^  ${word} `, 'm'));
    expect((await runCommand(['query', '--help'])).stdout).toContain('--schema');
    expect((await runCommand(['query', '-h'])).stdout).toContain('--schema');
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('gives the version', async () => {
    expect((await runCommand(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await runCommand(['-V'])).code).toBe(0);
  });
});
