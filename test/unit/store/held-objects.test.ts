import { describe, expect, it } from 'vitest';
import { collectNow } from '../../../src/store/collect-now.js';
import { isAffected, openHold } from '../../../src/store/held-objects.js';
import { openDatabase } from '../../../src/store/open-database.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('objects of SQLite on a Node that cannot let go of them by itself', () => {
  it('is Node 24 from 24.19', () => {
    expect(['20.20.2', '22.23.3', '24.18.0', '25.9.0', '26.10.0'].filter(isAffected)).toEqual([]);
    expect(['24.19.0', '24.21.0'].filter(isAffected)).toHaveLength(2);
  });

  it('stay until they are collected on purpose, and then only those go that nobody uses', async () => {
    const hold = openHold(collectNow, () => undefined);
    const used = hold.hold({ name: 'used' });
    const references = Array.from({ length: 100 }, (_, at) => new WeakRef(hold.hold({ at })));
    await turn();
    collectNow();
    expect(references.every((reference) => reference.deref() !== undefined)).toBe(true);
    await turn();
    hold.collect();
    expect(references.filter((reference) => reference.deref() !== undefined)).toEqual([]);
    expect(hold.size).toBe(1);
    expect(used.name).toBe('used');
  });

  it('are collected in a later turn once there are many', async () => {
    const work: (() => void)[] = [];
    const hold = openHold(collectNow, (later) => work.push(later));
    for (let at = 0; at < 5000; at++) hold.hold({ at });
    expect(work).toHaveLength(1);
    expect(hold.size).toBe(5000);
    await turn();
    work[0]!();
    expect(hold.size).toBe(0);
  });

  it('serve as they do elsewhere', async () => {
    const db = openDatabase(':memory:');
    try {
      db.exec('CREATE TABLE t (a)');
      const insert = db.prepare('INSERT INTO t VALUES (?)');
      for (let at = 0; at < 6000; at++) {
        if (at % 1000 === 0) await turn();
        insert.run(at);
        db.prepare(`SELECT ${at}`).get();
      }
      await turn();
      expect([...db.prepare('SELECT a FROM t WHERE a > 5997').iterate()]).toEqual([{ a: 5998 }, { a: 5999 }]);
      expect(db.transaction(() => db.prepare('SELECT count(*) FROM t').pluck().get())()).toBe(6000);
    } finally {
      db.close();
    }
  });
});
