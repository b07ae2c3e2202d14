// A store in memory with this program's schema, one host and one series.

import { readdirSync, readFileSync } from 'node:fs';
import { openDatabase } from '../../../src/store/open-database.js';
import type { Db } from '../../../src/store/open-store.js';

const MIGRATIONS = new URL('../../../migrations/', import.meta.url);

export function emptyStore(): Db {
  const db = openDatabase(':memory:');
  db.pragma('foreign_keys = ON');
  for (const name of readdirSync(MIGRATIONS).sort()) db.exec(readFileSync(new URL(name, MIGRATIONS), 'utf8'));
  db.exec(`INSERT INTO hosts (id, name) VALUES (1, 'fw1');
    INSERT INTO series (id, host_id, made_by) VALUES (1, 1, 'snapshot');
    INSERT INTO ingests (id, began_at_us, kind, arguments) VALUES (1, 0, 'ingest', '[]');
    INSERT INTO sources (id, host_id, ingest_id, last_ingest_id, kind, name, added_at_us, head_bytes, head_hash)
      VALUES (1, 1, 1, 1, 'file', 'conntrack-E.txt', 0, 0, x'00');
    INSERT INTO clocks (id, source_id, kind, from_line, offset_us, error_us, method) VALUES (1, 1, 'epoch', 1, 0, 10, 'epoch');
    INSERT INTO clocks (id, source_id, kind, from_line, method) VALUES (2, 1, 'none', 100, 'unplaced');`);
  return db;
}
