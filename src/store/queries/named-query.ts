// What a named query is, and the pieces of SQL that several of them begin with.

export interface NamedQuery {
  readonly name: string;
  readonly question: string;
  /** One statement with a comment where it is not obvious; utc() and raw_line() are functions of ctwhy query. */
  readonly sql: string;
  /** Parameters with the value used when none is given; 'NULL' is NULL. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** The snapshot asked for, or the newest one that read all of these parts. */
export function chosenSnapshot(...parts: readonly string[]): string {
  const read = parts.map(
    (part, at) =>
      `JOIN snapshot_parts p${at} ON p${at}.snapshot_id = m.id AND p${at}.part = '${part}' AND p${at}.state = 'read'`,
  );
  return `chosen AS (
  SELECT n.id, n.series_id, n.seq, n.taken_at_us, n.entry_count FROM snapshots n
  WHERE n.id = :snapshot OR (:snapshot IS NULL AND n.id = (
    SELECT m.id FROM snapshots m ${read.join('\n      ')}
    ORDER BY m.taken_at_us IS NULL, m.taken_at_us DESC, m.id DESC LIMIT 1)))`;
}

/** With its list of entries. */
export const CHOSEN_SNAPSHOT = chosenSnapshot('list:main');
