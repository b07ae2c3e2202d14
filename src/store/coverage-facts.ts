// What was read from one source, as far as it tells what the source could have shown.

import type { Db } from './open-store.js';

/** More lines that tell of losses than this are only counted by their last. */
export const MOST_LOSSES = 1000;

interface Span {
  readonly fromAtUs: number | null;
  readonly toAtUs: number | null;
}

export interface LossLine {
  readonly line: number;
  readonly atUs: number | null;
  readonly count: number | null;
  readonly text: string;
  /** Which notice it is ('printk-dropped', 'kmsg-gap', 'callbacks-suppressed'); NULL for wordings that have no name. */
  readonly notice: string | null;
  /** journald: whose messages were held back. */
  readonly unit: string | null;
}

export interface SourceFacts {
  readonly bootId: number | null;
  readonly namespaceId: number | null;
  /** Of a kernel log: rows that are netfilter's, and lines in all. */
  readonly log: (Span & { readonly rows: number; readonly total: number }) | null;
  readonly trace: Span | null;
  /** Lines that say that others are missing. */
  readonly losses: readonly LossLine[];
  /** Of each kind of event: 'conntrack' or 'expect'. */
  readonly events: readonly (Span & { readonly kind: string })[];
  /** What printed the source; NULL: nothing tells. */
  readonly command: string | null;
  readonly lines: number;
  /** Events that were heard: whoever listened has written down from when to when. */
  readonly isHeard: boolean;
  /** The host whose lines count where a file holds those of several; NULL: all lines are of one. */
  readonly onlyHost: string | null;
  readonly parts: readonly {
    readonly part: string;
    readonly state: string;
    readonly atUs: number | null;
    readonly why: string | null;
  }[];
  readonly logInvalid: readonly { readonly value: string; readonly atUs: number | null }[];
  readonly limitedLogRules: readonly { readonly text: string; readonly atUs: number | null }[];
  readonly offloaded: number;
  readonly offloadedAtUs: number | null;
}

