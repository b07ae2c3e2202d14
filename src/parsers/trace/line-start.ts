// What people and tools put before a line of a trace: a number, or the stamp of `ts`.

export interface LineStart {
  /** Where the trace's own text begins. */
  readonly at: number;
  /** Microseconds since the epoch, where `ts %.s` or the like printed it; NULL otherwise. */
  readonly atUs: number | null;
}

const EPOCH = /^\s*\[?(\d{10})\.(\d{1,9})\]?:?\s+/;
const ISO = /^\s*\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)\]?:?\s+/;
const OTHER_STAMP =
  /^\s*(?:\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\]?|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?|\d{1,7}[.:)]?)\s+/;

/** Reads a stamp or a number in front of a line. Times of an unknown zone are passed over: a trace's order tells enough. */
export function readLineStart(line: string): LineStart {
  const epoch = EPOCH.exec(line);
  if (epoch !== null) {
    const micros = Number((epoch[2] ?? '').padEnd(6, '0').slice(0, 6));
    return { at: epoch[0].length, atUs: Number(epoch[1]) * 1e6 + micros };
  }
  const iso = ISO.exec(line);
  if (iso !== null) {
    const micros = Number((iso[2] ?? '').padEnd(6, '0').slice(0, 6));
    const zone = (iso[3] ?? 'Z').replace(/^([+-]\d\d):?(\d\d)$/, '$1:$2');
    const ms = Date.parse(`${(iso[1] ?? '').replace(' ', 'T')}${zone}`);
    return { at: iso[0].length, atUs: Number.isNaN(ms) ? null : ms * 1000 + micros };
  }
  const other = OTHER_STAMP.exec(line);
  return { at: other === null ? line.length - line.trimStart().length : other[0].length, atUs: null };
}
