// The rule book over the rulesets of the store.

import type { Chain, Rule, Ruleset } from '../../model/ruleset.js';
import type { PathStep } from '../../store/case-reader.js';
import type { Db } from '../../store/open-store.js';
import { readLatestRulesets, readRuleRows, type StoredRuleset } from '../../store/rules-of-host.js';
import { logRulesForPrefix, standsBeforeConntrack } from '../ruleset/find-rules.js';
import { withoutOurs } from '../ruleset/ours.js';
import type { SeenPacket } from './case.js';
import type { Cite } from './cite.js';
import type { CounterMove, LogRule, RuleBook, RuleHit, WalkEnd } from './rule-book.js';
import { walkOf, walkStored } from './walk-stored.js';

/** A chain's policy as a rule of its own: number rules + 1, as a trace counts it. */
export function policyRule(chain: Chain): Rule {
  const last = chain.rules.at(-1);
  return {
    family: chain.family,
    table: chain.table,
    chain: chain.name,
    number: chain.rules.length + 1,
    userNumber: (last?.userNumber ?? 0) + (last?.isOurs === true ? 0 : 1),
    handle: null,
    text: `policy ${chain.policy ?? 'ACCEPT'}`,
    conditions: [],
    target: chain.policy,
    targetOptions: [],
    verdict: chain.policy,
    jump: null,
    isGoto: false,
    logPrefix: null,
    verdictMap: null,
    conditionsBeforeLog: null,
    comment: null,
    isOurs: false,
    packets: chain.policyPackets,
    bytes: chain.policyBytes,
    line: chain.line,
  };
}

function familyMatches(step: PathStep, chain: Chain): boolean {
  return (
    step.family === null ||
    step.family === chain.family ||
    (chain.family === 'inet' && (step.family === 'ip' || step.family === 'ip6'))
  );
}

/** A rule's text as any tool prints it: without counter values, blanks folded. */
function plainText(text: string): string {
  return text
    .replace(/\bpackets \d+ bytes \d+/g, '')
    .replace(/^-A \S+ /, '')
    .replace(/\s+/g, ' ')
    .trim();
}

