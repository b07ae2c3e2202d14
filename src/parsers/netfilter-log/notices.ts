// Kernel and daemon messages without a packet that matter for an answer: full tables, lost or suppressed lines, refused packets of routing.
// A table of declarations; the catalogue gives the reason ids.

export interface Notice {
  readonly count: number | null;
  readonly detail: Readonly<Record<string, string | number>>;
}

interface Declaration {
  /** A literal without which the pattern cannot match: tested first. */
  readonly anchor: string;
  /** Named groups become details; `count` becomes the count. Groups of digits become numbers. */
  readonly pattern: RegExp;
  /** What the notice is about; the store asks for 'lost' and 'suppressed'. */
  readonly about:
    | 'pressure'
    | 'suppressed'
    | 'lost'
    | 'routing'
    | 'checksum'
    | 'nat'
    | 'helper'
    | 'module'
    | 'queue'
    | 'ruleset';
}

const IP = '[0-9a-fA-F.:]+';

const DECLARATIONS: readonly Declaration[] = [
  // net/netfilter/nf_conntrack_core.c: __nf_conntrack_alloc(); 'in netns' since 6.17, twice the prefix since 4.9.
  {
    anchor: 'table full',
    pattern: /nf_conntrack: (?:table|(?<table>expectation) table) full(?: in netns (?<netns>\d+))?/,
    about: 'pressure',
  },
  { anchor: 'ip_conntrack: table full', pattern: /ip_conntrack: table full/, about: 'pressure' },
  // lib/ratelimit.c: ___ratelimit(); the name is of the function whose messages were held back (net_ratelimit: all of the network's).
  {
    anchor: 'callbacks suppressed',
    pattern: /(?:(?<function>[\w.]+): )?(?<count>\d+) callbacks suppressed/,
    about: 'suppressed',
  },
  {
    anchor: 'messages suppressed',
    pattern: /(?:(?<function>[\w.]+): )?(?<count>\d+) messages suppressed/,
    about: 'suppressed',
  },
  // systemd-journald
  { anchor: 'kernel messages', pattern: /Missed (?<count>\d+) kernel messages/, about: 'lost' },
  { anchor: 'Suppressed ', pattern: /Suppressed (?<count>\d+) messages from (?<unit>\S+)/, about: 'suppressed' },
  { anchor: '/dev/kmsg buffer overrun', pattern: /\/dev\/kmsg buffer overrun, some messages lost/, about: 'lost' },
  // rsyslog: runtime/ratelimit.c, plugins/imuxsock
  {
    anchor: ' lost',
    pattern: /(?<function>im\w+)\S*(?: from \S+)?:? lost (?<count>\d+) messages?(?: from pid (?<pid>\d+))?/,
    about: 'lost',
  },
  {
    anchor: ' lost',
    pattern: /(?:(?<function>im\w+).*?: )?(?<count>\d+) messages? lost due to rate-limiting/,
    about: 'lost',
  },
  {
    anchor: 'begin to drop messages',
    pattern: /(?:(?<function>im\w+).*?: )?begin to drop messages due to rate-limiting/,
    about: 'lost',
  },
  {
    anchor: 'imklog',
    pattern: /(?<function>imklog).*?(?<count>\d+) messages? (?:lost|dropped|discarded)/,
    about: 'lost',
  },
  // kernel/printk/printk.c
  { anchor: 'printk messages dropped', pattern: /(?<count>\d+) printk messages dropped/, about: 'lost' },
  // kernel/audit.c: records of the AUDIT target among them
  { anchor: 'audit_lost=', pattern: /audit_lost=(?<count>\d+)/, about: 'lost' },
  // net/netfilter/nf_conntrack_proto_generic.c, 4.4..5.0
  { anchor: 'generic helper', pattern: /generic helper won't handle protocol (?<proto>\d+)/, about: 'helper' },
  // net/netfilter/nf_conntrack_helper.c until 5.19
  {
    anchor: 'automatic helper assignment',
    pattern: /(?:default )?automatic helper assignment (?:is deprecated|has been turned off)/,
    about: 'helper',
  },
  { anchor: 'No such helper', pattern: /No such helper "(?<helper>[^"]*)"/, about: 'helper' },
  // net/netfilter/nf_nat_masquerade.c: nf_nat_masquerade_ipv4()
  { anchor: 'ate my IP address', pattern: /(?<dev>\S+) ate my IP address/, about: 'nat' },
  // net/ipv4/route.c: ip_handle_martian_source() names the destination first, __ip_route_input_slow() the destination too
  {
    anchor: 'martian source',
    pattern: new RegExp(`martian source (?<dst>${IP}) from (?<src>${IP}),? (?:on )?dev (?<dev>\\S+)`),
    about: 'routing',
  },
  {
    anchor: 'martian destination',
    pattern: new RegExp(`martian destination (?<dst>${IP}) from (?<src>${IP}),? (?:on )?dev (?<dev>\\S+)`),
    about: 'routing',
  },
  { anchor: 'martian', pattern: /^(?:IPv4: )?martian (?:source|destination)/, about: 'routing' },
  {
    anchor: 'll header: ',
    pattern: /^(?:IPv4: )?ll header: (?<header>[0-9a-fA-F: ]+?)(?: {2,}.*)?$/,
    about: 'routing',
  },
  // net/ipv4/udp.c: __udp4_lib_rcv()
  {
    anchor: 'bad checksum. From',
    pattern: new RegExp(
      `UDP(?:-?Lite)?:? ?.*bad checksum\\. From (?<src>${IP}):(?<sport>\\d+) to (?<dst>${IP}):(?<dport>\\d+) ulen (?<ulen>\\d+)`,
    ),
    about: 'checksum',
  },
  {
    anchor: 'short packet: From',
    pattern: new RegExp(
      `short packet: From (?<src>${IP}):(?<sport>\\d+) (?<ulen>\\d+)/(?<len>\\d+) to (?<dst>${IP}):(?<dport>\\d+)`,
    ),
    about: 'checksum',
  },
  // net/netfilter/nf_conntrack_standalone.c until 4.x: tells the sizes
  {
    anchor: 'nf_conntrack version',
    pattern: /nf_conntrack version (?<version>\S+) \((?<buckets>\d+) buckets, (?<max>\d+) max\)/,
    about: 'module',
  },
  {
    anchor: 'filtering via arp/ip/ip6tables',
    pattern: /bridge: filtering via arp\/ip\/ip6tables is no longer available/,
    about: 'module',
  },
  // kernel/auditsc.c: __audit_log_nfcfg(); 1325 is its number where auditd does not run
  {
    anchor: 'table=',
    pattern:
      /(?:type=1325|NETFILTER_CFG).*?\btable=(?<table>\S+) family=(?<family>\S+) entries=(?<entries>\d+)(?: op=(?<op>\w+))?/,
    about: 'ruleset',
  },
  // net/netfilter/nfnetlink_queue.c
  { anchor: 'nf_queue: full', pattern: /nf_queue: full at (?<entries>\d+) entries, dropping packets?/, about: 'queue' },
];

const PATTERN_ESCAPE = /[.*+?^${}()|[\]\\]/g;
/** One test that most lines of other parts of the kernel fail. */
const ANY_ANCHOR = new RegExp(
  [...new Set(DECLARATIONS.map((one) => one.anchor.replace(PATTERN_ESCAPE, '\\$&')))].join('|'),
);

function details(groups: Readonly<Record<string, string | undefined>>, about: string): Notice['detail'] {
  const detail: Record<string, string | number> = { about };
  for (const [name, value] of Object.entries(groups)) {
    if (value === undefined || name === 'count') continue;
    detail[name] = /^\d{1,15}$/.test(value) ? Number(value) : value;
  }
  return detail;
}

/** @returns what a notice tells, detail.about naming its kind; null when the text is none of them. */
export function parseNotice(text: string): Notice | null {
  if (!ANY_ANCHOR.test(text)) return null;
  for (const { anchor, pattern, about } of DECLARATIONS) {
    if (!text.includes(anchor)) continue;
    const match = pattern.exec(text);
    if (match === null) continue;
    const groups: Readonly<Record<string, string | undefined>> = match.groups ?? {};
    const count = groups['count'];
    return { count: count === undefined ? null : Number(count), detail: details(groups, about) };
  }
  return null;
}
