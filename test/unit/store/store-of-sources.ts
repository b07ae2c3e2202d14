// A store in memory with one host and some sources, for tests of writers.

import { readdirSync, readFileSync } from 'node:fs';
import { openDatabase } from '../../../src/store/open-database.js';
import type { Db } from '../../../src/store/open-store.js';

const MIGRATIONS = new URL('../../../migrations/', import.meta.url).pathname;

export function storeOfSources(sources = 1): Db {
  const db = openDatabase(':memory:');
  db.pragma('foreign_keys = ON');
  for (const name of readdirSync(MIGRATIONS).sort()) db.exec(readFileSync(MIGRATIONS + name, 'utf8'));
  db.exec(`INSERT INTO hosts (id, name) VALUES (1, 'fw');
    INSERT INTO ingests (id, began_at_us, kind, arguments) VALUES (1, 0, 'ingest', '[]')`);
  const add = db.prepare(
    `INSERT INTO sources (id, host_id, ingest_id, last_ingest_id, kind, name, added_at_us, head_bytes, head_hash) VALUES (?, 1, 1, 1, 'file', ?, 0, 0, ?)`,
  );
  for (let id = 1; id <= sources; id++) add.run(id, `source ${id}`, Buffer.from([id]));
  return db;
}
