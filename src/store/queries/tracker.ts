// Questions about the table of connections: who fills it, what is stuck in it, what it lacks.

import { CHOSEN_SNAPSHOT, type NamedQuery } from './named-query.js';

const NEWEST = { snapshot: 'NULL' } as const;

/** A socket k and the two directions an entry may have for it; tuples_key finds them. */
const TUPLE_OF_SOCKET = `
      ((t.src = k.local AND ifnull(t.sport, -1) = k.lport AND t.dst = k.peer AND ifnull(t.dport, -1) = k.pport)
        OR (t.src = k.peer AND ifnull(t.sport, -1) = k.pport AND t.dst = k.local AND ifnull(t.dport, -1) = k.lport))
      AND t.proto = k.proto`;

export const TRACKER_QUERIES: readonly NamedQuery[] = [
  {
    name: 'who-fills-the-table',
    question: 'What do the entries of the table have in common: state, addresses, ports?',
    parameters: { ...NEWEST, top: '5' },
    sql: `
WITH ${CHOSEN_SNAPSHOT},
entry AS (
  SELECT o.proto, o.src, o.dst, o.dport, v.state, v.status FROM chosen n
    JOIN ct_entry_versions v ON v.series_id = n.series_id AND v.list = 'main' AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq)
    JOIN tuples o ON o.id = v.tuple_id),
counted AS (
  SELECT 1 AS rank, 'state' AS what, 'proto ' || proto || coalesce(' ' || state, '')
      || CASE WHEN status LIKE '%UNREPLIED%' THEN ', no answer' ELSE ', answered' END
      || CASE WHEN status LIKE '%ASSURED%' THEN ', assured' ELSE ', not assured' END AS value, count(*) AS entries FROM entry GROUP BY 3
  UNION ALL SELECT 2, 'from', src, count(*) FROM entry GROUP BY src
  UNION ALL SELECT 3, 'to', dst, count(*) FROM entry GROUP BY dst
  UNION ALL SELECT 4, 'to port', 'proto ' || proto || ' port ' || dport, count(*) FROM entry WHERE dport IS NOT NULL GROUP BY proto, dport),
placed AS (SELECT *, row_number() OVER (PARTITION BY what ORDER BY entries DESC, value) AS place FROM counted)
SELECT what, value, entries, round(100.0 * entries / (SELECT count(*) FROM entry), 1) AS percent
FROM placed WHERE place <= :top ORDER BY rank, place`,
  },
  {
    name: 'stuck-syn-sent',
    question: 'Which connections got no answer to their SYN?',
    parameters: NEWEST,
    sql: `
WITH ${CHOSEN_SNAPSHOT}
SELECT e.orig_src, e.orig_sport, e.orig_dst, e.orig_dport, e.reply_src, e.state, e.status, e.timeout_s,
  round((e.taken_at_us - e.started_at_us) / 1e6, 1) AS age_s, n.seq - v.from_seq + 1 AS snapshots
FROM chosen n JOIN ct_entries e ON e.snapshot_id = n.id JOIN ct_entry_versions v ON v.id = e.version_id
WHERE e.list = 'main' AND e.proto = 6 AND e.state IN ('SYN_SENT', 'SYN_SENT2', 'SYN_RECV')
ORDER BY snapshots DESC, age_s DESC, e.orig_dst, e.orig_dport`,
  },
  {
    name: 'half-closed',
    question: 'Which connections were closed by one side only, and what says the socket?',
    parameters: NEWEST,
    sql: `
WITH ${CHOSEN_SNAPSHOT}
SELECT e.orig_src, e.orig_sport, e.orig_dst, e.orig_dport, e.state, e.status, e.timeout_s,
  (SELECT k.state || coalesce(' ' || k.timer, '') FROM sockets k WHERE k.snapshot_id = n.id AND k.proto = 6
     AND ((k.local = e.orig_src AND k.lport = e.orig_sport AND k.pport = e.orig_dport)
       OR (k.local = e.reply_src AND k.lport = e.reply_sport AND k.pport = e.reply_dport)) LIMIT 1) AS socket
FROM chosen n JOIN ct_entries e ON e.snapshot_id = n.id
WHERE e.list = 'main' AND e.state IN ('FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'CLOSE', 'TIME_WAIT')
ORDER BY e.timeout_s DESC, e.orig_src, e.orig_sport`,
  },
  {
    name: 'timeouts-soon',
    question: 'Which entries run out within some seconds if no packet comes?',
    parameters: { ...NEWEST, seconds: '30' },
    sql: `
WITH ${CHOSEN_SNAPSHOT}
SELECT e.timeout_s, utc(e.expires_at_us) AS runs_out, e.proto, e.orig_src, e.orig_sport, e.orig_dst, e.orig_dport, e.state, e.status
FROM chosen n JOIN ct_entries e ON e.snapshot_id = n.id
WHERE e.list = 'main' AND e.timeout_s <= :seconds ORDER BY e.timeout_s, e.orig_src, e.orig_sport`,
  },
  {
    name: 'sockets-without-entry',
    question: 'Which connected sockets of the host have no entry in the table?',
    parameters: {},
    sql: `
-- Only snapshots that read both lists; list_limits tells when a list was filtered: then a missing entry proves nothing.
SELECT utc(n.taken_at_us) AS taken, k.proto, k.state, k.local, k.lport, k.peer, k.pport, k.send_q, k.timer, k.process, p.why AS list_limits
FROM snapshots n JOIN snapshot_parts p ON p.snapshot_id = n.id AND p.part = 'list:main' AND p.state = 'read'
  JOIN sockets k ON k.snapshot_id = n.id
WHERE k.peer IS NOT NULL AND k.pport > 0 AND k.state NOT IN ('LISTEN', 'UNCONN')
  AND NOT EXISTS (
    SELECT 1 FROM tuples t JOIN ct_entry_versions v ON v.tuple_id = t.id OR v.reply_tuple_id = t.id
    WHERE ${TUPLE_OF_SOCKET}
      AND v.series_id = n.series_id AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq))
ORDER BY n.id, k.state, k.local, k.lport`,
  },
  {
    name: 'entries-without-socket',
    question: "Which TCP entries of the host's own connections have no socket?",
    parameters: {},
    sql: `
-- Own addresses: those ip addr printed, and those sockets are bound to. TIME_WAIT and CLOSE outlive their socket by design.
WITH read AS (
  SELECT n.* FROM snapshots n JOIN snapshot_parts p ON p.snapshot_id = n.id AND p.part = 'sockets' AND p.state = 'read'),
own AS (
  SELECT n.id AS snapshot_id, json_extract(f.data, '$.local') AS address FROM read n
    JOIN host_facts f ON f.series_id = n.series_id AND f.kind = 'address' AND f.from_seq <= n.seq AND (f.to_seq IS NULL OR f.to_seq > n.seq)
  UNION SELECT k.snapshot_id, k.local FROM read n JOIN sockets k ON k.snapshot_id = n.id)
SELECT utc(n.taken_at_us) AS taken, e.orig_src, e.orig_sport, e.orig_dst, e.orig_dport, e.state, e.status, e.timeout_s
FROM read n JOIN ct_entries e ON e.snapshot_id = n.id
WHERE e.list = 'main' AND e.proto = 6 AND e.state NOT IN ('TIME_WAIT', 'CLOSE')
  AND EXISTS (SELECT 1 FROM own o WHERE o.snapshot_id = n.id AND o.address IN (e.orig_src, e.reply_src))
  AND NOT EXISTS (
    SELECT 1 FROM sockets k WHERE k.snapshot_id = n.id AND k.proto = 6
      AND ((k.local = e.orig_src AND k.lport = e.orig_sport AND k.pport = e.orig_dport)
        OR (k.local = e.reply_src AND k.lport = e.reply_sport AND k.pport = e.reply_dport)))
ORDER BY n.id, e.timeout_s DESC, e.orig_src, e.orig_sport`,
  },
  {
    name: 'pressure',
    question: 'Which statistics of the tracker moved between snapshots, on which CPU?',
    parameters: {},
    sql: `
-- A counter that fell was reset: what it shows now came since then. Counters have 32 bits, so a wrap looks the same.
WITH pairs AS (
  SELECT n.id, n.taken_at_us, n.entry_count, n.entry_max, s.name, s.cpu, s.value,
    lag(s.value) OVER lane AS before, lag(n.taken_at_us) OVER lane AS before_at_us
  FROM snapshots n JOIN ct_stats s ON s.snapshot_id = n.id
  WINDOW lane AS (PARTITION BY n.series_id, s.name, s.cpu ORDER BY n.seq))
SELECT utc(before_at_us) AS since, utc(taken_at_us) AS until, name, cpu,
  CASE WHEN value < before THEN value ELSE value - before END AS more,
  CASE WHEN value < before THEN 'reset' END AS note, entry_count, entry_max
FROM pairs WHERE before IS NOT NULL AND value <> before ORDER BY id, name, cpu`,
  },
];
