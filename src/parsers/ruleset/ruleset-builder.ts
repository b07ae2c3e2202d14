// Chains and rules as they are read or as commands change them, until they are numbered and handed on as a Ruleset.

import type { Chain, NamedSet, Rule, RuleFamily, Ruleset, RulesetForm } from '../../model/ruleset.js';
import { hookOfChain, isBuiltInChain, priorityOfTable, tableOfBuiltIns, typeOfTable } from './builtin-chains.js';
import { TABLE_OF_TARGET } from './iptables-targets.js';
import { EMPTY_DRAFT, type RuleDraft } from './rule-draft.js';

/** A chain while it is being read. table is '' as long as nothing tells it. */
export interface ChainDraft {
  family: RuleFamily;
  table: string;
  name: string;
  hook: string | null;
  priority: number | null;
  type: string | null;
  policy: Chain['policy'];
  policyPackets: number | null;
  policyBytes: number | null;
  devices: readonly string[];
  rules: RuleDraft[];
  line: number;
}

export interface RulesetBuilder {
  readonly chains: Map<string, ChainDraft>;
  readonly sets: NamedSet[];
  readonly notes: Set<string>;
}

export function newBuilder(): RulesetBuilder {
  return { chains: new Map(), sets: [], notes: new Set() };
}

function key(family: RuleFamily, table: string, name: string): string {
  return `${family}\t${table}\t${name}`;
}

export function findChain(
  builder: RulesetBuilder,
  family: RuleFamily,
  table: string,
  name: string,
): ChainDraft | undefined {
  return builder.chains.get(key(family, table, name));
}

/** The chain of that name, made when it is not there; an iptables built-in chain gets its hook at once. */
export function ensureChain(
  builder: RulesetBuilder,
  family: RuleFamily,
  table: string,
  name: string,
  line: number,
): ChainDraft {
  const known = findChain(builder, family, table, name);
  if (known) return known;
  const made: ChainDraft = {
    family,
    table,
    name,
    hook: null,
    priority: null,
    type: null,
    policy: null,
    policyPackets: null,
    policyBytes: null,
    devices: [],
    rules: [],
    line,
  };
  builder.chains.set(key(family, table, name), made);
  return made;
}

export function removeChain(builder: RulesetBuilder, chain: ChainDraft): void {
  builder.chains.delete(key(chain.family, chain.table, chain.name));
}

export function renameChain(builder: RulesetBuilder, chain: ChainDraft, name: string): void {
  removeChain(builder, chain);
  chain.name = name;
  builder.chains.set(key(chain.family, chain.table, name), chain);
}

/** Gives the iptables built-in chains among these their hook, priority and type by the table they are in. */
export function hookBuiltIns(chains: Iterable<ChainDraft>): void {
  for (const chain of chains) {
    if (!isBuiltInChain(chain.name)) continue;
    chain.hook = hookOfChain(chain.name);
    chain.type = typeOfTable(chain.table, chain.name);
    chain.priority = priorityOfTable(chain.table, chain.name);
  }
}

/**
 * The table of chains that were printed without one: by the set of built-in chains, which differs from table to table, else by targets
 * that only one table allows, else filter when only its chains occur. '' when nothing decides.
 */
export function inferTable(chains: readonly ChainDraft[], isComplete: boolean): string {
  const builtIns = chains.filter((chain) => isBuiltInChain(chain.name)).map((chain) => chain.name);
  const only = new Set(
    chains.flatMap((chain) => chain.rules.flatMap((rule) => TABLE_OF_TARGET[rule.target ?? ''] ?? [])),
  );
  if (only.size === 1) return [...only][0] ?? '';
  if (isComplete) {
    const exact = tableOfBuiltIns(builtIns);
    if (exact !== null) return exact;
  }
  if (builtIns.some((name) => name === 'PREROUTING' || name === 'POSTROUTING')) return '';
  return 'filter';
}

/** What a reader knows of the whole. */
export interface RulesetFrame {
  readonly form: RulesetForm;
  readonly family: Ruleset['family'];
  readonly backend: Ruleset['backend'];
  readonly isPartial: boolean;
  readonly generatedBy: string | null;
}

/** Numbers the rules, tells chains from extensions among the targets and marks what ctwhy installed itself. */
export function finishRuleset(builder: RulesetBuilder, frame: RulesetFrame): Ruleset {
  const drafts = [...builder.chains.values()];
  const chains = drafts.map((chain) => {
    const names = new Set(
      drafts.filter((one) => one.family === chain.family && one.table === chain.table).map((one) => one.name),
    );
    return finishChain(chain, names);
  });
  return {
    ...frame,
    hasCounters: chains.some(
      (chain) => chain.policyPackets !== null || chain.rules.some((rule) => rule.packets !== null),
    ),
    notes: [...builder.notes],
    chains,
    sets: builder.sets,
  };
}

function finishChain(chain: ChainDraft, names: ReadonlySet<string>): Chain {
  const isOurTable = chain.table.startsWith('ctwhy');
  let userNumber = 0;
  const rules: Rule[] = chain.rules.map((draft, index) => {
    const isOurs = isOurTable || (draft.comment?.startsWith('ctwhy:') ?? false);
    if (!isOurs) userNumber++;
    // A chain comes before an extension of the same name.
    const isChain =
      draft.target !== null && draft.jump === null && draft.verdictMap === null && names.has(draft.target);
    const asChain = isChain ? { verdict: null, jump: draft.target, logPrefix: null, conditionsBeforeLog: null } : {};
    return {
      family: chain.family,
      table: chain.table,
      chain: chain.name,
      number: index + 1,
      userNumber: isOurs ? userNumber + 1 : userNumber,
      ...draft,
      ...asChain,
      isOurs,
    };
  });
  return { ...chain, rules };
}

/** A rule that could not be read: it keeps its place, so that the numbers behind it stay right. */
export function unreadDraft(text: string, reason: string, line: number): RuleDraft {
  const condition = { field: 'other', isNegated: false, values: ['unread'], text: `${text} (${reason})`, group: null };
  return { ...EMPTY_DRAFT, text, conditions: [condition], line };
}
