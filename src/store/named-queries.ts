// The questions people come with, as SQL they can start from.

import type { NamedQuery } from './queries/named-query.js';
import { PACKET_QUERIES } from './queries/packets.js';
import { RULE_QUERIES, SOURCE_QUERIES } from './queries/rules-and-sources.js';
import { SOCKET_QUERIES } from './queries/sockets.js';
import { TABLE_SIZE_QUERIES } from './queries/table-size.js';
import { TRACKER_QUERIES } from './queries/tracker.js';
import { TRANSLATION_QUERIES } from './queries/translation.js';

export const NAMED_QUERIES: readonly NamedQuery[] = [
  ...PACKET_QUERIES,
  ...TRACKER_QUERIES,
  ...TABLE_SIZE_QUERIES,
  ...SOCKET_QUERIES,
  ...TRANSLATION_QUERIES,
  ...RULE_QUERIES,
  ...SOURCE_QUERIES,
];

/** NULL when there is no query of that name. */
export function namedQuery(name: string): NamedQuery | null {
  return NAMED_QUERIES.find((query) => query.name === name) ?? null;
}