export function openRuleBook(db: Db, hostId: number, localAddresses: readonly string[] | null, cite: Cite): RuleBook {
  const latest = readLatestRulesets(db, hostId);

  const hitOf = (one: StoredRuleset, chain: Chain, rule: Rule, isPolicy: boolean): RuleHit => ({
    rule,
    chain,
    isPolicy,
    rulesetId: one.rulesetId,
    snapshotId: one.snapshotId,
    atUs: one.atUs,
    evidence: cite.rule(rule, {
      rulesetId: one.rulesetId,
      sourceId: one.sourceId,
      firstLine: one.firstLine ?? 1,
      atUs: one.atUs,
    }),
  });

  const atStep = (step: PathStep): RuleHit | null => {
    for (const one of latest) {
      for (const chain of one.ruleset.chains) {
        if (chain.table !== step.table || chain.name !== step.chain || !familyMatches(step, chain)) continue;
        if (step.ruleKind === 'policy') return chain.hook === null ? null : hitOf(one, chain, policyRule(chain), true);
        const rule =
          step.handle !== null
            ? chain.rules.find((candidate) => candidate.handle === step.handle)
            : step.ruleKind === 'rule'
              ? chain.rules.find((candidate) => candidate.number === step.ruleNumber)
              : undefined;
        if (rule !== undefined) return hitOf(one, chain, rule, false);
        const byText =
          step.ruleText === null
            ? undefined
            : chain.rules.find((candidate) => plainText(candidate.text) === plainText(step.ruleText ?? ''));
        if (byText !== undefined) return hitOf(one, chain, byText, false);
      }
    }
    return null;
  };

  const moved = (hit: RuleHit): CounterMove | null => {
    const rows = readRuleRows(db, hostId, {
      family: hit.rule.family,
      table: hit.rule.table,
      chain: hit.rule.chain,
      number: hit.rule.number,
      text: hit.isPolicy ? null : hit.rule.text,
    });
    const [first, last] = [rows[0], rows.at(-1)];
    if (
      first === undefined ||
      last === undefined ||
      first.snapshotId === last.snapshotId ||
      last.packets < first.packets
    )
      return null;
    const at = (row: typeof first) => ({
      ruleId: row.ruleId,
      snapshotId: row.snapshotId,
      sourceId: row.sourceId,
      line: (row.firstLine ?? 1) + (row.line ?? 1) - 1,
      atUs: row.atUs,
    });
    return {
      packets: last.packets - first.packets,
      evidence: [
        cite.counter(hit.rule, at(first), `${first.packets} packets before`),
        cite.counter(hit.rule, at(last), `${last.packets} packets after`),
      ],
    };
  };

  const rulesets: readonly Ruleset[] = latest.map((one) => one.ruleset);
  // Packets are walked past rules of ours, unless one of them logged the packet: it is where the walk begins then.
  const theirs: readonly Ruleset[] = rulesets.map(withoutOurs);
  const walked = (logRule: LogRule | null) => (logRule?.hit.rule.isOurs === true ? rulesets : theirs);
  // Two listings of one table differ in their words: the one that has all words of the chain that was walked.
  const asStored = (chain: Chain): Chain =>
    rulesets
      .flatMap(({ chains }) => chains)
      .find(
        ({ family, table, name, rules }) =>
          family === chain.family &&
          table === chain.table &&
          name === chain.name &&
          chain.rules.every(({ text }) => rules.some((rule) => rule.text === text)),
      ) ?? chain;
  return {
    hasRules: latest.length > 0,
    backend: latest.some((one) => one.ruleset.form.startsWith('iptables'))
      ? 'iptables'
      : latest.length > 0
        ? 'nft'
        : 'unknown',
    atStep,
    ruleOf(rule) {
      for (const one of latest) {
        const chain = one.ruleset.chains.find((candidate) => candidate.rules.includes(rule));
        if (chain !== undefined) return hitOf(one, chain, rule, false);
      }
      return null;
    },
    find: (isWanted) =>
      latest.flatMap((one) =>
        one.ruleset.chains.flatMap((chain) =>
          chain.rules
            .filter((rule) => !rule.isOurs && isWanted(rule, chain))
            .map((rule) => hitOf(one, chain, rule, false)),
        ),
      ),
    chainAt(step) {
      for (const one of latest) {
        const chain = one.ruleset.chains.find(
          (candidate) =>
            candidate.table === step.table && candidate.name === step.chain && familyMatches(step, candidate),
        );
        if (chain !== undefined) return chain;
      }
      return null;
    },
    isBeforeConntrack: (chain) => standsBeforeConntrack(rulesets, chain),
    moved,
    logging(prefix) {
      return logRulesForPrefix(rulesets, prefix).flatMap((found): LogRule[] => {
        const one = latest.find((candidate) => candidate.ruleset === found.ruleset);
        return one === undefined
          ? []
          : [
              {
                hit: hitOf(one, found.chain, found.rule, false),
                states: found.ctstates,
                isBeforeConntrack: found.isBeforeConntrack,
              },
            ];
      });
    },
    endOf(packet: SeenPacket, logRule: LogRule | null): WalkEnd {
      const end = walkStored(walked(logRule), packet, localAddresses, logRule);
      if (end.chain === null) return { verdict: end.verdict, hit: null, unknown: end.unknown };
      const chain = asStored(end.chain);
      const rule = end.rule ?? policyRule(chain);
      // Two listings of one ruleset are walked as one chain, the words from one and the handles from the other: the proof is where the words are.
      const one =
        latest.find((candidate) =>
          candidate.ruleset.chains.some((other) =>
            other.rules.some(({ line, text }) => line === end.rule?.line && text === end.rule.text),
          ),
        ) ?? latest.find((candidate) => candidate.ruleset.chains.includes(chain));
      return {
        verdict: end.verdict,
        hit: one === undefined ? null : hitOf(one, chain, rule, end.rule === null),
        unknown: end.unknown,
      };
    },
    walk: (packet, flow, logRule, entry = null) =>
      walkOf(walked(logRule), packet, flow, localAddresses, logRule, entry),
    rulesets: theirs,
    masquerade() {
      for (const one of latest) {
        for (const chain of one.ruleset.chains) {
          const rule = chain.rules.find(
            (candidate) => candidate.target?.toUpperCase() === 'MASQUERADE' || /\bmasquerade\b/.test(candidate.text),
          );
          if (rule !== undefined) return hitOf(one, chain, rule, false);
        }
      }
      return null;
    },
  };
}
