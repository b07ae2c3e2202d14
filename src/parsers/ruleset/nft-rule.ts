// What one nft rule says: its matches as conditions, its statements as effect, from the text that nft prints or that people write.

import type { Condition, RuleFamily, VerdictMap, VerdictMapEntry } from '../../model/ruleset.js';
import { flagCondition } from './iptables-matches.js';
import { TARGETS } from './iptables-targets.js';
import { type NftToken, nftText } from './nft-lexer.js';
import {
  bracesFrom,
  elementParts,
  fieldValue,
  impliedBy,
  matchCondition,
  type NftLeft,
  readLeft,
  readRight,
  readSign,
  splitElements,
  stretch,
} from './nft-match.js';
import { EMPTY_DRAFT, type RuleDraft } from './rule-draft.js';

type Verdict = RuleDraft['verdict'];

interface OpenRule {
  readonly tokens: readonly NftToken[];
  readonly family: RuleFamily;
  readonly conditions: Condition[];
  readonly options: string[];
  target: string | null;
  verdict: Verdict;
  jump: string | null;
  isGoto: boolean;
  verdictMap: VerdictMap | null;
  logPrefix: string | null;
  conditionsBeforeLog: number | null;
  comment: string | null;
  packets: number | null;
  bytes: number | null;
  /** Tokens that are counters' values, left out of the text. */
  readonly hidden: Set<number>;
}

/** Handles the statement whose first word stands at a position; returns the position behind it. */
type Statement = (rule: OpenRule, at: number) => number;

const VERDICTS: Readonly<Record<string, Verdict>> = {
  accept: 'ACCEPT',
  drop: 'DROP',
  return: 'RETURN',
  continue: null,
};

/** Statements by their first word. */
const STATEMENTS: Readonly<Record<string, Statement>> = {
  counter: readCounter,
  log: readLog,
  limit: (rule, at) => opaqueUntil(rule, at, 'limit'),
  quota: (rule, at) => opaqueUntil(rule, at, 'other'),
  last: (rule, at) => skip(rule, at),
  accept: readVerdict,
  drop: readVerdict,
  return: readVerdict,
  continue: readVerdict,
  jump: readJump,
  goto: readJump,
  queue: (rule, at) => readEffect(rule, at, 'QUEUE', 'QUEUE'),
  reject: (rule, at) => readEffect(rule, at, 'REJECT', 'REJECT'),
  dnat: (rule, at) => readEffect(rule, at, 'DNAT', 'NAT'),
  snat: (rule, at) => readEffect(rule, at, 'SNAT', 'NAT'),
  masquerade: (rule, at) => readEffect(rule, at, 'MASQUERADE', 'NAT'),
  redirect: (rule, at) => readEffect(rule, at, 'REDIRECT', 'NAT'),
  tproxy: (rule, at) => readEffect(rule, at, 'TPROXY', null),
  synproxy: (rule, at) => readEffect(rule, at, 'SYNPROXY', null),
  dup: (rule, at) => readEffect(rule, at, 'TEE', null),
  fwd: (rule, at) => readEffect(rule, at, 'FWD', 'DROP'),
  notrack: (rule, at) => readEffect(rule, at, 'CT', null),
  flow: (rule, at) => readEffect(rule, at, 'FLOWOFFLOAD', null),
  offload: (rule, at) => readEffect(rule, at, 'FLOWOFFLOAD', null),
  add: readDynamic,
  update: readDynamic,
  delete: readDynamic,
  set: readDynamic,
  meter: readDynamic,
  reset: (rule, at) => readEffect(rule, at, 'TCPOPTSTRIP', null),
  xt: readXt,
  comment: readComment,
};

/**
 * Reads the tokens of one rule, without handle.
 * @param family of the table: decides which protocol tests nft adds unseen.
 * @returns the rule; what is not understood in it is a condition in field 'other', never left out.
 */
export function readNftRule(
  tokens: readonly NftToken[],
  family: RuleFamily,
  handle: number | null,
  line: number,
): RuleDraft {
  const rule: OpenRule = {
    tokens,
    family,
    conditions: [],
    options: [],
    target: null,
    verdict: null,
    jump: null,
    isGoto: false,
    verdictMap: null,
    logPrefix: null,
    conditionsBeforeLog: null,
    comment: null,
    packets: null,
    bytes: null,
    hidden: new Set(),
  };
  let at = 0;
  while (at < tokens.length) {
    const next = readOne(rule, at);
    at = Math.max(next, at + 1);
  }
  const { hidden, tokens: _tokens, family: _family, options, ...told } = rule;
  return {
    ...EMPTY_DRAFT,
    ...told,
    targetOptions: options,
    text: nftText(tokens.filter((_, index) => !hidden.has(index))),
    handle,
    line,
  };
}

