// What a named query is, and the pieces of SQL that several of them begin with.

export interface NamedQuery {
  readonly name: string;
  readonly question: string;
  /** One statement with a comment where it is not obvious; utc() and raw_line() are functions of ctwhy query. */
  readonly sql: string;
  /** Parameters with the value used when none is given; 'NULL' is NULL. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** The snapshot asked for, or the newest one whose list of entries was read. */
export const CHOSEN_SNAPSHOT = `chosen AS (
  SELECT n.id, n.series_id, n.seq, n.taken_at_us FROM snapshots n
  WHERE n.id = :snapshot OR (:snapshot IS NULL AND n.id = (
    SELECT m.id FROM snapshots m JOIN snapshot_parts p ON p.snapshot_id = m.id AND p.part = 'list:main' AND p.state = 'read'
    ORDER BY m.taken_at_us IS NULL, m.taken_at_us DESC, m.id DESC LIMIT 1)))`;
