// With what does a REJECT answer: an ICMP error of which code, or a reset? Told in one way, whatever tool printed the rule.

import type { Rule } from '../../model/ruleset.js';

/** Words of nft and iptables for one code (net/netfilter/nft_reject.c; include/uapi/linux/netfilter_ipv4/ipt_REJECT.h). */
const NFT = /\breject with (icmp|icmpv6|icmpx)(?: type)? ([\w-]+)/;
const IPTABLES = /--reject-with (?:(icmp6?)-)?([\w-]+)/;
const SHORT: Readonly<Record<string, string>> = {
  'proto-unreachable': 'prot-unreachable',
  'adm-prohibited': 'admin-prohibited',
};

/**
 * 'icmp port-unreachable', 'icmpv6 admin-prohibited', 'TCP reset'; NULL where the rule does not reject.
 * @param isIpv6 of the packet
 */
export function rejectAnswer(rule: Pick<Rule, 'verdict' | 'text'>, isIpv6: boolean): string | null {
  if (rule.verdict !== 'REJECT') return null;
  if (/\breject with tcp reset\b|--reject-with tcp-reset\b/.test(rule.text)) return 'TCP reset';
  const icmp = isIpv6 ? 'icmpv6' : 'icmp';
  const [, family, code] = NFT.exec(rule.text) ?? IPTABLES.exec(rule.text) ?? [];
  // Both tools answer so unless told otherwise.
  if (code === undefined) return `${icmp} port-unreachable`;
  const named = family === undefined || family === 'icmpx' ? icmp : family === 'icmp6' ? 'icmpv6' : family;
  return `${named} ${SHORT[code] ?? code}`;
}