/** Whether a rule can begin with this word. */
export function beginsNftRule(word: string): boolean {
  return (
    Object.hasOwn(STATEMENTS, word) ||
    readLeft([{ text: word, isQuoted: false, isSpaced: true, at: 0 }], 0) !== null ||
    /^(@|[a-z][a-z0-9_]*$)/.test(word)
  );
}

function readOne(rule: OpenRule, at: number): number {
  const token = rule.tokens[at];
  if (!token) return at + 1;
  const special = readConntrackObject(rule, at);
  if (special > at) return special;
  const statement = token.isQuoted || !Object.hasOwn(STATEMENTS, token.text) ? undefined : STATEMENTS[token.text];
  if (statement) return statement(rule, at);
  const left = readLeft(rule.tokens, at);
  if (left) return readMatch(rule, at, left);
  return opaqueUntil(rule, at, 'other');
}

/** 'ct count over 10', 'ct helper set "ftp"', 'ct timeout set', 'ct expectation set': no tests of the packet's entry. */
function readConntrackObject(rule: OpenRule, at: number): number {
  const [first, second, third] = [0, 1, 2].map((offset) => rule.tokens[at + offset]?.text ?? '');
  if (first !== 'ct') return at;
  if (second === 'count') return opaqueUntil(rule, at, 'other');
  if (third === 'set' && ['helper', 'timeout', 'expectation'].includes(second ?? ''))
    return effect(rule, at, Math.min(at + 4, rule.tokens.length), 'CT');
  return at;
}

function readMatch(rule: OpenRule, at: number, left: NftLeft): number {
  const { tokens } = rule;
  const word = tokens[left.next]?.text;
  if (word === 'vmap') return readVerdictMap(rule, at, left);
  if (word === 'set' && !tokens[left.next]?.isQuoted) return readMangle(rule, at, left);
  const { sign, next } = readSign(tokens, left.next);
  const right = readRight(tokens, next);
  let end = right.next;
  let condition = matchCondition(left, sign, right, stretch(tokens, at, end));
  if (tokens[end]?.text === '/' && left.parts[0]?.field === 'tcp-flags') {
    const mask = readRight(tokens, end + 1);
    end = mask.next;
    const comp = right.values.map((value) => value.join(',')).join(',');
    const of = mask.values.map((value) => value.join(',')).join(',');
    condition = {
      ...condition,
      isNegated: sign === '!=',
      values: [flagCondition(of, comp)],
      text: stretch(tokens, at, end),
    };
  }
  addCondition(rule, left, condition);
  return end;
}

/** Adds a match with the tests it presupposes; what the rule tests already is not repeated. */
function addCondition(rule: OpenRule, left: NftLeft, condition: Condition): void {
  for (const implied of impliedBy(left, rule.family)) {
    const isThere = rule.conditions.some(
      (one) => one.field === implied.field && !one.isNegated && one.values.join() === implied.values.join(),
    );
    if (!isThere) rule.conditions.push(implied);
  }
  const isRepeated = rule.conditions.some(
    (one) =>
      one.field === condition.field &&
      one.field === 'proto' &&
      !one.isNegated &&
      !condition.isNegated &&
      one.values.join() === condition.values.join(),
  );
  if (!isRepeated) rule.conditions.push(condition);
}

function readVerdictMap(rule: OpenRule, at: number, left: NftLeft): number {
  const { tokens } = rule;
  const from = left.next + 1;
  const named = tokens[from]?.text.startsWith('@') ? (tokens[from]?.text.slice(1) ?? '') : null;
  const body = named === null && tokens[from]?.text === '{' ? bracesFrom(tokens, from) : { inner: [], next: from + 1 };
  for (const implied of impliedBy(left, rule.family)) {
    if (!rule.conditions.some((one) => one.field === implied.field && one.values.join() === implied.values.join()))
      rule.conditions.push(implied);
  }
  rule.verdictMap = {
    field:
      left.arithmetic.length > 0 || left.parts.some((part) => part.field === 'other')
        ? 'other'
        : left.parts.map((part) => part.field).join(' . '),
    map: named,
    entries: splitElements(body.inner).map((element) => mapEntry(element, left)),
  };
  rule.target = 'vmap';
  rule.options.push(stretch(tokens, at, body.next));
  return body.next;
}

