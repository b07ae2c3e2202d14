// Values of conditions in one notation, whichever tool printed them: what iptables calls 1:1023 and nft 1-1023 comes out the same.

import { canonicalAddress } from '../../text/address.js';
import { addressBytes, addressText, compareBytes, maskBytes, prefixLength } from '../../text/address-bytes.js';
import { protocolName, protocolNumber } from '../../text/protocols.js';
import { portNumber } from '../../text/service-ports.js';
import { icmpCodeNumber, icmpTypeValue } from './icmp-names.js';

/** How one value of a field is written. */
export type ValueKind =
  | 'address'
  | 'port'
  | 'interface'
  | 'proto'
  | 'ctstate'
  | 'ctstatus'
  | 'ctdir'
  | 'mark'
  | 'icmp-type'
  | 'icmpv6-type'
  | 'icmp-code'
  | 'icmpv6-code'
  | 'number'
  | 'owner'
  | 'seconds'
  | 'dscp'
  | 'tos'
  | 'ecn'
  | 'mac'
  | 'pkttype'
  | 'addrtype'
  | 'nfproto'
  | 'ethertype'
  | 'text';

const CT_STATES = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT'];
/** nft -nn prints NF_CT_STATE_BIT numbers (include/uapi/linux/netfilter/nf_conntrack_common.h). */
const CT_STATE_BITS: ReadonlyMap<number, string> = new Map([
  [0x1, 'INVALID'],
  [0x2, 'ESTABLISHED'],
  [0x4, 'RELATED'],
  [0x8, 'NEW'],
  [0x40, 'UNTRACKED'],
]);
const CT_STATUS_BITS: ReadonlyMap<number, string> = new Map([
  [0x1, 'EXPECTED'],
  [0x2, 'SEEN_REPLY'],
  [0x4, 'ASSURED'],
  [0x8, 'CONFIRMED'],
  [0x10, 'SNAT'],
  [0x20, 'DNAT'],
  [0x200, 'DYING'],
]);
const PKTTYPES = ['UNICAST', 'BROADCAST', 'MULTICAST', 'OTHER'];
/** Route types by number (include/uapi/linux/rtnetlink.h). */
const ADDRTYPES = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
];
const ECN = ['not-ect', 'ect1', 'ect0', 'ce'];
const TOS_NAMES: ReadonlyMap<string, number> = new Map([
  ['minimize-delay', 0x10],
  ['maximize-throughput', 0x08],
  ['maximize-reliability', 0x04],
  ['minimize-cost', 0x02],
  ['normal-service', 0x00],
]);
const DSCP_NAMES: ReadonlyMap<string, number> = new Map([
  ['be', 0],
  ['df', 0],
  ['lephb', 1],
  ['ef', 0x2e],
  ['va', 0x2c],
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => [`cs${n}`, n * 8] as const),
  ...[1, 2, 3, 4].flatMap((c) => [1, 2, 3].map((d) => [`af${c}${d}`, c * 8 + d * 2] as const)),
]);
const ETHERTYPES: ReadonlyMap<string, string> = new Map([
  ['ip', 'ipv4'],
  ['ipv4', 'ipv4'],
  ['0x0800', 'ipv4'],
  ['0x800', 'ipv4'],
  ['2', 'ipv4'],
  ['ip6', 'ipv6'],
  ['ipv6', 'ipv6'],
  ['0x86dd', 'ipv6'],
  ['10', 'ipv6'],
  ['arp', 'arp'],
  ['0x0806', 'arp'],
]);

/** One value in canonical notation; what cannot be understood (a host name, a variable) stays as it is. */
export function canonicalValue(kind: ValueKind, text: string): string {
  const bare = text.replace(/^"(.*)"$/s, '$1');
  switch (kind) {
    case 'address':
      return canonicalNetwork(bare);
    case 'port':
      return rangeOf(bare, /[:-]/, (part) => numberText(portNumber(part), part), '65535');
    case 'interface':
      return bare.endsWith('+') ? `${bare.slice(0, -1)}*` : bare;
    case 'proto':
      return bare === 'all' || bare === '0'
        ? 'all'
        : protocolName(protocolNumber(bare) ?? -1).replace(/^unknown$/, bare.toLowerCase());
    case 'ctstate':
      return CT_STATE_BITS.get(hexOrNaN(bare)) ?? bare.toUpperCase();
    case 'ctstatus':
      return CT_STATUS_BITS.get(hexOrNaN(bare)) ?? bare.toUpperCase().replace('-', '_');
    case 'ctdir':
      return bare === '0' ? 'ORIGINAL' : bare === '1' ? 'REPLY' : bare.toUpperCase();
    case 'mark':
      return canonicalMark(bare);
    case 'icmp-type':
      return icmpTypeValue(bare, false);
    case 'icmpv6-type':
      return icmpTypeValue(bare, true);
    case 'icmp-code':
      return icmpCodeNumber(bare, false);
    case 'icmpv6-code':
      return icmpCodeNumber(bare, true);
    case 'number':
      return rangeOf(bare, /[:-]/, (part) => (isNumber(part) ? String(Number(part)) : part), '');
    case 'owner':
      return bare === 'root' ? '0' : canonicalValue('number', bare);
    case 'seconds':
      return rangeOf(bare, /[:-]/, secondsOf, '');
    case 'dscp':
      return numberText(DSCP_NAMES.get(bare.toLowerCase()) ?? (isNumber(bare) ? Number(bare) : null), bare);
    case 'tos':
      return canonicalTos(bare);
    case 'ecn':
      return isNumber(bare) ? (ECN[Number(bare)] ?? bare) : bare.toLowerCase();
    case 'mac':
      return bare.toLowerCase();
    case 'pkttype':
      return isNumber(bare) ? (PKTTYPES[Number(bare)] ?? bare) : bare.toUpperCase().replace(/^HOST$/, 'UNICAST');
    case 'addrtype':
      return isNumber(bare) ? (ADDRTYPES[Number(bare)] ?? bare) : bare.toUpperCase();
    case 'nfproto':
    case 'ethertype':
      return ETHERTYPES.get(bare.toLowerCase()) ?? bare.toLowerCase();
    case 'text':
      return bare;
  }
}

