// Indexes in random key order cost six times the rows they are for, when kept while a large log is loaded; built afterwards they are
// sorted in one go. Those in order of time or of new tuples cost next to nothing and stay.
// A killed load leaves a store that answers slowly until the next write, never wrongly.

import type { Db } from './open-store.js';

/** Taken away by a bulk load. */
const RANDOM: Readonly<Record<string, string>> = {
  passages_tuple: 'CREATE INDEX passages_tuple ON passages (tuple_id, clock_us)',
  tuples_dst: 'CREATE INDEX tuples_dst ON tuples (dst, dport)',
  tuples_port: 'CREATE INDEX tuples_port ON tuples (dport, sport)',
};

/** Never taken away by this version; stores of earlier ones may lack them after a killed load. */
const ORDERED: Readonly<Record<string, string>> = {
  passages_time: 'CREATE INDEX passages_time ON passages (clock_id, clock_us)',
  passages_tuple2: 'CREATE INDEX passages_tuple2 ON passages (tuple2_id, clock_us) WHERE tuple2_id IS NOT NULL',
  passages_tuple3: 'CREATE INDEX passages_tuple3 ON passages (tuple3_id, clock_us) WHERE tuple3_id IS NOT NULL',
};

/** Fewer rows are not worth building an index again. */
const FEWEST = 20_000;

/** Whether so many new packets are more than a third of what is there. */
export function isBulk(existing: number, coming: number): boolean {
  return coming >= FEWEST && coming > existing / 3;
}

/** Takes the indexes away that a bulk load builds afterwards. Inside a transaction. */
export function dropBulkIndexes(db: Db): void {
  for (const name of Object.keys(RANDOM)) db.exec(`DROP INDEX IF EXISTS ${name}`);
}

/** Builds whichever of them are missing; cheap when none is. To be called whenever a store is opened for writing, and after a load. */
export function ensurePacketIndexes(db: Db): void {
  const there = new Set(db.prepare("SELECT name FROM sqlite_master WHERE type = 'index'").pluck().all() as string[]);
  for (const [name, sql] of Object.entries({ ...RANDOM, ...ORDERED })) if (!there.has(name)) db.exec(sql);
}
