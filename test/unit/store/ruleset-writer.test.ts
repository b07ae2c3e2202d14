import { describe, expect, it } from 'vitest';
import type { Ruleset } from '../../../src/model/ruleset.js';
import { iptablesSaveForm } from '../../../src/parsers/forms/ruleset-iptables-save.js';
import type { Db } from '../../../src/store/open-store.js';
import { readCounterDeltas, readRulesets } from '../../../src/store/ruleset-reader.js';
import { writeRuleset } from '../../../src/store/ruleset-writer.js';
import { readForm } from '../parsers/read-form.js';
import { emptyStore } from './empty-store.js';

interface Counts {
  readonly policy?: number;
  readonly first?: number;
  readonly second?: number;
  readonly extra?: string;
}

function ruleset({ policy = 0, first = 0, second = 0, extra = '' }: Counts = {}): Ruleset {
  const text = `*filter\n:INPUT DROP [${policy}:${policy * 60}]\n:ours - [0:0]\n${extra}[${first}:${first * 60}] -A INPUT -m state --state INVALID -j DROP\n[${second}:${second * 60}] -A INPUT -i lo -j ACCEPT\nCOMMIT`;
  const [read] = readForm(iptablesSaveForm, text).rulesets;
  if (!read) throw new Error('no ruleset');
  return read;
}

function storeWith(...rulesets: readonly Ruleset[]): Db {
  const db = emptyStore();
  for (const [index, one] of rulesets.entries()) {
    db.prepare('INSERT INTO snapshots (id, series_id, seq) VALUES (?, 1, ?)').run(index + 1, index + 1);
    writeRuleset(db, index + 1, one, 1, 7);
  }
  return db;
}

describe('writeRuleset', () => {
  it('keeps one text once, with its counters for each snapshot', () => {
    const db = storeWith(ruleset({ first: 5 }), ruleset({ first: 9 }));
    expect(db.prepare('SELECT count(*) AS n FROM rulesets').get()).toEqual({ n: 1 });
    expect(
      db
        .prepare(
          "SELECT packets FROM rule_counters c JOIN rules r ON r.id = c.rule_id WHERE r.target = 'DROP' AND is_policy = 0 ORDER BY snapshot_id",
        )
        .all(),
    ).toEqual([{ packets: 5 }, { packets: 9 }]);
  });

  it('writes the policy as the rule behind the last', () => {
    const db = storeWith(ruleset({ policy: 3 }));
    expect(db.prepare('SELECT number, user_number, text, target FROM rules WHERE is_policy = 1').all()).toEqual([
      { number: 3, user_number: 3, text: '-P INPUT DROP', target: 'DROP' },
    ]);
  });

  it('changes nothing when the same is written again', () => {
    const db = storeWith(ruleset({ first: 5 }));
    expect(writeRuleset(db, 1, ruleset({ first: 5 }), 1, 7).wasKnown).toBe(true);
    expect(db.prepare('SELECT count(*) AS n FROM rule_counters').get()).toEqual({ n: 3 });
  });
});

describe('readRulesets', () => {
  it('gives back what was written, counters included', () => {
    const given = ruleset({ policy: 3, first: 5, second: 1 });
    const db = storeWith(given, ruleset({ first: 100 }));
    expect(readRulesets(db, 1)).toEqual([{ rulesetId: 1, sourceId: 1, firstLine: 7, ruleset: given }]);
  });
});

describe('readCounterDeltas', () => {
  const moved = (db: Db) => readCounterDeltas(db, 1, 2).map((one) => [one.text, one.packets, one.bytes, one.wasReset]);

  it('gives what moved between two snapshots, the most first', () => {
    const db = storeWith(ruleset({ policy: 1, first: 5, second: 7 }), ruleset({ policy: 2, first: 9, second: 7 }));
    expect(moved(db)).toEqual([
      ['-A INPUT -m state --state INVALID -j DROP', 4, 240, false],
      ['-P INPUT DROP', 1, 60, false],
    ]);
  });

  it('sees a reset, for the whole table', () => {
    const db = storeWith(ruleset({ first: 500, second: 1 }), ruleset({ first: 3, second: 4 }));
    expect(moved(db)).toEqual([
      ['-A INPUT -m state --state INVALID -j DROP', 3, 180, true],
      ['-A INPUT -i lo -j ACCEPT', 3, 180, true],
    ]);
  });

  it('follows a rule that another one moved down', () => {
    const db = storeWith(ruleset({ first: 5 }), ruleset({ first: 8, extra: '[0:0] -A INPUT -s 192.0.2.1 -j DROP\n' }));
    expect(moved(db)).toEqual([['-A INPUT -m state --state INVALID -j DROP', 3, 180, false]]);
  });
});
