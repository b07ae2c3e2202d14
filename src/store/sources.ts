// What was read, how far, and what was recognised in it. A source is known by its first bytes, not by its name, so that the
// same log renamed, grown, rotated or gzipped is read on where it was left.

import { createHash } from 'node:crypto';
import type { Db } from './open-store.js';

export type IngestKind = 'ingest' | 'capture' | 'snapshot' | 'follow';
export type SourceKind = 'file' | 'kmsg' | 'journal' | 'events' | 'command';

/** How much of a log's beginning makes its identity. */
export const HEAD_BYTES = 4096;
/** How much before the resume point is compared when a source is read again. */
export const TAIL_BYTES = 4096;

export function beginIngest(db: Db, kind: IngestKind, commandArguments: readonly string[], nowUs: number): number {
  return Number(
    db
      .prepare('INSERT INTO ingests (began_at_us, kind, arguments) VALUES (?, ?, ?)')
      .run(nowUs, kind, JSON.stringify(commandArguments)).lastInsertRowid,
  );
}

/** Words of a capture's call that say when it began: what its sources held before is not of it. */
export function captureSince(beganAtUs: number): readonly string[] {
  return ['--since-us', String(beganAtUs)];
}

/** When the capture began whose evidence a call brought; NULL: it was none. */
export function captureBeganUs(db: Db, ingestId: number): number | null {
  const text = db.prepare("SELECT arguments FROM ingests WHERE id = ? AND kind = 'capture'").pluck().get(ingestId);
  const words = typeof text === 'string' ? (JSON.parse(text) as readonly string[]) : [];
  const at = words.indexOf('--since-us');
  return at < 0 ? null : Number(words[at + 1]);
}

export function endIngest(db: Db, ingestId: number, nowUs: number): void {
  db.prepare('UPDATE ingests SET ended_at_us = ? WHERE id = ?').run(nowUs, ingestId);
}

/**
 * Identity of a source: its first bytes, and for listings the place in the bundle they came from (two listings of one host
 * may well be equal to the last byte and yet be two).
 */
export function headHash(head: Uint8Array, place: string): Buffer {
  return createHash('sha256').update(place).update('\0').update(head).digest();
}

export function tailHash(tail: Uint8Array): Buffer {
  return createHash('sha256').update(tail).digest();
}

export interface KnownSource {
  readonly id: number;
  readonly hostId: number;
  readonly isHostAssumed: boolean;
  readonly name: string;
  readonly headBytes: number;
  readonly doneBytes: number;
  readonly doneLines: number;
  readonly tailHash: Buffer | null;
  readonly openState: string | null;
}

/** Sources of a kind whose beginning is the beginning of these bytes, the longest agreement first. */
export function sourcesWithHead(db: Db, kind: SourceKind, head: Uint8Array, place: string): readonly KnownSource[] {
  const sizes = db
    .prepare('SELECT DISTINCT head_bytes FROM sources WHERE kind = ? AND head_bytes <= ? ORDER BY head_bytes DESC')
    .pluck()
    .all(kind, head.length) as number[];
  const find = db.prepare(
    `SELECT s.id, s.host_id AS hostId, h.is_assumed AS isAssumed, s.name, s.head_bytes AS headBytes, s.done_bytes AS doneBytes,
       s.done_lines AS doneLines, s.tail_hash AS tailHash, s.open_state AS openState
     FROM sources s JOIN hosts h ON h.id = s.host_id WHERE s.kind = ? AND s.head_bytes = ? AND s.head_hash = ? ORDER BY s.id DESC`,
  );
  return sizes.flatMap((size) =>
    (
      find.all(kind, size, headHash(head.subarray(0, size), place)) as (Omit<KnownSource, 'isHostAssumed'> & {
        isAssumed: number;
      })[]
    ).map(({ isAssumed, ...row }) => ({ ...row, isHostAssumed: isAssumed === 1 })),
  );
}

export interface NewSource {
  readonly hostId: number;
  readonly ingestId: number;
  readonly kind: SourceKind;
  readonly name: string;
  readonly addedAtUs: number;
  /** When the content was taken on the host; NULL for a file of unknown age. */
  readonly readAtUs: number | null;
  readonly readErrorUs: number | null;
  readonly namespaceId: number | null;
  readonly head: Uint8Array;
  readonly place: string;
}

