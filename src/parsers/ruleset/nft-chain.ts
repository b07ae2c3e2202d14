// Heads of nft chains and the contents of nft sets: hook, priority by name and arithmetic, devices, elements.

import type { NamedSet, RuleFamily } from '../../model/ruleset.js';
import { type NftToken, nftText } from './nft-lexer.js';
import { bracesFrom, splitElements } from './nft-match.js';

export const NFT_FAMILIES: readonly RuleFamily[] = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'];

/** Names of priorities (src/rule.c: std_prios, bridge_std_prios, nftables 1.0.6). */
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};
const BRIDGE_PRIORITIES: Readonly<Record<string, number>> = { dstnat: -300, filter: -200, out: 100, srcnat: 300 };

/** 'srcnat + 10', 'mangle-5', '-300'; NULL when it is neither a number nor a known name. */
export function readPriority(text: string, family: RuleFamily): number | null {
  const match = /^\s*(?:([a-z]+)\s*([+-]\s*\d+)?|(-?\s*\d+))\s*$/.exec(text);
  if (!match) return null;
  if (match[3] !== undefined) return Number(match[3].replace(/\s/g, ''));
  const base = (family === 'bridge' ? BRIDGE_PRIORITIES : PRIORITIES)[match[1] ?? ''];
  return base === undefined ? null : base + Number((match[2] ?? '0').replace(/\s/g, ''));
}

export interface ChainHead {
  readonly type: string;
  readonly hook: string;
  readonly priority: number | null;
  readonly devices: readonly string[];
}

/** 'type filter hook input priority filter'; NULL when the tokens say something else. */
export function readChainHead(tokens: readonly NftToken[], family: RuleFamily): ChainHead | null {
  const words = tokens.map((token) => token.text);
  if (words[0] !== 'type' || words[2] !== 'hook') return null;
  const prio = words.indexOf('priority');
  const device = words.findIndex((word) => word === 'device' || word === 'devices');
  return {
    type: words[1] ?? '',
    hook: (words[3] ?? '').toUpperCase(),
    priority: prio < 0 ? null : readPriority(words.slice(prio + 1).join(' '), family),
    devices: device < 0 ? [] : deviceNames(tokens, device),
  };
}

/** 'device "eth0"' or 'devices = { eth0, eth1 }'. */
export function deviceNames(tokens: readonly NftToken[], at: number): string[] {
  const from = at + (tokens[at + 1]?.text === '=' ? 2 : 1);
  if (tokens[from]?.text !== '{') return tokens[from] ? [tokens[from].text] : [];
  return splitElements(bracesFrom(tokens, from).inner).map((element) => element[0]?.text ?? '');
}

/** A set or map while its block is read. */
export interface SetDraft {
  readonly family: RuleFamily;
  readonly table: string;
  readonly name: string;
  readonly isMap: boolean;
  type: string;
  flags: string[];
  elements: string[];
}

/** One statement inside a set's block. Returns false for one that is not known. */
export function readSetStatement(set: SetDraft, tokens: readonly NftToken[]): boolean {
  const [first, second] = tokens.map((token) => token.text);
  switch (first) {
    case 'type':
    case 'typeof':
      set.type = nftText(tokens.slice(1)).trim();
      return true;
    case 'flags':
      set.flags.push(
        ...tokens
          .slice(1)
          .map((token) => token.text)
          .filter((word) => word !== ','),
      );
      return true;
    case 'elements':
      if (second === '=' && tokens[2]?.text === '{')
        set.elements.push(...splitElements(bracesFrom(tokens, 2).inner).map(elementText));
      return true;
    case 'auto-merge':
      set.flags.push(first);
      return true;
    default:
      return [
        'timeout',
        'gc-interval',
        'size',
        'policy',
        'counter',
        'comment',
        'limit',
        'quota',
        'last',
        'ct',
      ].includes(first ?? '');
  }
}

const ANNOTATION = new Set(['timeout', 'expires', 'counter', 'comment', 'limit', 'quota', 'last']);

/** An element without what changes by itself: timeouts, counters; and without its comment. */
export function elementText(element: readonly NftToken[]): string {
  const kept: NftToken[] = [];
  let isSkipping = false;
  for (const [index, token] of element.entries()) {
    if (!token.isQuoted && index > 0 && ANNOTATION.has(token.text)) isSkipping = true;
    if (!token.isQuoted && token.text === ':') isSkipping = false;
    if (!isSkipping) kept.push(token);
  }
  return kept.map((token, index) => `${index > 0 && token.isSpaced ? ' ' : ''}${token.text}`).join('');
}

export function finishSet(set: SetDraft): NamedSet {
  const flags = set.isMap ? ['map', ...set.flags] : set.flags;
  return { family: set.family, table: set.table, name: set.name, type: set.type, flags, elements: set.elements };
}
