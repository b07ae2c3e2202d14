// A packet as a person describes it in iptables' words: single values become the packet's fields, the rest is what is known of it.

import { emptyPacket, type Packet, type PacketDraft } from '../../model/packet.js';
import type { Condition } from '../../model/ruleset.js';
import { addressBytes } from '../../text/address-bytes.js';
import { protocolNumber } from '../../text/protocols.js';
import { type CtState, NO_FACTS, type PacketFacts } from '../ruleset/packet-facts.js';

export interface DescribedPacket {
  readonly packet: Packet;
  /** Without a conntrack state: there are several of those. */
  readonly facts: PacketFacts;
  /** The states it may have, in the order in which they are tried. */
  readonly states: readonly CtState[];
  /** Nobody said which: IPv4, as the command iptables means. */
  readonly isFamilyAssumed: boolean;
}

/** UNTRACKED is what a rule makes (NOTRACK), so no packet arrives so. */
const STATES: readonly CtState[] = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID'];

type Setter = (packet: PacketDraft, value: string) => boolean;

function numberField(field: 'sport' | 'dport' | 'ttl' | 'lenBytes' | 'mark' | 'uid' | 'gid'): Setter {
  return (packet, value) => {
    if (!/^(\d+|0x[0-9a-f]+)$/i.test(value)) return false;
    packet[field] = Number(value);
    return true;
  };
}

function addressField(field: 'src' | 'dst'): Setter {
  return (packet, value) => {
    if (addressBytes(value) === null) return false;
    packet[field] = value;
    return true;
  };
}

function interfaceField(field: 'inIf' | 'outIf'): Setter {
  return (packet, value) => {
    if (value.endsWith('*')) return false;
    packet[field] = value;
    return true;
  };
}

const icmpField: Setter = (packet, value) => {
  const found = /^(\d+)(?:\/(\d+))?$/.exec(value);
  if (found === null) return false;
  packet.icmpType = Number(found[1]);
  packet.icmpCode = found[2] === undefined ? null : Number(found[2]);
  return true;
};

/** Fields of a condition that one value of it fills. */
const SETTERS: Readonly<Record<string, Setter>> = {
  proto: (packet, value) => {
    packet.proto = protocolNumber(value);
    return packet.proto !== null;
  },
  src: addressField('src'),
  dst: addressField('dst'),
  sport: numberField('sport'),
  dport: numberField('dport'),
  in: interfaceField('inIf'),
  out: interfaceField('outIf'),
  mark: (packet, value) => numberField('mark')(packet, value.replace(/\/0xffffffff$/, '')),
  ttl: numberField('ttl'),
  hl: numberField('ttl'),
  length: numberField('lenBytes'),
  uid: numberField('uid'),
  gid: numberField('gid'),
  'icmp-type': icmpField,
  'icmpv6-type': icmpField,
  mac: (packet, value) => {
    packet.macSrc = value;
    return true;
  },
};

/** Fields that a description may name; others are no property of a packet. */
export const DESCRIBABLE: ReadonlySet<string> = new Set([
  ...Object.keys(SETTERS),
  'tcp-flags',
  'ctstate',
  'ctdir',
  'ctstatus',
  'ctmark',
  'ctzone',
  'cthelper',
  'dscp',
  'pkttype',
  'fragment',
]);

function isV6(condition: Condition): boolean | null {
  if (condition.field === 'src' || condition.field === 'dst')
    return condition.values.some((value) => value.includes(':'));
  if (condition.field === 'icmp-type') return false;
  if (condition.field === 'icmpv6-type' || condition.field === 'hl') return true;
  if (condition.field === 'proto' && !condition.isNegated && condition.values.length === 1)
    return condition.values[0] === 'icmpv6' ? true : condition.values[0] === 'icmp' ? false : null;
  return null;
}

/** States that every test of the state leaves. */
function statesOf(conditions: readonly Condition[]): readonly CtState[] {
  const tests = conditions.filter(({ field }) => field === 'ctstate');
  const all: readonly CtState[] = [...STATES, 'UNTRACKED'];
  const named = new Set(tests.flatMap(({ isNegated, values }) => (isNegated ? [] : values)));
  const from = named.has('UNTRACKED') ? all : STATES;
  return from.filter((state) => tests.every(({ isNegated, values }) => values.includes(state) !== isNegated));
}

/** What stands against a description as a whole, for people; NULL: nothing. */
export function contradiction(conditions: readonly Condition[], family: 4 | 6 | null): string | null {
  const families = new Set(conditions.map(isV6).filter((one) => one !== null));
  if (family !== null) families.add(family === 6);
  if (families.size > 1) return 'it names IPv4 and IPv6 in one packet';
  return statesOf(conditions).length === 0 ? 'no conntrack state is left by --ctstate' : null;
}

/**
 * @param conditions as a rule would test them; all are taken to hold
 * @param family as -4 or -6 say; NULL: by the addresses, else IPv4
 * @param localAddresses NULL where no one tells
 */
export function describePacket(
  conditions: readonly Condition[],
  family: 4 | 6 | null,
  localAddresses: readonly string[] | null,
): DescribedPacket {
  const packet = emptyPacket();
  const given: Condition[] = [];
  for (const condition of conditions) {
    if (condition.field === 'ctstate') continue;
    if (condition.field === 'fragment') {
      packet.fragmentOffsetBytes = condition.isNegated ? 0 : 8;
      continue;
    }
    const [value] = condition.values;
    const set = SETTERS[condition.field];
    const isOne = !condition.isNegated && condition.values.length === 1 && value !== undefined;
    if (!isOne || set?.(packet, value) !== true) given.push(condition);
  }
  const told = conditions.map(isV6).find((one) => one !== null) ?? null;
  const isSix = family === null ? told === true : family === 6;
  packet.family = isSix ? 'ip6' : 'ip';
  // Without -f it is whole: a rule of iptables that tests ports means the same.
  packet.fragmentOffsetBytes ??= 0;
  const ctdir = conditions.find(({ field, isNegated }) => field === 'ctdir' && !isNegated)?.values[0];
  const ctstatus = conditions.filter(({ field, isNegated }) => field === 'ctstatus' && !isNegated);
  const ctmark = single(conditions, 'ctmark');
  return {
    packet,
    facts: {
      ...NO_FACTS,
      ctdir: ctdir === 'ORIGINAL' || ctdir === 'REPLY' ? ctdir : null,
      ctstatus: ctstatus.length === 0 ? null : ctstatus.flatMap(({ values }) => values),
      ctmark: ctmark === null ? null : Number(ctmark.replace(/\/0xffffffff$/, '')),
      ctzone: single(conditions, 'ctzone') === null ? null : Number(single(conditions, 'ctzone')),
      cthelper: single(conditions, 'cthelper'),
      localAddresses,
      given,
    },
    states: statesOf(conditions),
    isFamilyAssumed: family === null && told === null,
  };
}

function single(conditions: readonly Condition[], field: string): string | null {
  const found = conditions.find((one) => one.field === field && !one.isNegated && one.values.length === 1);
  return found?.values[0] ?? null;
}
