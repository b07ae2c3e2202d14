// Which rule drops a packet, and which state did it have there?

import type { Rule } from '../../../model/ruleset.js';
import type { Question } from '../question.js';
import { changesOfKind, userRules } from '../rule-facts.js';

const ASK_RULES = 'iptables-save -c > iptables-save.txt; nft -a list ruleset > nft.txt';
const TRACE = { command: 'ctwhy trace add --dport PORT', price: 'ends by itself in 5 min' } as const;
const TAG = { command: 'ctwhy tag add --dport PORT', price: 'ends by itself in 5 min' } as const;

/** Whether a chain of the user's can end a packet's way. */
const isDropping = (rule: Rule) => rule.verdict === 'DROP' || rule.verdict === 'REJECT';

export const whichRuleDrops: Question = {
  id: 'which-rule-drops',
  words: 'which rule drops a packet',
  answer({ facts }) {
    const rules = userRules(facts);
    if (facts.recorded?.trace === true) return { word: 'yes', why: 'a trace is in here' };
    const [on] = changesOfKind(facts, 'trace');
    if (on !== undefined) return { word: 'yes', why: `trace ${on.id} is on` };
    if (rules === null)
      return facts.from === 'host'
        ? { word: 'unknown', why: 'rules are shown to root only', cure: TRACE }
        : { word: 'unknown', why: 'no ruleset in here', ask: ASK_RULES };
    const policies = facts.rulesets!.flatMap(({ chains }) => chains).filter(({ policy }) => policy === 'DROP');
    if (!rules.some(isDropping) && policies.length === 0)
      return {
        word: 'yes',
        why: rules.length === 0 ? 'none: there are no rules here' : 'none: no rule or policy drops',
      };
    if (facts.from === 'evidence')
      return facts.recorded !== null && facts.recorded.counterReadings > 1
        ? { word: 'part', why: 'counters, read twice; no trace' }
        : { word: 'part', why: 'rules, no second reading of their counters', ask: ASK_RULES };
    const isPlain =
      facts.rulesets!.some(({ backend, chains }) => backend === 'nft' && chains.length > 0) &&
      rules.some((rule) => isDropping(rule) && rule.packets === null);
    return {
      word: 'part',
      why: isPlain ? 'counters, where rules have them; no trace is on' : 'counters; no trace is on',
      cure: TRACE,
    };
  },
};

export const whichState: Question = {
  id: 'which-state',
  words: 'which state a packet had at a rule',
  answer({ facts }) {
    const [on] = changesOfKind(facts, 'tag');
    if (on !== undefined) return { word: 'yes', why: `tag ${on.id} is on` };
    if (facts.tracker.isActive === false)
      return { word: 'yes', why: 'INVALID, all of them: conntrack is not active here' };
    const rules = userRules(facts);
    if (rules === null)
      return facts.from === 'host'
        ? { word: 'unknown', why: 'rules are shown to root only', cure: TAG }
        : { word: 'unknown', why: 'no ruleset in here', ask: ASK_RULES };
    const telling = rules.filter(
      (rule) =>
        rule.logPrefix !== null && rule.table !== 'raw' && rule.conditions.some(({ field }) => field === 'ctstate'),
    );
    const [first] = telling;
    const cure = facts.from === 'host' ? { cure: TAG } : {};
    if (first === undefined) return { word: 'no', why: 'no rule logs by state', ...cure };
    const states = [
      ...new Set(
        telling.flatMap(({ conditions }) =>
          conditions
            .filter(({ field, isNegated }) => field === 'ctstate' && !isNegated)
            .flatMap(({ values }) => values),
        ),
      ),
    ].map((state) => state.toUpperCase());
    const isWhole = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID'].every((state) => states.includes(state));
    if (isWhole) return { word: 'yes', why: `${telling.length} LOG rules name it` };
    return { word: 'part', why: `LOG rules for ${states.join(', ') || 'some states'}`, ...cure };
  },
};
