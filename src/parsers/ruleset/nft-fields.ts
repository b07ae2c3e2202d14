// What the left side of an nft match means: which field of Condition it tests, and which protocol it presupposes (nft adds those tests itself).

import type { ValueKind } from './values.js';

export interface NftField {
  readonly field: string;
  readonly kind: ValueKind;
  /** 'ipv4' or 'ipv6': only such packets can match. */
  readonly network?: 'ipv4' | 'ipv6';
  /** Transport protocol that is tested along. */
  readonly transport?: string;
}

function field(name: string, kind: ValueKind, more: Partial<NftField> = {}): NftField {
  return { field: name, kind, ...more };
}

const V4 = { network: 'ipv4' } as const;
const V6 = { network: 'ipv6' } as const;
const OPAQUE = field('other', 'text');

const PORT_FIELDS = Object.fromEntries(
  ['tcp', 'udp', 'udplite', 'sctp', 'dccp'].flatMap((transport) => [
    [`${transport} sport`, field('sport', 'port', { transport })],
    [`${transport} dport`, field('dport', 'port', { transport })],
  ]),
);

/** Expressions by the words they consist of, e.g. 'ip saddr'. */
const FIELDS: Readonly<Record<string, NftField>> = {
  ...PORT_FIELDS,
  'ip saddr': field('src', 'address', V4),
  'ip daddr': field('dst', 'address', V4),
  'ip protocol': field('proto', 'proto', V4),
  'ip ttl': field('ttl', 'number', V4),
  'ip dscp': field('dscp', 'dscp', V4),
  'ip ecn': field('ecn', 'ecn', V4),
  'ip length': field('length', 'number', V4),
  'ip id': field('ip-id', 'number', V4),
  'ip frag-off': field('frag-off', 'number', V4),
  'ip6 saddr': field('src', 'address', V6),
  'ip6 daddr': field('dst', 'address', V6),
  'ip6 nexthdr': field('proto', 'proto', V6),
  'ip6 hoplimit': field('hl', 'number', V6),
  'ip6 dscp': field('dscp', 'dscp', V6),
  'ip6 ecn': field('ecn', 'ecn', V6),
  'ip6 flowlabel': field('flowlabel', 'number', V6),
  'tcp flags': field('tcp-flags', 'text', { transport: 'tcp' }),
  'tcp window': field('window', 'number', { transport: 'tcp' }),
  'tcp sequence': field('seq', 'number', { transport: 'tcp' }),
  'tcp ackseq': field('ack', 'number', { transport: 'tcp' }),
  'tcp option maxseg size': field('tcpmss', 'number', { transport: 'tcp' }),
  'udp length': field('udp-length', 'number', { transport: 'udp' }),
  'th sport': field('sport', 'port'),
  'th dport': field('dport', 'port'),
  'icmp type': field('icmp-type', 'icmp-type', { ...V4, transport: 'icmp' }),
  'icmp code': field('icmp-code', 'icmp-code', { ...V4, transport: 'icmp' }),
  'icmp id': field('icmp-id', 'number', { ...V4, transport: 'icmp' }),
  'icmp sequence': field('icmp-seq', 'number', { ...V4, transport: 'icmp' }),
  'icmpv6 type': field('icmpv6-type', 'icmpv6-type', { ...V6, transport: 'icmpv6' }),
  'icmpv6 code': field('icmpv6-code', 'icmpv6-code', { ...V6, transport: 'icmpv6' }),
  'icmpv6 id': field('icmp-id', 'number', { ...V6, transport: 'icmpv6' }),
  'icmpv6 sequence': field('icmp-seq', 'number', { ...V6, transport: 'icmpv6' }),
  'esp spi': field('spi', 'number', { transport: 'esp' }),
  'ah spi': field('ah-spi', 'number', { transport: 'ah' }),
  'ether saddr': field('mac', 'mac'),
  'ether daddr': field('macdst', 'mac'),
  'ether type': field('nfproto', 'ethertype'),
  'vlan id': field('vlan', 'number'),
  'ct state': field('ctstate', 'ctstate'),
  'ct status': field('ctstatus', 'ctstatus'),
  'ct direction': field('ctdir', 'ctdir'),
  'ct mark': field('ctmark', 'mark'),
  'ct zone': field('ctzone', 'number'),
  'ct helper': field('cthelper', 'text'),
  'ct expiration': field('ctexpire', 'seconds'),
  'ct protocol': field('ctproto', 'proto'),
  'ct l3proto': field('nfproto', 'nfproto'),
  iif: field('in', 'interface'),
  iifname: field('in', 'interface'),
  oif: field('out', 'interface'),
  oifname: field('out', 'interface'),
  ibrname: field('bridge-in', 'interface'),
  obrname: field('bridge-out', 'interface'),
  l4proto: field('proto', 'proto'),
  nfproto: field('nfproto', 'nfproto'),
  protocol: field('nfproto', 'ethertype'),
  mark: field('mark', 'mark'),
  pkttype: field('pkttype', 'pkttype'),
  length: field('length', 'number'),
  skuid: field('uid', 'owner'),
  skgid: field('gid', 'owner'),
};

/** Tuple of the entry, by direction: 'ct original saddr' is ctorigsrc, 'ct reply proto-dst' ctrepldstport. */
const CT_TUPLE: Readonly<Record<string, readonly [string, ValueKind]>> = {
  saddr: ['src', 'address'],
  daddr: ['dst', 'address'],
  'proto-src': ['srcport', 'port'],
  'proto-dst': ['dstport', 'port'],
};

