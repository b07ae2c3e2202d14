// What a LOG prefix says of its packet: which state its rule tests and whether the packet ends there. Prefixes are chosen by people and
// firewall tools; none is proof, the rule itself is. Patterns of known tools first, then words that anybody uses.

export type PrefixState = 'INVALID' | 'NEW' | 'ESTABLISHED' | 'RELATED' | 'UNTRACKED';

export interface PrefixMeaning {
  readonly state: PrefixState | null;
  /** 'dropped' stands for rejected as well; 'passed': the rule lets it go. */
  readonly fate: 'dropped' | 'passed' | null;
}

export interface PrefixPattern extends PrefixMeaning {
  /** Whose rules print it, and where that can be read. */
  readonly origin: string;
  /** Against the prefix without blanks at its ends. */
  readonly pattern: RegExp;
  readonly examples: readonly string[];
}

const says = (
  origin: string,
  pattern: RegExp,
  state: PrefixState | null,
  fate: PrefixMeaning['fate'],
  ...examples: readonly string[]
): PrefixPattern => ({ origin, pattern, state, fate, examples });

/** The first that fits decides. */
export const PREFIX_PATTERNS: readonly PrefixPattern[] = [
  // In front of conntrack every packet tests as INVALID: such a rule says nothing of its state.
  says('rules in table raw', /\braw\b/i, null, null, 'raw PREROUTING INVALID: '),

  says('ufw: user.rules, backend_iptables.py', /^\[UFW AUDIT INVALID\]$/, 'INVALID', 'dropped', '[UFW AUDIT INVALID] '),
  says(
    'ufw: user.rules, backend_iptables.py',
    /^\[UFW (LIMIT )?BLOCK\]$/,
    null,
    'dropped',
    '[UFW BLOCK] ',
    '[UFW LIMIT BLOCK] ',
  ),
  says('ufw: user.rules, backend_iptables.py', /^\[UFW ALLOW\]$/, null, 'passed', '[UFW ALLOW] '),
  says('ufw: user.rules, backend_iptables.py', /^\[UFW AUDIT\]$/, null, null, '[UFW AUDIT] '),

  says('firewalld: LogDenied', /(^|_)STATE_INVALID_DROP:?$/, 'INVALID', 'dropped', 'STATE_INVALID_DROP: '),
  says('firewalld: LogDenied', /(^|_)FINAL_REJECT:?$/, null, 'dropped', 'FINAL_REJECT: '),
  says(
    'firewalld: LogDenied, chains of zones and policies',
    /^(filter_)?(IN|FWD[IO]?|FWD|OUT)_[\w.-]+_(DROP|REJECT):?$/,
    null,
    'dropped',
    'filter_IN_public_DROP: ',
    'filter_IN_public_REJECT: ',
    'IN_drop_DROP: ',
    'filter_FWD_policy_allow-host-ipv6_REJECT: ',
  ),
  says('firewalld: rpfilter', /^rpfilter_DROP:?$/, null, 'dropped', 'rpfilter_DROP: '),

  says(
    'Shorewall: LOGFORMAT',
    /^Shorewall6?:[^:]*:(DROP|REJECT):?$/,
    null,
    'dropped',
    'Shorewall:net-fw:DROP:',
    'Shorewall6:FORWARD:REJECT:',
  ),
  says('Shorewall: LOGFORMAT', /^Shorewall6?:[^:]*:ACCEPT:?$/, null, 'passed', 'Shorewall:loc-net:ACCEPT:'),

  says(
    'OpenWrt firewall4: templates/zone-drop-invalid.uc',
    /^drop \S+ invalid ct state:?$/i,
    'INVALID',
    'dropped',
    'drop wan invalid ct state: ',
  ),
  says(
    'OpenWrt firewall3 and firewall4: zones.c, templates/zone-verdict.uc',
    /^(drop|reject)(\(\w+ \S+\)| \S+ (in|out|forward|src|dest?))?:?$/i,
    null,
    'dropped',
    'reject wan in: ',
    'DROP wan out: ',
    'REJECT(src wan)',
    'DROP ',
    'DROP: ',
  ),

  says('IPFire: rc.firewall', /^DROP_CTINVALID$/, 'INVALID', 'dropped', 'DROP_CTINVALID '),
  says('IPFire: rc.firewall', /^DROP_NEWNOTSYN$/, 'NEW', 'dropped', 'DROP_NEWNOTSYN '),
  says('O. Andreasson, Iptables Tutorial: rc.firewall.txt', /^new not syn:?$/i, 'NEW', null, 'New not syn:'),

  says('words for INVALID', /\bbad[ _-]?state\b/i, 'INVALID', null, 'FW-BAD-STATE: ', 'badstate '),

  says('Firewall Builder', /^INVALID state -- (DENY|DROP)$/, 'INVALID', 'dropped', 'INVALID state -- DENY '),
  says('Firewall Builder', / -- (DENY|DROP|REJECT)$/, null, 'dropped', 'RULE 12 -- DENY '),
  says('Firewall Builder', / -- ACCEPT$/, null, 'passed', 'RULE 3 -- ACCEPT '),

  says('FireHOL', /^(firehol: )?BLOCKED INVALID\b/, 'INVALID', 'dropped', 'firehol: BLOCKED INVALID in_'),
  says(
    'VyOS: rule sets with enable-default-log',
    /^\[[^\]]+-[DR]\]$/,
    null,
    'dropped',
    '[wan-local-default-D]',
    '[lan-wan-10-R]',
  ),
  says('VyOS: rule sets with enable-default-log', /^\[[^\]]+-A\]$/, null, 'passed', '[wan-local-20-A]'),
  says('SuSEfirewall2', /^SFW2-\S*-DROP\b/, null, 'dropped', 'SFW2-INext-DROP-DEFLT '),
  says('SuSEfirewall2', /^SFW2-\S*-(ACC|ACCEPT)\b/, null, 'passed', 'SFW2-INext-ACC-TCP '),
  says('csf: csf.pl', /^Firewall: \*\S+ Blocked\*$/, null, 'dropped', 'Firewall: *TCP_IN Blocked* '),
  says('Proxmox: pve-firewall', /^(policy )?(DROP|REJECT):$/, null, 'dropped', 'policy DROP: '),
];

