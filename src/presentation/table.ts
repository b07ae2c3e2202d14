// Aligned tables without box lines (they break copy and paste), never wider than the terminal: columns shrink and cells wrap, and where
// that leaves ribbons each row becomes a record of one line a column. Nothing is cut. The only importer of cli-table3, which is quadratic.

import CliTable from 'cli-table3';
import { displayWidth, padColumns } from '../text/display-width.js';
import { wrapText } from '../text/wrap.js';
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
const GAP = 2;
/** A column of text is not squeezed below this: its cells would be ribbons. */
const LEAST_TEXT = 8;
/** Words up to this length are not broken; where that leaves no room, shorter ones at least. Those of the first column are names. */
const LEAST_WORDS = [48, 24, 16];

export interface TableColumn {
  readonly name: string;
  readonly isNumeric: boolean;
}

/** Lines of a table, heads in bold where colour is on; cells are printed as they are (already made safe). */
export function tableLines(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  { isColoured, width }: { readonly isColoured: boolean; readonly width: number },
): readonly string[] {
  const style = styleFor(isColoured);
  const natural = columns.map((column, at) =>
    rows.reduce((widest, row) => Math.max(widest, displayWidth(row[at] ?? '')), displayWidth(column.name)),
  );
  const widths = fitWidths(columns, rows, natural, width);
  if (widths === null) return recordLines(columns, rows, style, width);
  const cells = rows.map((row) =>
    columns.map((_, at) => {
      const cell = row[at] ?? '';
      return displayWidth(cell) <= widths[at]! ? [cell] : wrapText(cell, widths[at]!);
    }),
  );
  const lines =
    rows.length <= CLI_TABLE_LIMIT ? byLibrary(columns, cells, style) : byWidth(columns, cells, widths, style);
  return lines.map((line) => line.trimEnd());
}

function sumOf(widths: readonly number[]): number {
  return widths.reduce((total, one) => total + one, 0);
}

/** The widest word of each column: an id broken in two can be neither read nor copied. */
function longestWords(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): readonly number[] {
  const longest = columns.map(({ name }) => displayWidth(name));
  for (const row of rows)
    for (const [at, cell] of row.entries())
      for (const word of cell.split(' ')) longest[at] = Math.max(longest[at] ?? 0, displayWidth(word));
  return longest;
}

/** Columns that are too wide give way evenly; numbers and short ones keep what they need. NULL: the table does not fit. */
function fitWidths(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  natural: readonly number[],
  width: number,
): readonly number[] | null {
  const room = width - GAP * (columns.length - 1);
  if (sumOf(natural) <= room) return natural;
  const words = longestWords(columns, rows);
  const least = LEAST_WORDS.map((most) =>
    columns.map(({ name, isNumeric }, at) =>
      isNumeric
        ? natural[at]!
        : Math.min(
            natural[at]!,
            Math.max(LEAST_TEXT, displayWidth(name), Math.min(words[at]!, at === 0 ? LEAST_WORDS[0]! : most)),
          ),
    ),
  ).find((one) => sumOf(one) <= room);
  if (least === undefined) return null;
  // The widest that all columns may have, found from above; what is left over goes to the first that want it.
  let cap = Math.max(...natural);
  const capped = () => natural.map((one, at) => Math.max(least[at]!, Math.min(one, cap)));
  while (cap > 1 && sumOf(capped()) > room) cap--;
  const widths = capped();
  let spare = room - sumOf(widths);
  for (const [at, one] of widths.entries()) {
    const more = Math.min(spare, natural[at]! - one);
    widths[at] = one + more;
    spare -= more;
  }
  return widths;
}

/** One row as lines of name and value, with a blank line between rows: for more columns than fit side by side. */
function recordLines(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  style: Style,
  width: number,
): readonly string[] {
  const names = Math.min(Math.max(...columns.map((column) => displayWidth(column.name))), width >> 1);
  return rows.flatMap((row, index) => [
    ...(index > 0 ? [''] : []),
    ...columns.flatMap((column, at) => {
      const cell = row[at] ?? '';
      const lead = `${padColumns(column.name, names)}  `;
      return wrapText(cell, width, ' '.repeat(names + GAP)).map(
        (line, part) => (part === 0 ? style('head', lead) : ' '.repeat(names + GAP)) + line.slice(names + GAP),
      );
    }),
  ]);
}

/** Rows whose cells are lines. */
type Cells = readonly (readonly (readonly string[])[])[];

function byLibrary(columns: readonly TableColumn[], rows: Cells, style: Style): readonly string[] {
  const table = new CliTable({
    head: columns.map((column) => style('head', column.name)),
    chars: NO_LINES,
    colAligns: columns.map((column) => (column.isNumeric ? 'right' : 'left')),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) table.push(row.map((lines) => lines.join('\n')));
  return table.toString().split('\n');
}

function byWidth(
  columns: readonly TableColumn[],
  rows: Cells,
  widths: readonly number[],
  style: Style,
): readonly string[] {
  const aligned = (cells: readonly string[]) =>
    cells
      .map((cell, at) =>
        columns[at]?.isNumeric
          ? ' '.repeat(Math.max(0, widths[at]! - displayWidth(cell))) + cell
          : padColumns(cell, widths[at]!),
      )
      .join(' '.repeat(GAP));
  return [
    style('head', aligned(columns.map((column) => column.name))),
    ...rows.flatMap((row) => {
      const height = Math.max(1, ...row.map((lines) => lines.length));
      return Array.from({ length: height }, (_, line) => aligned(row.map((lines) => lines[line] ?? '')));
    }),
  ];
}
