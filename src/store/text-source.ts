// Names of sources and the text of their lines, as evidence quotes them.

import { basename } from 'node:path';
import type { Db } from './open-store.js';
import { openRawLines } from './raw-blocks.js';

export interface StoredText {
  /** The file's name; with its folder where two sources share one. */
  nameOf(sourceId: number): string;
  textOf(sourceId: number, line: number): string | null;
}

export function openTextSource(db: Db): StoredText {
  const rows = db.prepare('SELECT id, name, part_of AS partOf FROM sources').all() as {
    id: number;
    name: string;
    partOf: number | null;
  }[];
  const short = (name: string) => basename(name.slice(name.lastIndexOf('!') + 1)) || name;
  const counts = new Map<string, number>();
  // The hosts of one file share its name.
  for (const row of rows) if (row.partOf === null) counts.set(short(row.name), (counts.get(short(row.name)) ?? 0) + 1);
  const names = new Map(rows.map((row) => [row.id, counts.get(short(row.name)) === 1 ? short(row.name) : row.name]));
  const lineOf = openRawLines(db);
  return {
    nameOf: (sourceId) => names.get(sourceId) ?? `source ${sourceId}`,
    textOf: (sourceId, line) => lineOf(sourceId, line)?.trimEnd() ?? null,
  };
}
