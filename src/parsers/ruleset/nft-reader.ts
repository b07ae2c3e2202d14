// nft text as blocks and statements, line after line: tables hold chains, sets and objects; chains hold rules. Also the single commands of
// a file for `nft -f`. Used for `nft list ruleset` and, line by line, for what JSON is turned into.

import type { RuleFamily } from '../../model/ruleset.js';
import { deviceNames, finishSet, NFT_FAMILIES, readChainHead, readSetStatement, type SetDraft } from './nft-chain.js';
import { lexNftLine, type NftToken, nftText } from './nft-lexer.js';
import { bracesFrom, splitElements } from './nft-match.js';
import { beginsNftRule, readNftRule } from './nft-rule.js';
import {
  type ChainDraft,
  ensureChain,
  findChain,
  newBuilder,
  type RulesetBuilder,
  removeChain,
} from './ruleset-builder.js';

type Block =
  | { readonly is: 'table'; readonly family: RuleFamily; readonly table: string }
  | { readonly is: 'chain'; readonly chain: ChainDraft }
  | { readonly is: 'set'; readonly set: SetDraft }
  | { readonly is: 'object' };

export interface NftReader {
  readonly builder: RulesetBuilder;
  readonly tables: Set<string>;
  readonly blocks: Block[];
  /** Statement whose end was not reached yet. */
  pending: NftToken[];
  pendingLine: number;
  /** Open braces of a literal inside the statement. */
  depth: number;
  readonly variables: Map<string, readonly NftToken[]>;
  /** The text is a script with commands, not a listing. */
  isScript: boolean;
}

/** 'ended': a table of that name is there already, so another listing begins; the caller starts a new reader and gives the line again. */
export type NftOutcome =
  | { readonly is: 'taken' }
  | { readonly is: 'unread'; readonly reason: string; readonly at: number }
  | { readonly is: 'foreign' }
  | { readonly is: 'ended' };

export function newNftReader(): NftReader {
  return {
    builder: newBuilder(),
    tables: new Set(),
    blocks: [],
    pending: [],
    pendingLine: 0,
    depth: 0,
    variables: new Map(),
    isScript: false,
  };
}

const TAKEN: NftOutcome = { is: 'taken' };
const COMMANDS = new Set([
  'add',
  'create',
  'insert',
  'delete',
  'destroy',
  'replace',
  'flush',
  'define',
  'redefine',
  'undefine',
  'include',
  'reset',
  'rename',
  'list',
]);
const OBJECTS = new Set(['flowtable', 'counter', 'quota', 'limit', 'secmark', 'synproxy', 'tunnel']);

/** @param place line within the ruleset, from 1. Never throws. */
export function readNftLine(reader: NftReader, text: string, place: number): NftOutcome {
  const lexed = lexNftLine(text);
  let handle: number | null = null;
  if (lexed.comment !== null) handle = readComment(reader, lexed.comment);
  const first = lexed.tokens[0];
  if (reader.blocks.length === 0 && reader.pending.length === 0 && first) {
    if (first.isQuoted || (first.text !== 'table' && !COMMANDS.has(first.text))) return { is: 'foreign' };
    if (first.text === 'table' && isTableAgain(reader, lexed.tokens)) return { is: 'ended' };
  }
  if (lexed.error) {
    reader.pending = [];
    reader.depth = 0;
    return { is: 'unread', ...lexed.error };
  }
  let problem: NftOutcome | null = null;
  const note = (outcome: NftOutcome) => {
    if (outcome.is !== 'taken') problem ??= outcome;
  };
  for (const token of lexed.tokens) {
    if (reader.pending.length === 0) reader.pendingLine = place;
    if (token.isQuoted || reader.depth > 0 || !['{', '}', ';'].includes(token.text)) {
      if (!token.isQuoted && token.text === '{') reader.depth++;
      if (!token.isQuoted && token.text === '}') reader.depth--;
      reader.pending.push(token);
    } else if (token.text === '{') {
      if (!openBlock(reader, place)) {
        reader.depth = 1;
        reader.pending.push(token);
      }
    } else if (token.text === ';') note(endStatement(reader, null));
    else {
      note(endStatement(reader, null));
      note(closeBlock(reader, token.at));
    }
  }
  if (reader.depth === 0 && !lexed.isContinued) note(endStatement(reader, handle));
  return problem ?? TAKEN;
}

/** Ends what is still open, as at the end of a file that was cut. Returns whether anything was. */
export function endNft(reader: NftReader): boolean {
  const isCut = reader.blocks.length > 0 || reader.pending.length > 0;
  if (reader.depth === 0) endStatement(reader, null);
  while (reader.blocks.length > 0) closeBlock(reader, 0);
  return isCut;
}

function readComment(reader: NftReader, comment: string): number | null {
  const handle = /^ handle (\d+)/.exec(comment);
  if (handle) return Number(handle[1]);
  if (/managed by iptables-nft/.test(comment)) {
    reader.builder.notes.add(
      'Tables made by iptables-nft are shown in the words of nft, which cannot say all of iptables; iptables-nft-save is exact.',
    );
  }
  return null;
}