/** States in one order, so that 'RELATED,ESTABLISHED' and 'established,related' are equal. */
export function sortedStates(states: readonly string[]): string[] {
  return [...states].sort((a, b) => CT_STATES.indexOf(a) - CT_STATES.indexOf(b) || (a < b ? -1 : a > b ? 1 : 0));
}

/** Whether the text is a number in decimal or hexadecimal. */
export function isNumber(text: string): boolean {
  return /^(\d+|0x[0-9a-f]+)$/i.test(text);
}

function hexOrNaN(text: string): number {
  return /^0x[0-9a-f]+$/i.test(text) ? Number(text) : Number.NaN;
}

function numberText(value: number | null, otherwise: string): string {
  return value === null ? otherwise : String(value);
}

function rangeOf(text: string, separator: RegExp, one: (part: string) => string, highest: string): string {
  const whole = one(text);
  if (/^\d+$/.test(whole)) return whole;
  const open = /^(.*?):$|^:(.*)$/.exec(text);
  if (open) return open[1] === undefined ? `0:${one(open[2] ?? '')}` : `${one(open[1])}:${highest}`;
  const cut = text.search(separator);
  if (cut < 0) return whole;
  // A service's own name may hold the dash that separates a range: every cut is tried until both ends are numbers.
  for (let at = cut; at >= 0 && at < text.length; at = nextCut(text, separator, at)) {
    const from = one(text.slice(0, at));
    const to = one(text.slice(at + 1));
    if (/^\d+$/.test(from) && /^\d+$/.test(to)) return from === to ? from : `${from}:${to}`;
  }
  return whole;
}

function nextCut(text: string, separator: RegExp, after: number): number {
  const found = text.slice(after + 1).search(separator);
  return found < 0 ? -1 : after + 1 + found;
}

/** '192.0.2.77/255.255.255.0' is 192.0.2.0/24, a full prefix is left out, masks with holes stay masks, ranges are 'from-to'. */
export function canonicalNetwork(text: string): string {
  if (text === 'anywhere' || text === 'default') return 'any';
  const dash = text.indexOf('-');
  if (dash > 0) {
    const from = addressBytes(text.slice(0, dash));
    const to = addressBytes(text.slice(dash + 1));
    if (!from || !to) return text;
    return compareBytes(from, to) === 0 ? addressText(from) : `${addressText(from)}-${addressText(to)}`;
  }
  const slash = text.indexOf('/');
  const base = addressBytes(slash < 0 ? text : text.slice(0, slash));
  if (!base) return text;
  if (slash < 0) return addressText(base);
  const suffix = text.slice(slash + 1);
  const mask =
    /^\d+$/.test(suffix) && Number(suffix) <= base.length * 8
      ? maskBytes(Number(suffix), base.length)
      : addressBytes(suffix);
  if (!mask || mask.length !== base.length) return text;
  const network = addressText(base.map((byte, at) => byte & (mask[at] ?? 0)));
  const bits = prefixLength(mask);
  if (bits === 0) return 'any';
  if (bits === base.length * 8) return network;
  return bits === null ? `${network}/${addressText(mask)}` : `${canonicalAddress(network)}/${bits}`;
}

function canonicalMark(text: string): string {
  const range = /^([^-]+)-([^-]+)$/.exec(text);
  if (range && isNumber(range[1] ?? '') && isNumber(range[2] ?? '')) return `${Number(range[1])}:${Number(range[2])}`;
  const slash = text.indexOf('/');
  const value = slash < 0 ? text : text.slice(0, slash);
  const mask = slash < 0 ? '0xffffffff' : text.slice(slash + 1);
  if (!isNumber(value) || !isNumber(mask)) return text;
  const hex = `0x${Number(value).toString(16)}`;
  return Number(mask) === 0xffffffff ? hex : `${hex}/0x${Number(mask).toString(16)}`;
}

function canonicalTos(text: string): string {
  const slash = text.indexOf('/');
  const value = slash < 0 ? text : text.slice(0, slash);
  const mask = slash < 0 ? '' : text.slice(slash + 1);
  const number = TOS_NAMES.get(value.toLowerCase()) ?? (isNumber(value) ? Number(value) : null);
  if (number === null) return text;
  // A name stands for the five bits of RFC 1349 (extensions/tos_values.c: symbolic values have mask 0x3f), a bare number for the whole byte.
  const bits = mask !== '' && isNumber(mask) ? Number(mask) : TOS_NAMES.has(value.toLowerCase()) ? 0x3f : 0xff;
  return `0x${number.toString(16)}/0x${bits.toString(16)}`;
}

const SECONDS_OF_UNIT: Readonly<Record<string, number>> = { d: 86400, h: 3600, m: 60, s: 1 };

function secondsOf(text: string): string {
  if (/^\d+$/.test(text)) return text;
  if (!/^(\d+(ms|d|h|m|s))+$/.test(text)) return text;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|d|h|m|s)/g)) {
    total += unit === 'ms' ? 0 : Number(count) * (SECONDS_OF_UNIT[unit ?? 's'] ?? 1);
  }
  return String(total);
}