function mapEntry(element: readonly NftToken[], left: NftLeft): VerdictMapEntry {
  const key = elementParts(element);
  const colon = element.findIndex((token) => token.text === ':' && !token.isQuoted);
  const value =
    key.length === 1 && key[0] === '*'
      ? '*'
      : key.map((part, index) => fieldValue(left.parts[index] ?? { field: 'other', kind: 'text' }, part)).join(' . ');
  return { value, ...verdictWords(element.slice(colon + 1).map((token) => token.text)) };
}

/** 'accept', 'drop', 'jump NAME' … as verdict, jump and goto. */
export function verdictWords(words: readonly string[]): { verdict: Verdict; jump: string | null; isGoto: boolean } {
  const [first = '', second = null] = words;
  if (first === 'jump' || first === 'goto') return { verdict: null, jump: second, isGoto: first === 'goto' };
  return { verdict: first === 'queue' ? 'QUEUE' : (VERDICTS[first] ?? null), jump: null, isGoto: false };
}

/** 'meta mark set …', 'ct mark set …', 'tcp option maxseg size set …': the packet goes on changed. */
function readMangle(rule: OpenRule, at: number, left: NftLeft): number {
  const { tokens } = rule;
  let end = left.next + 1;
  for (;;) {
    const operand = readLeft(tokens, end);
    if (operand) end = operand.next;
    else if (tokens[end]?.text === '(' || tokens[end]?.text === '{') end = closing(tokens, end);
    else end++;
    const word = tokens[end]?.text ?? '';
    if (word === 'map') end++;
    else if (/^([&|^]|<<|>>|and|or|xor)$/.test(word)) end++;
    else if (word === ':' || word === '.') end++;
    else break;
  }
  const names: Readonly<Record<string, string>> = {
    mark: 'MARK',
    ctmark: 'CONNMARK',
    ctzone: 'CT',
    tcpmss: 'TCPMSS',
    dscp: 'DSCP',
    ttl: 'TTL',
    hl: 'HL',
  };
  const field = left.parts[0]?.field ?? 'other';
  const isTrace = tokens[at + 1]?.text === 'nftrace' || tokens[at]?.text === 'nftrace';
  return effect(rule, at, Math.min(end, tokens.length), isTrace ? 'TRACE' : (names[field] ?? 'SET-FIELD'));
}

function closing(tokens: readonly NftToken[], open: number): number {
  if (tokens[open]?.text === '{') return bracesFrom(tokens, open).next;
  let at = open + 1;
  while (at < tokens.length && tokens[at]?.text !== ')') at++;
  return at + 1;
}

/** Something that is done to the packet and lets it go on. */
function effect(rule: OpenRule, at: number, end: number, target: string): number {
  if (rule.verdict === null && rule.jump === null && (rule.target === null || rule.target === 'LOG'))
    rule.target = rule.target ?? target;
  rule.options.push(stretch(rule.tokens, at, end));
  return end;
}

function readCounter(rule: OpenRule, at: number): number {
  const { tokens } = rule;
  if (tokens[at + 1]?.text === 'packets' && tokens[at + 3]?.text === 'bytes') {
    const packets = Number(tokens[at + 2]?.text);
    const bytes = Number(tokens[at + 4]?.text);
    if (Number.isFinite(packets) && Number.isFinite(bytes)) {
      rule.packets = packets;
      rule.bytes = bytes;
      for (const index of [1, 2, 3, 4]) rule.hidden.add(at + index);
      return at + 5;
    }
  }
  if (tokens[at + 1]?.text === 'name') return effect(rule, at, Math.min(at + 3, tokens.length), 'COUNTER');
  return at + 1;
}

const LOG_WORDS: Readonly<Record<string, number>> = { level: 1, group: 1, snaplen: 1, 'queue-threshold': 1 };
/** include/uapi/linux/netfilter/nf_log.h: NF_LOG_PREFIXLEN is 128 with the closing zero. */
const PREFIX_LENGTH = 127;

