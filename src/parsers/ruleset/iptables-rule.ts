// What one iptables rule specification says: the words behind `-A CHAIN`, from iptables-save, -S, a script or a translated listing.

import type { Condition } from '../../model/ruleset.js';
import { flagCondition, MATCH_OF_PROTOCOL, MATCHES, type OptionMeaning } from './iptables-matches.js';
import { ONE_WORD_OPTIONS, TARGETS } from './iptables-targets.js';
import { EMPTY_DRAFT, type RuleDraft } from './rule-draft.js';
import { canonicalValue, sortedStates } from './values.js';
import { joinWords, type Word } from './words.js';

export type RuleResult =
  | { readonly ok: true; readonly draft: RuleDraft }
  | { readonly ok: false; readonly reason: string; readonly at: number };

/** Options of iptables itself that test the packet. */
const BUILT_IN: Readonly<Record<string, OptionMeaning>> = {
  '-s': { field: 'src', kind: 'address', form: 'list', words: 1 },
  '-d': { field: 'dst', kind: 'address', form: 'list', words: 1 },
  '-i': { field: 'in', kind: 'interface', form: 'one', words: 1 },
  '-o': { field: 'out', kind: 'interface', form: 'one', words: 1 },
  '-p': { field: 'proto', kind: 'proto', form: 'one', words: 1 },
  '-f': { field: 'fragment', kind: 'text', form: 'flag', words: 0 },
};

const ALIASES: Readonly<Record<string, string>> = {
  '--protocol': '-p',
  '--proto': '-p',
  '--source': '-s',
  '--src': '-s',
  '--destination': '-d',
  '--dst': '-d',
  '--in-interface': '-i',
  '--out-interface': '-o',
  '--fragment': '-f',
  '--jump': '-j',
  '--goto': '-g',
  '--match': '-m',
  '--set-counters': '-c',
};

interface OpenRule {
  readonly conditions: Condition[];
  readonly options: string[];
  readonly matches: { readonly name: string; readonly group: number }[];
  readonly textWords: Word[];
  group: number;
  protocolMatch: { readonly name: string; readonly group: number } | null;
  target: string | null;
  isGoto: boolean;
  /** The last -m came behind -j: unknown options are its, not the target's. */
  isMatchLast: boolean;
  comment: string | null;
  packets: number | null;
  bytes: number | null;
}

/**
 * Reads the words of a rule specification, without command and chain.
 * @param chain for the text ('-A INPUT …') only.
 * Fails when an option misses its value; unknown options become conditions that cannot be evaluated.
 */
export function readRuleWords(chain: string, words: readonly Word[], line: number): RuleResult {
  const rule: OpenRule = {
    conditions: [],
    options: [],
    matches: [],
    textWords: [],
    group: 0,
    protocolMatch: null,
    target: null,
    isGoto: false,
    isMatchLast: false,
    comment: null,
    packets: null,
    bytes: null,
  };
  let at = 0;
  let isNegated = false;
  while (at < words.length) {
    const word = words[at];
    if (!word) break;
    if (word.text === '!' && !word.isQuoted) {
      isNegated = true;
      rule.textWords.push(word);
      at++;
      continue;
    }
    const taken = takeOption(rule, words, at, isNegated);
    if (typeof taken === 'string') return { ok: false, reason: taken, at: word.at };
    at += taken;
    isNegated = false;
  }
  return { ok: true, draft: finish(rule, chain, line) };
}

/** Handles the option at a position; returns how many words it took, or why it cannot be read. */
function takeOption(rule: OpenRule, words: readonly Word[], at: number, isNegated: boolean): number | string {
  const word = words[at];
  if (!word) return 'nothing is left';
  const short =
    /^-[a-z][^-]/i.test(word.text) && !word.text.startsWith('--') && !word.isQuoted ? word.text.slice(0, 2) : null;
  if (short && BUILT_IN[short]?.words === 1) {
    const split: Word[] = [
      { ...word, text: short },
      { ...word, text: word.text.slice(2) },
    ];
    const taken = takeOption(rule, [...split, ...words.slice(at + 1)], 0, isNegated);
    return typeof taken === 'string' ? taken : taken - 1;
  }
  const equals = /^(--[a-z0-9-]+)=(.*)$/is.exec(word.text);
  if (equals && !word.isQuoted) {
    const split: Word[] = [
      { ...word, text: equals[1] ?? '' },
      { ...word, text: equals[2] ?? '', isQuoted: true },
    ];
    const taken = takeOption(rule, [...split, ...words.slice(at + 1)], 0, isNegated);
    return typeof taken === 'string' ? taken : taken - 1;
  }
  const option = ALIASES[word.text] ?? word.text;
  const next = words[at + 1];
  switch (option) {
    case '-j':
    case '-g':
      if (!next) return `${word.text} names no target`;
      rule.target = next.text;
      rule.isGoto = option === '-g';
      rule.isMatchLast = false;
      rule.textWords.push(word, next);
      return 2;
    case '-m':
      if (!next) return `${word.text} names no match`;
      rule.group++;
      rule.matches.push({ name: next.text, group: rule.group });
      rule.isMatchLast = true;
      rule.textWords.push(word, next);
      return 2;
    case '-c': {
      const bytes = words[at + 2];
      if (!next || !bytes || !/^\d+$/.test(next.text) || !/^\d+$/.test(bytes.text)) return '-c misses its two counters';
      rule.packets = Number(next.text);
      rule.bytes = Number(bytes.text);
      return 3;
    }
    case '-4':
    case '-6':
    case '--ipv4':
    case '--ipv6':
      return 1;
    default:
  }
  const meaning = Object.hasOwn(BUILT_IN, option) ? { option: BUILT_IN[option], group: 0 } : meaningOf(rule, option);
  if (!meaning?.option || word.isQuoted) return takeUnknown(rule, words, at, isNegated);
  return takeKnown(rule, words, at, meaning.option, meaning.group, isNegated);
}

