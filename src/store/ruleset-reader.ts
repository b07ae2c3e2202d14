// Rulesets as they were seen in a snapshot, and how the counters of rules moved between two.

import type { Database } from 'better-sqlite3';
import type { Chain, Rule, Ruleset } from '../model/ruleset.js';

export interface StoredRuleset {
  readonly rulesetId: number;
  readonly sourceId: number | null;
  readonly firstLine: number | null;
  readonly ruleset: Ruleset;
}

interface RuleRow {
  readonly id: number;
  readonly family: string;
  readonly table_name: string;
  readonly chain: string;
  readonly is_policy: number;
  readonly data: string;
  readonly packets: number | null;
  readonly bytes: number | null;
}

/** The rulesets of a snapshot with the counters they had in it, in the order in which they were first stored. */
export function readRulesets(db: Database, snapshotId: number): StoredRuleset[] {
  const rows = db
    .prepare(
      `SELECT s.ruleset_id, s.source_id, s.first_line, r.data FROM snapshot_rulesets s JOIN rulesets r ON r.id = s.ruleset_id
       WHERE s.snapshot_id = ? ORDER BY s.ruleset_id`,
    )
    .all(snapshotId) as { ruleset_id: number; source_id: number | null; first_line: number | null; data: string }[];
  return rows.map((row) => ({
    rulesetId: row.ruleset_id,
    sourceId: row.source_id,
    firstLine: row.first_line,
    ruleset: assemble(JSON.parse(row.data) as Ruleset, readRows(db, row.ruleset_id, snapshotId)),
  }));
}

function readRows(db: Database, rulesetId: number, snapshotId: number): RuleRow[] {
  return db
    .prepare(
      `SELECT r.id, r.family, r.table_name, r.chain, r.is_policy, r.data, c.packets, c.bytes FROM rules r
       LEFT JOIN rule_counters c ON c.rule_id = r.id AND c.snapshot_id = ? WHERE r.ruleset_id = ? ORDER BY r.id`,
    )
    .all(snapshotId, rulesetId) as RuleRow[];
}

function assemble(frame: Ruleset, rows: readonly RuleRow[]): Ruleset {
  const byChain = new Map<string, RuleRow[]>();
  for (const row of rows) {
    const key = `${row.family}\t${row.table_name}\t${row.chain}`;
    const list = byChain.get(key);
    if (list) list.push(row);
    else byChain.set(key, [row]);
  }
  const chains = frame.chains.map((chain): Chain => {
    const own = byChain.get(`${chain.family}\t${chain.table}\t${chain.name}`) ?? [];
    const policy = own.find((row) => row.is_policy === 1);
    const rules = own
      .filter((row) => row.is_policy === 0)
      .map((row): Rule => ({ ...(JSON.parse(row.data) as Rule), packets: row.packets, bytes: row.bytes }));
    return { ...chain, rules, policyPackets: policy?.packets ?? null, policyBytes: policy?.bytes ?? null };
  });
  return { ...frame, chains, hasCounters: rows.some((row) => row.packets !== null) };
}

/** One rule or policy whose counter moved, or was set back, between two snapshots. */
export interface CounterDelta {
  readonly ruleId: number;
  readonly rulesetId: number;
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly number: number;
  readonly userNumber: number;
  readonly handle: number | null;
  readonly text: string;
  readonly target: string | null;
  readonly isPolicy: boolean;
  /** Packets and bytes that came between; after a reset, what came since it, which is a lower bound. */
  readonly packets: number;
  readonly bytes: number;
  /** The counter is lower than before: it was set to zero in between. */
  readonly wasReset: boolean;
  /** Counters were printed rounded (K, M, G): the delta is no exact number. */
  readonly isRounded: boolean;
}

interface DeltaRow {
  readonly id: number;
  readonly ruleset_id: number;
  readonly family: string;
  readonly table_name: string;
  readonly chain: string;
  readonly number: number;
  readonly user_number: number;
  readonly handle: number | null;
  readonly text: string;
  readonly target: string | null;
  readonly is_policy: number;
  readonly packets: number;
  readonly bytes: number;
  readonly was_reset: number;
  readonly is_rounded: number;
}

/**
 * Counters that differ between two snapshots of the same ruleset text, the largest delta first. One rule whose counter fell means that its table
 * was reset (iptables -Z, a reload), so the other rules of that table are read as reset too: what they show came since then.
 */
export function readCounterDeltas(db: Database, fromSnapshotId: number, toSnapshotId: number): CounterDelta[] {
  const rows = db
    .prepare(
      `WITH pairs AS (
         SELECT r.*, a.packets AS before_packets, a.bytes AS before_bytes, b.packets AS after_packets, b.bytes AS after_bytes
         FROM rules r JOIN rule_counters a ON a.rule_id = r.id AND a.snapshot_id = @from JOIN rule_counters b ON b.rule_id = r.id AND b.snapshot_id = @to),
       resets AS (SELECT DISTINCT ruleset_id, family, table_name FROM pairs WHERE after_packets < before_packets OR after_bytes < before_bytes)
       SELECT p.id, p.ruleset_id, p.family, p.table_name, p.chain, p.number, p.user_number, p.handle, p.text, p.target, p.is_policy,
         CASE WHEN z.ruleset_id IS NULL THEN p.after_packets - p.before_packets ELSE p.after_packets END AS packets,
         CASE WHEN z.ruleset_id IS NULL THEN p.after_bytes - p.before_bytes ELSE p.after_bytes END AS bytes,
         z.ruleset_id IS NOT NULL AS was_reset,
         EXISTS (SELECT 1 FROM rulesets s, json_each(s.data, '$.notes') n WHERE s.id = p.ruleset_id AND n.value LIKE 'Counters are rounded%') AS is_rounded
       FROM pairs p LEFT JOIN resets z ON z.ruleset_id = p.ruleset_id AND z.family = p.family AND z.table_name = p.table_name
       WHERE p.after_packets <> p.before_packets OR p.after_bytes <> p.before_bytes OR (z.ruleset_id IS NOT NULL AND p.after_packets > 0)
       ORDER BY packets DESC, p.id`,
    )
    .all({ from: fromSnapshotId, to: toSnapshotId }) as DeltaRow[];
  return rows.map((row) => ({
    ruleId: row.id,
    rulesetId: row.ruleset_id,
    family: row.family,
    table: row.table_name,
    chain: row.chain,
    number: row.number,
    userNumber: row.user_number,
    handle: row.handle,
    text: row.text,
    target: row.target,
    isPolicy: row.is_policy === 1,
    packets: row.packets,
    bytes: row.bytes,
    wasReset: row.was_reset === 1,
    isRounded: row.is_rounded === 1,
  }));
}
