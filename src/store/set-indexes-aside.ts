// Takes indexes out of the way of a bulk load and builds them sorted behind it.

import type { Db } from './open-store.js';

export interface SetAside {
  /** Builds what was set aside, unless somebody else has by now. */
  putBack(): void;
}

/**
 * Drops indexes in the caller's transaction, so that a load that is rolled back or killed finds them again. No statement may be iterating.
 * @param names indexes; those that are missing already are left to whoever took them
 */
export function setIndexesAside(db: Db, names: readonly string[]): SetAside {
  const find = db.prepare("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?").pluck();
  const dropped = names.flatMap((name) => {
    const sql = find.get(name) as string | undefined;
    return sql === undefined ? [] : [{ name, sql }];
  });
  for (const { name } of dropped) db.exec(`DROP INDEX ${name}`);
  return {
    putBack() {
      for (const { name, sql } of dropped) if (find.get(name) === undefined) db.exec(sql);
    },
  };
}