function meaningOf(rule: OpenRule, option: string): { option: OptionMeaning; group: number } | null {
  if (rule.target !== null && !rule.isMatchLast && TARGETS.has(rule.target)) return null;
  const loaded = [...rule.matches].reverse();
  if (rule.protocolMatch) loaded.push(rule.protocolMatch);
  for (const match of loaded) {
    const options = MATCHES.get(match.name);
    if (!options) {
      if (match === loaded[0]) return null;
      continue;
    }
    const exact = Object.hasOwn(options, option) ? options[option] : undefined;
    if (exact) return { option: exact, group: match.group };
    // getopt_long() takes any beginning of a long option that fits only one.
    const longer = option.length > 4 ? Object.keys(options).filter((name) => name.startsWith(option)) : [];
    const only = longer.length === 1 ? options[longer[0] ?? ''] : undefined;
    if (only) return { option: only, group: match.group };
  }
  return null;
}

function takeKnown(
  rule: OpenRule,
  words: readonly Word[],
  at: number,
  meaning: OptionMeaning,
  group: number,
  isNegatedBefore: boolean,
): number | string {
  const option = words[at];
  if (!option) return 'nothing is left';
  // Before 1.4.3 the exclamation mark stood behind the option: `--dport ! 22`.
  const isNegatedInside = words[at + 1]?.text === '!' && meaning.words > 0;
  const first = at + 1 + (isNegatedInside ? 1 : 0);
  const values = words.slice(first, first + meaning.words);
  if (values.length < meaning.words) return `${option.text} misses its value`;
  const taken = words.slice(at, first + meaning.words);
  rule.textWords.push(...taken);
  const isNegated = isNegatedBefore || isNegatedInside;
  const text = `${isNegated ? '! ' : ''}${joinWords([option, ...values])}`;
  if (meaning.form === 'comment') {
    rule.comment = rule.comment === null ? (values[0]?.text ?? '') : `${rule.comment} ${values[0]?.text ?? ''}`;
    return taken.length;
  }
  const condition = conditionOf(
    meaning,
    values.map((value) => value.text),
    isNegated,
    text,
    group,
  );
  if (meaning.form === 'more' && appendTo(rule.conditions, condition)) return taken.length;
  if (meaning.field === 'proto' && !isNegated) {
    const match = MATCH_OF_PROTOCOL[condition.values[0] ?? ''];
    if (match) rule.protocolMatch = { name: match, group: 0 };
  }
  if (!isAlwaysTrue(condition)) rule.conditions.push(condition);
  return taken.length;
}

function conditionOf(
  meaning: OptionMeaning,
  values: readonly string[],
  isNegated: boolean,
  text: string,
  group: number,
): Condition {
  return { field: meaning.field, isNegated, values: valuesOf(meaning, values), text, group };
}

function valuesOf(meaning: OptionMeaning, values: readonly string[]): string[] {
  const first = values[0] ?? '';
  switch (meaning.form) {
    case 'flag':
      return [];
    case 'syn':
      return [flagCondition('FIN,SYN,RST,ACK', 'SYN')];
    case 'tcp-flags':
      return [flagCondition(first, values[1] ?? '')];
    case 'set':
      return [`${first} ${values[1] ?? ''}`];
    case 'list': {
      const parts = first.split(',').map((part) => canonicalValue(meaning.kind, part));
      return meaning.kind === 'ctstate' || meaning.kind === 'ctstatus' ? sortedStates(parts) : parts;
    }
    case 'one':
    case 'more':
    case 'comment': {
      const value = canonicalValue(meaning.kind, first);
      if (meaning.bound === 'lt') return [`0:${Number(value) - 1}`];
      return meaning.bound === 'gt' ? [`${Number(value) + 1}:255`] : [value];
    }
  }
}

