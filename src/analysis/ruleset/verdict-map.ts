// What an nft verdict map says to a packet: the entry its value leads to.

import type { Packet } from '../../model/packet.js';
import type { Condition, NamedSet, Rule, VerdictMap, VerdictMapEntry } from '../../model/ruleset.js';
import { impliedBy } from './given.js';
import type { PacketFacts } from './packet-facts.js';
import { ABSENT, FIELD_READERS } from './packet-fields.js';
import { elementMatches } from './set-membership.js';

export type VerdictFound =
  | { readonly is: 'entry'; readonly entry: VerdictMapEntry }
  | { readonly is: 'none' }
  /** possible: entries that the packet may lead to; NULL among them: none. */
  | {
      readonly is: 'unknown';
      readonly because: string;
      readonly possible: readonly (VerdictMapEntry | null)[] | null;
    };

const VERDICTS: Readonly<Record<string, Rule['verdict']>> = {
  accept: 'ACCEPT',
  drop: 'DROP',
  return: 'RETURN',
  queue: 'QUEUE',
};

/** @param named elements of the map the rule refers to; NULL when it is not in the evidence. */
export function findVerdict(map: VerdictMap, named: NamedSet | null, packet: Packet, facts: PacketFacts): VerdictFound {
  const readers = map.field.split(' . ').map((field) => FIELD_READERS[field]);
  if (readers.some((reader) => reader === undefined))
    return { is: 'unknown', because: `a map of ${map.field} cannot be evaluated`, possible: null };
  if (map.map !== null && named === null)
    return { is: 'unknown', because: `the map ${map.map} is not in the evidence`, possible: null };
  const kinds = readers.map((reader) => reader?.kind ?? 'name');
  const readings = readers.map((reader) => reader?.read(packet, facts) ?? null);
  if (readings.includes(ABSENT)) return { is: 'none' };
  const entries = named === null ? map.entries : named.elements.map(readEntry);
  const possible: (VerdictMapEntry | null)[] = [];
  let otherwise: VerdictMapEntry | null = null;
  for (const entry of entries) {
    if (entry.value === '*') {
      otherwise = entry;
      continue;
    }
    const found = elementMatches(kinds, entry.value, readings);
    const truth = found === 'unknown' ? impliedBy(facts.given, conditionOf(map, entry)) : found;
    if (truth === 'yes') return { is: 'entry', entry };
    if (truth === 'unknown') possible.push(entry);
  }
  if (possible.length > 0)
    return {
      is: 'unknown',
      because: `the packet does not tell its ${map.field}`,
      possible: [otherwise, ...possible],
    };
  return otherwise ? { is: 'entry', entry: otherwise } : { is: 'none' };
}

/** An entry as the condition it stands for. */
export function conditionOf(map: VerdictMap, entry: VerdictMapEntry): Condition {
  return {
    field: map.field,
    isNegated: false,
    values: [entry.value],
    text: `${map.field} ${entry.value}`,
    group: null,
  };
}

function readEntry(element: string): VerdictMapEntry {
  const cut = element.indexOf(' : ');
  const [first = '', second = null] = element.slice(cut + 3).split(/\s+/);
  const isJump = first === 'jump' || first === 'goto';
  return {
    value: element.slice(0, cut),
    verdict: isJump ? null : (VERDICTS[first] ?? null),
    jump: isJump ? second : null,
    isGoto: first === 'goto',
  };
}
