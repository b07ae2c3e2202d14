// Questions about packets: reasons, prefixes, flows, drops, and the story of one connection.

import type { NamedQuery } from './named-query.js';

export const PACKET_QUERIES: readonly NamedQuery[] = [
  {
    name: 'reasons',
    question: 'Which reasons did the kernel give, how often, for how many connections?',
    parameters: {},
    sql: `
-- Counted per path first: many packets left the same lines.
WITH seen AS (SELECT path_id, tuple_id, count(*) AS packets FROM passages GROUP BY path_id, tuple_id)
SELECT h.reason_id, h.message, sum(n.packets) AS lines, count(DISTINCT n.tuple_id) AS directions
FROM seen n JOIN path_steps s ON s.path_id = n.path_id JOIN heads h ON h.id = s.head_id
WHERE h.kind IN ('log-invalid', 'helper')
GROUP BY h.reason_id, h.message ORDER BY lines DESC, h.message`,
  },
  {
    name: 'prefixes',
    question: 'How many lines and distinct flows has each LOG prefix, each TRACE place?',
    parameters: {},
    sql: `
-- A flow here is one direction: protocol, addresses, ports as the line showed them.
WITH seen AS (
  SELECT path_id, tuple_id, tuple2_id, tuple3_id, count(*) AS packets FROM passages GROUP BY path_id, tuple_id, tuple2_id, tuple3_id)
SELECT h.kind, coalesce(h.prefix, h.message, h.table_name || ':' || h.chain || ':' || coalesce(h.rule_kind || ':' || coalesce(h.rule_no, h.handle), '')) AS prefix,
  sum(n.packets) AS lines,
  count(DISTINCT CASE s.slot WHEN 0 THEN n.tuple_id WHEN 1 THEN n.tuple2_id ELSE n.tuple3_id END) AS flows
FROM seen n JOIN path_steps s ON s.path_id = n.path_id JOIN heads h ON h.id = s.head_id
GROUP BY 1, 2 ORDER BY lines DESC, 1, 2`,
  },
  {
    name: 'invalid-by-flow',
    question: 'Which connections had INVALID packets, why, when?',
    parameters: {},
    sql: `
SELECT h.reason_id, h.message, t.proto, t.src, t.sport, t.dst, t.dport, t.extra AS tuple_extra, count(*) AS packets,
  group_concat(DISTINCT f.flags) AS flags,
  utc(min(p.clock_us + c.offset_us)) AS first_seen, utc(max(p.clock_us + c.offset_us)) AS last_seen
FROM passages p JOIN clocks c ON c.id = p.clock_id
  JOIN path_steps s ON s.path_id = p.path_id JOIN heads h ON h.id = s.head_id JOIN shapes f ON f.id = s.shape_id
  JOIN tuples t ON t.id = CASE s.slot WHEN 0 THEN p.tuple_id WHEN 1 THEN p.tuple2_id ELSE p.tuple3_id END
WHERE h.kind IN ('log-invalid', 'helper')
GROUP BY h.reason_id, h.message, t.id ORDER BY packets DESC, first_seen`,
  },
  {
    name: 'new-without-syn',
    question: 'Which TCP packets counted as NEW without being a SYN?',
    parameters: { prefix: '%NEW%' },
    sql: `
-- A LOG rule says NEW in its prefix (:prefix, with % for anything); an event does when an entry begins in another state than
-- SYN_SENT: the tracker picked the connection up in its middle (nf_conntrack_tcp_loose).
SELECT utc(seen_at_us) AS seen, 'packet' AS what, prefix AS says, flags, src, sport, dst, dport, source_id, line
FROM packets WHERE proto = 6 AND kind IN ('log', 'nflog') AND prefix LIKE :prefix
  AND flags IS NOT NULL AND NOT (flags || ' ' LIKE '%SYN %' AND flags NOT LIKE '%ACK%')
UNION ALL
SELECT utc(seen_at_us), 'entry', state, NULL, orig_src, orig_sport, orig_dst, orig_dport, source_id, line
FROM ct_events WHERE proto = 6 AND kind = 'NEW' AND state NOT IN ('SYN_SENT', 'SYN_SENT2')
ORDER BY seen, source_id, line`,
  },
  {
    name: 'dropped-journeys',
    question: 'Which traced packets ended in a drop, at which rule?',
    parameters: {},
    sql: `
-- nft and xtables traces print the verdict; for a legacy TRACE the rule of that number in the host's newest ruleset tells.
WITH ended AS (
  SELECT j.*, coalesce(j.ended_verdict, (
      SELECT r.target FROM rules r JOIN snapshot_rulesets u ON u.ruleset_id = r.ruleset_id JOIN snapshots n ON n.id = u.snapshot_id
        JOIN series e ON e.id = n.series_id JOIN sources o ON o.id = j.source_id AND o.host_id = e.host_id
      WHERE r.table_name = j.ended_table AND r.chain = j.ended_chain AND r.number = j.ended_rule
        AND r.family = CASE WHEN j.src LIKE '%:%' THEN 'ip6' ELSE 'ip' END
      ORDER BY n.id DESC LIMIT 1)) AS verdict
  FROM journeys j WHERE j.ended_table IS NOT NULL)
SELECT utc(began_at_us) AS began, proto, src, sport, dst, dport, flags, steps, ended_table, ended_chain, ended_kind, ended_rule,
  ended_handle, verdict, id AS journey_id
FROM ended WHERE lower(verdict) LIKE 'drop%' OR lower(verdict) LIKE 'reject%'
ORDER BY began_at_us, id`,
  },
  {
    name: 'flows',
    question: 'Which connections are known, and which had INVALID packets?',
    parameters: { most: '10000' },
    sql: `
-- Those with INVALID packets, then the newest of the others: weeks of snapshots know millions.
WITH invalid AS MATERIALIZED (
  SELECT f.flow_id, count(DISTINCT p.id) AS packets FROM passages p JOIN path_steps s ON s.path_id = p.path_id
    JOIN heads h ON h.id = s.head_id AND h.kind IN ('log-invalid', 'helper') JOIN flow_tuples f ON f.tuple_id = p.tuple_id
  GROUP BY f.flow_id),
shown AS MATERIALIZED (
  SELECT flow_id, packets FROM (SELECT * FROM invalid ORDER BY packets DESC, flow_id LIMIT :most)
  UNION ALL
  SELECT id, 0 FROM (SELECT id FROM flows WHERE id NOT IN (SELECT flow_id FROM invalid) ORDER BY id DESC LIMIT :most))
SELECT f.id AS flow_id, o.proto, o.src, o.sport, o.dst, o.dport, o.extra AS tuple_extra,
  r.src AS reply_src, r.sport AS reply_sport, r.dst AS reply_dst, r.dport AS reply_dport,
  utc(f.began_at_us) AS began, utc(f.ended_at_us) AS ended, f.direction_known_by, i.packets AS invalid_packets
FROM shown i JOIN flows f ON f.id = i.flow_id JOIN tuples o ON o.id = f.orig_tuple_id LEFT JOIN tuples r ON r.id = f.reply_tuple_id
ORDER BY invalid_packets DESC, f.began_at_us, f.id LIMIT :most`,
  },
  {
    name: 'timeline',
    question: 'What happened to the connections between two addresses, in order of time?',
    parameters: { src: 'NULL', dst: 'NULL' },
    sql: `
-- Without :src and :dst: the pair with the most INVALID packets. With translation, give either side's addresses.
WITH pair AS (
  SELECT :src AS a, :dst AS b WHERE :src IS NOT NULL OR :dst IS NOT NULL
  UNION ALL
  SELECT * FROM (
    SELECT t.src, t.dst FROM passages p JOIN path_steps s ON s.path_id = p.path_id JOIN heads h ON h.id = s.head_id
      JOIN tuples t ON t.id = p.tuple_id
    WHERE :src IS NULL AND :dst IS NULL AND h.kind = 'log-invalid' GROUP BY t.src, t.dst ORDER BY count(*) DESC LIMIT 1)),
named AS (
  SELECT t.id FROM pair JOIN tuples t ON (t.src = coalesce(a, t.src) AND t.dst = coalesce(b, t.dst))
    OR (t.src = coalesce(b, t.src) AND t.dst = coalesce(a, t.dst))),
wanted AS (
  SELECT id FROM named
  UNION SELECT g.tuple_id FROM named JOIN flow_tuples f ON f.tuple_id = named.id JOIN flow_tuples g ON g.flow_id = f.flow_id),
story AS (
  SELECT p.clock_us + c.offset_us + coalesce(json_extract('[' || p.step_us || ']', '$[' || s.step || ']'), 0) AS at_us, c.error_us, h.kind AS what,
    coalesce(h.message, h.prefix, h.table_name || ':' || h.chain || ':' || coalesce(h.rule_kind, '') || ':' || coalesce(h.rule_no, h.handle, '')) AS says,
    f.flags AS detail, t.id AS tuple_id, c.source_id, p.line
  FROM passages p JOIN clocks c ON c.id = p.clock_id JOIN path_steps s ON s.path_id = p.path_id JOIN heads h ON h.id = s.head_id
    JOIN shapes f ON f.id = s.shape_id
    JOIN tuples t ON t.id = CASE s.slot WHEN 0 THEN p.tuple_id WHEN 1 THEN p.tuple2_id ELSE p.tuple3_id END
  WHERE p.tuple_id IN (SELECT id FROM wanted)
  UNION ALL
  SELECT e.clock_us + c.offset_us, c.error_us, 'event', e.kind || coalesce(' ' || e.state, ''),
    trim(coalesce(e.status, '') || CASE e.is_user_space WHEN 1 THEN ' by a program, port id ' || e.port_id ELSE '' END), e.tuple_id, c.source_id, e.line
  FROM events e JOIN clocks c ON c.id = e.clock_id WHERE e.tuple_id IN (SELECT id FROM wanted)
  UNION ALL
  SELECT e.taken_at_us, n.error_us, 'entry', coalesce(e.state, '') || ' ' || coalesce(e.status, ''), e.timeout_s || ' s left', v.tuple_id, e.source_id, e.line
  FROM ct_entry_versions v JOIN ct_entries e ON e.version_id = v.id JOIN snapshots n ON n.id = e.snapshot_id
  WHERE v.tuple_id IN (SELECT id FROM wanted)
  UNION ALL
  SELECT k.clock_us + c.offset_us, c.error_us, 'wire', k.flags, k.interface, k.tuple_id, c.source_id, k.line
  FROM captured_packets k JOIN clocks c ON c.id = k.clock_id WHERE k.tuple_id IN (SELECT id FROM wanted))
SELECT utc(y.at_us) AS seen, y.error_us, y.what, trim(y.says) AS says, y.detail, t.src, t.sport, t.dst, t.dport, o.name AS source, y.line
FROM story y JOIN tuples t ON t.id = y.tuple_id JOIN sources o ON o.id = y.source_id
ORDER BY y.at_us IS NULL, y.at_us, y.source_id, y.line`,
  },
];
