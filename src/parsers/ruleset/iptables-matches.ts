// What the options of each iptables match mean: which field they test and how their value is written (extensions/libxt_*.c, 1.8.9).
// Matches that are not listed are kept word for word as a condition that cannot be evaluated.

import type { ValueKind } from './values.js';

/** How the words behind an option become values of one condition. */
export type OptionForm =
  /** One value, or a range as the kind has it. */
  | 'one'
  /** Values separated by commas, any of them. */
  | 'list'
  /** MASK COMP of --tcp-flags. */
  | 'tcp-flags'
  /** The flags that --syn stands for. */
  | 'syn'
  /** Set name and directions. */
  | 'set'
  /** No value. */
  | 'flag'
  /** Adds its value to the condition of the same field made by this match before. */
  | 'more'
  /** Text that tells no condition (comment). */
  | 'comment';

export interface OptionMeaning {
  readonly field: string;
  readonly kind: ValueKind;
  readonly form: OptionForm;
  /** Words that follow the option. */
  readonly words: 0 | 1 | 2;
  /** The value is the upper ('lt') or lower ('gt') bound without itself. */
  readonly bound?: 'lt' | 'gt';
}

function one(field: string, kind: ValueKind): OptionMeaning {
  return { field, kind, form: 'one', words: 1 };
}
function list(field: string, kind: ValueKind): OptionMeaning {
  return { field, kind, form: 'list', words: 1 };
}
function flag(field: string): OptionMeaning {
  return { field, kind: 'text', form: 'flag', words: 0 };
}
const opaque: OptionMeaning = { field: 'other', kind: 'text', form: 'one', words: 1 };
const opaqueFlag: OptionMeaning = { field: 'other', kind: 'text', form: 'flag', words: 0 };

const PORTS: Readonly<Record<string, OptionMeaning>> = {
  '--sport': one('sport', 'port'),
  '--source-port': one('sport', 'port'),
  '--dport': one('dport', 'port'),
  '--destination-port': one('dport', 'port'),
};

