// Names that nft prints instead of numbers in a packet: DSCP and ECN, ICMP types and codes, EtherTypes.

/** DSCP names of nft (RFC 2474, 2597, 3246, 5865) as their six bits. */
export const DSCP: Readonly<Record<string, number>> = Object.fromEntries([
  ['ef', 46],
  ['va', 44],
  ['lephb', 1],
  ...Array.from({ length: 8 }, (_, n) => [`cs${n}`, n * 8]),
  ...[1, 2, 3, 4].flatMap((row) => [1, 2, 3].map((drop) => [`af${row}${drop}`, row * 8 + drop * 2])),
]) as Record<string, number>;
export const ECN: Readonly<Record<string, number>> = { 'not-ect': 0, ect1: 1, ect0: 2, ce: 3 };

export const ICMP_TYPES: Readonly<Record<string, number>> = {
  'echo-reply': 0,
  'destination-unreachable': 3,
  'source-quench': 4,
  redirect: 5,
  'echo-request': 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'parameter-problem': 12,
  'timestamp-request': 13,
  'timestamp-reply': 14,
  'info-request': 15,
  'info-reply': 16,
  'address-mask-request': 17,
  'address-mask-reply': 18,
};
export const ICMPV6_TYPES: Readonly<Record<string, number>> = {
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'mld-listener-reduction': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'router-renumbering': 138,
  'ind-neighbor-solicit': 141,
  'ind-neighbor-advert': 142,
  'mld2-listener-report': 143,
};
/** nft prints a code by the name it has for 'destination-unreachable' (ICMP) and 'no-route' (ICMPv6), whatever the type. */
export const ICMP_CODES: Readonly<Record<string, number>> = {
  'net-unreachable': 0,
  'host-unreachable': 1,
  'prot-unreachable': 2,
  'port-unreachable': 3,
  'frag-needed': 4,
  'net-prohibited': 9,
  'host-prohibited': 10,
  'admin-prohibited': 13,
};
export const ICMPV6_CODES: Readonly<Record<string, number>> = {
  'no-route': 0,
  'admin-prohibited': 1,
  'addr-unreachable': 3,
  'port-unreachable': 4,
  'policy-fail': 5,
  'reject-route': 6,
};

export const ETHERTYPES: Readonly<Record<string, string>> = { ip: '0800', ip6: '86dd', arp: '0806', vlan: '8100' };
