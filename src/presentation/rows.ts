// Prints rows in every format the product promises, streaming where the format allows it.

import { stringify } from 'csv-stringify/sync';
import { safeJson, safeLine, safeText } from '../text/terminal-safe.js';
import type { OutputStream } from './streams.js';
import { tableLines } from './table.js';

export type RowFormat = 'table' | 'lines' | 'json' | 'ndjson' | 'csv' | 'tsv' | 'markdown';
export type Cell = string | number | bigint | null | Uint8Array;

export interface RowSet {
  readonly columns: readonly string[];
  readonly rows: Iterable<readonly Cell[]>;
}

export interface RowOptions {
  readonly format: RowFormat;
  /** RFC 3339, for the JSON document. */
  readonly generatedAt: string;
  readonly isHeadless?: boolean;
}

/** Rows on a terminal are a table, into a pipe tab-separated lines. */
export function defaultRowFormat(stream: OutputStream): RowFormat {
  return stream.isTerminal ? 'table' : 'tsv';
}

function asText(cell: Cell): string {
  if (cell === null) return '';
  return cell instanceof Uint8Array ? `x'${Buffer.from(cell).toString('hex')}'` : String(cell);
}

/** Integers that a double cannot hold become text; blobs become hex. */
function asJson(cell: Cell): string | number | null {
  if (typeof cell === 'bigint')
    return cell >= BigInt(Number.MIN_SAFE_INTEGER) && cell <= BigInt(Number.MAX_SAFE_INTEGER)
      ? Number(cell)
      : cell.toString();
  return cell instanceof Uint8Array ? asText(cell) : cell;
}

/** What spreadsheets take for the beginning of a formula, full-width forms too. */
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

/** Packets choose the text: a cell that begins like a formula gets an apostrophe. Numbers stay numbers. */
function asCsv(cell: Cell): string {
  const text = safeText(asText(cell));
  return typeof cell === 'string' && FORMULA.test(cell) ? `'${text}` : text;
}

/** Two columns of one name would overwrite each other in an object: the second becomes name_2. */
function distinctNames(columns: readonly string[]): readonly string[] {
  const taken = new Set(columns);
  const seen = new Set<string>();
  return columns.map((column) => {
    let name = column;
    for (let count = 2; seen.has(name) || (name !== column && taken.has(name)); count++) name = `${column}_${count}`;
    seen.add(name);
    return name;
  });
}

/** Writes the rows and returns how many there were. */
export function printRows(stream: OutputStream, { columns: given, rows }: RowSet, options: RowOptions): number {
  const columns = distinctNames(given);
  let count = 0;
  const asObject = (row: readonly Cell[]) =>
    safeJson(JSON.stringify(Object.fromEntries(columns.map((column, at) => [column, asJson(row[at] ?? null)]))));
  switch (options.format) {
    case 'json': {
      stream.write(
        `{"schema":"ctwhy.rows/1","generatedAt":${JSON.stringify(options.generatedAt)},"columns":${safeJson(JSON.stringify(columns))},"rows":[`,
      );
      for (const row of rows) {
        stream.write(`${count++ === 0 ? '\n' : ',\n'}${asObject(row)}`);
        if (stream.isClosed()) break;
      }
      stream.write(`${count === 0 ? '' : '\n'}]}\n`);
      return count;
    }
    case 'ndjson': {
      for (const row of rows) {
        stream.write(`${asObject(row)}\n`);
        count++;
        if (stream.isClosed()) break;
      }
      return count;
    }
    case 'csv': {
      if (options.isHeadless !== true) stream.write(stringify([columns.map(asCsv)]));
      for (const row of rows) {
        stream.write(stringify([row.map(asCsv)]));
        count++;
        if (stream.isClosed()) break;
      }
      return count;
    }
    case 'tsv': {
      if (options.isHeadless !== true) stream.write(`${columns.map(safeLine).join('\t')}\n`);
      for (const row of rows) {
        stream.write(`${row.map((cell) => safeLine(asText(cell))).join('\t')}\n`);
        count++;
        if (stream.isClosed()) break;
      }
      return count;
    }
    case 'lines': {
      for (const row of rows) {
        stream.write(
          `${row.map((cell, at) => `${safeLine(columns[at]!)}=${quoted(safeLine(asText(cell)))}`).join(' ')}\n`,
        );
        count++;
        if (stream.isClosed()) break;
      }
      return count;
    }
    case 'markdown': {
      const escaped = (text: string) =>
        safeLine(text).replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('<', '&lt;');
      stream.write(`| ${columns.map(escaped).join(' | ')} |\n|${columns.map(() => ' --- |').join('')}\n`);
      for (const row of rows) {
        stream.write(`| ${row.map((cell) => escaped(asText(cell))).join(' | ')} |\n`);
        count++;
        if (stream.isClosed()) break;
      }
      return count;
    }
    case 'table': {
      const kept: string[][] = [];
      const isNumeric = columns.map(() => true);
      for (const row of rows) {
        row.forEach((cell, at) => {
          if (cell !== null && typeof cell !== 'number' && typeof cell !== 'bigint') isNumeric[at] = false;
        });
        kept.push(row.map((cell) => safeLine(asText(cell))));
      }
      if (kept.length === 0) stream.write('no rows\n');
      else
        for (const line of tableLines(
          columns.map((name, at) => ({ name: safeLine(name), isNumeric: isNumeric[at] ?? false })),
          kept,
          { isColoured: stream.isColoured, width: stream.width },
        ))
          stream.write(`${line}\n`);
      return kept.length;
    }
  }
}

function quoted(text: string): string {
  return /^[^\s"=]*$/.test(text) ? text : JSON.stringify(text);
}