/** Words that begin an expression of several words, and what may follow, so that its end is found even when its meaning is not known. */
const SHAPES: ReadonlyArray<readonly [string, RegExp]> = [
  ['tcp', /^tcp option \S+(?: (?:kind|length|size|count|left|right|tsval|tsecr|sack\d?|seen))?(?= |$)/],
  ['ct', /^ct (?:(?:original|reply) )?(?:(?:ip|ip6) )?[\w-]+/],
  ['meta', /^meta \w+/],
  ['fib', /^fib \w+(?: \. \w+)* (?:type|oifname|oif)/],
  ['rt', /^rt (?:(?:ip|ip6) )?\w+/],
  ['ipsec', /^ipsec (?:in|out) (?:spnum \d+ )?(?:(?:ip|ip6) )?\w+/],
  ['socket', /^socket \w+(?: level \d+)?/],
  ['numgen', /^numgen (?:random|inc) mod \d+(?: offset \d+)?/],
  ['jhash', /^jhash .*? mod \d+(?: seed \S+)?(?: offset \d+)?/],
  ['symhash', /^symhash mod \d+(?: offset \d+)?/],
  ['osf', /^osf (?:ttl \w+ )?(?:name|version)/],
  ['exthdr', /^exthdr \w+/],
  ['arp', /^arp (?:saddr|daddr) (?:ip|ether)|^arp \w+/],
  ['sctp', /^sctp chunk \w+(?: \w+)?|^sctp \w+/],
  ['dccp', /^dccp (?:option \d+|\w+)/],
  ['vxlan', /^vxlan (?:(?:ip|ip6|tcp|udp|ether|icmp|vlan) )?[\w-]+/],
  ['gre', /^gre (?:(?:ip|ip6|tcp|udp) )?[\w-]+/],
  ['geneve', /^geneve (?:(?:ip|ip6|tcp|udp|ether) )?[\w-]+/],
  ...[
    'ip',
    'ip6',
    'udp',
    'udplite',
    'th',
    'icmp',
    'icmpv6',
    'esp',
    'ah',
    'comp',
    'ether',
    'vlan',
    'igmp',
    'frag',
    'hbh',
    'dst',
    'mh',
    'srh',
  ].map((word) => [word, new RegExp(`^${word} [\\w-]+`)] as const),
];
const BARE = new Set([
  ...[
    'iif',
    'iifname',
    'oif',
    'oifname',
    'iiftype',
    'oiftype',
    'iifgroup',
    'oifgroup',
    'iifkind',
    'oifkind',
    'ibrname',
    'obrname',
    'sdif',
    'sdifname',
  ],
  ...[
    'l4proto',
    'nfproto',
    'protocol',
    'mark',
    'pkttype',
    'length',
    'skuid',
    'skgid',
    'cpu',
    'rtclassid',
    'cgroup',
    'secpath',
    'random',
    'priority',
  ],
  ...['time', 'hour', 'day', 'nftrace', 'nexthdr'],
]);

export interface NftSide {
  readonly meaning: NftField;
  /** How many words it takes. */
  readonly words: number;
  readonly text: string;
}

const BEGINS = new Set([...BARE, ...SHAPES.map(([word]) => word)]);

/** Whether an expression can begin with this word. */
export function beginsNftField(word: string): boolean {
  return BEGINS.has(word) || word.startsWith('@');
}

/** The expression that begins with these words; NULL when none does. */
export function readNftField(words: readonly string[]): NftSide | null {
  const first = words[0] ?? '';
  const pair = `${first} ${words[1] ?? ''}`;
  const usual = FIELDS[pair];
  if (usual) return { meaning: usual, words: 2, text: pair };
  if (first.startsWith('@') && /^@(?:nh|ll|th|ih),/.test(`${first}${words[1] ?? ''}`)) return rawPayload(words);
  if (BARE.has(first)) return { meaning: FIELDS[first] ?? OPAQUE, words: 1, text: first };
  const shape = SHAPES.find(([word]) => word === first);
  if (!shape) return null;
  const found = /^tcp (?!option)/.test(words.slice(0, 2).join(' '))
    ? /^tcp \w+/.exec(words.slice(0, 2).join(' '))
    : shape[1].exec(words.slice(0, 12).join(' '));
  if (!found) return null;
  return { meaning: meaningOf(found[0]), words: found[0].split(' ').length, text: found[0] };
}

function meaningOf(text: string): NftField {
  const known = FIELDS[text.replace(/^meta /, '')];
  if (known) return known;
  const tuple = /^ct (original|reply) (?:(ip6?) )?(saddr|daddr|proto-src|proto-dst)$/.exec(text);
  const part = tuple && CT_TUPLE[tuple[3] ?? ''];
  if (tuple && part) return field(`ct${tuple[1] === 'original' ? 'orig' : 'repl'}${part[0]}`, part[1]);
  if (/^ct (original|reply) protocol$/.test(text)) return field('ctproto', 'proto');
  const fib = /^fib ([sd])addr type$/.exec(text);
  if (fib) return field(fib[1] === 's' ? 'addrtype-src' : 'addrtype-dst', 'addrtype');
  return OPAQUE;
}

/** '@th,16,16': the words are separated by commas, which are tokens of their own. */
function rawPayload(words: readonly string[]): NftSide {
  const count = words[1] === ',' ? 5 : 1;
  return { meaning: OPAQUE, words: count, text: words.slice(0, count).join('') };
}
