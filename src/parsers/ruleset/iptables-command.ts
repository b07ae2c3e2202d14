// What one iptables command does to a ruleset: -A -I -R -D -N -X -F -P -E -Z, from a script, a listing with -S or a restore file.

import type { Chain, RuleFamily } from '../../model/ruleset.js';
import { isBuiltInChain } from './builtin-chains.js';
import { readRuleWords } from './iptables-rule.js';
import { type RuleDraft, ruleIdentity } from './rule-draft.js';
import { type ChainDraft, ensureChain, type RulesetBuilder, removeChain, renameChain } from './ruleset-builder.js';
import type { Word } from './words.js';

/** is: 'done' it was applied; 'asked' it only looks (-L, -S, -C), holds: whether -C found the rule; 'unread' it could not be applied. */
export type CommandResult =
  | { readonly is: 'done' }
  | { readonly is: 'asked'; readonly holds: boolean | null }
  | { readonly is: 'unread'; readonly reason: string; readonly at: number };

export interface CommandPlace {
  readonly builder: RulesetBuilder;
  readonly family: RuleFamily;
  /** Table where -t does not say; '' when not known. */
  readonly table: string;
  /** Line within the ruleset, from 1. */
  readonly line: number;
  /** Families and tables that were emptied in what was read: from there on everything in them is known. */
  readonly emptied: Set<string>;
}

const COMMANDS: Readonly<Record<string, string>> = {
  '--append': '-A',
  '--insert': '-I',
  '--replace': '-R',
  '--delete': '-D',
  '--check': '-C',
  '--new-chain': '-N',
  '--new': '-N',
  '--delete-chain': '-X',
  '--flush': '-F',
  '--policy': '-P',
  '--rename-chain': '-E',
  '--zero': '-Z',
  '--list': '-L',
  '--list-rules': '-S',
};
const SHORT = new Set(Object.values(COMMANDS));

const DONE: CommandResult = { is: 'done' };

interface Parsed {
  command: string;
  commandAt: number;
  table: string;
  family: RuleFamily;
  /** Words behind the command, without options of the program itself. */
  rest: Word[];
}

/** Applies the words behind the program's name. Never throws. */
export function applyCommand(words: readonly Word[], place: CommandPlace): CommandResult {
  const parsed = parseCommand(words, place);
  if (typeof parsed === 'string') return { is: 'unread', reason: parsed, at: words[0]?.at ?? 0 };
  const { builder, line, emptied } = place;
  const { table, family, rest, command } = parsed;
  const name = rest[0]?.text;
  switch (command) {
    case '-L':
    case '-S':
      return { is: 'asked', holds: true };
    case '-F':
    case '-X':
    case '-Z':
      if (name === undefined || name.startsWith('-')) {
        forEachChain(builder, family, table, (chain) => sweep(builder, chain, command));
        if (command === '-F') emptied.add(`${family}\t${table}`);
        return DONE;
      }
      return onChain(builder, family, table, name, line, (chain) => sweep(builder, chain, command, rest[1]?.text));
    default:
  }
  if (name === undefined) return { is: 'unread', reason: `${command} names no chain`, at: parsed.commandAt };
  switch (command) {
    case '-N':
      ensureChain(builder, family, table, name, line);
      return DONE;
    case '-P':
      return setPolicy(ensureChain(builder, family, table, name, line), rest);
    case '-E': {
      const to = rest[1];
      if (!to) return { is: 'unread', reason: '-E misses the new name', at: parsed.commandAt };
      renameChain(builder, ensureChain(builder, family, table, name, line), to.text);
      return DONE;
    }
    default:
      return changeRules(parsed, place, name);
  }
}