/** A listing names each table once; a script may open one again. */
function isTableAgain(reader: NftReader, tokens: readonly NftToken[]): boolean {
  if (reader.isScript) return false;
  const named = tableName(tokens.slice(1));
  return named !== null && reader.tables.has(`${named.family}\t${named.table}`);
}

/** 'ip filter' or 'filter' (ip is meant). */
function tableName(tokens: readonly NftToken[]): { family: RuleFamily; table: string; next: number } | null {
  const family = NFT_FAMILIES.find((one) => one === tokens[0]?.text);
  const name = tokens[family === undefined ? 0 : 1];
  return name && /^[^{};]+$/.test(name.text)
    ? { family: family ?? 'ip', table: name.text, next: family === undefined ? 1 : 2 }
    : null;
}

function innermost(reader: NftReader): Block | undefined {
  return reader.blocks.at(-1);
}

/** Whether the brace behind the pending words opens a block; if so it is opened. */
function openBlock(reader: NftReader, place: number): boolean {
  const words = reader.pending.map((token) => token.text);
  if (words[0] === 'add' || words[0] === 'create') words.shift();
  const block = innermost(reader);
  const made = !block
    ? outerBlock(reader, words, place)
    : block.is === 'table'
      ? innerBlock(reader, block, words, place)
      : null;
  if (!made) return false;
  reader.pending = [];
  reader.blocks.push(made);
  return true;
}

function outerBlock(reader: NftReader, words: readonly string[], place: number): Block | null {
  const kind = words[0] ?? '';
  const named = tableName(words.slice(1).map((text) => ({ text, isQuoted: false, isSpaced: true, at: 0 })));
  if (!named) return null;
  if (kind === 'table') {
    reader.tables.add(`${named.family}\t${named.table}`);
    return { is: 'table', family: named.family, table: named.table };
  }
  return innerBlock(reader, named, [kind, ...words.slice(1 + named.next)], place);
}

function innerBlock(
  reader: NftReader,
  table: { family: RuleFamily; table: string },
  words: readonly string[],
  place: number,
): Block | null {
  const [kind = '', name = ''] = words;
  if (kind === 'chain')
    return { is: 'chain', chain: ensureChain(reader.builder, table.family, table.table, name, place) };
  if (kind === 'set' || kind === 'map') return { is: 'set', set: newSet(table, name, kind === 'map') };
  if (OBJECTS.has(kind) || (kind === 'ct' && words.length === 3)) return { is: 'object' };
  return null;
}

function newSet(table: { family: RuleFamily; table: string }, name: string, isMap: boolean): SetDraft {
  return { family: table.family, table: table.table, name, isMap, type: '', flags: [], elements: [] };
}

function closeBlock(reader: NftReader, at: number): NftOutcome {
  const closed = reader.blocks.pop();
  if (!closed) return { is: 'unread', reason: 'a brace is closed that was not opened', at };
  if (closed.is === 'set') reader.builder.sets.push(finishSet(closed.set));
  return TAKEN;
}

function endStatement(reader: NftReader, handle: number | null): NftOutcome {
  const tokens = substitute(reader, reader.pending);
  reader.pending = [];
  reader.depth = 0;
  const first = tokens[0];
  if (!first) return TAKEN;
  const block = innermost(reader);
  if (!block) return command(reader, tokens);
  switch (block.is) {
    case 'chain':
      return chainStatement(reader, block.chain, tokens, handle);
    case 'set':
      return readSetStatement(block.set, tokens) ? TAKEN : unread('not known inside a set', first.at);
    case 'object':
      return TAKEN;
    case 'table':
      return ['comment', 'flags'].includes(first.text) || OBJECTS.has(first.text)
        ? TAKEN
        : unread('not known inside a table', first.at);
  }
}

function unread(reason: string, at: number): NftOutcome {
  return { is: 'unread', reason, at };
}

/** define'd variables are put in; others stay and are values that cannot be evaluated. */
function substitute(reader: NftReader, tokens: readonly NftToken[]): readonly NftToken[] {
  if (reader.variables.size === 0) return tokens;
  return tokens.flatMap((token) =>
    token.text.startsWith('$') && !token.isQuoted ? (reader.variables.get(token.text.slice(1)) ?? [token]) : [token],
  );
}

