// How `iptables -L` words each match and target, and the options that the same rule has in iptables-save (extensions/*.c, print functions, 1.8.9).
// A phrase that is not listed stays as printed, as a condition or option that cannot be evaluated.

import { quoteWord } from './words.js';

/** words: options in iptables-save's notation, as one line to be split; '' for a phrase that adds nothing. */
export interface Phrase {
  /** Begins at the current position (sticky). */
  readonly begin: RegExp;
  /** The match whose options follow; NULL for targets and for what belongs to the match named before. */
  readonly match: string | null;
  words(found: RegExpExecArray): string;
}

function not(mark: string | undefined): string {
  return mark?.includes('!') ? '! ' : '';
}

/** A match that is kept as printed. */
function kept(match: string, begin: RegExp): Phrase {
  return { begin, match, words: (found) => `-m ${match} ${quoteWord(found[0].trim(), true)}` };
}

function conntrack(names: string): Phrase {
  return {
    begin: new RegExp(`(! )?(${names}) (\\S+)`, 'y'),
    match: 'conntrack',
    words: (found) => `${not(found[1])}--${found[2]} ${found[3]}`,
  };
}

const COMPARISON: Readonly<Record<string, string>> = { '==': 'eq', '!=': 'eq', '<': 'lt', '>': 'gt' };
const LOG_FLAGS = ['--log-tcp-sequence', '--log-tcp-options', '--log-ip-options', '--log-uid', '', '--log-macdecode'];
const LOG_LEVELS = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];

