// Questions about NAT: does what entries were translated to agree with what the rules say now?

import { CHOSEN_SNAPSHOT, type NamedQuery } from './named-query.js';

/** Whether all of rule r's tests of addresses, protocol and ports hold for a packet. */
const rulePasses = (src: string, sport: string, dst: string, dport: string) => `
      (r.port IS NULL OR r.port = ${dport}) AND (r.proto IS NULL OR r.proto = e.proto_name) AND NOT EXISTS (SELECT 1 FROM json_each(r.data, '$.conditions') c WHERE json_extract(c.value, '$.field') IN ('src', 'dst', 'proto', 'sport', 'dport')
        AND json_extract(c.value, '$.isNegated') = EXISTS (SELECT 1 FROM json_each(c.value, '$.values') w WHERE CASE json_extract(c.value, '$.field')
          WHEN 'src' THEN in_network(${src}, w.value) WHEN 'dst' THEN in_network(${dst}, w.value)
          WHEN 'sport' THEN in_range(${sport}, w.value) WHEN 'dport' THEN in_range(${dport}, w.value)
          ELSE w.value = e.proto_name END))`;

export const TRANSLATION_QUERIES: readonly NamedQuery[] = [
  {
    name: 'nat-unlike-rules',
    question: 'Which entries are translated otherwise than the rules of now would translate them?',
    parameters: { snapshot: 'NULL', rules: '50' },
    sql: `
-- An entry keeps the translation that its first packet got: rules that came later, an address that changed or a packet that passed
-- by nat leave old ones. Of a rule only addresses, protocol and ports are asked (not -i and -o, sets, marks), of the first :rules nat rules
-- that have such tests: rows are candidates, ctwhy path --packet tells for one of them what the whole ruleset does.
WITH ${CHOSEN_SNAPSHOT},
-- The seconds left are looked up for the rows that are found, not for each entry of the table.
entry AS MATERIALIZED (
  SELECT v.id AS version_id, n.seq, o.proto, CASE o.proto WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' ELSE 'sctp' END AS proto_name,
    o.src AS orig_src, o.sport AS orig_sport, o.dst AS orig_dst, o.dport AS orig_dport,
    r.src AS reply_src, r.sport AS reply_sport, r.dst AS reply_dst, r.dport AS reply_dport, v.state, v.status, v.timeout_s, v.started_at_us
  FROM chosen n CROSS JOIN ct_entry_versions v ON v.series_id = n.series_id AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq)
    CROSS JOIN tuples o ON o.id = v.tuple_id CROSS JOIN tuples r ON r.id = v.reply_tuple_id
  WHERE v.list = 'main' AND o.proto IN (6, 17, 132)),
current AS MATERIALIZED (
  SELECT u.ruleset_id FROM chosen n JOIN snapshots b ON b.series_id = n.series_id AND b.seq = (
      SELECT max(o.seq) FROM snapshots o JOIN snapshot_rulesets w ON w.snapshot_id = o.id WHERE o.series_id = n.series_id AND o.seq <= n.seq)
    JOIN snapshot_rulesets u ON u.snapshot_id = b.id),
nat AS MATERIALIZED (
  SELECT r.*, CASE WHEN r.target IN ('SNAT', 'MASQUERADE') THEN 'src' WHEN r.target IN ('DNAT', 'REDIRECT') THEN 'dst' END AS side,
    EXISTS (SELECT 1 FROM json_each(r.data, '$.conditions') c WHERE json_extract(c.value, '$.field') IN ('src', 'dst', 'sport', 'dport')) AS has_tests,
    NOT EXISTS (SELECT 1 FROM json_each(r.data, '$.conditions') c WHERE json_extract(c.value, '$.field')
      NOT IN ('src', 'dst', 'proto', 'sport', 'dport', 'in', 'out', 'nfproto')) AS is_plain
  FROM current u JOIN rules r ON r.ruleset_id = u.ruleset_id WHERE r.target IN ('SNAT', 'MASQUERADE', 'DNAT', 'REDIRECT', 'NETMAP')),
-- Protocol and a single port are compared before anything else is: with thousands of entries that is what counts.
asked AS MATERIALIZED (
  SELECT r.*, (SELECT json_extract(c.value, '$.values[0]') FROM json_each(r.data, '$.conditions') c
      WHERE json_extract(c.value, '$.field') = 'proto' AND NOT json_extract(c.value, '$.isNegated')) AS proto,
    (SELECT cast(json_extract(c.value, '$.values[0]') AS INTEGER) FROM json_each(r.data, '$.conditions') c
      WHERE json_extract(c.value, '$.field') = 'dport' AND NOT json_extract(c.value, '$.isNegated') AND json_array_length(c.value, '$.values') = 1
        AND json_extract(c.value, '$.values[0]') NOT LIKE '%:%') AS port
  FROM nat r WHERE has_tests AND is_plain AND side IS NOT NULL ORDER BY id LIMIT :rules),
own AS MATERIALIZED (
  SELECT json_extract(f.data, '$.local') AS address FROM chosen n
    JOIN host_facts f ON f.series_id = n.series_id AND f.kind = 'address' AND f.from_seq <= n.seq AND (f.to_seq IS NULL OR f.to_seq > n.seq)),
found AS (
  SELECT e.*, 'source became ' || e.reply_dst || ', which no rule names' AS what, NULL AS rule FROM entry e
  WHERE e.reply_dst <> e.orig_src AND NOT EXISTS (SELECT 1 FROM nat r WHERE r.target IN ('SNAT', 'NETMAP') AND (instr(r.text, e.reply_dst) > 0 OR r.text LIKE '% map %'))
    AND NOT (EXISTS (SELECT 1 FROM nat WHERE target = 'MASQUERADE') AND (e.reply_dst IN (SELECT address FROM own) OR NOT EXISTS (SELECT 1 FROM own)))
  UNION ALL
  SELECT e.*, 'destination became ' || e.reply_src || ', which no rule names', NULL FROM entry e
  WHERE e.reply_src <> e.orig_dst AND NOT EXISTS (SELECT 1 FROM nat r WHERE r.target = 'REDIRECT'
      OR (r.target IN ('DNAT', 'NETMAP') AND (instr(r.text, e.reply_src) > 0 OR r.text LIKE '% map %')))
  UNION ALL
  SELECT e.*, 'source is not translated, a rule would', (SELECT r.text FROM asked r WHERE r.side = 'src' AND ${rulePasses('e.orig_src', 'e.orig_sport', 'e.reply_src', 'e.reply_sport')} LIMIT 1) FROM entry e
  -- What ends at this host passes no POSTROUTING.
  WHERE e.reply_dst = e.orig_src AND e.reply_src NOT IN (SELECT address FROM own WHERE address IS NOT NULL)
  UNION ALL
  SELECT e.*, 'destination is not translated, a rule would', (SELECT r.text FROM asked r WHERE r.side = 'dst' AND ${rulePasses('e.orig_src', 'e.orig_sport', 'e.orig_dst', 'e.orig_dport')} LIMIT 1) FROM entry e
  WHERE e.reply_src = e.orig_dst)
SELECT what, rule, proto, orig_src, orig_sport, orig_dst, orig_dport, reply_src, reply_sport, reply_dst, reply_dport, state, status,
  coalesce((SELECT m.timeout_s FROM ct_entry_moves m WHERE m.version_id = found.version_id AND m.seq <= found.seq ORDER BY m.seq DESC LIMIT 1), timeout_s) AS timeout_s,
  utc(started_at_us) AS started
FROM found WHERE rule IS NOT NULL OR what LIKE '%no rule%' ORDER BY what, orig_dst, orig_dport, orig_src, orig_sport`,
  },
];
