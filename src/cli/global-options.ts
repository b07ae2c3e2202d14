// The options every command has, and the families that several commands share: same name, same meaning everywhere.

import type { OptionSpec } from './command.js';

export const OUTPUT_FORMATS = ['table', 'lines', 'json', 'ndjson', 'csv', 'tsv', 'markdown'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'db',
    argument: 'FILE',
    describe: 'the store (CTWHY_DB; default /var/lib/ctwhy/ctwhy.db for root)',
    group: 'General',
  },
  {
    name: 'color',
    argument: 'WHEN',
    choices: ['always', 'never', 'auto'],
    describe: 'colour the output (NO_COLOR is respected)',
    group: 'General',
  },
  { name: 'no-color', describe: 'the same as --color=never', group: 'General' },
  { name: 'quiet', alias: 'q', describe: 'results and errors only', group: 'General' },
  { name: 'verbose', alias: 'v', describe: 'raw lines, more notes', group: 'General' },
];

/** Commands that print rows. */
export const ROW_OUTPUT_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'output',
    alias: 'o',
    argument: 'FORMAT',
    choices: OUTPUT_FORMATS,
    describe: 'how to print rows',
    group: 'Output',
  },
  { name: 'json', alias: 'j', describe: 'short for -o json', group: 'Output' },
  { name: 'lines', alias: 'n', argument: 'N', describe: 'at most N rows', group: 'Output' },
];

/** Commands that print a document, or the same as JSON. */
export const DOCUMENT_OUTPUT_OPTIONS: readonly OptionSpec[] = [
  { name: 'json', alias: 'j', describe: 'as JSON, stable for scripts', group: 'Output' },
];

/** Commands that answer: from the store, or from files given here. */
export const READ_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'read',
    alias: 'r',
    argument: 'FILE',
    takesMany: true,
    isRepeatable: true,
    describe: 'answer from these files, folders or tars; the store stays as it is',
    group: 'Input',
  },
];

/** What files do not say about themselves. */
export const FILE_FACT_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'host',
    argument: 'NAME',
    describe: 'host of files, and of lines, that name none; where answers are given, the one they are about',
    group: 'Input',
  },
  { name: 'kernel', argument: 'RELEASE', describe: 'its kernel, as uname -r says', group: 'Input' },
  { name: 'boot-time', argument: 'TIME', describe: 'when it booted, for lines with uptime only', group: 'Input' },
  { name: 'year', argument: 'YEAR', describe: 'year of syslog lines without one', group: 'Input' },
  { name: 'tz', argument: 'ZONE', describe: 'zone of its clock: +02:00 or Europe/Berlin', group: 'Input' },
];

export const FILTER_OPTIONS: readonly OptionSpec[] = [
  { name: 'proto', alias: 'p', argument: 'PROTO', describe: 'tcp, udp, icmp, a number', group: 'Filter' },
  { name: 'src', alias: 's', argument: 'ADDR', describe: 'address or prefix of one side', group: 'Filter' },
  { name: 'dst', alias: 'd', argument: 'ADDR', describe: 'address or prefix of the other side', group: 'Filter' },
  { name: 'sport', argument: 'PORT', describe: 'port, range or service of one side', group: 'Filter' },
  { name: 'dport', argument: 'PORT', describe: 'port, range or service of the other side', group: 'Filter' },
  { name: 'in-interface', alias: 'i', argument: 'DEV', describe: 'interface it came in by', group: 'Filter' },
  { name: 'out-interface', argument: 'DEV', describe: 'interface it left by', group: 'Filter' },
  { name: 'ipv4', alias: '4', describe: 'IPv4 only', group: 'Filter' },
  { name: 'ipv6', alias: '6', describe: 'IPv6 only', group: 'Filter' },
  { name: 'icmp-type', argument: 'TYPE', describe: 'ICMP type: a number', group: 'Filter' },
  { name: 'tcp-flags', argument: 'FLAGS', describe: 'flags the packet has: SYN, FIN,ACK …', group: 'Filter' },
  { name: 'mark', argument: 'N', describe: 'mark of the packet', group: 'Filter' },
  { name: 'zone', argument: 'N', describe: 'conntrack zone', group: 'Filter' },
  { name: 'ctstate', argument: 'STATE', describe: 'state of the packet: NEW, INVALID …', group: 'Filter' },
  { name: 'reason', argument: 'ID', describe: 'reason (ctwhy reasons list)', group: 'Filter' },
  {
    name: 'flow',
    argument: 'FLOW',
    describe: 'a finding, ADDR:PORT, or a pasted line of ss, conntrack, LOG, tcpdump',
    group: 'Filter',
  },
  {
    name: 'since',
    alias: 'S',
    argument: 'TIME',
    describe: 'from then on: "10 min ago", 14:05, 2026-11-21 …',
    group: 'Time',
  },
  { name: 'until', alias: 'U', argument: 'TIME', describe: 'up to then', group: 'Time' },
];

/** Commands that look at this host. */
export const NETNS_OPTION: OptionSpec = {
  name: 'netns',
  argument: 'NAME',
  describe: 'in this network namespace: a name, a path or a process id',
  group: 'What',
};

/** Commands that can look at all of it. */
export const ALL_NETNS_OPTION: OptionSpec = {
  name: 'all-netns',
  describe: 'in every network namespace of this host, those of containers too',
  group: 'What',
};

/** Words that a refusal names, each for what it stands against. */
export const ALLOW_WORDS = ['broad', 'ssh', 'log-shipping', 'start-tracking', 'rate', 'console', 'period'] as const;
export type AllowWord = (typeof ALLOW_WORDS)[number];

/** Commands that change this host. */
export const CHANGE_OPTIONS: readonly OptionSpec[] = [
  NETNS_OPTION,
  { name: 'dry-run', describe: 'print the commands that would be run, change nothing', group: 'Safety' },
  { name: 'yes', describe: 'do not ask', group: 'Safety' },
  {
    name: 'allow',
    argument: 'WORD',
    isRepeatable: true,
    choices: ALLOW_WORDS,
    describe: 'do it although it is refused; the refusal names the word',
    group: 'Safety',
  },
  { name: 'for', argument: 'TIME', describe: 'take it back after this time: 90s, 10min, 2h', group: 'Safety' },
];

const OF_RULES = [
  'proto',
  'src',
  'dst',
  'sport',
  'dport',
  'in-interface',
  'out-interface',
  'ipv4',
  'ipv6',
  'icmp-type',
  'tcp-flags',
  'mark',
  'zone',
  'flow',
];

/** The options of a filter that a rule can test. */
export const PACKET_FILTER_OPTIONS: readonly OptionSpec[] = FILTER_OPTIONS.filter(({ name }) =>
  OF_RULES.includes(name),
).map((option) =>
  option.name === 'flow'
    ? { ...option, describe: 'ADDR:PORT, or a pasted line of ss, conntrack, LOG, tcpdump' }
    : option,
);

/** Commands that put rules of ours into the host. */
export const RULE_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'backend',
    argument: 'WHICH',
    choices: ['nft', 'legacy'],
    describe: 'where the rules go (nft where it works)',
    group: 'What',
  },
  ...CHANGE_OPTIONS,
  { name: 'json', alias: 'j', describe: 'as JSON, stable for scripts', group: 'Output' },
];
