// Questions about the size of the table: how it grows, when it is full, whether its count and its lists agree, what the statistics say.

import { CHOSEN_SNAPSHOT, type NamedQuery } from './named-query.js';

/** Snapshots of the last :hours of each series, its newest one being now, and where they begin; all of them where nothing tells their time. */
export const LATELY = `lately AS MATERIALIZED (
  SELECT n.* FROM snapshots n
    JOIN (SELECT series_id, max(taken_at_us) AS newest_us FROM snapshots GROUP BY series_id) z ON z.series_id = n.series_id
  WHERE coalesce(n.taken_at_us >= z.newest_us - :hours * 3600000000, 1)),
firsts AS MATERIALIZED (SELECT series_id, min(seq) AS first_seq FROM lately GROUP BY series_id)`;

export const TABLE_SIZE_QUERIES: readonly NamedQuery[] = [
  {
    name: 'when-full',
    question: 'How fast does the table grow, and when will it be full?',
    parameters: { hours: '1' },
    sql: `
-- Over the last :hours of each series: the first and the last count, and a straight line through them. A table that does not grow is never full.
WITH ${LATELY},
ends AS (
  SELECT series_id, count(*) AS snapshots, min(seq) AS first_seq, max(seq) AS last_seq, max(entry_count) AS most FROM lately
  WHERE entry_count IS NOT NULL GROUP BY series_id),
growth AS (
  SELECT s.name AS netns, e.snapshots, e.most, a.taken_at_us AS from_us, z.taken_at_us AS to_us, z.entry_count AS entries, z.entry_max,
    (z.entry_count - a.entry_count) * 60e6 / nullif(z.taken_at_us - a.taken_at_us, 0) AS per_minute
  FROM ends e JOIN lately a ON a.series_id = e.series_id AND a.seq = e.first_seq
    JOIN lately z ON z.series_id = e.series_id AND z.seq = e.last_seq
    JOIN series r ON r.id = e.series_id LEFT JOIN namespaces s ON s.id = r.namespace_id)
SELECT netns, utc(from_us) AS since, utc(to_us) AS until, snapshots, entries, most AS most_entries, entry_max,
  round(100.0 * entries / entry_max, 1) AS percent, round(per_minute, 1) AS per_minute,
  CASE WHEN entries >= entry_max THEN utc(to_us) WHEN per_minute > 0 THEN utc(to_us + cast((entry_max - entries) / per_minute * 60e6 AS INTEGER)) END AS full_at
FROM growth ORDER BY percent DESC, netns`,
  },
  {
    name: 'count-and-lists',
    question: 'Does the count of entries agree with what the lists show, by family and zone?',
    parameters: { snapshot: 'NULL' },
    sql: `
-- The count is of one namespace, of all families and zones, with entries that are dying or not confirmed yet. conntrack -L alone may
-- show one family or state: limits says so, and then the difference is no leak. Some of either come and go between two readings.
WITH ${CHOSEN_SNAPSHOT},
held AS (
  SELECT v.list, v.zone, CASE WHEN t.src LIKE '%:%' THEN 6 ELSE 4 END AS family, count(*) AS entries FROM chosen n
    JOIN ct_entry_versions v ON v.series_id = n.series_id AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq)
    JOIN tuples t ON t.id = v.tuple_id
  GROUP BY 1, 2, 3)
SELECT utc(n.taken_at_us) AS taken, s.name AS netns, n.entry_count AS counted, sum(h.entries) AS listed, n.entry_count - sum(h.entries) AS difference,
  sum(CASE WHEN h.list = 'main' AND h.family = 4 THEN h.entries ELSE 0 END) AS ipv4,
  sum(CASE WHEN h.list = 'main' AND h.family = 6 THEN h.entries ELSE 0 END) AS ipv6,
  CASE WHEN d.state = 'read' THEN sum(CASE h.list WHEN 'dying' THEN h.entries ELSE 0 END) END AS dying,
  CASE WHEN u.state = 'read' THEN sum(CASE h.list WHEN 'unconfirmed' THEN h.entries ELSE 0 END) END AS unconfirmed,
  (SELECT group_concat('zone ' || z.zone || ': ' || z.entries, ', ') FROM (
     SELECT zone, sum(entries) AS entries FROM held WHERE list = 'main' GROUP BY zone ORDER BY 2 DESC LIMIT 8) z) AS zones,
  concat_ws('; ', m.why, CASE WHEN d.state IS NULL THEN 'dying: not read' WHEN d.state <> 'read' THEN 'dying: ' || coalesce(d.why, d.state) END,
    CASE WHEN u.state IS NULL THEN 'unconfirmed: not read' WHEN u.state <> 'read' THEN 'unconfirmed: ' || coalesce(u.why, u.state) END) AS limits
FROM chosen n JOIN snapshot_parts m ON m.snapshot_id = n.id AND m.part = 'list:main' AND m.state = 'read'
  LEFT JOIN snapshot_parts d ON d.snapshot_id = n.id AND d.part = 'list:dying'
  LEFT JOIN snapshot_parts u ON u.snapshot_id = n.id AND u.part = 'list:unconfirmed'
  JOIN series r ON r.id = n.series_id LEFT JOIN namespaces s ON s.id = r.namespace_id LEFT JOIN held h
GROUP BY n.id`,
  },
  {
    name: 'pressure',
    question: 'Which statistics of the tracker moved between snapshots, on which CPU?',
    // With 16 CPUs and a snapshot a minute these are a hundred thousand rows.
    parameters: { hours: '12' },
    sql: `
-- Of the last :hours; pressure-by-hour sums up days. A counter that fell was reset: what it shows now came since then. Counters have 32 bits, so a wrap looks the same.
WITH ${LATELY},
-- Times as text once for each snapshot, not for each of its counters.
moment AS MATERIALIZED (
  SELECT id, series_id, seq, utc(taken_at_us) AS until, entry_count, entry_max,
    utc((SELECT b.taken_at_us FROM snapshots b WHERE b.series_id = lately.series_id AND b.seq < lately.seq ORDER BY b.seq DESC LIMIT 1)) AS since
  FROM lately),
-- A value stands until the next one.
known AS MATERIALIZED (
  SELECT v.series_id, v.name, v.cpu, v.seq, v.value, (SELECT b.value FROM values_over_time b
    WHERE b.series_id = v.series_id AND b.what = 'ct-stat' AND b.name = v.name AND b.cpu = v.cpu AND b.seq < v.seq ORDER BY b.seq DESC LIMIT 1) AS before
  FROM firsts f CROSS JOIN values_over_time v ON v.series_id = f.series_id AND v.what = 'ct-stat' AND v.seq >= f.first_seq)
SELECT m.since, m.until, k.name, k.cpu, CASE WHEN k.value < k.before THEN k.value ELSE k.value - k.before END AS more,
  CASE WHEN k.value < k.before THEN 'reset' END AS note, m.entry_count, m.entry_max
FROM moment m CROSS JOIN known k ON k.series_id = m.series_id AND k.seq = m.seq
WHERE k.before IS NOT NULL AND k.value <> k.before ORDER BY m.id, k.name, k.cpu`,
  },
  {
    name: 'pressure-by-hour',
    question: 'How did the fill and the losses of the table go, hour by hour?',
    parameters: { hours: '48' },
    sql: `
-- Losses are of all CPUs: what could not be inserted, was dropped, made room for others, or was INVALID.
WITH RECURSIVE ${LATELY},
fill AS MATERIALIZED (
  SELECT series_id, taken_at_us / 3600000000 AS hour, count(*) AS snapshots,
    min(entry_count) AS least, max(entry_count) AS most, max(entry_max) AS entry_max
  FROM lately GROUP BY 1, 2),
-- From one CPU to the next by the key: to walk all values of two days would take a second.
lane AS (
  SELECT f.series_id, f.first_seq, k.name,
    (SELECT min(v.cpu) FROM values_over_time v WHERE v.series_id = f.series_id AND v.what = 'ct-stat' AND v.name = k.name) AS cpu
  FROM firsts f JOIN (SELECT 'insert_failed' AS name UNION ALL SELECT 'drop' UNION ALL SELECT 'early_drop' UNION ALL SELECT 'invalid') k
  UNION ALL
  SELECT l.series_id, l.first_seq, l.name, (SELECT min(v.cpu) FROM values_over_time v
    WHERE v.series_id = l.series_id AND v.what = 'ct-stat' AND v.name = l.name AND v.cpu > l.cpu)
  FROM lane l WHERE l.cpu IS NOT NULL),
step AS (
  SELECT l.series_id, l.name, v.seq, v.value, v.value - lag(v.value) OVER (PARTITION BY l.series_id, l.name, l.cpu ORDER BY v.seq) AS more
  FROM lane l CROSS JOIN values_over_time v
    ON v.series_id = l.series_id AND v.what = 'ct-stat' AND v.name = l.name AND v.cpu = l.cpu AND v.seq >= l.first_seq),
-- A counter that fell was reset: what it shows came since then.
moved AS MATERIALIZED (
  SELECT series_id, name, seq, sum(CASE WHEN more < 0 THEN value ELSE more END) AS more FROM step GROUP BY 1, 2, 3),
lost AS MATERIALIZED (
  SELECT m.series_id, n.taken_at_us / 3600000000 AS hour, m.name, sum(m.more) AS more
  FROM moved m CROSS JOIN snapshots n ON n.series_id = m.series_id AND n.seq = m.seq GROUP BY 1, 2, 3)
SELECT utc(f.hour * 3600000000) AS hour, s.name AS netns, f.snapshots, f.least, f.most, f.entry_max, round(100.0 * f.most / f.entry_max, 1) AS percent,
  max(CASE l.name WHEN 'insert_failed' THEN l.more END) AS insert_failed, max(CASE l.name WHEN 'drop' THEN l.more END) AS dropped,
  max(CASE l.name WHEN 'early_drop' THEN l.more END) AS early_drop, max(CASE l.name WHEN 'invalid' THEN l.more END) AS invalid
FROM fill f JOIN series r ON r.id = f.series_id LEFT JOIN namespaces s ON s.id = r.namespace_id
  LEFT JOIN lost l ON l.series_id = f.series_id AND l.hour = f.hour
GROUP BY f.series_id, f.hour ORDER BY f.hour, f.series_id`,
  },
];