function parseCommand(words: readonly Word[], place: CommandPlace): Parsed | string {
  const parsed: Parsed = { command: '', commandAt: 0, table: place.table, family: place.family, rest: [] };
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (!word) break;
    const glued = /^(-t|--table=)(.+)$/.exec(word.text);
    if (word.isQuoted) parsed.rest.push(word);
    else if (word.text === '-t' || word.text === '--table') {
      const table = words[++at];
      if (!table) return '-t names no table';
      parsed.table = table.text;
    } else if (glued && parsed.command !== '' ? isTableName(glued[2] ?? '') : glued) parsed.table = glued?.[2] ?? '';
    else if (word.text === '-w' || word.text === '--wait') {
      if (/^\d+$/.test(words[at + 1]?.text ?? '')) at++;
    } else if (word.text === '-W' || word.text === '--wait-interval') at++;
    else if (/^(-w\d+|--wait=\d+|--wait-interval=\d+|--modprobe=.*|-M)$/.test(word.text)) {
      if (word.text === '-M') at++;
    } else if (parsed.command === '' && (SHORT.has(word.text) || Object.hasOwn(COMMANDS, word.text))) {
      parsed.command = COMMANDS[word.text] ?? word.text;
      parsed.commandAt = word.at;
    } else if (parsed.command === '' && /^-[a-z]*[LS][a-z]*$/.test(word.text)) {
      parsed.command = '-L';
    } else if (word.text === '-4' || word.text === '--ipv4') parsed.family = 'ip';
    else if (word.text === '-6' || word.text === '--ipv6') parsed.family = 'ip6';
    else if (!/^(-v|-n|-x|--verbose|--numeric|--exact|--line-numbers|-[vnx]{2,})$/.test(word.text))
      parsed.rest.push(word);
  }
  return parsed.command === '' ? 'no command such as -A or -F in it' : parsed;
}

function isTableName(text: string): boolean {
  return ['filter', 'nat', 'mangle', 'raw', 'security'].includes(text);
}

function forEachChain(
  builder: RulesetBuilder,
  family: RuleFamily,
  table: string,
  act: (chain: ChainDraft) => void,
): void {
  for (const chain of [...builder.chains.values()]) {
    if (chain.family === family && chain.table === table) act(chain);
  }
}

function onChain(
  builder: RulesetBuilder,
  family: RuleFamily,
  table: string,
  name: string,
  line: number,
  act: (chain: ChainDraft) => void,
): CommandResult {
  act(ensureChain(builder, family, table, name, line));
  return DONE;
}

function sweep(builder: RulesetBuilder, chain: ChainDraft, command: string, number?: string): void {
  if (command === '-F') chain.rules = [];
  else if (command === '-X') {
    if (!isBuiltInChain(chain.name)) removeChain(builder, chain);
  } else {
    chain.rules = chain.rules.map((rule, index) =>
      number === undefined || Number(number) === index + 1 ? { ...rule, packets: 0, bytes: 0 } : rule,
    );
  }
}

function setPolicy(chain: ChainDraft, rest: readonly Word[]): CommandResult {
  const policy = rest[1];
  if (policy?.text !== 'ACCEPT' && policy?.text !== 'DROP') {
    return {
      is: 'unread',
      reason: `a policy is ACCEPT or DROP, not ${policy?.text ?? 'nothing'}`,
      at: policy?.at ?? rest[0]?.at ?? 0,
    };
  }
  chain.policy = policy.text;
  const counters = rest.findIndex((word) => word.text === '-c');
  if (counters > 0) {
    chain.policyPackets = countOf(rest[counters + 1]);
    chain.policyBytes = countOf(rest[counters + 2]);
  }
  return DONE;
}

function countOf(word: Word | undefined): number | null {
  return word && /^\d+$/.test(word.text) ? Number(word.text) : null;
}

