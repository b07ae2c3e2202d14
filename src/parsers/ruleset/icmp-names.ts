// Names that iptables and nft give to ICMP types and codes, as numbers.

const ICMP_TYPES: Readonly<Record<string, string>> = {
  any: 'any',
  'echo-reply': '0',
  pong: '0',
  'destination-unreachable': '3',
  'network-unreachable': '3/0',
  'host-unreachable': '3/1',
  'protocol-unreachable': '3/2',
  'port-unreachable': '3/3',
  'fragmentation-needed': '3/4',
  'source-route-failed': '3/5',
  'network-unknown': '3/6',
  'host-unknown': '3/7',
  'network-prohibited': '3/9',
  'host-prohibited': '3/10',
  'tos-network-unreachable': '3/11',
  'tos-host-unreachable': '3/12',
  'communication-prohibited': '3/13',
  'host-precedence-violation': '3/14',
  'precedence-cutoff': '3/15',
  'source-quench': '4',
  redirect: '5',
  'network-redirect': '5/0',
  'host-redirect': '5/1',
  'tos-network-redirect': '5/2',
  'tos-host-redirect': '5/3',
  'echo-request': '8',
  ping: '8',
  'router-advertisement': '9',
  'router-solicitation': '10',
  'time-exceeded': '11',
  'ttl-exceeded': '11',
  'ttl-zero-during-transit': '11/0',
  'ttl-zero-during-reassembly': '11/1',
  'parameter-problem': '12',
  'ip-header-bad': '12/0',
  'required-option-missing': '12/1',
  'timestamp-request': '13',
  'timestamp-reply': '14',
  'info-request': '15',
  'info-reply': '16',
  'address-mask-request': '17',
  'address-mask-reply': '18',
};
const ICMPV6_TYPES: Readonly<Record<string, string>> = {
  any: 'any',
  'destination-unreachable': '1',
  'no-route': '1/0',
  'communication-prohibited': '1/1',
  'beyond-scope': '1/2',
  'address-unreachable': '1/3',
  'port-unreachable': '1/4',
  'failed-policy': '1/5',
  'reject-route': '1/6',
  'packet-too-big': '2',
  'time-exceeded': '3',
  'ttl-exceeded': '3',
  'ttl-zero-during-transit': '3/0',
  'ttl-zero-during-reassembly': '3/1',
  'parameter-problem': '4',
  'bad-header': '4/0',
  'unknown-header-type': '4/1',
  'unknown-option': '4/2',
  'echo-request': '128',
  ping: '128',
  'echo-reply': '129',
  pong: '129',
  'mld-listener-query': '130',
  'mld-listener-report': '131',
  'mld-listener-done': '132',
  'mld-listener-reduction': '132',
  'nd-router-solicit': '133',
  'router-solicitation': '133',
  'nd-router-advert': '134',
  'router-advertisement': '134',
  'nd-neighbor-solicit': '135',
  'neighbour-solicitation': '135',
  'neighbor-solicitation': '135',
  'nd-neighbor-advert': '136',
  'neighbour-advertisement': '136',
  'neighbor-advertisement': '136',
  'nd-redirect': '137',
  redirect: '137',
  'router-renumbering': '138',
  'ind-neighbor-solicit': '141',
  'ind-neighbor-advert': '142',
  'mld2-listener-report': '143',
};
/** nft's names (src/datatype.c: icmp_code_tbl, icmpv6_code_tbl, icmpx_code_tbl). */
const ICMP_CODES: Readonly<Record<string, string>> = {
  'net-unreachable': '0',
  'host-unreachable': '1',
  'prot-unreachable': '2',
  'port-unreachable': '3',
  'frag-needed': '4',
  'net-prohibited': '9',
  'host-prohibited': '10',
  'admin-prohibited': '13',
};
const ICMPV6_CODES: Readonly<Record<string, string>> = {
  'no-route': '0',
  'admin-prohibited': '1',
  'addr-unreachable': '3',
  'port-unreachable': '4',
  'policy-fail': '5',
  'reject-route': '6',
};

/** 'type', 'type/code', 'from:to' or 'any' as numbers; an unknown name stays. 255 is iptables' way to store "any". */
export function icmpTypeValue(text: string, isV6: boolean): string {
  if (!isV6 && text === '255') return 'any';
  const known = (isV6 ? ICMPV6_TYPES : ICMP_TYPES)[text.toLowerCase()];
  if (known !== undefined) return known;
  const range = /^(\d+)-(\d+)$/.exec(text);
  return range ? `${range[1]}:${range[2]}` : text;
}

/** Code as a number; an unknown name stays. */
export function icmpCodeNumber(text: string, isV6: boolean): string {
  return (isV6 ? ICMPV6_CODES : ICMP_CODES)[text.toLowerCase()] ?? text;
}
