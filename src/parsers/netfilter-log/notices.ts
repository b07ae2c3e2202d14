// What do messages without a packet tell: full tables, lost or suppressed lines, packets refused by routing? The catalogue knows which they
// are and what they mean; this table takes the numbers and names out of them, and knows wordings of daemons that no kernel prints.

import { createNoticeMatcher, type Notice as KnownNotice } from '../../catalogue/notices.js';

export interface Notice {
  readonly count: number | null;
  readonly detail: Readonly<Record<string, string | number>>;
}

interface Declaration {
  /** A literal without which the pattern cannot match: tested first. */
  readonly anchor: string;
  /** Named groups become details; `count` becomes the count. Groups of digits become numbers. */
  readonly pattern: RegExp;
  readonly about: KnownNotice['kind'] | 'identity';
}

const IP = '[0-9a-fA-F.:]+';

const DECLARATIONS: readonly Declaration[] = [
  // init/main.c: start_kernel() prints linux_banner: the first line of every boot
  { anchor: 'Linux version ', pattern: /^Linux version (?<release>\d+\.\d+\S*) \(/, about: 'identity' },
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
    about: 'evidence-lost',
  },
  {
    anchor: 'messages suppressed',
    pattern: /(?:(?<function>[\w.]+): )?(?<count>\d+) messages suppressed/,
    about: 'evidence-lost',
  },
  // systemd-journald
  { anchor: 'kernel messages', pattern: /Missed (?<count>\d+) kernel messages/, about: 'evidence-lost' },
  { anchor: 'Suppressed ', pattern: /Suppressed (?<count>\d+) messages from (?<unit>\S+)/, about: 'evidence-lost' },
  {
    anchor: '/dev/kmsg buffer overrun',
    pattern: /\/dev\/kmsg buffer overrun, some messages lost/,
    about: 'evidence-lost',
  },
  // rsyslog: runtime/ratelimit.c, plugins/imuxsock
  {
    anchor: ' lost',
    pattern: /(?<function>im\w+)\S*(?: from \S+)?:? lost (?<count>\d+) messages?(?: from pid (?<pid>\d+))?/,
    about: 'evidence-lost',
  },
  {
    anchor: ' lost',
    pattern: /(?:(?<function>im\w+).*?: )?(?<count>\d+) messages? lost due to rate-limiting/,
    about: 'evidence-lost',
  },
  {
    anchor: 'begin to drop messages',
    pattern: /(?:(?<function>im\w+).*?: )?begin to drop messages due to rate-limiting/,
    about: 'evidence-lost',
  },
  {
    anchor: 'imklog',
    pattern: /(?<function>imklog).*?(?<count>\d+) messages? (?:lost|dropped|discarded)/,
    about: 'evidence-lost',
  },
  // kernel/printk/printk.c
  { anchor: 'printk messages dropped', pattern: /(?<count>\d+) printk messages dropped/, about: 'evidence-lost' },
  // kernel/audit.c: records of the AUDIT target among them
  { anchor: 'audit_lost=', pattern: /audit_lost=(?<count>\d+)/, about: 'evidence-lost' },
  // net/netfilter/nf_conntrack_proto_generic.c, 4.4..5.0
  { anchor: 'generic helper', pattern: /generic helper won't handle protocol (?<proto>\d+)/, about: 'configuration' },
  // net/netfilter/nf_conntrack_helper.c until 5.19
  {
    anchor: 'automatic helper assignment',
    pattern: /(?:default )?automatic helper assignment (?:is deprecated|has been turned off)/,
    about: 'configuration',
  },
  { anchor: 'No such helper', pattern: /No such helper "(?<helper>[^"]*)"/, about: 'configuration' },
  // net/netfilter/nf_nat_masquerade.c: nf_nat_masquerade_ipv4()
  { anchor: 'ate my IP address', pattern: /(?<dev>\S+) ate my IP address/, about: 'configuration' },
  // net/ipv4/route.c: ip_handle_martian_source() names the destination first, __ip_route_input_slow() the destination too
  {
    anchor: 'martian source',
    pattern: new RegExp(`martian source (?<dst>${IP}) from (?<src>${IP}),? (?:on )?dev (?<dev>\\S+)`),
    about: 'elsewhere',
  },
  {
    anchor: 'martian destination',
    pattern: new RegExp(`martian destination (?<dst>${IP}) from (?<src>${IP}),? (?:on )?dev (?<dev>\\S+)`),
    about: 'elsewhere',
  },
  { anchor: 'martian', pattern: /^(?:IPv4: )?martian (?:source|destination)/, about: 'elsewhere' },
  {
    anchor: 'll header: ',
    pattern: /^(?:IPv4: )?ll header: (?<header>[0-9a-fA-F: ]+?)(?: {2,}.*)?$/,
    about: 'elsewhere',
  },
  // net/ipv4/udp.c: __udp4_lib_rcv()
  {
    anchor: 'bad checksum. From',
    pattern: new RegExp(
      `UDP(?:-?Lite)?:? ?.*bad checksum\\. From (?<src>${IP}):(?<sport>\\d+) to (?<dst>${IP}):(?<dport>\\d+) ulen (?<ulen>\\d+)`,
    ),
    about: 'elsewhere',
  },
  {
    anchor: 'short packet: From',
    pattern: new RegExp(
      `short packet: From (?<src>${IP}):(?<sport>\\d+) (?<ulen>\\d+)/(?<len>\\d+) to (?<dst>${IP}):(?<dport>\\d+)`,
    ),
    about: 'elsewhere',
  },
  // net/netfilter/nf_conntrack_standalone.c until 4.x: tells the sizes
  {
    anchor: 'nf_conntrack version',
    pattern: /nf_conntrack version (?<version>\S+) \((?<buckets>\d+) buckets, (?<max>\d+) max\)/,
    about: 'configuration',
  },
  {
    anchor: 'filtering via arp/ip/ip6tables',
    pattern: /bridge: filtering via arp\/ip\/ip6tables is no longer available/,
    about: 'configuration',
  },
  // kernel/module/main.c: print_modules(), module_augment_kernel_taints(): marked (O) and (P), modules are not of the kernel's own tree.
  { anchor: 'Modules linked in:', pattern: /^Modules linked in: (?<modules>\S.*)$/, about: 'configuration' },
  {
    anchor: 'out-of-tree module',
    pattern: /^(?<module>[\w-]+): loading out-of-tree module taints kernel/,
    about: 'configuration',
  },
  // kernel/auditsc.c: __audit_log_nfcfg(); 1325 is its number where auditd does not run
  {
    anchor: 'table=',
    pattern:
      /(?:type=1325|NETFILTER_CFG).*?\btable=(?<table>\S+) family=(?<family>\S+) entries=(?<entries>\d+)(?: op=(?<op>\w+))?/,
    about: 'configuration',
  },
  // net/netfilter/nfnetlink_queue.c
  {
    anchor: 'nf_queue: full',
    pattern: /nf_queue: full at (?<entries>\d+) entries, dropping packets?/,
    about: 'pressure',
  },
];