/** Options of a match, by the name behind -m. */
export const MATCHES: ReadonlyMap<string, Readonly<Record<string, OptionMeaning>>> = new Map(
  Object.entries({
    tcp: {
      ...PORTS,
      '--tcp-flags': { field: 'tcp-flags', kind: 'text', form: 'tcp-flags', words: 2 },
      '--syn': { field: 'tcp-flags', kind: 'text', form: 'syn', words: 0 },
      '--tcp-option': one('tcp-option', 'number'),
    },
    udp: PORTS,
    udplite: PORTS,
    sctp: { ...PORTS, '--chunk-types': { ...opaque, words: 2 } },
    dccp: { ...PORTS, '--dccp-types': opaque, '--dccp-option': opaque },
    icmp: { '--icmp-type': one('icmp-type', 'icmp-type') },
    icmp6: { '--icmpv6-type': one('icmpv6-type', 'icmpv6-type') },
    icmpv6: { '--icmpv6-type': one('icmpv6-type', 'icmpv6-type') },
    'ipv6-icmp': { '--icmpv6-type': one('icmpv6-type', 'icmpv6-type') },
    esp: { '--espspi': one('spi', 'number') },
    ah: { '--ahspi': one('ah-spi', 'number'), '--ahlen': opaque, '--ahres': opaqueFlag },
    multiport: {
      '--sports': list('sport', 'port'),
      '--source-ports': list('sport', 'port'),
      '--dports': list('dport', 'port'),
      '--destination-ports': list('dport', 'port'),
      '--ports': list('port', 'port'),
      '--port': list('port', 'port'),
    },
    iprange: { '--src-range': one('src', 'address'), '--dst-range': one('dst', 'address') },
    state: { '--state': list('ctstate', 'ctstate') },
    conntrack: {
      '--ctstate': list('ctstate', 'ctstate'),
      '--ctproto': one('ctproto', 'proto'),
      '--ctorigsrc': one('ctorigsrc', 'address'),
      '--ctorigdst': one('ctorigdst', 'address'),
      '--ctreplsrc': one('ctreplsrc', 'address'),
      '--ctrepldst': one('ctrepldst', 'address'),
      '--ctorigsrcport': one('ctorigsrcport', 'port'),
      '--ctorigdstport': one('ctorigdstport', 'port'),
      '--ctreplsrcport': one('ctreplsrcport', 'port'),
      '--ctrepldstport': one('ctrepldstport', 'port'),
      '--ctstatus': list('ctstatus', 'ctstatus'),
      '--ctexpire': one('ctexpire', 'seconds'),
      '--ctdir': one('ctdir', 'ctdir'),
    },
    mark: { '--mark': one('mark', 'mark') },
    connmark: { '--mark': one('ctmark', 'mark') },
    helper: { '--helper': one('cthelper', 'text') },
    limit: {
      '--limit': one('limit', 'text'),
      '--limit-burst': { field: 'limit', kind: 'text', form: 'more', words: 1 },
    },
    physdev: {
      '--physdev-in': one('physin', 'interface'),
      '--physdev-out': one('physout', 'interface'),
      '--physdev-is-in': flag('physdev-is-in'),
      '--physdev-is-out': flag('physdev-is-out'),
      '--physdev-is-bridged': flag('physdev-is-bridged'),
    },
    set: {
      '--match-set': { field: 'set', kind: 'text', form: 'set', words: 2 },
      '--set': { field: 'set', kind: 'text', form: 'set', words: 2 },
      '--return-nomatch': opaqueFlag,
      '--update-counters': opaqueFlag,
      '--update-subcounters': opaqueFlag,
      '--packets-eq': opaque,
      '--packets-lt': opaque,
      '--packets-gt': opaque,
      '--bytes-eq': opaque,
      '--bytes-lt': opaque,
      '--bytes-gt': opaque,
    },
    addrtype: {
      '--src-type': list('addrtype-src', 'addrtype'),
      '--dst-type': list('addrtype-dst', 'addrtype'),
      '--limit-iface-in': opaqueFlag,
      '--limit-iface-out': opaqueFlag,
    },
    length: { '--length': one('length', 'number') },
    ttl: {
      '--ttl-eq': one('ttl', 'number'),
      '--ttl': one('ttl', 'number'),
      '--ttl-lt': { ...one('ttl', 'number'), bound: 'lt' },
      '--ttl-gt': { ...one('ttl', 'number'), bound: 'gt' },
    },
    hl: {
      '--hl-eq': one('hl', 'number'),
      '--hl-lt': { ...one('hl', 'number'), bound: 'lt' },
      '--hl-gt': { ...one('hl', 'number'), bound: 'gt' },
    },
    tos: { '--tos': one('tos', 'tos') },
    dscp: { '--dscp': one('dscp', 'dscp'), '--dscp-class': one('dscp', 'dscp') },
    ecn: {
      '--ecn-ip-ect': one('ecn-ip-ect', 'number'),
      '--ecn-tcp-cwr': flag('ecn-tcp-cwr'),
      '--ecn-tcp-ece': flag('ecn-tcp-ece'),
    },
    mac: { '--mac-source': one('mac', 'mac') },
    owner: {
      '--uid-owner': one('uid', 'owner'),
      '--gid-owner': one('gid', 'owner'),
      '--socket-exists': flag('socket-exists'),
      '--suppl-groups': opaqueFlag,
      '--pid-owner': opaque,
      '--sid-owner': opaque,
      '--cmd-owner': opaque,
    },
    comment: { '--comment': { field: 'comment', kind: 'text', form: 'comment', words: 1 } },
    tcpmss: { '--mss': one('tcpmss', 'number') },
    pkttype: { '--pkt-type': one('pkttype', 'pkttype') },
  } satisfies Record<string, Record<string, OptionMeaning>>),
);

/** Matches that -p loads by itself (iptables/xshared.c: load_proto()). */
export const MATCH_OF_PROTOCOL: Readonly<Record<string, string>> = {
  tcp: 'tcp',
  udp: 'udp',
  udplite: 'udplite',
  sctp: 'sctp',
  dccp: 'dccp',
  icmp: 'icmp',
  icmpv6: 'icmp6',
  esp: 'esp',
  ah: 'ah',
};

const FLAG_ORDER = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];
const ALL_FLAGS = FLAG_ORDER.slice(0, 6);

/** Flag words in the kernel's order: 'ALL' and 'NONE' are spelled out, '0x17' (iptables -L -n) becomes words. '' for none. */
export function flagWords(text: string): string {
  const upper = text.toUpperCase();
  if (upper === 'NONE' || upper === '') return '';
  if (upper === 'ALL') return ALL_FLAGS.join(',');
  if (/^0X[0-9A-F]+$/.test(upper)) return FLAG_ORDER.filter((_, bit) => (Number(upper) >> bit) & 1).join(',');
  const named = upper.split(/[,|]/).map((word) => word.trim());
  const spelled = named.flatMap((word) => (/^0X/.test(word) ? flagWords(word).split(',') : [word]));
  return [
    ...FLAG_ORDER.filter((flagName) => spelled.includes(flagName)),
    ...spelled.filter((word) => !FLAG_ORDER.includes(word) && word !== ''),
  ].join(',');
}

/** 'mask/comp' as Condition has it; no flags at all are 'NONE'. */
export function flagCondition(mask: string, comp: string): string {
  return `${flagWords(mask)}/${flagWords(comp) || 'NONE'}`;
}
