// SQL of people: what is run, what is refused, and that nothing can be written by it.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parameterNames } from '../../../src/store/query.js';
import { REPOSITORY, rowsOf, runCommand } from '../../helpers/run-command.js';

const LOG = join(REPOSITORY, 'fixtures/hosts/finwait-deleted/kern.log');
let folder: string;
let db: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sql-'));
  db = join(folder, 'store.db');
  await runCommand(['ingest', '--db', db, LOG]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const REFUSED: ReadonlyArray<readonly [sql: string, says: string]> = [
  ['DELETE FROM packets', 'query only reads'],
  ['DELETE FROM passages', 'query only reads'],
  ['INSERT INTO macs (text) VALUES (1) RETURNING id', 'query only reads'],
  ['WITH x AS (SELECT 1) UPDATE macs SET text = 1', 'query only reads'],
  ['CREATE TABLE t (a)', 'query only reads'],
  ['DROP TABLE macs', 'query only reads'],
  ['VACUUM', 'query only reads'],
  ["VACUUM INTO '/tmp/x.db'", 'query only reads'],
  ["ATTACH '/tmp/x.db' AS x", 'query only reads'],
  ['BEGIN', 'query only reads'],
  ['PRAGMA journal_mode = DELETE', 'no PRAGMA'],
  ['-- a remark\n /* and another */ pragma user_version', 'no PRAGMA'],
  ['SELECT 1; SELECT 2', 'more than one statement'],
  ['SELECT 1; DELETE FROM macs', 'more than one statement'],
  ['', 'contains no statements'],
  ['   ', 'contains no statements'],
  ['SELECT 1 FROM nowhere', 'no such table: nowhere'],
  ['SELECT nosuch FROM packets', 'no such column: nosuch'],
  ['SELEC 1', 'syntax error'],
  ['SELECT ?', 'the SQL cannot be run'],
  ['SELECT :a', 'the query needs --param a='],
  ["SELECT load_extension('x')", 'the SQL cannot be run'],
  ["SELECT json_extract('{', '$.a') FROM packets", 'malformed JSON'],
];

describe('SQL that is refused', () => {
  it.each(REFUSED)('%s', async (sql, says) => {
    for (const place of [
      ['--db', db],
      ['-r', LOG],
    ]) {
      const { stderr, code } = await runCommand(['query', sql, ...place]);
      expect(stderr.split('\n')[0]).toContain(says);
      expect(code).toBe(2);
    }
  });

  it('changes nothing', async () => {
    const before = readFileSync(db);
    for (const [sql] of REFUSED) await runCommand(['query', sql, '--db', db]);
    expect(readFileSync(db).equals(before)).toBe(true);
  });
});

describe('SQL that is run', () => {
  it('has parameters: integers, NULL, text', async () => {
    expect(
      await rowsOf(
        db,
        'SELECT typeof(:a) AS a, typeof(@b) AS b, typeof($c) AS c, :a + 1 AS d',
        '--param',
        'a=41',
        '--param',
        'b=NULL',
        '--param',
        'c=x=y',
      ),
    ).toEqual([{ a: 'integer', b: 'null', c: 'text', d: 42 }]);
  });

  it('finds parameters outside of text, names and remarks only', () => {
    expect(
      parameterNames(`SELECT ':a' || ":b", [c:c], \`:d\`, :e, '$.f', x.y -- :g\n /* :h */ , @i, $e, 'it''s :j'`),
    ).toEqual(['e', 'i']);
  });

  it('may explain its plan', async () => {
    expect((await rowsOf(db, 'EXPLAIN QUERY PLAN SELECT 1')).length).toBeGreaterThan(0);
  });

  it('stops early without harm', async () => {
    const { stdout, code } = await runCommand(['query', 'SELECT journey_id FROM packets', '--db', db, '-n', '1']);
    expect([stdout.split('\n').length, code]).toEqual([3, 0]);
  });

  it('shows the SQL of a named query with its question, and that text runs', async () => {
    const { stdout } = await runCommand(['query', '--show', 'reasons']);
    expect(stdout).toMatch(/^-- Which reasons/);
    expect((await rowsOf(db, stdout))[0]).toMatchObject({ reason_id: 'tcp-invalid-new' });
  });
});
