// The rulesets a host had, reading by reading, with the counters of single rules.

import type { Ruleset } from '../model/ruleset.js';
import type { Db } from './open-store.js';
import { readRulesets } from './ruleset-reader.js';

export interface StoredRuleset {
  readonly rulesetId: number;
  readonly snapshotId: number;
  readonly sourceId: number | null;
  readonly firstLine: number | null;
  readonly atUs: number | null;
  readonly ruleset: Ruleset;
}

interface Reading {
  readonly rulesetId: number;
  readonly snapshotId: number;
  readonly atUs: number | null;
  readonly kind: string;
}

/**
 * The rulesets of a host as last read: of each tool, family and backend those of the newest snapshot that has any (a listing of
 * one table each makes several).
 */
export function readLatestRulesets(db: Db, hostId: number): readonly StoredRuleset[] {
  const readings = db
    .prepare(
      `SELECT x.ruleset_id AS rulesetId, n.id AS snapshotId, r.form || ' ' || r.family || ' ' || r.backend AS kind,
        coalesce((SELECT q.at_us FROM snapshot_parts q WHERE q.snapshot_id = n.id AND q.source_id = x.source_id AND q.part LIKE 'rules:%' LIMIT 1), n.taken_at_us) AS atUs
      FROM snapshot_rulesets x JOIN snapshots n ON n.id = x.snapshot_id JOIN series s ON s.id = n.series_id JOIN rulesets r ON r.id = x.ruleset_id
      WHERE s.host_id = ? ORDER BY n.taken_at_us IS NULL, n.taken_at_us, n.series_id, n.seq`,
    )
    .all(hostId) as Reading[];
  const newest = new Map(readings.map((reading) => [reading.kind, reading.snapshotId]));
  // Of a table that iptables-nft made there are two listings, read one after the other: the words of iptables are those its owner knows.
  const isNft = (reading: Reading) => Number(reading.kind.startsWith('nft'));
  const wanted = readings
    .filter((reading) => newest.get(reading.kind) === reading.snapshotId)
    .sort((a, b) => isNft(a) - isNft(b));
  const bySnapshot = new Map(
    [...new Set(wanted.map((reading) => reading.snapshotId))].map((id) => [id, readRulesets(db, id)]),
  );
  return wanted.flatMap(({ rulesetId, snapshotId, atUs }) => {
    const found = bySnapshot.get(snapshotId)?.find((one) => one.rulesetId === rulesetId);
    return found === undefined ? [] : [{ ...found, snapshotId, atUs }];
  });
}

/** One reading of a host's rules: all rulesets that a snapshot has of one tool, family and backend. */
export interface RulesReading {
  readonly kind: string;
  readonly snapshotId: number;
  readonly rulesets: readonly StoredRuleset[];
}

const MOST_READINGS = 40;

/** The distinct readings of a host's rules in order of time, at most so many of the latest. */
export function readRulesReadings(db: Db, hostId: number): readonly RulesReading[] {
  const readings = db
    .prepare(
      `SELECT DISTINCT n.id AS snapshotId, r.form || ' ' || r.family || ' ' || r.backend AS kind, n.taken_at_us AS atUs
      FROM snapshot_rulesets x JOIN snapshots n ON n.id = x.snapshot_id JOIN series s ON s.id = n.series_id JOIN rulesets r ON r.id = x.ruleset_id
      WHERE s.host_id = ? ORDER BY n.taken_at_us IS NULL, n.taken_at_us, n.series_id, n.seq`,
    )
    .all(hostId) as { snapshotId: number; kind: string; atUs: number | null }[];
  return readings.slice(-MOST_READINGS).map(({ snapshotId, kind, atUs }) => ({
    kind,
    snapshotId,
    rulesets: readRulesets(db, snapshotId)
      .filter(({ ruleset }) => `${ruleset.form} ${ruleset.family} ${ruleset.backend}` === kind)
      .map((one) => ({ ...one, snapshotId, atUs })),
  }));
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
