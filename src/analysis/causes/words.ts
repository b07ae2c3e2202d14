// Small phrases that several causes use: flows and rules as people name them.

import type { Rule } from '../../model/ruleset.js';
import type { Tuple } from '../../model/tuple.js';
import { protocolName } from '../../text/protocols.js';

/** '10.1.2.3:80', '[2001:db8::1]:80', or the address alone. */
export function endWords(address: string, port: number | null): string {
  if (port === null) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The flow of an entry's row, as what a finding is about. */
export function flowOfEntry({ tupleId, ...ends }: { readonly tupleId: number } & Omit<Tuple, 'extra'>): {
  readonly id: number;
} & Tuple {
  const { proto, src, sport, dst, dport } = ends;
  return { id: tupleId, proto, src, sport, dst, dport, extra: null };
}

/** 'tcp 10.61.1.2:47244 > 10.61.2.2:8080'. */
export function flowWords(tuple: Tuple): string {
  return `${protocolName(tuple.proto)} ${endWords(tuple.src, tuple.sport)} > ${endWords(tuple.dst, tuple.dport)}`;
}

/** 'filter OUTPUT rule 3', 'inet filter input rule 3 (handle 12)', 'the policy of filter INPUT'. */
export function ruleWords(rule: Rule, isPolicy = false): string {
  const family = rule.family === 'ip' ? '' : rule.family === 'ip6' ? 'ip6 ' : `${rule.family} `;
  const where = `${family}${rule.table} ${rule.chain}`;
  if (isPolicy) return `the policy of ${where}`;
  return `${where} rule ${rule.userNumber}${rule.handle === null ? '' : ` (handle ${rule.handle})`}`;
}

/** What a rule does with packets it stops: a REJECT tells their sender. */
export function stopWords({ rule, isPolicy }: { readonly rule: Rule | null; readonly isPolicy: boolean }): {
  readonly stops: 'drops' | 'rejects';
  readonly stopped: 'dropped' | 'rejected';
} {
  return rule?.verdict === 'REJECT' && !isPolicy
    ? { stops: 'rejects', stopped: 'rejected' }
    : { stops: 'drops', stopped: 'dropped' };
}
