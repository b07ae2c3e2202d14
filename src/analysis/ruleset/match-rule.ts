// Whether one rule matches one packet, and if not, which of its conditions failed on what.

import type { Packet } from '../../model/packet.js';
import type { Condition, Rule } from '../../model/ruleset.js';
import { anyOf, compareValue, findSet, not, type Truth } from './compare.js';
import { impliedBy } from './given.js';
import { hasEntry, type PacketFacts, stateSeen } from './packet-facts.js';
import { ABSENT, FIELD_READERS, type FieldKind, isLaterFragment, type Reading } from './packet-fields.js';
import { inIpset, inNftSet } from './set-membership.js';

export interface RuleMatch {
  readonly result: 'match' | 'no-match' | 'unknown';
  /** The condition that failed, or that could not be evaluated; NULL for a match. */
  readonly failed: Condition | null;
  /** All that could not be evaluated. */
  readonly unsure: readonly Condition[];
  /** For people, no full stop: '--dport 22: it is 25'. */
  readonly because: string;
}

interface Tested {
  readonly truth: Truth;
  readonly because: string;
}

/**
 * Tests all conditions of a rule. One that surely fails decides, whatever cannot be evaluated beside it.
 * @param facts with hook and priority of the chain: they decide what interfaces and conntrack tests see.
 */
export function matchRule(rule: Rule, packet: Packet, facts: PacketFacts): RuleMatch {
  const unsure: Condition[] = [];
  let why = '';
  for (const condition of rule.conditions) {
    const tested = testCondition(condition, rule, packet, facts);
    if (tested.truth === 'no') return { result: 'no-match', failed: condition, unsure: [], because: tested.because };
    if (tested.truth === 'yes') continue;
    if (unsure.length === 0) why = tested.because;
    unsure.push(condition);
  }
  if (unsure[0] !== undefined) return { result: 'unknown', failed: unsure[0], unsure, because: why };
  return {
    result: 'match',
    failed: null,
    unsure,
    because: rule.conditions.length === 0 ? 'it has no conditions' : 'all its conditions hold',
  };
}

/** One condition, in the sense of the rule it stands in. */
export function testCondition(condition: Condition, rule: Rule, packet: Packet, facts: PacketFacts): Tested {
  if (condition.group !== null && condition.field.startsWith('ct'))
    return testConntrack(condition, rule, packet, facts);
  return testOther(condition, rule, packet, facts);
}

function testOther(condition: Condition, rule: Rule, packet: Packet, facts: PacketFacts): Tested {
  const special = SPECIAL[condition.field];
  if (special) return special(condition, packet, facts);
  return testPlain(condition, rule, packet, facts);
}

function testPlain(condition: Condition, rule: Rule, packet: Packet, facts: PacketFacts): Tested {
  const fields = condition.field.split(' . ');
  const readers = fields.map((field) => FIELD_READERS[field]);
  if (readers.some((reader) => reader === undefined)) return unknown(condition, 'cannot evaluate');
  const kinds = readers.map((reader) => reader?.kind ?? 'name');
  const readings = readers.map((reader) => reader?.read(packet, facts) ?? null);
  if (readings.includes(ABSENT)) return no(condition, absentText(condition, facts));
  const named = condition.values[0]?.startsWith('@') ? condition.values[0].slice(1) : null;
  let holds: Truth;
  if (named !== null) {
    const set = findSet(facts.sets, named, rule.table);
    if (!set) return unknown(condition, `the set ${named} is not in the evidence`);
    holds = inNftSet(set, kinds, readings);
  } else {
    holds = anyOf(condition.values.map((value) => compareAll(kinds, value, readings)));
  }
  if (holds === 'unknown' && facts.given.length > 0) {
    const values = named === null ? condition.values : (findSet(facts.sets, named, rule.table)?.elements ?? []);
    holds = impliedBy(facts.given, { ...condition, values, isNegated: false });
  }
  const truth = condition.isNegated ? not(holds) : holds;
  if (truth === 'yes') return { truth, because: '' };
  if (truth === 'unknown')
    return unknown(condition, readings.includes(null) ? 'not told by this packet' : 'cannot be compared');
  return no(
    condition,
    readings.includes(null) ? 'by what is given' : `it is ${readings.map(spokenReading).join(' . ')}`,
  );
}

function compareAll(kinds: readonly FieldKind[], value: string, readings: readonly Reading[]): Truth {
  const parts = kinds.length === 1 ? [value] : value.split(' . ');
  let result: Truth = 'yes';
  for (const [index, kind] of kinds.entries()) {
    const actual = readings[index];
    const one: Truth =
      actual === null || actual === undefined || actual === ABSENT
        ? 'unknown'
        : compareValue(kind, parts[index] ?? '', actual);
    if (one === 'no') return 'no';
    if (one === 'unknown') result = 'unknown';
  }
  return result;
}

function spokenReading(reading: Reading): string {
  if (reading === '') return 'none';
  return typeof reading === 'string' || typeof reading === 'number'
    ? String(reading)
    : Array.isArray(reading)
      ? reading.join(' or ').replaceAll('?', '')
      : 'not told';
}

function absentText(condition: Condition, facts: PacketFacts): string {
  return condition.field.startsWith('ct') && hasEntry(facts) === false
    ? 'the packet has no conntrack entry here'
    : 'the packet has no such field';
}

function no(condition: Condition, why: string): Tested {
  return { truth: 'no', because: `${condition.text}: ${why}` };
}