export function addSource(db: Db, source: NewSource): number {
  return Number(
    db
      .prepare(
        `INSERT INTO sources (host_id, ingest_id, last_ingest_id, kind, name, added_at_us, read_at_us, read_error_us, namespace_id, head_bytes, head_hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        source.hostId,
        source.ingestId,
        source.ingestId,
        source.kind,
        source.name,
        source.addedAtUs,
        source.readAtUs,
        source.readErrorUs,
        source.namespaceId,
        source.head.length,
        headHash(source.head, source.place),
      ).lastInsertRowid,
  );
}

/**
 * Makes the source of one more host whose lines are among those of another source: rows refer to it, the text and the resume point
 * are that one's.
 */
export function addPartOfSource(db: Db, sourceId: number, hostId: number): number {
  return Number(
    db
      .prepare(
        `INSERT INTO sources (host_id, ingest_id, last_ingest_id, kind, name, added_at_us, read_at_us, read_error_us, head_bytes, head_hash, part_of)
         SELECT ?, last_ingest_id, last_ingest_id, kind, name, added_at_us, read_at_us, read_error_us, 0, ?, id FROM sources WHERE id = ?`,
      )
      .run(hostId, headHash(new Uint8Array(0), `part of ${sourceId}`), sourceId).lastInsertRowid,
  );
}

/** The sources of further hosts within a source. */
export function partsOfSource(db: Db, sourceId: number): readonly { readonly id: number; readonly hostId: number }[] {
  return db.prepare('SELECT id, host_id AS hostId FROM sources WHERE part_of = ? ORDER BY id').all(sourceId) as {
    id: number;
    hostId: number;
  }[];
}

export function hostOfSource(db: Db, sourceId: number): number {
  return db.prepare('SELECT host_id FROM sources WHERE id = ?').pluck().get(sourceId) as number;
}

/** Notes that a call met a source again, with all that are part of it. */
export function touchSource(db: Db, sourceId: number, ingestId: number): void {
  db.prepare('UPDATE sources SET last_ingest_id = ? WHERE id = ? OR part_of = ?').run(ingestId, sourceId, sourceId);
}

/** Notes the command that printed a source, or one more of several. */
export function noteSourceCommand(db: Db, sourceId: number, command: string): void {
  db.prepare(
    `UPDATE sources SET command = CASE WHEN command IS NULL THEN @command ELSE command || '; ' || @command END
     WHERE id = @id AND instr('; ' || ifnull(command, '') || ';', '; ' || @command || ';') = 0`,
  ).run({ id: sourceId, command });
}

/** Notes the network namespace that all of a source is of. */
export function noteSourceNamespace(db: Db, sourceId: number, namespaceId: number): void {
  db.prepare('UPDATE sources SET namespace_id = ? WHERE id = ?').run(namespaceId, sourceId);
}

export interface ResumePoint {
  readonly doneBytes: number;
  readonly doneLines: number;
  readonly tailHash: Buffer;
  readonly openState: string | null;
}

/** To be called in the transaction that holds the rows. */
export function moveResumePoint(db: Db, sourceId: number, point: ResumePoint): void {
  db.prepare('UPDATE sources SET done_bytes = ?, done_lines = ?, tail_hash = ?, open_state = ? WHERE id = ?').run(
    point.doneBytes,
    point.doneLines,
    point.tailHash,
    point.openState,
    sourceId,
  );
}

export interface FormCount {
  readonly form: string;
  readonly records: number;
  readonly unread: number;
  readonly firstLine: number;
}

/** Adds to what was counted for a form in a source. */
export function countForm(db: Db, sourceId: number, { form, records, unread, firstLine }: FormCount): void {
  db.prepare(
    `INSERT INTO source_forms (source_id, form, records, unread, first_line) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (source_id, form) DO UPDATE SET records = records + excluded.records, unread = unread + excluded.unread,
       first_line = min(first_line, excluded.first_line)`,
  ).run(sourceId, form, records, unread, firstLine);
}

export function formsOfSource(db: Db, sourceId: number): readonly FormCount[] {
  return db
    .prepare(
      'SELECT form, records, unread, first_line AS firstLine FROM source_forms WHERE source_id = ? ORDER BY first_line, form',
    )
    .all(sourceId) as FormCount[];
}

export interface UnreadLine {
  readonly line: number;
  readonly form: string | null;
  readonly reason: string;
  readonly column: number | null;
}

/** A writer for lines nobody could read; of two reasons for one line the first stays. */
export function unreadLineWriter(db: Db, sourceId: number): (unread: UnreadLine) => void {
  const insert = db.prepare(
    'INSERT OR IGNORE INTO unread_lines (source_id, line, form, reason, at_column) VALUES (?, ?, ?, ?, ?)',
  );
  return ({ line, form, reason, column }) => void insert.run(sourceId, line, form, reason, column);
}
