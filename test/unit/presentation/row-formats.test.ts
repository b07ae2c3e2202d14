// What `ctwhy query` prints in each format, down to hostile cells, large numbers, blobs and columns of one name.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { printRows, type RowFormat } from '../../../src/presentation/rows.js';
import { memoryStream, wantsColour } from '../../../src/presentation/streams.js';
import { REPOSITORY, runCommand } from '../../helpers/run-command.js';

const FORMATS: readonly RowFormat[] = ['table', 'lines', 'json', 'ndjson', 'csv', 'tsv', 'markdown'];
const HOSTILE = 'a\u001b[31mred\u0007\u009b2J\u202etxt\u200b\r\n\tend';
let folder: string;
let db: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'formats-'));
  db = join(folder, 'store.db');
  await runCommand(['ingest', '--db', db, join(REPOSITORY, 'fixtures/hosts/finwait-deleted/kern.log')]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const query = async (sql: string, ...words: readonly string[]) =>
  (await runCommand(['query', sql, '--db', db, ...words])).stdout;

describe('rows', () => {
  const SQL =
    "SELECT 1 AS n, 'x y' AS text, NULL AS none, x'00ff' AS blob, 9007199254740993 AS big, -5 AS minus, 0.5 AS part";

  it('table', async () => {
    expect(await query(SQL, '-o', 'table')).toBe(
      "n  text  none  blob                  big  minus  part\n1  x y         x'00ff'  9007199254740993     -5   0.5\n",
    );
    expect(await query('SELECT 1 AS n WHERE 0', '-o', 'table')).toBe('no rows\n');
  });

  it('lines', async () => {
    expect(await query(SQL, '-o', 'lines')).toBe(
      'n=1 text="x y" none= blob=x\'00ff\' big=9007199254740993 minus=-5 part=0.5\n',
    );
  });

  it('json: ctwhy.rows/1, integers beyond 2^53 as text', async () => {
    const text = await query(SQL, '--json');
    expect(JSON.parse(text)).toEqual({
      schema: 'ctwhy.rows/1',
      generatedAt: '2026-11-21T12:00:00.000000Z',
      columns: ['n', 'text', 'none', 'blob', 'big', 'minus', 'part'],
      rows: [{ n: 1, text: 'x y', none: null, blob: "x'00ff'", big: '9007199254740993', minus: -5, part: 0.5 }],
    });
    expect(JSON.parse(await query('SELECT 1 AS n WHERE 0', '-j'))).toMatchObject({ columns: ['n'], rows: [] });
  });

  it('ndjson', async () => {
    const lines = (await query('SELECT 1 AS n UNION ALL SELECT 2', '-o', 'ndjson')).split('\n');
    expect(lines).toEqual(['{"n":1}', '{"n":2}', '']);
  });

  it('csv: text that begins like a formula is disarmed, numbers are not', async () => {
    expect(
      await query(
        `SELECT '=1+1' AS a, '@x' AS b, '-x' AS c, -5 AS d, 'q"q' AS e, 'x,y' AS f, '\uff1d1' AS g`,
        '-o',
        'csv',
      ),
    ).toBe(`a,b,c,d,e,f,g\n'=1+1,'@x,'-x,-5,"q""q","x,y",'\uff1d1\n`);
    expect(await query('SELECT 1 AS n', '-o', 'csv', '--no-headers')).toBe('1\n');
  });

  it('tsv: one line and as many cells as columns, whatever is in them', async () => {
    const text = await query("SELECT 'a' || char(9) || 'b' || char(10) || 'c' AS x, 2 AS y", '-o', 'tsv');
    expect(text).toBe('x\ty\na\\x09b\\x0ac\t2\n');
    expect(await query('SELECT 1 AS n', '-o', 'tsv', '--no-headers')).toBe('1\n');
  });

  it('markdown', async () => {
    expect(await query("SELECT 'a|b' AS x, '<i>\\' AS y", '-o', 'markdown')).toBe(
      '| x | y |\n| --- | --- |\n| a\\|b | &lt;i>\\\\ |\n',
    );
  });

  it('columns of one name stay apart in every format', async () => {
    const sql = 'SELECT 1 AS a, 2 AS a_2, 3 AS a, 4 AS a';
    expect(JSON.parse(await query(sql, '--json')).rows).toEqual([{ a: 1, a_2: 2, a_3: 3, a_4: 4 }]);
    expect(await query(sql, '-o', 'tsv')).toBe('a\ta_2\ta_3\ta_4\n1\t2\t3\t4\n');
  });

  it('-n limits, and 0 means none', async () => {
    const sql = 'SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3';
    expect(await query(sql, '-n', '2', '-o', 'tsv')).toBe('n\n1\n2\n');
    expect(await query(sql, '-n', '0', '-o', 'tsv')).toBe('n\n');
  });

  it('are a table on a terminal and tab-separated elsewhere', async () => {
    const { stdout } = await runCommand(['query', 'SELECT 1 AS n', '--db', db], { isTerminal: true });
    expect(stdout).toBe('\u001b[1mn\u001b[22m\n1\n');
    expect(await query('SELECT 1 AS n')).toBe('n\n1\n');
  });
});

describe('hostile text', () => {
  it.each(FORMATS)('does not reach the terminal as %s', (format) => {
    const stream = memoryStream();
    printRows(stream, { columns: ['x', HOSTILE], rows: [[HOSTILE, 1n]] }, { format, generatedAt: '' });
    expect(stream.text()).not.toMatch(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/,
    );
    expect(stream.text()).toContain('red');
  });

  it.each(['json', 'ndjson'] as const)('is whole again for a reader of %s', (format) => {
    const stream = memoryStream();
    printRows(stream, { columns: ['x'], rows: [[HOSTILE]] }, { format, generatedAt: '' });
    const parsed = JSON.parse(stream.text()) as { x?: string; rows?: { x: string }[] };
    expect(parsed.x ?? parsed.rows?.[0]?.x).toBe(HOSTILE);
  });
});

describe('colour', () => {
  const cases: ReadonlyArray<
    readonly [
      says: string,
      option: 'auto' | 'always' | 'never',
      environment: Record<string, string>,
      isTerminal: boolean,
      wanted: boolean,
    ]
  > = [
    ['on a terminal', 'auto', {}, true, true],
    ['not into a pipe', 'auto', {}, false, false],
    ['NO_COLOR', 'auto', { NO_COLOR: '1' }, true, false],
    ['an empty NO_COLOR is none', 'auto', { NO_COLOR: '' }, true, true],
    ['NO_COLOR wins over FORCE_COLOR', 'auto', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
    ['FORCE_COLOR into a pipe', 'auto', { FORCE_COLOR: '1' }, false, true],
    ['FORCE_COLOR=0', 'auto', { FORCE_COLOR: '0' }, true, false],
    ['TERM=dumb', 'auto', { TERM: 'dumb' }, true, false],
    ['--color=always wins over all', 'always', { NO_COLOR: '1', TERM: 'dumb' }, false, true],
    ['--color=never wins over FORCE_COLOR', 'never', { FORCE_COLOR: '1' }, true, false],
  ];
  it.each(cases)('%s', (_, option, environment, isTerminal, wanted) => {
    expect(wantsColour({ option, environment }, isTerminal)).toBe(wanted);
  });
});
