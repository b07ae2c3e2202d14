// Questions that need entries and sockets at once: connections of this host that the tracker forgot, or that only it remembers.

import { chosenSnapshot, type NamedQuery } from './named-query.js';

/**
 * A socket k and the two directions an entry may have for it; tuples_key finds them. Plus signs, as a column's affinity, which ifnull() has
 * not, would keep SQLite from all of the key but the address: with a gateway's, that is every tuple.
 */
const TUPLE_OF_SOCKET = `
      ((t.src = k.local AND ifnull(t.sport, -1) = +k.lport AND t.dst = k.peer AND ifnull(t.dport, -1) = +k.pport)
        OR (t.src = k.peer AND ifnull(t.sport, -1) = +k.pport AND t.dst = k.local AND ifnull(t.dport, -1) = +k.lport))
      AND t.proto = k.proto`;

const WITHOUT_ENTRY = (states: string) => `
-- Of a snapshot that read both lists; list_limits tells when the list was filtered: then a missing entry proves nothing.
WITH ${chosenSnapshot('list:main', 'sockets')}
SELECT utc(n.taken_at_us) AS taken, k.proto, k.state, k.local, k.lport, k.peer, k.pport, k.send_q, k.timer, k.process, p.why AS list_limits
FROM chosen n JOIN snapshot_parts p ON p.snapshot_id = n.id AND p.part = 'list:main' AND p.state = 'read'
  JOIN sockets k ON k.snapshot_id = n.id
WHERE k.peer IS NOT NULL AND k.pport > 0 AND ${states}
  -- The plus signs keep SQLite from looking through all entries of the snapshot in place of those of the tuple.
  AND NOT EXISTS (
    SELECT 1 FROM tuples t JOIN ct_entry_versions v ON v.tuple_id = t.id OR v.reply_tuple_id = t.id
    WHERE ${TUPLE_OF_SOCKET}
      AND +v.series_id = n.series_id AND +v.from_seq <= n.seq AND (+v.to_seq IS NULL OR +v.to_seq > n.seq))
ORDER BY n.id, k.state, k.local, k.lport`;

export const SOCKET_QUERIES: readonly NamedQuery[] = [
  {
    name: 'sockets-without-entry',
    question: 'Which connected sockets of the host have no entry in the table?',
    parameters: { snapshot: 'NULL' },
    sql: WITHOUT_ENTRY("k.state NOT IN ('LISTEN', 'UNCONN')"),
  },
  {
    name: 'stuck-sockets-without-entry',
    question: 'Which sockets wait to be closed (FIN-WAIT-1, LAST-ACK, CLOSE-WAIT) and have no entry?',
    parameters: { snapshot: 'NULL' },
    // What such a socket sends is INVALID, and a rule that drops INVALID keeps it waiting.
    sql: WITHOUT_ENTRY("k.proto = 6 AND k.state IN ('FIN-WAIT-1', 'CLOSING', 'LAST-ACK', 'CLOSE-WAIT')"),
  },
  {
    name: 'entries-without-socket',
    question: "Which TCP entries of the host's own connections have no socket?",
    parameters: { snapshot: 'NULL' },
    sql: `
-- Own addresses: those ip addr printed, and those sockets are bound to. TIME_WAIT and CLOSE outlive their socket by design.
WITH ${chosenSnapshot('sockets', 'list:main')},
socket AS MATERIALIZED (SELECT k.local, k.lport, k.pport, k.proto FROM chosen n JOIN sockets k ON k.snapshot_id = n.id),
own AS MATERIALIZED (
  SELECT json_extract(f.data, '$.local') AS address FROM chosen n
    JOIN host_facts f ON f.series_id = n.series_id AND f.kind = 'address' AND f.from_seq <= n.seq AND (f.to_seq IS NULL OR f.to_seq > n.seq)
  UNION SELECT local FROM socket)
SELECT utc(n.taken_at_us) AS taken, e.orig_src, e.orig_sport, e.orig_dst, e.orig_dport, e.state, e.status, e.timeout_s
FROM chosen n JOIN ct_entries e ON e.snapshot_id = n.id
WHERE e.list = 'main' AND e.proto = 6 AND e.state NOT IN ('TIME_WAIT', 'CLOSE')
  AND (e.orig_src IN (SELECT address FROM own) OR e.reply_src IN (SELECT address FROM own))
  -- Ends as text: the sets are made once, however many entries there are.
  AND e.orig_src || ' ' || e.orig_sport || ' ' || e.orig_dport NOT IN (SELECT local || ' ' || lport || ' ' || pport FROM socket WHERE proto = 6 AND pport IS NOT NULL)
  AND coalesce(e.reply_src || ' ' || e.reply_sport || ' ' || e.reply_dport, '') NOT IN (SELECT local || ' ' || lport || ' ' || pport FROM socket WHERE proto = 6 AND pport IS NOT NULL)
ORDER BY n.id, e.timeout_s DESC, e.orig_src, e.orig_sport`,
  },
];
