// Whether a packet is in a named set: nft sets by their fields, ipsets by their type and the directions the rule names.

import type { Packet } from '../../model/packet.js';
import type { NamedSet } from '../../model/ruleset.js';
import { allOf, anyOf, compareAddress, compareValue, findSet, type Truth } from './compare.js';
import type { PacketFacts } from './packet-facts.js';
import { ABSENT, FIELD_READERS, type FieldKind, type Reading } from './packet-fields.js';

const KNOWN_NAMES: ReadonlySet<FieldKind> = new Set(['name', 'names']);

/** One element of an nft set against the packet's values of the fields, in the same order. */
export function elementMatches(kinds: readonly FieldKind[], element: string, readings: readonly Reading[]): Truth {
  const key = element.split(' : ')[0] ?? '';
  if (key === '*') return 'yes';
  const parts = key.split(' . ');
  if (parts.length !== kinds.length) return 'unknown';
  return allOf(
    parts.map((part, index): Truth => {
      const actual = readings[index];
      const kind = kinds[index] ?? 'name';
      if (actual === undefined || actual === null) return 'unknown';
      if (actual === ABSENT) return 'no';
      const value = KNOWN_NAMES.has(kind) ? spelled(part) : part.replace(/\s+/g, '');
      const own = KNOWN_NAMES.has(kind) && typeof actual === 'string' ? spelled(actual) : actual;
      return compareValue(kind, value, own);
    }),
  );
}

/** Names in sets are written as nft does, in conditions as the kernel does. */
function spelled(name: string): string {
  return /^[a-z_-]+$/i.test(name) ? name.toUpperCase().replaceAll('-', '_') : name.toLowerCase();
}

/** Membership in an nft set. */
export function inNftSet(set: NamedSet, kinds: readonly FieldKind[], readings: readonly Reading[]): Truth {
  return anyOf(set.elements.map((element) => elementMatches(kinds, element, readings)));
}

const OLD_TYPES: Readonly<Record<string, string>> = {
  iphash: 'hash:ip',
  nethash: 'hash:net',
  ipmap: 'bitmap:ip',
  portmap: 'bitmap:port',
  ipporthash: 'hash:ip,port',
  ipportiphash: 'hash:ip,port,ip',
  setlist: 'list:set',
};
const MOST_NESTED = 8;

/**
 * Membership in an ipset by `--match-set NAME src,dst`. Among networks the longest prefix decides, and 'nomatch' turns it round
 * (net/netfilter/ipset/ip_set_hash_gen.h: mtype_test_cidrs(), v6.1).
 */
export function inIpset(
  set: NamedSet,
  directions: readonly string[],
  packet: Packet,
  facts: PacketFacts,
  depth = 0,
): Truth {
  const type = OLD_TYPES[set.type] ?? set.type;
  const dimensions = type.slice(type.indexOf(':') + 1).split(',');
  if (type === 'list:set') {
    if (depth > MOST_NESTED) return 'unknown';
    return anyOf(
      set.elements.map((name) => {
        const member = findSet(facts.sets, name, null);
        return member ? inIpset(member, directions, packet, facts, depth + 1) : 'unknown';
      }),
    );
  }
  if (directions.length < dimensions.length) return 'no';
  let best: { prefix: number; truth: Truth } = { prefix: -1, truth: 'no' };
  let isUnsure = false;
  for (const element of set.elements) {
    const isNomatch = element.endsWith(' nomatch');
    const parts = (isNomatch ? element.slice(0, -8) : element).split(',');
    const found = allOf(
      dimensions.map((dimension, index) =>
        dimensionMatches(dimension, parts[index] ?? '', directions[index] ?? 'src', packet, facts),
      ),
    );
    if (found === 'unknown') isUnsure = true;
    if (found !== 'yes') continue;
    const prefix = prefixOf(parts[0] ?? '');
    if (prefix > best.prefix || (prefix === best.prefix && isNomatch))
      best = { prefix, truth: isNomatch ? 'no' : 'yes' };
  }
  return isUnsure && best.truth === 'no' ? 'unknown' : best.truth;
}

function prefixOf(part: string): number {
  const slash = part.indexOf('/');
  return slash < 0 ? 128 : Number(part.slice(slash + 1));
}

function dimensionMatches(
  dimension: string,
  part: string,
  direction: string,
  packet: Packet,
  facts: PacketFacts,
): Truth {
  const isSrc = direction === 'src';
  switch (dimension) {
    case 'ip':
    case 'net': {
      const address = isSrc ? packet.src : packet.dst;
      return address === null ? 'unknown' : compareAddress(part, address);
    }
    case 'port': {
      const [proto, ports] = part.includes(':')
        ? [part.slice(0, part.indexOf(':')), part.slice(part.indexOf(':') + 1)]
        : ['', part];
      const byProto: Truth = proto === '' ? 'yes' : readField('proto', proto, packet, facts);
      return allOf([byProto, readField(isSrc ? 'sport' : 'dport', ports, packet, facts)]);
    }
    case 'mac':
      return readField(isSrc ? 'mac' : 'macdst', part.toLowerCase(), packet, facts);
    case 'iface':
      return readField(isSrc ? 'in' : 'out', part, packet, facts);
    case 'mark':
      return readField('mark', part, packet, facts);
    default:
      return 'unknown';
  }
}

function readField(field: string, value: string, packet: Packet, facts: PacketFacts): Truth {
  const reader = FIELD_READERS[field];
  const actual = reader?.read(packet, facts);
  if (!reader || actual === undefined || actual === null) return 'unknown';
  return actual === ABSENT ? 'no' : compareValue(reader.kind, value, actual);
}
