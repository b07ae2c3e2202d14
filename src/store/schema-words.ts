// What do the tables and columns of a store mean? The names people's SQL relies on first, then the tables below them.

import { QUERY_FUNCTIONS } from './query-functions.js';
import { CONCLUSIONS } from './schema/conclusions.js';
import { PACKETS } from './schema/packets.js';
import { PLACES } from './schema/places.js';
import { RULES_AND_HOST } from './schema/rules-and-host.js';
import type { TableWords } from './schema/table-words.js';
import { TRACKER } from './schema/tracker.js';

/** Tables and views that keep their names and columns from release to release. */
export const CONTRACT_NAMES = [
  'sources',
  'kernel_messages',
  'packets',
  'journeys',
  'trace_steps',
  'flows',
  'ct_entries',
  'ct_events',
  'ct_stats',
  'snapshots',
  'rulesets',
  'rules',
  'rule_counters',
  'sysctls',
  'sockets',
  'routes',
  'expectations',
  'hosts',
  'boots',
  'namespaces',
  'changes',
  'coverage',
  'gaps',
  'unread_lines',
  'findings',
] as const;

const ALL: readonly TableWords[] = [...PACKETS, ...TRACKER, ...RULES_AND_HOST, ...PLACES, ...CONCLUSIONS];

/** All tables and views: those of the contract in its order, then the others. */
export function schemaWords(): readonly TableWords[] {
  const rank = (table: TableWords) => {
    const at = (CONTRACT_NAMES as readonly string[]).indexOf(table.name);
    return at < 0 ? CONTRACT_NAMES.length : at;
  };
  return ALL.toSorted((a, b) => rank(a) - rank(b));
}

/** Rows for `ctwhy query --schema`: table, column ('' for the table itself), type, sentence; functions last. */
export function schemaRows(): readonly (readonly string[])[] {
  const tables = schemaWords().flatMap((table) => [
    [table.name, '', table.kind, table.says],
    ...table.columns.map(([name, type, says]) => [table.name, name, type, says]),
  ]);
  return [...tables, ...QUERY_FUNCTIONS.map(([name, says]) => [name, '', 'function', says])];
}
