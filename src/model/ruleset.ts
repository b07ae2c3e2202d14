// A ruleset as data, whichever tool printed it. Numbers count from 1, as iptables -L --line-numbers does.

export type RulesetForm =
  | 'iptables-save'
  | 'iptables -L'
  | 'iptables -S'
  | 'iptables commands'
  | 'nft'
  | 'nft-json'
  | 'ipset';
export type RuleFamily = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';

/**
 * One condition of a rule in a form that can be evaluated against a packet.
 * field: 'proto', 'src', 'dst', 'sport', 'dport', 'port', 'in', 'out', 'physin', 'physout', 'ctstate', 'ctdir', 'ctstatus', 'tcp-flags',
 * 'icmp-type', 'icmpv6-type', 'mark', 'ctmark', 'fragment', 'length', 'ttl', 'tos', 'dscp', 'set', 'limit', 'comment', 'nfproto', 'other', …
 */
export interface Condition {
  readonly field: string;
  readonly isNegated: boolean;
  /**
   * Alternatives; 'from:to' for ranges of numbers, 'from-to' for ranges of addresses, CIDR or 'address/mask' for prefixes, 'mask/comp' for
   * tcp-flags, 'value/mask' for marks, 'type/code' for icmp-type, '@name' for a named set of nft, 'name src,dst' in field 'set' for ipset,
   * 'eth*' for interfaces that begin so. Concatenations have a field such as 'src . dport' and values such as '192.0.2.1 . 22'.
   */
  readonly values: readonly string[];
  /** As printed, for people. */
  readonly text: string;
  /** Tests of one iptables `-m conntrack` (or state, helper) share a number: that match takes them together; NULL: stands alone, as in nft. */
  readonly group: number | null;
}

/** nft: the packet's value decides the verdict ('ct state vmap { established : accept, … }'). */
export interface VerdictMap {
  /** As in Condition. */
  readonly field: string;
  /** Named map that holds the entries; NULL when the rule itself does. */
  readonly map: string | null;
  readonly entries: readonly VerdictMapEntry[];
}

export interface VerdictMapEntry {
  /** One value as in Condition; '*' for anything else. */
  readonly value: string;
  /** NULL: continue with the next rule, or jump. */
  readonly verdict: Rule['verdict'];
  readonly jump: string | null;
  readonly isGoto: boolean;
}

export interface Rule {
  readonly family: RuleFamily;
  readonly table: string;
  readonly chain: string;
  readonly number: number;
  /** The number without rules that ctwhy itself put there. */
  readonly userNumber: number;
  readonly handle: number | null;
  /** As a person would write it: '-A OUTPUT -m state --state INVALID -j DROP', or the nft statement without counter values and handle. */
  readonly text: string;
  readonly conditions: readonly Condition[];
  /** What happens on a match, in order. verdict is NULL for targets that let the packet go on (LOG, MARK, counter …). */
  readonly target: string | null;
  readonly targetOptions: readonly string[];
  readonly verdict: 'ACCEPT' | 'DROP' | 'REJECT' | 'RETURN' | 'QUEUE' | 'NAT' | null;
  /** User chain it jumps or goes to. */
  readonly jump: string | null;
  readonly isGoto: boolean;
  readonly verdictMap: VerdictMap | null;
  /** --log-prefix or nft log prefix, as the kernel will print it. */
  readonly logPrefix: string | null;
  /** How many of the conditions are tested before the packet is logged (nft can test more behind 'log'); NULL when the rule logs nothing. */
  readonly conditionsBeforeLog: number | null;
  readonly comment: string | null;
  /** Rules that ctwhy itself installed are recognised by their comment or table. */
  readonly isOurs: boolean;
  readonly packets: number | null;
  readonly bytes: number | null;
  /** Line within the text the ruleset was read from, from 1. */
  readonly line: number;
}

export interface Chain {
  readonly family: RuleFamily;
  readonly table: string;
  readonly name: string;
  /** Base chains: PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING, INGRESS, EGRESS; NULL for user chains. */
  readonly hook: string | null;
  /** nft priority as a number (filter 0, raw -300, mangle -150, dstnat -100, srcnat 100); for iptables the table's own. */
  readonly priority: number | null;
  /** 'filter', 'nat', 'route'; for iptables by table. */
  readonly type: string | null;
  readonly policy: 'ACCEPT' | 'DROP' | null;
  readonly policyPackets: number | null;
  readonly policyBytes: number | null;
  /** netdev and inet ingress: the devices it is bound to. */
  readonly devices: readonly string[];
  readonly rules: readonly Rule[];
  readonly line: number;
}

export interface NamedSet {
  readonly family: RuleFamily | null;
  readonly table: string | null;
  readonly name: string;
  readonly type: string;
  readonly flags: readonly string[];
  readonly elements: readonly string[];
}

export interface Ruleset {
  readonly form: RulesetForm;
  readonly family: RuleFamily | 'mixed';
  readonly backend: 'legacy' | 'nft' | 'unknown';
  /** Some tables or chains only, or a script whose start was not seen. */
  readonly isPartial: boolean;
  readonly generatedBy: string | null;
  readonly hasCounters: boolean;
  /** What a reader has to know before trusting it: counters rounded, interfaces not shown, other tables present. One sentence each. */
  readonly notes: readonly string[];
  readonly chains: readonly Chain[];
  readonly sets: readonly NamedSet[];
}
