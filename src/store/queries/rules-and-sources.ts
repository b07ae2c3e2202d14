// Questions about rules that count, and about the evidence itself: what was read, when, how well.

import type { NamedQuery } from './named-query.js';
import { LATELY } from './table-size.js';

/** Growth of each rule's counter over the snapshots of the last :hours; a counter that fell was reset (the ruleset was loaded again). */
const GROWTH = `
WITH ${LATELY},
steps AS (
  SELECT n.series_id, n.seq, n.taken_at_us, c.rule_id, c.packets, c.bytes,
    lag(c.packets) OVER lane AS packets_before, lag(c.bytes) OVER lane AS bytes_before
  FROM rules r CROSS JOIN rule_counters c ON c.rule_id = r.id AND c.snapshot_id >= (SELECT min(id) FROM lately)
    JOIN lately n ON n.id = c.snapshot_id
  WINDOW lane AS (PARTITION BY n.series_id, c.rule_id ORDER BY n.seq)),
growth AS (
  SELECT series_id, rule_id, min(taken_at_us) AS from_us, max(taken_at_us) AS to_us,
    sum(CASE WHEN packets < packets_before THEN packets ELSE packets - packets_before END) AS packets,
    sum(CASE WHEN packets < packets_before THEN bytes ELSE bytes - bytes_before END) AS bytes,
    sum(packets < packets_before) AS resets
  FROM steps GROUP BY series_id, rule_id HAVING count(*) > 1)`;

export const RULE_QUERIES: readonly NamedQuery[] = [
  {
    name: 'rules-that-count',
    question: 'Which rules matched packets between the snapshots of the last hours?',
    parameters: { hours: '24' },
    sql: `${GROWTH}
SELECT r.family, r.table_name, r.chain, r.number, r.text, g.packets, g.bytes, g.resets, utc(g.from_us) AS since, utc(g.to_us) AS until
FROM growth g JOIN rules r ON r.id = g.rule_id
WHERE g.packets > 0 ORDER BY g.series_id, r.family, r.table_name, r.chain, r.number`,
  },
  {
    name: 'drops-by-rule',
    question: 'Which rules and policies dropped packets between the snapshots of the last hours?',
    parameters: { hours: '24' },
    sql: `${GROWTH}
SELECT g.packets, r.family, r.table_name, r.chain, r.number, r.handle, r.text, g.resets, utc(g.from_us) AS since, utc(g.to_us) AS until
FROM growth g JOIN rules r ON r.id = g.rule_id
WHERE g.packets > 0 AND upper(r.target) IN ('DROP', 'REJECT')
ORDER BY g.packets DESC, r.family, r.table_name, r.chain, r.number`,
  },
];

export const SOURCE_QUERIES: readonly NamedQuery[] = [
  {
    name: 'sources',
    question: 'What was read, as which forms, how much of it?',
    parameters: {},
    sql: `
SELECT o.id, h.name || coalesce((SELECT ', ' || group_concat(ph.name, ', ') FROM sources p JOIN hosts ph ON ph.id = p.host_id WHERE p.part_of = o.id), '') AS host, o.kind, o.name, o.done_lines AS lines, o.done_bytes AS bytes,
  (SELECT group_concat(f.form, ', ') FROM source_forms f WHERE f.source_id = o.id) AS forms,
  (SELECT coalesce(sum(f.records), 0) FROM source_forms f WHERE f.source_id = o.id) AS records,
  (SELECT count(*) FROM unread_lines u WHERE u.source_id = o.id) AS unread,
  utc(o.read_at_us) AS taken, utc(o.added_at_us) AS added
FROM sources o JOIN hosts h ON h.id = o.host_id WHERE o.part_of IS NULL ORDER BY o.id`,
  },
  {
    name: 'unread',
    question: 'Which lines could not be read, and why?',
    parameters: {},
    sql: `
SELECT o.name AS source, u.line, u.at_column, u.form, u.reason, raw_line(u.source_id, u.line) AS text
FROM unread_lines u JOIN sources o ON o.id = u.source_id ORDER BY u.source_id, u.line`,
  },
  {
    name: 'gaps',
    question: 'When could which source not show what: where does silence prove nothing?',
    parameters: {},
    sql: `
SELECT utc(from_at_us) AS since, utc(to_at_us) AS until, what, state, lost, source, why
FROM gaps ORDER BY from_at_us IS NULL, from_at_us, id`,
  },
  {
    name: 'clocks',
    question: "How were the sources' clocks placed, and how far may they be off?",
    parameters: {},
    sql: `
SELECT o.name AS source, c.from_line, c.kind, c.method, utc(c.offset_us) AS zero_is, c.error_us, b.boot_uuid, b.kernel_release
FROM clocks c JOIN sources o ON o.id = c.source_id LEFT JOIN boots b ON b.id = c.boot_id ORDER BY c.source_id, c.from_line`,
  },
];
