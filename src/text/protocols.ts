// IP protocol numbers and the names that /etc/protocols, iptables and conntrack give them.

const NAMES: ReadonlyArray<readonly [number, string]> = [
  [0, 'ip'],
  [1, 'icmp'],
  [2, 'igmp'],
  [4, 'ipencap'],
  [6, 'tcp'],
  [8, 'egp'],
  [17, 'udp'],
  [33, 'dccp'],
  [41, 'ipv6'],
  [43, 'ipv6-route'],
  [44, 'ipv6-frag'],
  [46, 'rsvp'],
  [47, 'gre'],
  [50, 'esp'],
  [51, 'ah'],
  [58, 'icmpv6'],
  [59, 'ipv6-nonxt'],
  [60, 'ipv6-opts'],
  [88, 'eigrp'],
  [89, 'ospf'],
  [94, 'ipip'],
  [97, 'etherip'],
  [103, 'pim'],
  [108, 'ipcomp'],
  [112, 'vrrp'],
  [115, 'l2tp'],
  [132, 'sctp'],
  [135, 'mobility-header'],
  [136, 'udplite'],
  [137, 'mpls-in-ip'],
  [255, 'raw'],
];
const byName = new Map(NAMES.map(([number, name]) => [name, number]));
byName.set('ipv6-icmp', 58);
byName.set('icmp6', 58);
byName.set('igmpv2', 2);
const byNumber = new Map(NAMES);

/** Number of a protocol named as in /etc/protocols (any case) or given as a number; NULL when unknown. */
export function protocolNumber(name: string): number | null {
  const known = byName.get(name.toLowerCase());
  if (known !== undefined) return known;
  return /^\d{1,3}$/.test(name) && Number(name) <= 255 ? Number(name) : null;
}

/** Name of a protocol number as conntrack and iptables print it; the number itself when it has none; 'unknown' for -1. */
export function protocolName(number: number): string {
  return number < 0 ? 'unknown' : (byNumber.get(number) ?? String(number));
}
