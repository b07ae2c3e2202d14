// Keeps rulesets: one text once, however often it was seen, and its counters once for each snapshot.

import { createHash } from 'node:crypto';
import type { Chain, Rule, Ruleset } from '../model/ruleset.js';
import type { Db } from './open-store.js';

export interface WrittenRuleset {
  readonly rulesetId: number;
  /** It was in the store before. */
  readonly wasKnown: boolean;
}

/** The ruleset without the counters, which change from reading to reading. */
export function withoutCounters(ruleset: Ruleset): Ruleset {
  return {
    ...ruleset,
    hasCounters: false,
    chains: ruleset.chains.map((chain) => ({
      ...chain,
      policyPackets: null,
      policyBytes: null,
      rules: chain.rules.map((rule) => ({ ...rule, packets: null, bytes: null })),
    })),
  };
}

/** What makes two readings the same ruleset. */
export function rulesetHash(ruleset: Ruleset): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(withoutCounters(ruleset)))
    .digest();
}

interface CounterRow {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly number: number;
  readonly packets: number;
  readonly bytes: number;
}

/**
 * Writes a ruleset seen in a snapshot, in the caller's transaction or its own. Writing the same again changes nothing.
 * @param firstLine line of its source where it begins, from 1; rules keep their line counted from there.
 */
export function writeRuleset(
  db: Db,
  snapshotId: number,
  ruleset: Ruleset,
  sourceId: number | null,
  firstLine: number | null,
): WrittenRuleset {
  return db.transaction(() => {
    const hash = rulesetHash(ruleset);
    const known = db.prepare('SELECT id FROM rulesets WHERE hash = ?').get(hash) as { id: number } | undefined;
    const rulesetId = known?.id ?? insertRuleset(db, ruleset, hash);
    db.prepare(
      'INSERT INTO snapshot_rulesets (snapshot_id, ruleset_id, source_id, first_line) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    ).run(snapshotId, rulesetId, sourceId, firstLine);
    writeCounters(db, snapshotId, rulesetId, ruleset);
    return { rulesetId, wasKnown: known !== undefined };
  })();
}

function insertRuleset(db: Db, ruleset: Ruleset, hash: Buffer): number {
  const bare = withoutCounters(ruleset);
  const written = db
    .prepare('INSERT INTO rulesets (hash, form, family, backend, is_partial, data) VALUES (?, ?, ?, ?, ?, ?)')
    .run(hash, ruleset.form, ruleset.family, ruleset.backend, ruleset.isPartial ? 1 : 0, JSON.stringify(bare));
  const rulesetId = Number(written.lastInsertRowid);
  const insert = db.prepare(
    `INSERT INTO rules (ruleset_id, family, table_name, chain, number, user_number, handle, text, target, comment, is_policy, line, data)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const chain of bare.chains) {
    for (const rule of chain.rules) insert.run(rulesetId, ...ruleColumns(rule), 0, rule.line, JSON.stringify(rule));
    if (chain.hook !== null && chain.policy !== null)
      insert.run(rulesetId, ...policyColumns(chain), 1, chain.line, '{}');
  }
  return rulesetId;
}

function ruleColumns(rule: Rule) {
  return [
    rule.family,
    rule.table,
    rule.chain,
    rule.number,
    rule.userNumber,
    rule.handle,
    rule.text,
    rule.target,
    rule.comment,
  ] as const;
}

function policyColumns(chain: Chain) {
  const number = chain.rules.length + 1;
  const userNumber = chain.rules.filter((rule) => !rule.isOurs).length + 1;
  return [
    chain.family,
    chain.table,
    chain.name,
    number,
    userNumber,
    null,
    `-P ${chain.name} ${chain.policy}`,
    chain.policy,
    null,
  ] as const;
}

function counterRows(ruleset: Ruleset): CounterRow[] {
  return ruleset.chains.flatMap((chain) => {
    const place = { family: chain.family, table: chain.table, chain: chain.name };
    const rows = chain.rules.flatMap((rule) =>
      rule.packets === null ? [] : [{ ...place, number: rule.number, packets: rule.packets, bytes: rule.bytes ?? 0 }],
    );
    const isCounted = chain.hook !== null && chain.policy !== null && chain.policyPackets !== null;
    return isCounted
      ? [
          ...rows,
          {
            ...place,
            number: chain.rules.length + 1,
            packets: chain.policyPackets ?? 0,
            bytes: chain.policyBytes ?? 0,
          },
        ]
      : rows;
  });
}

function writeCounters(db: Db, snapshotId: number, rulesetId: number, ruleset: Ruleset): void {
  const rows = counterRows(ruleset);
  if (rows.length === 0) return;
  const ids = db
    .prepare('SELECT id, family, table_name, chain, number FROM rules WHERE ruleset_id = ?')
    .all(rulesetId) as {
    id: number;
    family: string;
    table_name: string;
    chain: string;
    number: number;
  }[];
  const byPlace = new Map(ids.map((row) => [`${row.family}\t${row.table_name}\t${row.chain}\t${row.number}`, row.id]));
  const insert = db.prepare(
    'INSERT INTO rule_counters (rule_id, snapshot_id, packets, bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  for (const row of rows) {
    const id = byPlace.get(`${row.family}\t${row.table}\t${row.chain}\t${row.number}`);
    if (id !== undefined) insert.run(id, snapshotId, row.packets, row.bytes);
  }
}
