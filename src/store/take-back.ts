// Taking back what one stretch of a source brought: a last line without its end was read as it stood, and has grown since.

import type { FlowMarks } from './flows.js';
import type { Db } from './open-store.js';
import { type FormCount, formsOfSource } from './sources.js';

/** Highest ids of the tables that lines of a stream go to. */
export interface RowMarks extends FlowMarks {
  readonly clock: number;
  readonly notice: number;
  readonly hostEvent: number;
  readonly captured: number;
}

/** Where a source stood before a stretch: what is newer is of the stretch. */
export interface SourceState {
  readonly doneBytes: number;
  readonly doneLines: number;
  readonly openState: string | null;
  readonly forms: readonly FormCount[];
  readonly marks: RowMarks;
}

/** Tables whose rows stand on a clock of their source. */
const ON_CLOCKS = [
  ['events', 'event'],
  ['kernel_notices', 'notice'],
  ['host_events', 'hostEvent'],
  ['captured_packets', 'captured'],
] as const;

/** To be called behind a commit, when all rows of the source so far are in the store. */
export function sourceState(
  db: Db,
  sourceId: number,
  at: Pick<SourceState, 'doneBytes' | 'doneLines' | 'openState'>,
): SourceState {
  const max = (table: string): number =>
    db.prepare(`SELECT coalesce(max(id), 0) FROM ${table}`).pluck().get() as number;
  return {
    ...at,
    forms: formsOfSource(db, sourceId),
    marks: {
      passage: max('passages'),
      event: max('events'),
      version: max('ct_entry_versions'),
      clock: max('clocks'),
      notice: max('kernel_notices'),
      hostEvent: max('host_events'),
      captured: max('captured_packets'),
    },
  };
}

/**
 * Removes what the source and its parts brought since `state`, and puts its resume point back there. To be called inside a transaction.
 * Connections that nothing shows any more go, too; the bytes of a dictionary row that nobody uses stay.
 */
export function takeBack(db: Db, sourceId: number, state: SourceState, tailHash: Buffer): void {
  const { marks } = state;
  const clocks = db
    .prepare(
      'SELECT c.id FROM clocks c JOIN sources s ON s.id = c.source_id WHERE s.id = @sourceId OR s.part_of = @sourceId',
    )
    .pluck()
    .all({ sourceId }) as number[];
  const ofSource = `id > ? AND clock_id IN (${clocks.map(Number).join(', ')})`;
  const passages = db
    .prepare(
      `SELECT p.id, p.clock_id AS clockId, x.steps, p.tuple_id AS one, p.tuple2_id AS two, p.tuple3_id AS three
       FROM passages p JOIN paths x ON x.id = p.path_id WHERE p.${ofSource}`,
    )
    .all(marks.passage) as {
    id: number;
    clockId: number;
    steps: number;
    one: number;
    two: number | null;
    three: number | null;
  }[];
  const events = db
    .prepare(`SELECT tuple_id AS one, reply_tuple_id AS two, NULL AS three FROM events WHERE ${ofSource}`)
    .all(marks.event) as { one: number; two: number | null; three: number | null }[];

  const removePassage = db.prepare('DELETE FROM passages WHERE id = ?');
  const removeSightings = db.prepare('DELETE FROM passage_sources WHERE passage_id = ?');
  const countDown = db.prepare('UPDATE clocks SET packet_lines = packet_lines - ? WHERE id = ?');
  for (const { id, clockId, steps } of passages) {
    removeSightings.run(id);
    removePassage.run(id);
    countDown.run(steps, clockId);
  }
  for (const [table, mark] of ON_CLOCKS) db.prepare(`DELETE FROM ${table} WHERE ${ofSource}`).run(marks[mark]);
  for (const id of clocks) if (id > marks.clock) db.prepare('DELETE FROM clocks WHERE id = ?').run(id);
  db.prepare(
    `DELETE FROM passage_sources WHERE line > @line
     AND source_id IN (SELECT id FROM sources WHERE id = @sourceId OR part_of = @sourceId)`,
  ).run({ line: state.doneLines, sourceId });
  db.prepare('DELETE FROM unread_lines WHERE source_id = ? AND line > ?').run(sourceId, state.doneLines);
  db.prepare('DELETE FROM raw_blocks WHERE source_id = ? AND first_line > ?').run(sourceId, state.doneLines);
  db.prepare('DELETE FROM source_forms WHERE source_id = ?').run(sourceId);
  const addForm = db.prepare(
    'INSERT INTO source_forms (source_id, form, records, unread, first_line) VALUES (?, ?, ?, ?, ?)',
  );
  for (const { form, records, unread, firstLine } of state.forms)
    addForm.run(sourceId, form, records, unread, firstLine);
  db.prepare('UPDATE sources SET done_bytes = ?, done_lines = ?, tail_hash = ?, open_state = ? WHERE id = ?').run(
    state.doneBytes,
    state.doneLines,
    tailHash,
    state.openState,
    sourceId,
  );
  removeEmptyFlows(
    db,
    [...passages, ...events].flatMap(({ one, two, three }) => [one, two, three]).filter((id) => id !== null),
  );
}

/** Of the connections with these tuples, those that no row shows any more. */
function removeEmptyFlows(db: Db, tupleIds: readonly number[]): void {
  const flowsOf = db.prepare('SELECT flow_id FROM flow_tuples WHERE tuple_id = ?').pluck();
  const isShown = db
    .prepare(
      `SELECT 1 FROM flow_tuples t WHERE t.flow_id = ? AND (
         EXISTS (SELECT 1 FROM passages p WHERE p.tuple_id = t.tuple_id)
         OR EXISTS (SELECT 1 FROM passages p WHERE p.tuple2_id = t.tuple_id)
         OR EXISTS (SELECT 1 FROM passages p WHERE p.tuple3_id = t.tuple_id)
         OR EXISTS (SELECT 1 FROM events e WHERE e.tuple_id = t.tuple_id)
         OR EXISTS (SELECT 1 FROM events e WHERE e.reply_tuple_id = t.tuple_id)
         OR EXISTS (SELECT 1 FROM ct_entry_versions v WHERE v.tuple_id = t.tuple_id)
         OR EXISTS (SELECT 1 FROM ct_entry_versions v WHERE v.reply_tuple_id = t.tuple_id)) LIMIT 1`,
    )
    .pluck();
  const removeTuples = db.prepare('DELETE FROM flow_tuples WHERE flow_id = ?');
  const removeFlow = db.prepare('DELETE FROM flows WHERE id = ?');
  const flows = new Set(tupleIds.flatMap((id) => flowsOf.all(id) as number[]));
  for (const id of flows) {
    if (isShown.get(id) !== undefined) continue;
    removeTuples.run(id);
    removeFlow.run(id);
  }
}
