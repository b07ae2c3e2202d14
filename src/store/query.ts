// SQL of people: one statement, reading only, on a connection that cannot write.

import Database from 'better-sqlite3';
import { UsageError } from '../text/errors.js';
import { type Db, storeError } from './open-store.js';
import { addQueryFunctions } from './query-functions.js';

export type SqlValue = string | number | bigint | null | Uint8Array;

export interface QueryResult {
  readonly columns: readonly string[];
  /** Rows as SQLite finds them; integers are bigint. Iterate once. */
  readonly rows: Iterable<readonly SqlValue[]>;
}

/** Name of the parameters a statement has (:name, @name, $name), each once, in order of appearance outside of text and comments. */
export function parameterNames(sql: string): readonly string[] {
  const bare = sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g, ' ');
  return [...new Set([...bare.matchAll(/[:@$]([A-Za-z_][A-Za-z0-9_]*)/g)].map((match) => match[1]!))];
}

/** Statements that SQLite would refuse one by one, each in words of its own. */
const WRITING: readonly string[] = [
  ...['INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'CREATE', 'DROP', 'ALTER', 'ATTACH', 'DETACH', 'VACUUM', 'REINDEX'],
  ...['ANALYZE', 'BEGIN', 'COMMIT', 'END', 'ROLLBACK', 'SAVEPOINT', 'RELEASE'],
];

/** The first word behind remarks, in capitals. */
function firstWord(sql: string): string {
  return (/^\s*(?:(?:--[^\n]*\n|\/\*[\s\S]*?\*\/)\s*)*([a-z]+)/i.exec(sql)?.[1] ?? '').toUpperCase();
}

/**
 * Prepares and starts one statement.
 * @param parameters by name without its sign; integers and NULL are recognised, everything else is text
 * @throws UsageError for SQL that does not parse, writes, is more than one statement, or lacks a parameter
 */
export function runQuery(db: Db, sql: string, parameters: Readonly<Record<string, string>>): QueryResult {
  const verb = firstWord(sql);
  if (WRITING.includes(verb))
    throw new UsageError(
      `query only reads: ${verb} is not run, and nothing was changed`,
      'Evidence comes into the store by ctwhy ingest alone.',
    );
  if (verb === 'PRAGMA')
    throw new UsageError(
      'query runs no PRAGMA',
      'Columns of a table: ctwhy query --schema, or select * from pragma_table_info(…)',
    );
  const wanted = parameterNames(sql);
  const missing = wanted.filter((name) => !(name in parameters));
  if (missing.length > 0)
    throw new UsageError(`the query needs --param ${missing.map((name) => `${name}=…`).join(' --param ')}`);
  const unknown = Object.keys(parameters).filter((name) => !wanted.includes(name));
  if (unknown.length > 0)
    throw new UsageError(
      `the query has no parameter ${unknown.join(', ')}${wanted.length > 0 ? `; it has ${wanted.join(', ')}` : ''}`,
    );
  const values = Object.fromEntries(wanted.map((name) => [name, sqlValue(parameters[name]!)]));
  try {
    const letGo = addQueryFunctions(db);
    const statement = db.prepare(sql);
    if (!statement.reader || !statement.readonly)
      throw new UsageError(
        'query only reads: this statement would change the store, or it returns no rows',
        'Evidence comes into the store by ctwhy ingest alone.',
      );
    statement.raw(true).safeIntegers(true);
    const columns = statement.columns().map((column) => column.name);
    const start = () => (wanted.length > 0 ? statement.iterate(values) : statement.iterate());
    return { columns, rows: guarded(db, start as () => IterableIterator<readonly SqlValue[]>, letGo) };
  } catch (error) {
    throw inOurWords(db, error);
  }
}

/** Rows with the errors that only show on the way; the statement runs from the first row asked for to the last. */
function* guarded(
  db: Db,
  start: () => IterableIterator<readonly SqlValue[]>,
  end: () => void,
): Generator<readonly SqlValue[], void, undefined> {
  try {
    yield* start();
  } catch (error) {
    throw inOurWords(db, error);
  } finally {
    end();
  }
}

/** What is the person's (the SQL) apart from what is the store's (damage, disk, locks). */
function inOurWords(db: Db, error: unknown): unknown {
  if (error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB|IOERR|BUSY|CANTOPEN|FULL)/.test(error.code))
    return storeError('read', db.name, error);
  const isOfSql =
    error instanceof Database.SqliteError ||
    error instanceof RangeError ||
    (error instanceof TypeError && /statement/i.test(error.message));
  if (!isOfSql) return error;
  return new UsageError(`the SQL cannot be run: ${error.message}`, 'Tables and columns: ctwhy query --schema', {
    cause: error,
  });
}

function sqlValue(text: string): SqlValue {
  if (/^-?\d{1,18}$/.test(text)) return BigInt(text);
  return text === 'NULL' ? null : text;
}