export const MATCH_PHRASES: readonly Phrase[] = [
  { begin: /\/\* (.*?) ?\*\/(?=\s|$)/y, match: 'comment', words: (m) => `--comment ${quoteWord(m[1] ?? '', true)}` },
  { begin: /(tcp|udp|udplite|sctp|dccp)(?= (?:[sd]pts?:|flags:|option=))/y, match: null, words: (m) => `-m ${m[1]}` },
  { begin: /(tcp|udp|udplite|sctp|dccp)(?=\s|$)/y, match: null, words: (m) => `-m ${m[1]}` },
  { begin: /([sd])pts?:(!?)(\S+)/y, match: null, words: (m) => `${not(m[2])}--${m[1]}port ${m[3]}` },
  { begin: /flags:(!?)(\S*)\/(\S+)/y, match: null, words: (m) => `${not(m[1])}--tcp-flags ${m[2]} ${m[3]}` },
  { begin: /option=(!?)(\d+)/y, match: null, words: (m) => `${not(m[1])}--tcp-option ${m[2]}` },
  { begin: /(esp|ah) spis?:(!?)(\S+)/y, match: null, words: (m) => `-m ${m[1]} ${not(m[2])}--${m[1]}spi ${m[3]}` },
  {
    begin: /multiport (sports|dports|ports) +(!?) ?(\S+)/y,
    match: 'multiport',
    words: (m) => `${not(m[2])}--${m[1]} ${m[3]}`,
  },
  { begin: /source IP range (! )?(\S+)/y, match: 'iprange', words: (m) => `${not(m[1])}--src-range ${m[2]}` },
  { begin: /destination IP range (! )?(\S+)/y, match: 'iprange', words: (m) => `${not(m[1])}--dst-range ${m[2]}` },
  { begin: /(! )?state (\S+)/y, match: 'state', words: (m) => `${not(m[1])}--state ${m[2]}` },
  conntrack(
    'ctstate|ctproto|ctorigsrc|ctorigdst|ctreplsrc|ctrepldst|ctorigsrcport|ctorigdstport|ctreplsrcport|ctrepldstport',
  ),
  conntrack('ctstatus|ctexpire|ctdir'),
  {
    begin: /icmptype (\d+)(?: code (\d+))?/y,
    match: 'icmp',
    words: (m) => `--icmp-type ${m[1]}${m[2] ? `/${m[2]}` : ''}`,
  },
  {
    begin: /icmp !type (\d+)(?: code (\d+))?/y,
    match: 'icmp',
    words: (m) => `! --icmp-type ${m[1]}${m[2] ? `/${m[2]}` : ''}`,
  },
  { begin: /icmp (!?)([a-zA-Z][\w-]*)/y, match: 'icmp', words: (m) => `${not(m[1])}--icmp-type ${m[2]}` },
  {
    begin: /ipv6-icmptype (\d+)(?: code (\d+))?/y,
    match: 'icmp6',
    words: (m) => `--icmpv6-type ${m[1]}${m[2] ? `/${m[2]}` : ''}`,
  },
  {
    begin: /ipv6-icmp !type (\d+)(?: code (\d+))?/y,
    match: 'icmp6',
    words: (m) => `! --icmpv6-type ${m[1]}${m[2] ? `/${m[2]}` : ''}`,
  },
  { begin: /ipv6-icmp (!?)([a-zA-Z][\w-]*)/y, match: 'icmp6', words: (m) => `${not(m[1])}--icmpv6-type ${m[2]}` },
  { begin: /mark match +(! ?)?(\S+)/y, match: 'mark', words: (m) => `${not(m[1])}--mark ${m[2]}` },
  { begin: /(?:connmark|CONNMARK) match +(! ?)?(\S+)/y, match: 'connmark', words: (m) => `${not(m[1])}--mark ${m[2]}` },
  { begin: /MARK match +(! ?)?(\S+)/y, match: 'mark', words: (m) => `${not(m[1])}--mark ${m[2]}` },
  { begin: /limit: avg (\S+) burst (\d+)/y, match: 'limit', words: (m) => `--limit ${m[1]} --limit-burst ${m[2]}` },
  kept(
    'hashlimit',
    /limit: (?:up to|above) \S+(?: burst \S+)?(?: mode \S+)?(?: htable-\S+ \S+)*(?: (?:src|dst)mask \S+)*/y,
  ),
  {
    begin: /ADDRTYPE match(?: src-type (!?)(\S+))?(?: dst-type (!?)(\S+))?(?: limit-(in|out))?/y,
    match: 'addrtype',
    words: (m) =>
      [
        m[2] ? `${not(m[1])}--src-type ${m[2]}` : '',
        m[4] ? `${not(m[3])}--dst-type ${m[4]}` : '',
        m[5] ? `--limit-iface-${m[5]}` : '',
      ].join(' '),
  },
  { begin: /length (!?)(\d\S*)/y, match: 'length', words: (m) => `${not(m[1])}--length ${m[2]}` },
  {
    begin: /(TTL|HL) match (?:TTL|HL) (==|!=|<|>) (\d+)/y,
    match: null,
    words: (m) => {
      const name = (m[1] ?? '').toLowerCase();
      return `-m ${name} ${not(m[2])}--${name}-${COMPARISON[m[2] ?? '==']} ${m[3]}`;
    },
  },
  { begin: /tos match ?(!?)(\S+)/y, match: 'tos', words: (m) => `${not(m[1])}--tos ${m[2]}` },
  { begin: /DSCP match (!?)(\S+)/y, match: 'dscp', words: (m) => `${not(m[1])}--dscp ${m[2]}` },
  {
    begin: /MAC (! ?)?((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})/y,
    match: 'mac',
    words: (m) => `${not(m[1])}--mac-source ${m[2]}`,
  },
  { begin: /tcpmss match (!?)(\S+)/y, match: 'tcpmss', words: (m) => `${not(m[1])}--mss ${m[2]}` },
  { begin: /PKTTYPE (!?)=? ?(\S+)/y, match: 'pkttype', words: (m) => `${not(m[1])}--pkt-type ${m[2]}` },
  {
    begin: /(! )?match-set (\S+) (\S+)( return-nomatch)?/y,
    match: 'set',
    words: (m) => `${not(m[1])}--match-set ${m[2]} ${m[3]}${m[4] ? ' --return-nomatch' : ''}`,
  },
  {
    begin: /PHYSDEV match((?: !)?(?: --physdev-\S+(?: [^-!\s]\S*)?)(?: ?!? ?--physdev-\S+(?: [^-!\s]\S*)?)*)/y,
    match: 'physdev',
    words: (m) => m[1] ?? '',
  },
  {
    begin: /(! )?owner (U|G)ID match (\S+)/y,
    match: 'owner',
    words: (m) => `${not(m[1])}--${m[2] === 'U' ? 'uid' : 'gid'}-owner ${m[3]}`,
  },
  { begin: /(! )?owner socket exists/y, match: 'owner', words: (m) => `${not(m[1])}--socket-exists` },
  { begin: /helper match (! )?"([^"]*)"/y, match: 'helper', words: (m) => `${not(m[1])}--helper ${m[2]}` },
  { begin: /ECN match (!?)ECT=(\d)/y, match: 'ecn', words: (m) => `${not(m[1])}--ecn-ip-ect ${m[2]}` },
  {
    begin: /ECN match (!?)(ECE|CWR)/y,
    match: 'ecn',
    words: (m) => `${not(m[1])}--ecn-tcp-${(m[2] ?? '').toLowerCase()}`,
  },
  kept(
    'statistic',
    /statistic mode (?:random probability \S+|random ! probability \S+|nth !? ?every \d+(?: packet \d+)?)/y,
  ),
  kept(
    'recent',
    /(?:! )?recent: (?:SET|CHECK|UPDATE|REMOVE)(?: (?:seconds|hit_count): \d+| reap| TTL-Match)*(?: name: \S+)?(?: side: \S+)?(?: mask: \S+)?/y,
  ),
  kept('connlimit', /#conn (?:src|dst)\/\S+ [<>]=? \d+/y),
  kept('connbytes', /(?:! )?connbytes \S+ connbytes mode \S+ connbytes direction \S+/y),
  kept('quota', /(?:! )?quota: \d+ bytes/y),
  kept(
    'time',
    /TIME(?: from \S+ to \S+)?(?: on \S+)?(?: starting from \S+)?(?: until date \S+)?(?: UTC| contiguous| kerneltz)*/y,
  ),
  kept(
    'string',
    /(?:! )?STRING match +(?:! ?)?(?:"(?:[^"\\]|\\.)*"|\S+)(?: ALGO name \S+)?(?: FROM \d+)?(?: TO \d+)?(?: ICASE)?/y,
  ),
  kept('u32', /(?:! )?u32 "[^"]*"/y),
  kept('policy', /policy match dir (?:in|out)(?: pol \S+)?(?: strict)?/y),
  kept('socket', /socket(?: --\S+)*/y),
  kept('cpu', /cpu !? ?\d+/y),
  kept('realm', /realm !? ?\S+/y),
  kept('bpf', /match bpf [\d ,]+/y),
  kept('cgroup', /cgroup !? ?\S+/y),
  kept('connlabel', /connlabel !? ?\S+/y),
  kept('devgroup', /(?:! )?(?:src|dst)-group \S+/y),
  kept('rpfilter', /rpfilter(?: (?:loose|validmark|accept-local|invert))*/y),
  kept('rt', /rt type:\S+/y),
  kept('frag', /frag {1,2}(?:ids?:\S+|length:\S+|RES|more|first|last)(?: \S+)*/y),
  kept('ipv6header', /ipv6header flags:\S+(?: soft)?/y),
];