export function coverageFacts(db: Db, sourceId: number): SourceFacts {
  const one = <T>(sql: string): T => db.prepare(sql).get({ source: sourceId }) as T;
  const all = <T>(sql: string): readonly T[] => db.prepare(sql).all({ source: sourceId }) as T[];

  const packets = one<Span & { n: number }>(
    `SELECT min(p.clock_us + c.offset_us) AS fromAtUs, max(p.clock_us + c.offset_us) AS toAtUs, coalesce(sum(x.steps), 0) AS n
     FROM clocks c JOIN passages p ON p.clock_id = c.id JOIN paths x ON x.id = p.path_id WHERE c.source_id = :source`,
  );
  const notices = one<Span & { n: number }>(
    `SELECT min(k.clock_us + c.offset_us) AS fromAtUs, max(k.clock_us + c.offset_us) AS toAtUs, count(*) AS n
     FROM clocks c JOIN kernel_notices k ON k.clock_id = c.id WHERE c.source_id = :source`,
  );
  const trace = one<Span & { n: number }>(
    `SELECT min(p.clock_us + c.offset_us) AS fromAtUs, max(p.clock_us + c.offset_us) AS toAtUs, count(*) AS n
     FROM clocks c JOIN passages p ON p.clock_id = c.id WHERE c.source_id = :source
       AND EXISTS (SELECT 1 FROM heads WHERE kind IN ('trace', 'nft-trace', 'xtables-trace'))
       AND p.path_id IN (SELECT s.path_id FROM path_steps s JOIN heads h ON h.id = s.head_id WHERE h.kind IN ('trace', 'nft-trace', 'xtables-trace'))`,
  );
  const events = all<Span & { kind: string }>(
    `SELECT min(e.clock_us + c.offset_us) AS fromAtUs, max(e.clock_us + c.offset_us) AS toAtUs,
       CASE WHEN e.kind LIKE 'EXP%' THEN 'expect' ELSE 'conntrack' END AS kind
     FROM clocks c JOIN events e ON e.clock_id = c.id WHERE c.source_id = :source GROUP BY 3`,
  );
  // Of a file with several hosts the whole counts: lines that are no evidence are nobody's part.
  const { lines, kind, command, host, isShared, records } = one<{
    lines: number;
    kind: string;
    command: string | null;
    host: string;
    isShared: number;
    records: number;
  }>(
    `SELECT f.done_lines AS lines, s.kind, s.command, h.name AS host,
       EXISTS (SELECT 1 FROM sources o WHERE o.part_of = f.id) AS isShared,
       (SELECT coalesce(sum(records), 0) FROM source_forms WHERE source_id = f.id) AS records
     FROM sources s JOIN hosts h ON h.id = s.host_id JOIN sources f ON f.id = coalesce(s.part_of, s.id) WHERE s.id = :source`,
  );
  const rows = packets.n + notices.n;
  const place = one<{ bootId: number | null; namespaceId: number | null }>(
    `SELECT (SELECT CASE WHEN count(DISTINCT boot_id) = 1 THEN max(boot_id) END FROM clocks WHERE source_id = :source) AS bootId,
       (SELECT namespace_id FROM sources WHERE id = :source) AS namespaceId`,
  );
  const offloaded = one<{ n: number; atUs: number | null }>(
    `SELECT count(*) AS n, max(n.taken_at_us) AS atUs FROM ct_entry_versions v JOIN snapshots n ON n.series_id = v.series_id AND n.seq = v.from_seq
     WHERE v.source_id = :source AND v.status LIKE '%OFFLOAD%'`,
  );
  return {
    ...place,
    log:
      rows === 0
        ? null
        : { ...joined(packets, notices), rows: isShared === 1 ? Math.max(rows, records) : rows, total: lines },
    trace: trace.n === 0 ? null : { fromAtUs: trace.fromAtUs, toAtUs: trace.toAtUs },
    losses: all(
      `SELECT k.line, k.clock_us + c.offset_us AS atUs, k.count, k.text, json_extract(k.extra, '$.notice') AS notice, json_extract(k.extra, '$.unit') AS unit
       FROM clocks c JOIN kernel_notices k ON k.clock_id = c.id
       WHERE c.source_id = :source AND json_extract(k.extra, '$.about') = 'evidence-lost' ORDER BY k.line LIMIT ${MOST_LOSSES}`,
    ),
    events,
    command,
    lines,
    isHeard: kind === 'events',
    onlyHost: isShared === 1 ? host : null,
    parts: all('SELECT part, state, at_us AS atUs, why FROM snapshot_parts WHERE source_id = :source'),
    logInvalid: all(
      `SELECT v.value, p.at_us AS atUs FROM snapshot_parts p JOIN snapshots n ON n.id = p.snapshot_id
         JOIN values_over_time v ON v.series_id = n.series_id AND v.what = 'sysctl'
           AND v.name IN ('net.netfilter.nf_conntrack_log_invalid', 'net.ipv4.netfilter.ip_conntrack_log_invalid')
           AND v.seq = (SELECT max(w.seq) FROM values_over_time w WHERE w.series_id = v.series_id AND w.what = v.what AND w.name = v.name AND w.cpu = v.cpu AND w.seq <= n.seq)
       WHERE p.source_id = :source AND p.part = 'sysctl'`,
    ).map((row) => ({ value: String((row as { value: unknown }).value), atUs: (row as { atUs: number | null }).atUs })),
    limitedLogRules: all(
      `SELECT r.text, p.at_us AS atUs FROM snapshot_rulesets sr JOIN rules r ON r.ruleset_id = sr.ruleset_id
         LEFT JOIN snapshot_parts p ON p.snapshot_id = sr.snapshot_id AND p.source_id = :source AND p.part LIKE 'rules:%'
       WHERE sr.source_id = :source AND (r.target IN ('LOG', 'NFLOG') OR r.text LIKE '%log prefix%') AND r.text LIKE '%limit%' LIMIT 100`,
    ),
    offloaded: offloaded.n,
    offloadedAtUs: offloaded.atUs,
  };
}

function joined(a: Span, b: Span): Span {
  const lows = [a.fromAtUs, b.fromAtUs].filter((at) => at !== null);
  const highs = [a.toAtUs, b.toAtUs].filter((at) => at !== null);
  return {
    fromAtUs: lows.length === 0 ? null : Math.min(...lows),
    toAtUs: highs.length === 0 ? null : Math.max(...highs),
  };
}