/** Conditions that every packet meets are left out: -s 0.0.0.0/0, -i +, -p all. */
function isAlwaysTrue(condition: Condition): boolean {
  if (condition.isNegated || condition.values.length !== 1) return false;
  const value = condition.values[0];
  return (
    ((condition.field === 'src' || condition.field === 'dst') && value === 'any') ||
    ((condition.field === 'in' || condition.field === 'out') && value === '*') ||
    (condition.field === 'proto' && value === 'all')
  );
}

function appendTo(conditions: Condition[], more: Condition): boolean {
  const index = conditions.findIndex((one) => one.field === more.field && one.group === more.group);
  const before = conditions[index];
  if (!before) return false;
  conditions[index] = { ...before, values: [...before.values, ...more.values], text: `${before.text} ${more.text}` };
  return true;
}

/** An option of the target, of a match that is not known, or of nothing known. */
function takeUnknown(rule: OpenRule, words: readonly Word[], at: number, isNegated: boolean): number {
  const option = words[at];
  if (!option) return 1;
  let end = at + 1;
  if (ONE_WORD_OPTIONS.has(option.text) && words[end]) end++;
  else while (end < words.length && isValue(words[end])) end++;
  const taken = words.slice(at, end);
  rule.textWords.push(...taken);
  const text = `${isNegated ? '! ' : ''}${joinWords(taken)}`;
  const match = rule.matches.at(-1);
  if (rule.target !== null && !rule.isMatchLast) {
    rule.options.push(text);
    return taken.length;
  }
  const group = match?.group ?? 0;
  const condition: Condition = { field: 'other', isNegated, values: match ? [match.name] : [], text, group };
  const last = rule.conditions.at(-1);
  if (match && last?.field === 'other' && last.group === group) {
    rule.conditions[rule.conditions.length - 1] = { ...last, text: `${last.text} ${text}` };
  } else {
    rule.conditions.push(match ? { ...condition, text: `-m ${match.name} ${text}` } : condition);
  }
  return taken.length;
}

function isValue(word: Word | undefined): boolean {
  return word !== undefined && (word.isQuoted || (word.text !== '!' && !/^--?[a-z]/i.test(word.text)));
}

function finish(rule: OpenRule, chain: string, line: number): RuleDraft {
  for (const match of rule.matches) {
    // A match without options that is not known still decides (-m socket, -m rpfilter).
    if (!MATCHES.has(match.name) && !rule.conditions.some((one) => one.group === match.group)) {
      rule.conditions.push({
        field: 'other',
        isNegated: false,
        values: [match.name],
        text: `-m ${match.name}`,
        group: match.group,
      });
    }
  }
  const conditions = inKernelOrder(rule.conditions);
  // NOTRACK is the older name of CT --notrack (extensions/libxt_CT.c).
  if (rule.target === 'NOTRACK') {
    rule.target = 'CT';
    rule.options.push('--notrack');
  }
  const known = rule.target === null ? undefined : TARGETS.get(rule.target);
  const prefix =
    known?.prefixOption === undefined ? null : prefixOf(rule, known.prefixOption, known.prefixLength ?? 29);
  return {
    ...EMPTY_DRAFT,
    text: `-A ${chain} ${joinWords(rule.textWords)}`.trimEnd(),
    conditions,
    target: rule.target,
    targetOptions: rule.options,
    verdict: known?.verdict ?? null,
    jump: rule.target !== null && !known ? rule.target : null,
    isGoto: rule.isGoto,
    logPrefix: prefix,
    conditionsBeforeLog: prefix === null ? null : conditions.length,
    comment: rule.comment,
    packets: rule.packets,
    bytes: rule.bytes,
    line,
  };
}

const BUILT_IN_ORDER = Object.values(BUILT_IN).map((meaning) => meaning.field);

/**
 * The built-in tests come first whatever the order of the words (net/ipv4/netfilter/ip_tables.c: ip_packet_match()), then the matches.
 * Groups stay only where tests of one match hang together: xt_conntrack and xt_helper.
 */
function inKernelOrder(conditions: readonly Condition[]): Condition[] {
  const builtIn = conditions.filter((one) => BUILT_IN_ORDER.includes(one.field) && one.group === 0);
  const others = conditions.filter((one) => !builtIn.includes(one));
  builtIn.sort((a, b) => BUILT_IN_ORDER.indexOf(a.field) - BUILT_IN_ORDER.indexOf(b.field));
  const groups: number[] = [];
  return [...builtIn, ...others].map((one) => {
    if (!one.field.startsWith('ct') || one.field === 'ctmark' || one.group === null) return { ...one, group: null };
    if (!groups.includes(one.group)) groups.push(one.group);
    return { ...one, group: groups.indexOf(one.group) + 1 };
  });
}

/** The kernel keeps the first bytes of a prefix and ends it there (include/uapi/linux/netfilter/xt_LOG.h: prefix[30]); '' for none. */
function prefixOf(rule: OpenRule, option: string, length: number): string {
  const at = rule.textWords.findIndex((word) => word.text === option && !word.isQuoted);
  return at < 0 ? '' : (rule.textWords[at + 1]?.text ?? '').slice(0, length);
}
