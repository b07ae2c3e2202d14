// Rulesets as they were seen in a snapshot, and how the counters of rules moved between two.

import type { Chain, Ruleset } from '../model/ruleset.js';
import type { Db } from './open-store.js';

export interface StoredSnapshotRuleset {
  readonly rulesetId: number;
  readonly sourceId: number | null;
  readonly firstLine: number | null;
  readonly ruleset: Ruleset;
}

interface CounterRow {
  readonly family: string;
  readonly table_name: string;
  readonly chain: string;
  readonly number: number;
  readonly packets: number;
  readonly bytes: number;
}

/** The rulesets of a snapshot with the counters they had in it, in the order in which they were first stored. */
export function readRulesets(db: Db, snapshotId: number): StoredSnapshotRuleset[] {
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
    ruleset: withCounters(JSON.parse(row.data) as Ruleset, readCounters(db, row.ruleset_id, snapshotId)),
  }));
}

function readCounters(db: Db, rulesetId: number, snapshotId: number): CounterRow[] {
  return db
    .prepare(
      `SELECT r.family, r.table_name, r.chain, r.number, c.packets, c.bytes FROM rules r JOIN rule_counters c ON c.rule_id = r.id
       WHERE c.snapshot_id = ? AND r.ruleset_id = ?`,
    )
    .all(snapshotId, rulesetId) as CounterRow[];
}

function withCounters(bare: Ruleset, rows: readonly CounterRow[]): Ruleset {
  const byPlace = new Map(rows.map((row) => [`${row.family}\t${row.table_name}\t${row.chain}\t${row.number}`, row]));
  const counter = (chain: Chain, number: number) =>
    byPlace.get(`${chain.family}\t${chain.table}\t${chain.name}\t${number}`);
  const chains = bare.chains.map((chain) => {
    const policy = chain.hook === null ? undefined : counter(chain, chain.rules.length + 1);
    const rules = chain.rules.map((rule) => {
      const own = counter(chain, rule.number);
      return own ? { ...rule, packets: own.packets, bytes: own.bytes } : rule;
    });
    return { ...chain, rules, policyPackets: policy?.packets ?? null, policyBytes: policy?.bytes ?? null };
  });
  return { ...bare, chains, hasCounters: rows.length > 0 };
}

/** Of rules r: not what ctwhy installed while it looked. Its tables are its own, elsewhere its rules say so. */
export const IS_THEIRS = "(r.table_name NOT GLOB 'ctwhy_[0-9]*' AND NOT ifnull(json_extract(r.data, '$.isOurs'), 0))";

/** One rule or policy whose counter moved, or was set back, between two snapshots; none of ctwhy's own. */
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
  /** Packets and bytes that came between. */
  readonly packets: number;
  readonly bytes: number;
  /** A counter of its table is lower than before: they were set to zero in between, and packets and bytes are lower bounds. */
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
 * Counters that differ between two snapshots, the largest delta first. Rules are the same when chain and text are (the nth of equal ones),
 * also when other rules or set elements changed in between. A counter that fell was set to zero (iptables -Z, a reload): it gives what came since. The others of
 * its table may have been set to zero too, so that their difference is a lower bound; wasReset says so for all of them.
 */
export function readCounterDeltas(db: Db, fromSnapshotId: number, toSnapshotId: number): CounterDelta[] {
  const rows = db
    .prepare(
      `WITH seen AS (
         SELECT r.*, s.form, s.backend, s.data AS ruleset_data, c.snapshot_id, c.packets, c.bytes,
           row_number() OVER (PARTITION BY c.snapshot_id, r.ruleset_id, r.family, r.table_name, r.chain, r.text ORDER BY r.number) AS nth
         FROM rule_counters c JOIN rules r ON r.id = c.rule_id JOIN rulesets s ON s.id = r.ruleset_id WHERE c.snapshot_id IN (@from, @to) AND ${IS_THEIRS}),
       pairs AS (
         SELECT b.*, a.packets AS before_packets, a.bytes AS before_bytes, b.packets < a.packets OR b.bytes < a.bytes AS has_fallen
         FROM seen b JOIN seen a ON a.snapshot_id = @from AND b.snapshot_id = @to AND a.form = b.form AND a.backend = b.backend
           AND a.family = b.family AND a.table_name = b.table_name AND a.chain = b.chain AND a.text = b.text AND a.nth = b.nth),
       resets AS (SELECT DISTINCT ruleset_id, family, table_name FROM pairs WHERE has_fallen)
       SELECT p.id, p.ruleset_id, p.family, p.table_name, p.chain, p.number, p.user_number, p.handle, p.text, p.target, p.is_policy,
         CASE WHEN p.has_fallen THEN p.packets ELSE p.packets - p.before_packets END AS packets,
         CASE WHEN p.has_fallen THEN p.bytes ELSE p.bytes - p.before_bytes END AS bytes,
         z.ruleset_id IS NOT NULL AS was_reset,
         EXISTS (SELECT 1 FROM json_each(p.ruleset_data, '$.notes') n WHERE n.value LIKE 'Counters are rounded%') AS is_rounded
       FROM pairs p LEFT JOIN resets z ON z.ruleset_id = p.ruleset_id AND z.family = p.family AND z.table_name = p.table_name
       WHERE p.packets <> p.before_packets OR p.bytes <> p.before_bytes
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