function chainStatement(
  reader: NftReader,
  chain: ChainDraft,
  tokens: readonly NftToken[],
  handle: number | null,
): NftOutcome {
  const first = tokens[0];
  const second = tokens[1]?.text;
  if (!first) return TAKEN;
  const head = readChainHead(tokens, chain.family);
  if (head) {
    Object.assign(chain, head, { policy: chain.policy ?? 'ACCEPT' });
    return TAKEN;
  }
  if (first.text === 'policy' && tokens.length === 2) {
    chain.policy = second === 'drop' ? 'DROP' : 'ACCEPT';
    return TAKEN;
  }
  if (first.text === 'devices') {
    chain.devices = deviceNames(tokens, 0);
    return TAKEN;
  }
  if ((first.text === 'comment' && tokens.length === 2) || (first.text === 'flags' && tokens.length === 2))
    return TAKEN;
  if (first.isQuoted || !beginsNftRule(first.text)) return unread('neither a statement nor a match of nft', first.at);
  chain.rules.push(readNftRule(tokens, chain.family, handle, reader.pendingLine));
  return TAKEN;
}

/** Commands of an nft script, outside blocks. */
function command(reader: NftReader, tokens: readonly NftToken[]): NftOutcome {
  const [verb, noun, third] = tokens;
  if (!verb) return TAKEN;
  if (verb.text === 'table') return TAKEN;
  reader.isScript = true;
  if (verb.text === 'define' || verb.text === 'redefine') {
    if (noun && third?.text === '=') reader.variables.set(noun.text, tokens.slice(3));
    return TAKEN;
  }
  if (verb.text === 'include') return unread('what is included there was not given', verb.at);
  if (verb.text === 'flush' && noun?.text === 'ruleset') {
    reader.builder.chains.clear();
    reader.builder.sets.length = 0;
    return TAKEN;
  }
  const isBare =
    ['add', 'insert'].includes(verb.text) &&
    noun !== undefined &&
    ![
      'table',
      'chain',
      'rule',
      'set',
      'map',
      'element',
      'flowtable',
      'ct',
      'counter',
      'quota',
      'limit',
      'synproxy',
      'secmark',
    ].includes(noun.text);
  const kind = isBare ? 'rule' : (noun?.text ?? '');
  const named = tableName(tokens.slice(isBare ? 1 : 2));
  if (!named) return kind === 'ruleset' ? TAKEN : unread(`${verb.text} names no table`, verb.at);
  const rest = tokens.slice((isBare ? 1 : 2) + named.next);
  return onTable(reader, verb.text, kind, named, rest, verb.at);
}

function onTable(
  reader: NftReader,
  verb: string,
  kind: string,
  named: { family: RuleFamily; table: string },
  rest: readonly NftToken[],
  at: number,
): NftOutcome {
  const { builder } = reader;
  const name = rest[0]?.text ?? '';
  const chain = name === '' ? undefined : findChain(builder, named.family, named.table, name);
  reader.tables.add(`${named.family}\t${named.table}`);
  const chains = [...builder.chains.values()].filter((one) => one.family === named.family && one.table === named.table);
  switch (`${verb} ${kind}`) {
    case 'add rule':
    case 'insert rule':
      return changeRule(reader, verb, ensureChain(builder, named.family, named.table, name, reader.pendingLine), rest);
    case 'add chain':
    case 'create chain':
      ensureChain(builder, named.family, named.table, name, reader.pendingLine);
      return TAKEN;
    case 'delete chain':
    case 'destroy chain':
      if (chain) removeChain(builder, chain);
      return TAKEN;
    case 'flush chain':
      if (chain) chain.rules = [];
      return TAKEN;
    case 'flush table':
      for (const one of chains) one.rules = [];
      return TAKEN;
    case 'delete table':
    case 'destroy table':
      for (const one of chains) removeChain(builder, one);
      return TAKEN;
    case 'add element': {
      const at2 = rest.findIndex((token) => token.text === '{');
      const found = builder.sets.findIndex(
        (set) => set.name === name && set.table === named.table && set.family === named.family,
      );
      const set = builder.sets[found];
      const more = at2 < 0 ? [] : splitElements(bracesFrom(rest, at2).inner).map((element) => nftText(element));
      if (set) builder.sets[found] = { ...set, elements: [...set.elements, ...more] };
      return set ? TAKEN : unread(`the set ${name} is not in what was read`, at);
    }
    case 'delete rule':
    case 'replace rule':
    case 'destroy rule':
    case 'delete element':
      return unread('which rule or element that was cannot be told from the script alone', at);
    default:
      return TAKEN;
  }
}

function changeRule(reader: NftReader, verb: string, chain: ChainDraft, rest: readonly NftToken[]): NftOutcome {
  let from = 1;
  let index: number | null = null;
  if (/^(index|position|handle)$/.test(rest[1]?.text ?? '')) {
    if (rest[1]?.text !== 'index')
      return unread('a place by handle cannot be told from the script alone', rest[1]?.at ?? 0);
    index = Number(rest[2]?.text);
    from = 3;
  }
  const draft = readNftRule(rest.slice(from), chain.family, null, reader.pendingLine);
  if (index !== null && Number.isInteger(index)) chain.rules.splice(verb === 'add' ? index + 1 : index, 0, draft);
  else if (verb === 'add') chain.rules.push(draft);
  else chain.rules.unshift(draft);
  return TAKEN;
}
