// Where a packet's way ends, in the words of a finding.

import type { Ruleset } from '../../model/ruleset.js';
import { ruleWords } from '../causes/words.js';
import { policyRule } from '../explain/stored-rules.js';
import type { PacketWalk } from './packet-ways.js';

const PASSED: Readonly<Record<PacketWalk['path'], string>> = {
  input: 'delivered',
  loop: 'delivered',
  forward: 'forwarded',
  output: 'sent',
};

/** 'delivered', 'forwarded', 'sent', or what ended it. */
export function fateOf(walk: PacketWalk): string {
  return walk.end.fate === 'accepted' ? PASSED[walk.path] : walk.end.fate;
}

/** 'filter INPUT rule 3', 'the policy of filter INPUT'; NULL: nothing ended it. */
export function endedBy({ end }: PacketWalk, rulesets: readonly Ruleset[]): string | null {
  if (end.rule !== null) return ruleWords(end.rule);
  if (!end.isPolicy) return null;
  const chain = rulesets
    .flatMap((ruleset) => ruleset.chains)
    .find((one) => one.family === end.family && one.table === end.table && one.name === end.chain);
  return chain === undefined ? null : ruleWords(policyRule(chain), true);
}