function changeRules(parsed: Parsed, place: CommandPlace, name: string): CommandResult {
  const { command, family, table, rest } = parsed;
  const chain = ensureChain(place.builder, family, table, name, place.line);
  const isNumbered = (command === '-I' || command === '-R' || command === '-D') && /^\d+$/.test(rest[1]?.text ?? '');
  const number = isNumbered ? Number(rest[1]?.text) : null;
  const isKnown = place.emptied.has(`${family}\t${table}`);
  if (command === '-D' && number !== null) {
    if (number >= 1 && number <= chain.rules.length) chain.rules.splice(number - 1, 1);
    else
      return {
        is: 'unread',
        reason: `${name} has ${chain.rules.length} rules here, not ${number}`,
        at: rest[1]?.at ?? 0,
      };
    return DONE;
  }
  const drafts = readDrafts(name, rest.slice(isNumbered ? 2 : 1), place.line);
  if (typeof drafts === 'object' && 'reason' in drafts) return { is: 'unread', reason: drafts.reason, at: drafts.at };
  switch (command) {
    case '-A':
      chain.rules.push(...drafts);
      return DONE;
    case '-I': {
      const position = (number ?? 1) - 1;
      if (position > chain.rules.length) {
        return {
          is: 'unread',
          reason: `${name} has ${chain.rules.length} rules here, none can be inserted at ${number}`,
          at: rest[1]?.at ?? 0,
        };
      }
      // Several addresses are inserted one by one at the same place, so the last comes first (iptables/iptables.c: insert_entry()).
      chain.rules.splice(position, 0, ...[...drafts].reverse());
      return DONE;
    }
    case '-R': {
      if (number === null || number < 1 || number > chain.rules.length) {
        return { is: 'unread', reason: `${name} has no rule ${number ?? '?'} here to replace`, at: rest[1]?.at ?? 0 };
      }
      chain.rules.splice(number - 1, 1, ...drafts.slice(0, 1));
      return DONE;
    }
    case '-C':
    case '-D': {
      let found = true;
      for (const draft of drafts) {
        const at = chain.rules.findIndex((rule) => ruleIdentity(rule) === ruleIdentity(draft));
        if (at < 0) found = false;
        else if (command === '-D') chain.rules.splice(at, 1);
      }
      if (command === '-C') return { is: 'asked', holds: found || isKnown || !isPlausible(chain) ? found : null };
      if (!found && !isKnown) place.builder.notes.add('A rule is deleted that was made before this text begins.');
      return DONE;
    }
    default:
      return { is: 'unread', reason: `${command} is not a command that is known`, at: parsed.commandAt };
  }
}

/** A built-in chain that was never emptied here may hold more than was read. */
function isPlausible(chain: ChainDraft): boolean {
  return isBuiltInChain(chain.name);
}

/** One rule, or one for each pair of the addresses listed behind -s and -d, as iptables makes them. */
function readDrafts(chain: string, words: readonly Word[], line: number): RuleDraft[] | { reason: string; at: number } {
  const drafts: RuleDraft[] = [];
  for (const variant of eachAddress(eachAddress([words], ['-s', '--source', '--src']), [
    '-d',
    '--destination',
    '--dst',
  ])) {
    const read = readRuleWords(chain, variant, line);
    if (!read.ok) return read;
    drafts.push(read.draft);
  }
  return drafts;
}

function eachAddress(variants: readonly (readonly Word[])[], options: readonly string[]): Word[][] {
  return variants.flatMap((words) => {
    const at = words.findIndex((word) => options.includes(word.text) && !word.isQuoted);
    const value = at < 0 ? undefined : words[at + 1];
    if (!value?.text.includes(',')) return [[...words]];
    return value.text
      .split(',')
      .map((address) => [...words.slice(0, at + 1), { ...value, text: address }, ...words.slice(at + 2)]);
  });
}

/** The chain's policy and counters as `iptables-save` prints them: ':INPUT DROP [12:3456]'. NULL when the line is none. */
export function readChainLine(
  text: string,
): { name: string; policy: Chain['policy']; packets: number | null; bytes: number | null } | null {
  const match = /^:(\S+)\s+(ACCEPT|DROP|QUEUE|RETURN|-)(?:\s+\[(\d+):(\d+)\])?\s*$/.exec(text);
  if (!match) return null;
  const policy = match[2] === 'ACCEPT' || match[2] === 'DROP' ? match[2] : null;
  const has = match[3] !== undefined;
  return { name: match[1] ?? '', policy, packets: has ? Number(match[3]) : null, bytes: has ? Number(match[4]) : null };
}
