// Which host, which of its boots, which network namespace a row belongs to: found by name or made.

import type { Db } from './open-store.js';

/** Id of a host by name; made when it is new. An assumed host becomes a named one when a file names it later. */
export function hostByName(db: Db, name: string, isAssumed = false): number {
  db.prepare(
    'INSERT INTO hosts (name, is_assumed) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET is_assumed = min(is_assumed, excluded.is_assumed)',
  ).run(name, isAssumed ? 1 : 0);
  return (db.prepare('SELECT id FROM hosts WHERE name = ?').get(name) as { id: number }).id;
}

export function isKnownHost(db: Db, hostId: number): boolean {
  return db.prepare('SELECT 1 FROM hosts WHERE id = ?').get(hostId) !== undefined;
}

export function hostName(db: Db, hostId: number): { readonly name: string; readonly isAssumed: boolean } {
  const row = db.prepare('SELECT name, is_assumed FROM hosts WHERE id = ?').get(hostId) as {
    name: string;
    is_assumed: number;
  };
  return { name: row.name, isAssumed: row.is_assumed === 1 };
}

/**
 * Id of a boot of a host, made when it is new.
 * @param uuid as /proc/sys/kernel/random/boot_id, with or without dashes. NULL always makes a new boot: two logs without a boot
 *   id are two boots until their clocks show that they are one.
 */
export function bootOf(db: Db, hostId: number, uuid: string | null): number {
  const plain = uuid === null ? null : uuid.replaceAll('-', '').toLowerCase();
  if (plain !== null) {
    const known = db.prepare('SELECT id FROM boots WHERE host_id = ? AND boot_uuid = ?').get(hostId, plain) as
      | { id: number }
      | undefined;
    if (known !== undefined) return known.id;
  }
  return Number(db.prepare('INSERT INTO boots (host_id, boot_uuid) VALUES (?, ?)').run(hostId, plain).lastInsertRowid);
}

/** Notes what uname -r said of a boot; the first statement stays, a guess does not. */
export function noteKernelRelease(db: Db, bootId: number, release: string): void {
  db.prepare(
    'UPDATE boots SET kernel_release = ?, is_release_guessed = 0 WHERE id = ? AND (kernel_release IS NULL OR is_release_guessed = 1)',
  ).run(release, bootId);
}

/**
 * Notes a release that a host's files state for no boot in particular: it holds for all its boots of which no release is known, and is a
 * guess for those before the newest. One is made where the host has none.
 */
export function noteStatedRelease(db: Db, hostId: number, release: string, isGuessed: boolean): void {
  const known = db.prepare('SELECT 1 FROM boots WHERE host_id = ? AND kernel_release = ?').get(hostId, release);
  const noted = db
    .prepare(
      `UPDATE boots SET kernel_release = @release,
         is_release_guessed = @guess OR coalesce(began_at_us < (SELECT max(began_at_us) FROM boots WHERE host_id = @host), 0)
       WHERE host_id = @host AND (kernel_release IS NULL OR (is_release_guessed AND NOT @guess))`,
    )
    .run({ host: hostId, release, guess: Number(isGuessed) });
  if (noted.changes > 0 || known !== undefined) return;
  if (isGuessed && db.prepare('SELECT 1 FROM boots WHERE host_id = ?').get(hostId) !== undefined) return;
  db.prepare('UPDATE boots SET kernel_release = ?, is_release_guessed = ? WHERE id = ?').run(
    release,
    Number(isGuessed),
    bootOf(db, hostId, null),
  );
}

/** Notes when a boot began on the epoch axis; a more exact statement replaces a vaguer one. */
export function noteBootBegan(db: Db, bootId: number, beganAtUs: number, errorUs: number): void {
  db.prepare(
    'UPDATE boots SET began_at_us = ?, began_error_us = ? WHERE id = ? AND (began_error_us IS NULL OR began_error_us > ?)',
  ).run(Math.round(beganAtUs), Math.round(errorUs), bootId, Math.round(errorUs));
}