/** Phrases of targets, by the name in the target column. */
export const TARGET_PHRASES: Readonly<Record<string, readonly Phrase[]>> = {
  REJECT: [option(/reject-with (\S+)/y, (m) => `--reject-with ${m[1]}`)],
  LOG: [
    option(/LOG flags (\d+) level (\d+)(?: prefix (?:"(.*)"|`(.*)'))?\s*$/y, (m) =>
      logOptions(
        m[3] ?? m[4],
        m[2] ?? '',
        LOG_FLAGS.filter((_, bit) => (Number(m[1]) >> bit) & 1),
      ),
    ),
    option(
      /LOG level (\S+)((?: (?:tcp-sequence|tcp-options|ip-options|uid|macdecode))*)(?: unknown-flags)?(?: prefix (?:"(.*)"|`(.*)'))?\s*$/y,
      (m) =>
        logOptions(
          m[3] ?? m[4],
          m[1] ?? '',
          (m[2] ?? '')
            .split(' ')
            .filter(Boolean)
            .map((flag) => `--log-${flag}`),
        ),
    ),
  ],
  NFLOG: [
    option(/nflog-prefix +"?(.*?)"?(?= nflog-|$)/y, (m) => `--nflog-prefix ${quoteWord(m[1] ?? '', true)}`),
    option(/nflog-(group|size|range|threshold) (\d+)/y, (m) => `--nflog-${m[1]} ${m[2]}`),
  ],
  DNAT: [option(/to:(\S+)/y, (m) => `--to-destination ${m[1]}`), flags(/random-fully|random|persistent/y)],
  SNAT: [option(/to:(\S+)/y, (m) => `--to-source ${m[1]}`), flags(/random-fully|random|persistent/y)],
  MASQUERADE: [option(/masq ports: (\S+)/y, (m) => `--to-ports ${m[1]}`), flags(/random-fully|random/y)],
  REDIRECT: [option(/redir ports (\S+)/y, (m) => `--to-ports ${m[1]}`), flags(/random-fully|random/y)],
  NETMAP: [option(/to:(\S+)/y, (m) => `--to ${m[1]}`)],
  MARK: [
    option(/MARK (?:xset|set) (\S+)/y, (m) => `--set-xmark ${withMask(m[1])}`),
    option(/MARK or (\S+)/y, (m) => `--set-xmark ${m[1]}/${m[1]}`),
    option(/MARK and (\S+)/y, (m) => `--set-xmark 0x0/0x${(~Number(m[1]) >>> 0).toString(16)}`),
    option(/MARK xor (\S+)/y, (m) => `--set-xmark ${m[1]}/0x0`),
  ],
  CONNMARK: [
    option(
      /CONNMARK (save|restore)(?: mask (\S+))?/y,
      (m) => `--${m[1]}-mark --nfmask ${m[2] ?? '0xffffffff'} --ctmask ${m[2] ?? '0xffffffff'}`,
    ),
    option(/CONNMARK (?:xset|set) (\S+)/y, (m) => `--set-xmark ${withMask(m[1])}`),
    option(/CONNMARK or (\S+)/y, (m) => `--set-xmark ${m[1]}/${m[1]}`),
    option(/CONNMARK and (\S+)/y, (m) => `--set-xmark 0x0/0x${(~Number(m[1]) >>> 0).toString(16)}`),
  ],
  CT: [
    option(/CT (helper|timeout|zone|zone-orig|zone-reply|ctevents|expevents) (\S+)/y, (m) => `--${m[1]} ${m[2]}`),
    option(/CT notrack/y, () => '--notrack'),
    option(/NOTRACK/y, () => '--notrack'),
  ],
  NFQUEUE: [
    option(/NFQUEUE (num|balance) (\S+)/y, (m) => `--queue-${m[1]} ${m[2]}`),
    option(/bypass/y, () => '--queue-bypass'),
    option(/cpu-fanout/y, () => '--queue-cpu-fanout'),
  ],
  TCPMSS: [
    option(/TCPMSS clamp to PMTU/y, () => '--clamp-mss-to-pmtu'),
    option(/TCPMSS set (\d+)/y, (m) => `--set-mss ${m[1]}`),
  ],
  DSCP: [option(/DSCP set (\S+)/y, (m) => `--set-dscp ${m[1]}`)],
  TOS: [option(/TOS set (\S+)/y, (m) => `--set-tos ${m[1]}`)],
  TTL: [
    option(
      /TTL (?:set to|decrement by|increment by) (\d+)/y,
      (m) => `--ttl-${m[0].split(' ')[1]?.slice(0, 3)} ${m[1]}`,
    ),
  ],
  HL: [
    option(/HL (?:set to|decrement by|increment by) (\d+)/y, (m) => `--hl-${m[0].split(' ')[1]?.slice(0, 3)} ${m[1]}`),
  ],
  CLASSIFY: [
    option(
      /CLASSIFY set (\S+)/y,
      (m) =>
        `--set-class ${(m[1] ?? '')
          .split(':')
          .map((part) => part.padStart(4, '0'))
          .join(':')}`,
    ),
  ],
  CHECKSUM: [option(/CHECKSUM fill/y, () => '--checksum-fill')],
  TEE: [option(/TEE gw:(\S+)/y, (m) => `--gateway ${m[1]}`), option(/oif=(\S+)/y, (m) => `--oif ${m[1]}`)],
  TPROXY: [
    option(/TPROXY redirect (\S+):(\d+) mark (\S+)/y, (m) => `--on-port ${m[2]} --on-ip ${m[1]} --tproxy-mark ${m[3]}`),
  ],
  SET: [option(/(add|del|map)-set (\S+) (\S+)/y, (m) => `--${m[1]}-set ${m[2]} ${m[3]}`)],
  AUDIT: [option(/AUDIT (\S+)/y, (m) => `--type ${m[1]}`)],
};

function option(begin: RegExp, words: (found: RegExpExecArray) => string): Phrase {
  return { begin, match: null, words };
}

function flags(begin: RegExp): Phrase {
  return option(begin, (found) => `--${found[0]}`);
}

function withMask(value: string | undefined): string {
  return value?.includes('/') ? value : `${value ?? ''}/0xffffffff`;
}

function logOptions(prefix: string | undefined, level: string, more: readonly string[]): string {
  const number = LOG_LEVELS.indexOf(level);
  const spoken = number < 0 ? level : String(number);
  const parts = [
    prefix ? `--log-prefix ${quoteWord(prefix, true)}` : '',
    spoken === '4' ? '' : `--log-level ${spoken}`,
    ...more,
  ];
  return parts.filter(Boolean).join(' ');
}