function readLog(rule: OpenRule, at: number): number {
  const { tokens } = rule;
  let end = at + 1;
  let prefix = '';
  for (;;) {
    const word = tokens[end]?.text ?? '';
    if (word === 'prefix') {
      prefix = (tokens[end + 1]?.text ?? '').slice(0, PREFIX_LENGTH);
      end += 2;
    } else if (Object.hasOwn(LOG_WORDS, word)) end += 2;
    else if (word === 'flags') end = endOfFlags(tokens, end + 1);
    else break;
  }
  end = Math.min(end, tokens.length);
  // A rule may log twice; the first prefix names it.
  if (rule.logPrefix === null) {
    rule.logPrefix = prefix;
    rule.conditionsBeforeLog = rule.conditions.length;
  }
  if (rule.target === null)
    rule.target = tokens.slice(at, end).some((token) => token.text === 'group' && !token.isQuoted) ? 'NFLOG' : 'LOG';
  rule.options.push(stretch(tokens, at, end));
  return end;
}

function endOfFlags(tokens: readonly NftToken[], from: number): number {
  let at = from;
  if (/^(tcp|ip)$/.test(tokens[at]?.text ?? '')) at++;
  at++;
  while (tokens[at]?.text === ',') at += 2;
  return at;
}

function readVerdict(rule: OpenRule, at: number): number {
  const word = rule.tokens[at]?.text ?? '';
  if (word === 'continue') return at + 1;
  rule.verdict = VERDICTS[word] ?? null;
  rule.target = rule.verdict;
  return at + 1;
}

function readJump(rule: OpenRule, at: number): number {
  const chain = rule.tokens[at + 1]?.text ?? null;
  rule.jump = chain;
  rule.target = chain;
  rule.isGoto = rule.tokens[at]?.text === 'goto';
  return at + 2;
}

/** A statement with arguments up to the next statement. */
function readEffect(rule: OpenRule, at: number, target: string, verdict: Verdict): number {
  const end = untilStatement(rule.tokens, at + 1, false);
  rule.options.push(stretch(rule.tokens, at, end));
  if (verdict !== null) rule.verdict = verdict;
  if (verdict !== null || rule.target === null) rule.target = target;
  return end;
}

function skip(rule: OpenRule, at: number): number {
  return untilStatement(rule.tokens, at + 1, true);
}

/** Position of the next statement, or with isMatchToo of the next match, outside braces. */
function untilStatement(tokens: readonly NftToken[], from: number, isMatchToo: boolean): number {
  let at = from;
  while (at < tokens.length) {
    const token = tokens[at];
    if (token && !token.isQuoted) {
      if (token.text === '{') {
        at = bracesFrom(tokens, at).next;
        continue;
      }
      if (Object.hasOwn(STATEMENTS, token.text) && token.text !== 'reset' && token.text !== 'set') break;
      if (isMatchToo && readLeft(tokens, at)) break;
    }
    at++;
  }
  return at;
}

function opaqueUntil(rule: OpenRule, at: number, field: string): number {
  const end = untilStatement(rule.tokens, at + 1, true);
  const text = stretch(rule.tokens, at, end);
  rule.conditions.push({
    field,
    isNegated: false,
    values: field === 'limit' ? [text.replace(/^limit /, '')] : [rule.tokens[at]?.text ?? ''],
    text,
    group: null,
  });
  return end;
}

/** 'add @seen { ip saddr limit rate 3/second }' lets only some packets go on when it holds a limit, a count or a quota. */
function readDynamic(rule: OpenRule, at: number): number {
  const { tokens } = rule;
  let open = at + 1;
  while (open < tokens.length && tokens[open]?.text !== '{') open++;
  const end = open < tokens.length ? bracesFrom(tokens, open).next : tokens.length;
  const text = stretch(tokens, at, end);
  if (/ (limit|quota|ct count) /.test(text))
    rule.conditions.push({ field: 'other', isNegated: false, values: [tokens[at]?.text ?? ''], text, group: null });
  else effect(rule, at, end, 'SET');
  return end;
}

/** An iptables extension that nft cannot put into its own words. */
function readXt(rule: OpenRule, at: number): number {
  const { tokens } = rule;
  const kind = tokens[at + 1]?.text ?? '';
  const name = tokens[at + 2]?.text ?? '';
  if (kind === 'target') {
    rule.verdict = TARGETS.get(name)?.verdict ?? null;
    if (rule.verdict !== null) rule.target = name;
    return effect(rule, at, Math.min(at + 3, tokens.length), name);
  }
  rule.conditions.push({
    field: 'other',
    isNegated: false,
    values: [name],
    text: stretch(tokens, at, at + 3),
    group: null,
  });
  return at + 3;
}

function readComment(rule: OpenRule, at: number): number {
  const text = rule.tokens[at + 1]?.text ?? '';
  rule.comment = rule.comment === null ? text : `${rule.comment} ${text}`;
  return at + 2;
}
