// Questions about entries of the table of connections: who fills it, what is stuck in it, what lingers beside it.

import { CHOSEN_SNAPSHOT, type NamedQuery } from './named-query.js';

const NEWEST = { snapshot: 'NULL' } as const;

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
WITH ${CHOSEN_SNAPSHOT},
socket AS MATERIALIZED (
  SELECT k.local, k.lport, k.pport, min(k.state || coalesce(' ' || k.timer, '')) AS state FROM chosen n JOIN sockets k ON k.snapshot_id = n.id
  WHERE k.proto = 6 AND k.pport IS NOT NULL GROUP BY 1, 2, 3)
SELECT e.orig_src, e.orig_sport, e.orig_dst, e.orig_dport, e.state, e.status, e.timeout_s, coalesce(a.state, z.state) AS socket
FROM chosen n JOIN ct_entries e ON e.snapshot_id = n.id
  LEFT JOIN socket a ON a.local = e.orig_src AND a.lport = e.orig_sport AND a.pport = e.orig_dport
  LEFT JOIN socket z ON z.local = e.reply_src AND z.lport = e.reply_sport AND z.pport = e.reply_dport
WHERE e.list = 'main' AND e.state IN ('FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'CLOSE', 'TIME_WAIT')
ORDER BY e.timeout_s DESC, e.orig_src, e.orig_sport`,
  },
  {
    name: 'lingering',
    question: 'Which entries stay in the dying and the unconfirmed list, and can this kernel show them?',
    parameters: NEWEST,
    sql: `
-- Entries pass through both lists in moments: one that two snapshots saw is held (a packet in a queue, a driver, a crashed listener).
-- told says 'cannot-show' where this kernel keeps no such list (unconfirmed since 5.19) and 'not read' where nobody asked: no zero then.
WITH ${CHOSEN_SNAPSHOT},
lists AS (SELECT 'unconfirmed' AS list UNION ALL SELECT 'dying'),
held AS (
  SELECT v.list, count(*) AS entries, sum(v.from_seq < n.seq) AS seen_before, min(v.from_seq) AS oldest_seq, min(v.id) AS example
  FROM chosen n JOIN ct_entry_versions v ON v.series_id = n.series_id AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq)
  WHERE v.list IN ('unconfirmed', 'dying') GROUP BY v.list)
SELECT utc(n.taken_at_us) AS taken, l.list, coalesce(p.state, 'not read') AS told,
  CASE p.state WHEN 'read' THEN coalesce(h.entries, 0) END AS entries,
  CASE p.state WHEN 'read' THEN coalesce(h.seen_before, 0) END AS seen_before,
  (SELECT utc(o.taken_at_us) FROM snapshots o WHERE o.series_id = n.series_id AND o.seq = h.oldest_seq) AS oldest_since,
  (SELECT 'proto ' || t.proto || ' ' || t.src || coalesce(':' || t.sport, '') || ' > ' || t.dst || coalesce(':' || t.dport, '')
     FROM ct_entry_versions v JOIN tuples t ON t.id = v.tuple_id WHERE v.id = h.example) AS example,
  p.why
FROM chosen n CROSS JOIN lists l LEFT JOIN snapshot_parts p ON p.snapshot_id = n.id AND p.part = 'list:' || l.list
  LEFT JOIN held h ON h.list = l.list
ORDER BY l.list`,
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
];
