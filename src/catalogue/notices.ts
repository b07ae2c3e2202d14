// Which other kernel messages tell of pressure, of lost evidence, or of a cause that is not conntrack's? Those that are reasons stand in the catalogue.

import { compileFormat, type FormatPattern, foldBlanks, indexPatterns } from './format-pattern.js';
import { withoutModulePrefixes } from './message-prefix.js';

export interface Notice {
  readonly id: string;
  readonly formats: readonly string[];
  /** evidence-lost: messages are missing here. pressure: something is full. configuration: a rule or module is not as meant. elsewhere: another layer. */
  readonly kind: 'evidence-lost' | 'pressure' | 'configuration' | 'elsewhere';
  readonly meaning: string;
}

export const NOTICES: readonly Notice[] = [
  {
    id: 'callbacks-suppressed',
    formats: ['%s: %d callbacks suppressed'],
    kind: 'evidence-lost',
    meaning: 'So many rate-limited messages of that function were not printed',
  },
  {
    id: 'messages-suppressed',
    formats: ['printk: %d messages suppressed.'],
    kind: 'evidence-lost',
    meaning: 'So many rate-limited messages were not printed (kernels until 2.6.2x)',
  },
  {
    id: 'printk-dropped',
    formats: ['** %u printk messages dropped **', '%u printk messages dropped'],
    kind: 'evidence-lost',
    meaning: 'The console could not keep up; these lines are not on it',
  },
  {
    id: 'journal-missed',
    formats: ['Missed %u kernel messages'],
    kind: 'evidence-lost',
    meaning: 'journald read the ring buffer too late: these kernel messages are lost to the journal',
  },
  {
    id: 'journal-suppressed',
    formats: ['Suppressed %u messages from %s'],
    kind: 'evidence-lost',
    meaning: 'journald limited the rate of a service',
  },
  {
    id: 'rsyslog-lost',
    formats: [
      'imjournal: %u messages lost due to rate-limiting (%u allowed within %u seconds)',
      'imklog: %u messages lost due to rate-limiting',
    ],
    kind: 'evidence-lost',
    meaning: 'rsyslog limited its input',
  },
  {
    id: 'audit-lost',
    formats: ['audit: audit_lost=%u audit_rate_limit=%u audit_backlog_limit=%u'],
    kind: 'evidence-lost',
    meaning: 'Audit records (ruleset changes among them) were lost',
  },
  {
    id: 'no-such-helper',
    formats: ['xt_CT: No such helper "%s"', 'No such helper "%s"'],
    kind: 'configuration',
    meaning: 'A CT rule names a helper whose module is not loaded: the rule was refused',
  },
  {
    id: 'helper-no-protocol',
    formats: [
      'xt_CT: You must specify a L4 protocol and not use inversions on it',
      'You must specify a L4 protocol and not use inversions on it',
    ],
    kind: 'configuration',
    meaning: 'A CT helper rule without -p was refused',
  },
  {
    id: 'conntrack-loaded',
    formats: ['nf_conntrack version %s (%u buckets, %u max)'],
    kind: 'configuration',
    meaning: 'Connection tracking was loaded: flows begun before have no entry',
  },
  {
    id: 'nf-log-missing',
    formats: ["xt_LOG: can't register logger", 'nf_log: can not find logger'],
    kind: 'configuration',
    meaning: 'A logger could not be bound',
  },
  {
    id: 'syn-flooding',
    formats: [
      'TCP: request_sock_TCP: Possible SYN flooding on port %s. Sending cookies. Check SNMP counters.',
      'request_sock_TCP: Possible SYN flooding on port %s. %s',
      'possible SYN flooding on port %u. Sending cookies.',
    ],
    kind: 'pressure',
    meaning: 'A listen queue overflowed',
  },
  {
    id: 'neighbour-overflow',
    formats: ['neighbour: %s: neighbor table overflow!', 'neighbour table overflow!', 'Neighbour table overflow.'],
    kind: 'pressure',
    meaning: 'Packets die for want of a neighbour entry, behind all rules',
  },
  {
    id: 'too-many-orphans',
    formats: ['TCP: too many orphaned sockets', 'too many orphaned sockets'],
    kind: 'pressure',
    meaning: 'Sockets nobody holds any more are being reset; FIN-WAIT-1 pile-ups lead here',
  },
  {
    id: 'tcp-out-of-memory',
    formats: ['TCP: out of memory -- consider tuning tcp_mem', 'out of memory -- consider tuning tcp_mem'],
    kind: 'pressure',
    meaning: 'TCP buffers are exhausted',
  },
  {
    id: 'route-cache-full',
    formats: ['dst cache overflow', 'Route cache is full: consider increasing sysctl net.ipv6.route.max_size.'],
    kind: 'pressure',
    meaning: 'Routes could not be allocated',
  },
  {
    id: 'nfqueue-full',
    formats: ['nf_queue: full at %d entries, dropping packets(s)', 'nf_queue: full at %d entries, dropping packet(s)'],
    kind: 'pressure',
    meaning: 'A program behind NFQUEUE is too slow: packets died there',
  },
  {
    id: 'martian-source',
    formats: ['IPv4: martian source %s from %s, on dev %s', 'martian source %s from %s, on dev %s'],
    kind: 'elsewhere',
    meaning: 'Dropped in routing: the source cannot be reached that way (rp_filter)',
  },
  {
    id: 'martian-destination',
    formats: ['IPv4: martian destination %s from %s, dev %s', 'martian destination %s from %s, dev %s'],
    kind: 'elsewhere',
    meaning: 'Dropped in routing: the destination cannot be on that interface',
  },
  {
    id: 'udp-bad-checksum',
    formats: ['UDP: bad checksum. From %s to %s ulen %u'],
    kind: 'elsewhere',
    meaning: 'The socket layer dropped it; conntrack did not',
  },
  {
    id: 'udp-short',
    formats: ['UDP: short packet: From %s %u/%u to %s'],
    kind: 'elsewhere',
    meaning: 'The socket layer dropped it; conntrack did not',
  },
  {
    id: 'treason-uncloaked',
    formats: [
      'TCP: Peer %s unexpectedly shrunk window %u:%u (repaired)',
      'Peer %s unexpectedly shrunk window %u:%u (repaired)',
    ],
    kind: 'elsewhere',
    meaning: 'The peer shrank its window: beside it, "bytes more than expected" is no surprise',
  },
  {
    id: 'netdev-watchdog',
    formats: ['NETDEV WATCHDOG: %s (%s): transmit queue %u timed out'],
    kind: 'elsewhere',
    meaning: 'The network card hung',
  },
];

export interface NoticeMatch {
  readonly notice: Notice;
  /** The first number in it: how many were lost or where it stands; NULL when there is none. */
  readonly count: number | null;
  readonly words: readonly string[];
}

interface NoticeWording {
  readonly notice: Notice;
  readonly pattern: FormatPattern;
}

/** Compiles the notices once. The matcher never throws; NULL for a line that is none of them. */
export function createNoticeMatcher(): (text: string) => NoticeMatch | null {
  const wordings: NoticeWording[] = NOTICES.flatMap((notice) =>
    notice.formats.map((format) => ({ notice, pattern: compileFormat(format) })),
  );
  const index = indexPatterns(wordings);
  return (text) => {
    for (const candidate of withoutModulePrefixes(foldBlanks(text))) {
      for (const { notice, pattern } of index.candidates(candidate)) {
        const found = pattern.match(candidate);
        if (found !== null) return { notice, count: found.numbers[0] ?? null, words: found.words };
      }
    }
    return null;
  };
}
