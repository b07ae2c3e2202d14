// Aligned tables without box lines (they break copy and paste). The only importer of cli-table3, which is quadratic in rows.

import CliTable from 'cli-table3';
import { type Style, styleFor } from './styles.js';

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const;
/** Above this many rows cli-table3 takes seconds. */
const CLI_TABLE_LIMIT = 1000;

export interface TableColumn {
  readonly name: string;
  readonly isNumeric: boolean;
}

/** Lines of a table, heads in bold where colour is on; cells are printed as they are (already made safe). */
export function tableLines(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  isColoured: boolean,
): readonly string[] {
  const style = styleFor(isColoured);
  return (rows.length <= CLI_TABLE_LIMIT ? byLibrary(columns, rows, style) : byWidth(columns, rows, style)).map(
    (line) => line.trimEnd(),
  );
}

function byLibrary(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  style: Style,
): readonly string[] {
  const table = new CliTable({
    head: columns.map((column) => style('head', column.name)),
    chars: NO_LINES,
    colAligns: columns.map((column) => (column.isNumeric ? 'right' : 'left')),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) table.push([...row]);
  return table.toString().split('\n');
}

function byWidth(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  style: Style,
): readonly string[] {
  const widths = columns.map((column, at) =>
    rows.reduce((widest, row) => Math.max(widest, (row[at] ?? '').length), column.name.length),
  );
  const aligned = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (columns[at]?.isNumeric ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ');
  return [style('head', aligned(columns.map((column) => column.name))), ...rows.map(aligned)];
}