const PATTERN_ESCAPE = /[.*+?^${}()|[\]\\]/g;
/** One test that most lines of other parts of the kernel fail. */
const ANY_ANCHOR = new RegExp(
  [...new Set(DECLARATIONS.map((one) => one.anchor.replace(PATTERN_ESCAPE, '\\$&')))].join('|'),
);

/** printk's longest record; what is longer is no notice. */
const LONGEST_NOTICE = 1024;
/** A list of modules goes on for several records that a log may have put together. */
const LONGEST_MODULES = 8192;

const knownNotice = createNoticeMatcher();

function details(groups: Readonly<Record<string, string | undefined>>): Record<string, string | number> {
  const detail: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(groups)) {
    if (value === undefined || name === 'count') continue;
    detail[name] = /^\d{1,15}$/.test(value) ? Number(value) : value;
  }
  return detail;
}

function declared(text: string): Notice | null {
  if (!ANY_ANCHOR.test(text)) return null;
  for (const { anchor, pattern, about } of DECLARATIONS) {
    const match = text.includes(anchor) ? pattern.exec(text) : null;
    if (match === null) continue;
    const groups: Readonly<Record<string, string | undefined>> = match.groups ?? {};
    const count = groups['count'];
    return { count: count === undefined ? null : Number(count), detail: { about, ...details(groups) } };
  }
  return null;
}

/**
 * @param text one message without its envelope.
 * @returns what a notice tells: detail.about is what it means (a catalogue notice's kind), detail.notice its id there; null when the text is
 *   no notice.
 */
export function parseNotice(text: string): Notice | null {
  if (text.length > (text.startsWith('Modules linked in:') ? LONGEST_MODULES : LONGEST_NOTICE)) return null;
  const own = declared(text);
  const known = knownNotice(text);
  if (known === null) return own;
  const { id, kind } = known.notice;
  return { count: own?.count ?? null, detail: { ...own?.detail, about: kind, notice: id } };
}