function unknown(condition: Condition, why: string): Tested {
  return { truth: 'unknown', because: `${condition.text}: ${why}` };
}

/**
 * xt_conntrack: without an entry, the state is the only thing that is looked at; a match without a state test then fails, one whose state
 * test holds succeeds whatever else it names (net/netfilter/xt_conntrack.c: conntrack_mt(), v6.1). SNAT and DNAT are states there.
 */
function testConntrack(condition: Condition, rule: Rule, packet: Packet, facts: PacketFacts): Tested {
  const has = hasEntry(facts);
  if (condition.field === 'ctstate') return testState(condition, facts);
  // net/netfilter/xt_helper.c: helper_mt(): without an entry only the negation holds.
  if (condition.field === 'cthelper' && has === false)
    return condition.isNegated
      ? { truth: 'yes', because: '' }
      : no(condition, 'the packet has no conntrack entry here');
  if (has === false) {
    const withState = rule.conditions.some((one) => one.field === 'ctstate' && one.group === condition.group);
    return withState ? { truth: 'yes', because: '' } : no(condition, 'the packet has no conntrack entry here');
  }
  if (has === null) return unknown(condition, 'whether the packet has a conntrack entry is not known');
  return testOther(condition, rule, packet, facts);
}

function testState(condition: Condition, facts: PacketFacts): Tested {
  const state = stateSeen(facts);
  if (state === null) return unknown(condition, "the packet's conntrack state is not known");
  const bits: Truth[] = condition.values.map((value) => {
    if (value === state) return 'yes';
    if (value !== 'SNAT' && value !== 'DNAT') return 'no';
    if (hasEntry(facts) !== true) return 'no';
    return facts.ctstatus === null ? 'unknown' : facts.ctstatus.includes(value) ? 'yes' : 'no';
  });
  const holds = anyOf(bits);
  const truth = condition.isNegated ? not(holds) : holds;
  if (truth === 'yes') return { truth, because: '' };
  return truth === 'unknown'
    ? unknown(condition, 'whether the flow is translated is not known')
    : no(condition, `state is ${state}`);
}

type Special = (condition: Condition, packet: Packet, facts: PacketFacts) => Tested;

/** Fields that are not one value of the packet compared with another. */
const SPECIAL: Readonly<Record<string, Special>> = {
  other: (condition) => unknown(condition, 'cannot evaluate'),
  limit: (condition) => unknown(condition, 'depends on how many packets came before'),
  'not-shown': (condition) => unknown(condition, 'the listing does not show them'),
  fragment(condition, packet) {
    const is = isLaterFragment(packet);
    if (is === null) return unknown(condition, 'not told by this packet');
    return is !== condition.isNegated
      ? { truth: 'yes', because: '' }
      : no(condition, is ? 'it is a later fragment' : 'it is no later fragment');
  },
  /** Either port, as multiport --ports. */
  port(condition, packet, facts) {
    const readings = ['sport', 'dport'].map((field) => FIELD_READERS[field]?.read(packet, facts) ?? null);
    if (readings.includes(ABSENT)) return no(condition, 'the packet has no ports');
    const holds = anyOf(
      readings.flatMap((reading) =>
        condition.values.map(
          (value): Truth => (reading === null ? 'unknown' : compareValue('number', value, Number(reading))),
        ),
      ),
    );
    const truth = condition.isNegated ? not(holds) : holds;
    if (truth === 'yes') return { truth, because: '' };
    return truth === 'unknown'
      ? unknown(condition, 'not told by this packet')
      : no(condition, `they are ${readings.map((reading) => String(reading)).join(' and ')}`);
  },
  set(condition, packet, facts) {
    const [name = '', directions = 'src'] = (condition.values[0] ?? '').split(' ');
    const set = findSet(facts.sets, name, null);
    if (!set) return unknown(condition, `the set ${name} is not in the evidence`);
    const holds = inIpset(set, directions.split(','), packet, facts);
    const truth = condition.isNegated ? not(holds) : holds;
    if (truth === 'yes') return { truth, because: '' };
    return truth === 'unknown'
      ? unknown(condition, 'the set cannot be compared')
      : no(condition, holds === 'yes' ? `it is in ${name}` : `it is not in ${name}`);
  },
  'ctstatus-exact'(condition, _packet, facts) {
    const has = hasEntry(facts);
    if (has === false) return no(condition, 'the packet has no conntrack entry here');
    if (has === null || facts.ctstatus === null) return unknown(condition, "the entry's status is not known");
    const own = [...facts.ctstatus].sort().join();
    const holds = condition.values.some((value) => value.split(',').sort().join() === own);
    return holds !== condition.isNegated
      ? { truth: 'yes', because: '' }
      : no(condition, `status is ${facts.ctstatus.join(',')}`);
  },
  /** Status NONE is an empty mask: it never matches (extensions/libxt_conntrack.c). */
  ctstatus(condition, _packet, facts) {
    const has = hasEntry(facts);
    if (has === false) return no(condition, 'the packet has no conntrack entry here');
    const wanted = condition.values.filter((value) => value !== 'NONE');
    if (wanted.length === 0)
      return condition.isNegated ? { truth: 'yes', because: '' } : no(condition, 'no status can match NONE');
    if (has === null || facts.ctstatus === null) return unknown(condition, "the entry's status is not known");
    const holds = wanted.some((value) => facts.ctstatus?.includes(value));
    return holds !== condition.isNegated
      ? { truth: 'yes', because: '' }
      : no(condition, `status is ${facts.ctstatus.join(',') || 'empty'}`);
  },
};
