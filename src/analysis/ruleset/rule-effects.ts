// What a matching rule does to the packet besides its verdict: marks, NOTRACK, address translation.

import type { Packet } from '../../model/packet.js';
import type { Condition, Rule } from '../../model/ruleset.js';

/** What changes while a packet goes through the rules. */
export interface PacketState {
  readonly packet: Packet;
  readonly mark: number | null;
  readonly ctmark: number | null;
  readonly isUntracked: boolean;
  /** SNAT, DNAT as far as rules on the way have made them. */
  readonly translated: readonly ('SNAT' | 'DNAT')[];
  /** The packet goes to this host, wherever it was sent (REDIRECT). */
  readonly isRedirected: boolean;
  /** As in PacketFacts, as far as no rule has changed it. */
  readonly given: readonly Condition[];
}

/** What is known of fields that a rule has not written. */
export function withoutGiven(given: readonly Condition[], ...fields: readonly string[]): readonly Condition[] {
  return given.some(({ field }) => fields.includes(field))
    ? given.filter(({ field }) => !fields.includes(field))
    : given;
}

/** Whether a rule changes anything that a later rule could test. */
export function changesState(rule: Rule): boolean {
  return (
    rule.targetOptions.some((option) => /mark|notrack|zone/.test(option)) ||
    rule.target === 'MARK' ||
    rule.target === 'CONNMARK' ||
    rule.target === 'CT' ||
    rule.verdict === 'NAT'
  );
}

/**
 * The state behind a rule that matched.
 * @param hook where the rule stands
 * @param localAddresses of this host, one of which REDIRECT sends to; NULL: not known
 */
export function applyEffects(
  rule: Rule,
  state: PacketState,
  hook: string,
  localAddresses: readonly string[] | null,
): PacketState {
  let next = state;
  if (rule.target === 'MARK') next = { ...next, mark: iptablesMark(rule.targetOptions, next.mark) };
  if (rule.target === 'CONNMARK') next = connmark(rule.targetOptions, next);
  if (rule.target === 'MARK' || rule.target === 'CONNMARK')
    next = { ...next, given: withoutGiven(next.given, 'mark', 'ctmark') };
  for (const option of rule.targetOptions) {
    if (option === '--notrack' || option === 'notrack') next = { ...next, isUntracked: true };
    const set = /^(?:meta )?(ct )?mark set (.+)$/.exec(option.replace(/^meta mark/, 'mark'));
    if (!set) continue;
    const value = nftMark(set[2] ?? '', next);
    const field = set[1] === undefined ? 'mark' : 'ctmark';
    next = { ...next, [field]: value, given: withoutGiven(next.given, field) };
  }
  if (rule.verdict !== 'NAT') return next;
  const translated = translate(rule, next);
  return rule.target === 'REDIRECT' ? redirected(translated, hook, localAddresses) : translated;
}

function pair(text: string | undefined): [number, number] {
  const [value = '', mask = '0xffffffff'] = (text ?? '').split('/');
  return [Number(value), Number(mask)];
}

/** net/netfilter/xt_mark.c: mark_tg(): (mark & ~mask) ^ value; --set-mark VALUE/MASK zeroes the bits of both. */
function iptablesMark(options: readonly string[], mark: number | null): number | null {
  for (const option of options) {
    const [name, argument] = option.split(' ');
    const [value, mask] = pair(argument);
    if (Number.isNaN(value) || Number.isNaN(mask)) return null;
    if ((name === '--set-xmark' || name === '--set-mark') && mask === 0xffffffff) return value >>> 0;
    if (mark === null) continue;
    if (name === '--set-xmark') return ((mark & ~mask) ^ value) >>> 0;
    if (name === '--set-mark') return ((mark & ~(mask | value)) | value) >>> 0;
    if (name === '--or-mark') return (mark | value) >>> 0;
    if (name === '--and-mark') return (mark & value) >>> 0;
    if (name === '--xor-mark') return (mark ^ value) >>> 0;
  }
  return null;
}