const STATE_WORDS: ReadonlyMap<string, PrefixState> = new Map([
  ['INVALID', 'INVALID'],
  ['CTINVALID', 'INVALID'],
  ['INV', 'INVALID'],
  ['CTINV', 'INVALID'],
  ['NEW', 'NEW'],
  ['ESTABLISHED', 'ESTABLISHED'],
  ['RELATED', 'RELATED'],
  ['UNTRACKED', 'UNTRACKED'],
]);
const DROP_WORDS: ReadonlySet<string> = new Set(
  'DROP DROPS DROPPED DROPPING BLOCK BLOCKED BLOCKING DENY DENIED DENIES REJECT REJECTED REJECTING REFUSED DISCARD DISCARDED'.split(
    ' ',
  ),
);
const PASS_WORDS: ReadonlySet<string> = new Set(
  'ACCEPT ACCEPTED ALLOW ALLOWED PASS PASSED PERMIT PERMITTED'.split(' '),
);
const NOT_WORDS: ReadonlySet<string> = new Set(['NOT', 'NO', 'NON', 'UN']);

/** The words that anybody uses, whatever stands between them: 'Denied_INVALID', 'iptables-dropped: ', '[FW:DropInvalid]', 'nft drop'. */
function fromWords(prefix: string): PrefixMeaning {
  const words = prefix
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase()
    .split(/[^A-Z]+/)
    .filter((word) => word !== '');
  const states = new Set<PrefixState>();
  const fates = new Set<'dropped' | 'passed'>();
  for (const [index, word] of words.entries()) {
    const isNegated = NOT_WORDS.has(words[index - 1] ?? '');
    const state = STATE_WORDS.get(word);
    // '!NEW' and 'not established' name the state that the packet has not; 'NEW not SYN' names one that it has.
    if (state !== undefined && !isNegated && !prefix.toUpperCase().includes(`!${word}`)) states.add(state);
    if (isNegated) continue;
    if (DROP_WORDS.has(word)) fates.add('dropped');
    if (PASS_WORDS.has(word)) fates.add('passed');
  }
  const [state] = states;
  const [fate] = fates;
  return {
    // 'INVALID or NEW' tests for several; 'RELATED,ESTABLISHED' as well.
    state: states.size === 1 ? (state ?? null) : null,
    fate: fates.size === 1 ? (fate ?? null) : null,
  };
}

/**
 * @param prefix as the kernel printed it, blanks included
 * @returns what its author meant, or nulls where the words do not tell, contradict each other, or the rule stands in front of conntrack
 */
export function prefixMeaning(prefix: string): PrefixMeaning {
  const bare = prefix.trim();
  return PREFIX_PATTERNS.find(({ pattern }) => pattern.test(bare)) ?? fromWords(bare);
}

/** Which rule a known tool prints it from, for whoever looks for it in that tool's own settings. */
const RULES_OF_TOOLS: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/^\[UFW LIMIT BLOCK\]$/, 'a limit rule of ufw'],
  [/^\[UFW BLOCK\]$/, 'a deny rule of ufw, or its default policy: ufw status verbose'],
  [/(^|_)FINAL_REJECT:?$/, 'the end of a chain of firewalld, which no zone and no policy took it from'],
  [/^(filter_)?(IN|FWD[IO]?|FWD|OUT)_[\w.-]+_(DROP|REJECT):?$/, 'the target of a zone or policy of firewalld'],
  [
    /^rpfilter_DROP:?$/,
    'the reverse path filter of firewalld, IPv6_rpfilter: the way back to the sender does not leave by the interface it came in by',
  ],
  [/^Shorewall6?:[^:]*:(DROP|REJECT):?$/, 'the rule or policy of Shorewall that the prefix names'],
];

/**
 * @param prefix as the kernel printed it
 * @returns the rule in the words of the tool that made it; NULL for prefixes of nobody known
 */
export function ruleOfTool(prefix: string): string | null {
  return RULES_OF_TOOLS.find(([pattern]) => pattern.test(prefix.trim()))?.[1] ?? null;
}
