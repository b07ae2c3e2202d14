// The questions people come with, as SQL they can start from.

export interface NamedQuery {
  readonly name: string;
  readonly question: string;
  readonly sql: string;
  /** Parameters with the value used when none is given. */
  readonly parameters: Readonly<Record<string, string>>;
}

export const NAMED_QUERIES: readonly NamedQuery[] = [
  {
    name: 'reasons',
    question: 'Which reasons did the kernel give, how often, for how many flows?',
    sql: `
SELECT reason_id, message, count(*) AS lines, count(DISTINCT src || ' ' || coalesce(sport, '') || ' ' || dst || ' ' || coalesce(dport, '')) AS flows
FROM packets WHERE kind = 'log-invalid' GROUP BY reason_id, message ORDER BY lines DESC`,
    parameters: {},
  },
];

/** NULL when there is no query of that name. */
export function namedQuery(name: string): NamedQuery | null {
  return NAMED_QUERIES.find((query) => query.name === name) ?? null;
}