function connmark(options: readonly string[], state: PacketState): PacketState {
  const first = options[0]?.split(' ')[0];
  const isWhole = options.every((option) => !/mask/.test(option) || /0xffffffff$/.test(option));
  if (first === '--restore-mark') return { ...state, mark: isWhole ? state.ctmark : null };
  if (first === '--save-mark') return { ...state, ctmark: isWhole ? state.mark : null };
  return { ...state, ctmark: iptablesMark(options, state.ctmark) };
}

/** 'meta mark | 0x100', '0x10', 'ct mark', 'mark and 0xff'. */
function nftMark(text: string, state: PacketState): number | null {
  const words = text.trim().split(/\s+/);
  let value: number | null = null;
  let at = 0;
  const operand = (): number | null => {
    if (words[at] === 'ct') {
      at += 2;
      return state.ctmark;
    }
    if (words[at] === 'meta') at++;
    const word = words[at++] ?? '';
    if (word === 'mark') return state.mark;
    return /^(0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : null;
  };
  value = operand();
  while (at < words.length) {
    const sign = words[at++];
    const other = operand();
    if (value === null || other === null) return null;
    if (sign === '|' || sign === 'or') value |= other;
    else if (sign === '&' || sign === 'and') value &= other;
    else if (sign === '^' || sign === 'xor') value ^= other;
    else return null;
  }
  return value === null ? null : value >>> 0;
}

/** The address and port that a NAT rule names; NULL parts stay as they are or cannot be told (a range, a map, masquerading). */
export function natTarget(rule: Rule): {
  readonly side: 'src' | 'dst';
  readonly address: string | null;
  readonly port: number | null;
  readonly isFixed: boolean;
} {
  const side = rule.target === 'SNAT' || rule.target === 'MASQUERADE' ? 'src' : 'dst';
  const text = rule.targetOptions.join(' ');
  const to = /(?:--to-destination|--to-source|\bto) (\[[0-9a-fA-F:]+\]|[0-9.]+|[0-9a-fA-F:]+)?(?::(\d+))?(?= |$)/.exec(
    text,
  );
  const port = to?.[2] ?? /(?:--to-ports|to :) ?(\d+)(?= |$)/.exec(text)?.[1];
  const address = to?.[1]?.replace(/[[\]]/g, '') ?? null;
  return {
    side,
    address: address === '' ? null : address,
    port: port === undefined ? null : Number(port),
    isFixed: address !== null && address !== '',
  };
}

function translate(rule: Rule, state: PacketState): PacketState {
  const target = natTarget(rule);
  const packet = { ...state.packet };
  if (target.side === 'dst') {
    packet.dst = target.isFixed ? target.address : null;
    packet.dport = target.port ?? packet.dport;
  } else {
    packet.src = target.isFixed ? target.address : null;
    packet.sport = target.port;
  }
  return {
    ...state,
    packet,
    isRedirected: state.isRedirected || rule.target === 'REDIRECT',
    given:
      target.side === 'dst' ? withoutGiven(state.given, 'dst', 'dport') : withoutGiven(state.given, 'src', 'sport'),
    translated: [...state.translated, target.side === 'dst' ? 'DNAT' : 'SNAT'],
  };
}

/** net/netfilter/nf_nat_redirect.c: nf_nat_redirect_ipv4(), v6.1: the loopback address in OUTPUT, else one of the interface it came in by. */
function redirected(state: PacketState, hook: string, localAddresses: readonly string[] | null): PacketState {
  const { packet } = state;
  if (hook === 'OUTPUT') return { ...state, packet: { ...packet, dst: packet.family === 'ip6' ? '::1' : '127.0.0.1' } };
  const own = localAddresses?.filter((address) => address.includes(':') === (packet.family === 'ip6')) ?? [];
  if (own.length === 0) return state;
  const isOwn: Condition = { field: 'dst', isNegated: false, values: own, text: '', group: null };
  return { ...state, given: [...state.given, isOwn] };
}
