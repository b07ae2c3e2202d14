// The rulesets a host had, reading by reading, with the counters of single rules.

import type { Ruleset } from '../model/ruleset.js';
import type { Db } from './open-store.js';

export interface StoredRuleset {
  readonly rulesetId: number;
  readonly snapshotId: number;
  readonly sourceId: number | null;
  readonly firstLine: number | null;
  readonly atUs: number | null;
  readonly ruleset: Ruleset;
}

/** Every reading of every ruleset, in order of the snapshots. */
export function readStoredRulesets(db: Db, hostId: number): readonly StoredRuleset[] {
  const rows = db
    .prepare(
      `SELECT x.ruleset_id AS rulesetId, n.id AS snapshotId, x.source_id AS sourceId, x.first_line AS firstLine,
        coalesce((SELECT q.at_us FROM snapshot_parts q WHERE q.snapshot_id = n.id AND q.source_id = x.source_id AND q.part LIKE 'rules:%' LIMIT 1), n.taken_at_us) AS atUs, r.data
      FROM snapshot_rulesets x JOIN snapshots n ON n.id = x.snapshot_id JOIN series s ON s.id = n.series_id JOIN rulesets r ON r.id = x.ruleset_id
      WHERE s.host_id = ? ORDER BY n.taken_at_us, n.seq`,
    )
    .all(hostId) as (Omit<StoredRuleset, 'ruleset'> & { data: string })[];
  // One text seen in ten snapshots is parsed once.
  const parsed = new Map<number, Ruleset>();
  return rows.map(({ data, ...row }) => {
    const ruleset = parsed.get(row.rulesetId) ?? (JSON.parse(data) as Ruleset);
    parsed.set(row.rulesetId, ruleset);
    return { ...row, ruleset };
  });
}

export interface RuleCounterRow {
  readonly ruleId: number;
  readonly snapshotId: number;
  readonly packets: number;
  readonly bytes: number;
  readonly atUs: number | null;
  readonly sourceId: number | null;
  readonly firstLine: number | null;
  readonly line: number | null;
}

/** Counters of one rule in order of the readings; `text` keeps a rule that moved to this number out. */
export function readRuleRows(
  db: Db,
  hostId: number,
  rule: {
    readonly family: string;
    readonly table: string;
    readonly chain: string;
    readonly number: number;
    readonly text: string | null;
  },
): readonly RuleCounterRow[] {
  return db
    .prepare(
      `SELECT c.rule_id AS ruleId, n.id AS snapshotId, c.packets, c.bytes, n.taken_at_us AS atUs, x.source_id AS sourceId, x.first_line AS firstLine, r.line
      FROM rule_counters c JOIN rules r ON r.id = c.rule_id JOIN snapshots n ON n.id = c.snapshot_id JOIN series s ON s.id = n.series_id
        LEFT JOIN snapshot_rulesets x ON x.snapshot_id = n.id AND x.ruleset_id = r.ruleset_id
      WHERE s.host_id = @host AND r.family = @family AND r.table_name = @table AND r.chain = @chain AND r.number = @number AND (@text IS NULL OR r.text = @text)
      ORDER BY n.taken_at_us, n.seq`,
    )
    .all({ host: hostId, ...rule }) as RuleCounterRow[];
}