/** Id of a namespace of a boot by inode or name, made when it is new. */
export function namespaceOf(
  db: Db,
  bootId: number,
  name: string | null,
  inode: number | null,
  isInitial: boolean | null,
): number {
  const known = db
    .prepare('SELECT id FROM namespaces WHERE boot_id = ? AND name IS ? AND inode IS ?')
    .get(bootId, name, inode) as { id: number } | undefined;
  if (known !== undefined) return known.id;
  return Number(
    db
      .prepare('INSERT INTO namespaces (boot_id, inode, name, is_initial) VALUES (?, ?, ?, ?)')
      .run(bootId, inode, name, isInitial === null ? null : Number(isInitial)).lastInsertRowid,
  );
}

/** Id of a namespace that a running host names by its inode; what files called the same inode is it too. */
export function namespaceByInode(
  db: Db,
  bootId: number,
  inode: number,
  name: string | null,
  isInitial: boolean | null,
): number {
  const known = db
    .prepare('SELECT id FROM namespaces WHERE boot_id = ? AND inode = ? ORDER BY id LIMIT 1')
    .pluck()
    .get(bootId, inode) as number | undefined;
  if (known === undefined) return namespaceOf(db, bootId, name, inode, isInitial);
  db.prepare('UPDATE namespaces SET name = coalesce(name, ?), is_initial = coalesce(is_initial, ?) WHERE id = ?').run(
    name,
    isInitial === null ? null : Number(isInitial),
    known,
  );
  return known;
}

/**
 * Everything of an assumed host becomes that of another: a file of the same call named it after all.
 * Sources that the other host has already (same head) stay where they are.
 */
export function adoptHost(db: Db, from: number, to: number): void {
  if (from === to) return;
  db.prepare('UPDATE OR IGNORE sources SET host_id = ? WHERE host_id = ?').run(to, from);
  for (const table of ['series', 'coverage', 'flows', 'changes'])
    db.prepare(`UPDATE ${table} SET host_id = ? WHERE host_id = ?`).run(to, from);
  const boots = db.prepare('SELECT id, boot_uuid FROM boots WHERE host_id = ?').all(from) as {
    id: number;
    boot_uuid: string | null;
  }[];
  for (const boot of boots) {
    const same =
      boot.boot_uuid === null
        ? undefined
        : (db.prepare('SELECT id FROM boots WHERE host_id = ? AND boot_uuid = ?').get(to, boot.boot_uuid) as
            | { id: number }
            | undefined);
    if (same === undefined) db.prepare('UPDATE boots SET host_id = ? WHERE id = ?').run(to, boot.id);
    else mergeBoots(db, boot.id, same.id);
  }
  const left = db.prepare('SELECT count(*) AS n FROM sources WHERE host_id = ?').get(from) as { n: number };
  if (left.n === 0) db.prepare('DELETE FROM hosts WHERE id = ?').run(from);
}

/** Two boots turn out to be one: everything of the first is moved to the second. */
export function mergeBoots(db: Db, from: number, to: number): void {
  if (from === to) return;
  const a = db
    .prepare('SELECT kernel_release, is_release_guessed, began_at_us, began_error_us FROM boots WHERE id = ?')
    .get(from) as
    | {
        kernel_release: string | null;
        is_release_guessed: number;
        began_at_us: number | null;
        began_error_us: number | null;
      }
    | undefined;
  if (a === undefined) return;
  if (a.kernel_release !== null && a.is_release_guessed === 0) noteKernelRelease(db, to, a.kernel_release);
  if (a.began_at_us !== null && a.began_error_us !== null) noteBootBegan(db, to, a.began_at_us, a.began_error_us);
  for (const table of ['clocks', 'series', 'coverage'])
    db.prepare(`UPDATE ${table} SET boot_id = ? WHERE boot_id = ?`).run(to, from);
  db.prepare('UPDATE OR IGNORE namespaces SET boot_id = ? WHERE boot_id = ?').run(to, from);
  db.prepare('UPDATE OR IGNORE clock_samples SET boot_id = ? WHERE boot_id = ?').run(to, from);
  db.prepare('DELETE FROM clock_samples WHERE boot_id = ?').run(from);
  const left = db.prepare('SELECT count(*) AS n FROM namespaces WHERE boot_id = ?').get(from) as { n: number };
  if (left.n === 0) db.prepare('DELETE FROM boots WHERE id = ?').run(from);
}
