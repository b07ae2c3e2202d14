// What an ingest has to tell when it is done: per source what was recognised and what was not, and which evidence a full answer lacks.

import type { ClockMethod } from '../store/clocks.js';

export interface FormReport {
  readonly form: string;
  readonly records: number;
  readonly unread: number;
}

export interface UnreadExample {
  readonly line: number;
  readonly form: string | null;
  readonly reason: string;
  readonly text: string;
}

export interface ClockReport {
  readonly kind: string;
  readonly method: ClockMethod;
  readonly errorUs: number | null;
}

export interface SourceReport {
  readonly sourceId: number | null;
  readonly name: string;
  /** 'read' anew · 'continued' where it was left · 'known' nothing new in it · 'nothing' no form recognised · 'skipped' why says */
  readonly outcome: 'read' | 'continued' | 'known' | 'nothing' | 'skipped';
  /** Why it was skipped, or what was wrong with its end ('the gzip data ends here'). */
  readonly why: string | null;
  readonly host: string | null;
  readonly isHostAssumed: boolean;
  readonly kernel: string | null;
  readonly bytes: number;
  readonly lines: number;
  readonly forms: readonly FormReport[];
  /** Lines no form wanted; most are other programs' and no loss. */
  readonly unrecognisedLines: number;
  /** Lines that could not be read though they look like evidence. */
  readonly unreadLines: number;
  readonly firstUnread: UnreadExample | null;
  readonly clock: ClockReport | null;
}

/** An evidence kind a full answer needs: how ctwhy collects it, and what to ask somebody without ctwhy for. */
export interface MissingEvidence {
  readonly what: string;
  readonly proves: string;
  readonly command: string;
  readonly ask: string;
}

export interface IngestReport {
  readonly ingestId: number;
  readonly sources: readonly SourceReport[];
  readonly hosts: readonly {
    readonly name: string;
    readonly isAssumed: boolean;
    readonly kernel: string | null;
    /** Only prose mentions the kernel, or it is that of a later boot. */
    readonly isKernelGuessed?: true;
  }[];
  readonly snapshots: number;
  readonly flows: number;
  /** Rows were added; false: everything was known before. */
  readonly isAnythingNew: boolean;
  readonly missing: readonly MissingEvidence[];
  readonly durationMs: number;
}

/** One kind of evidence and how to see that it is there. */
export interface EvidenceNeed extends MissingEvidence {
  /** Parts of snapshots (a prefix of the name is enough) or coverage kinds, any of which meets the need. */
  readonly metBy: readonly string[];
}

/** In the order in which people should send them. */
export const EVIDENCE_NEEDS: readonly EvidenceNeed[] = [
  {
    what: 'kernel log',
    proves: 'which check failed, which packets were logged',
    metBy: ['log'],
    command: 'ctwhy capture --read-only',
    ask: 'journalctl -k -o short-precise --since "1 hour ago"',
  },
  {
    what: 'entries',
    proves: 'what the tracker knew, and for how long yet',
    metBy: ['list:main'],
    command: 'ctwhy snapshot take',
    ask: 'conntrack -L -o id,extended',
  },
  {
    what: 'events',
    proves: 'when and by whom an entry was made, changed and removed',
    metBy: ['events'],
    command: 'ctwhy capture',
    ask: 'conntrack -E -o timestamp,id,extended',
  },
  {
    what: 'rules with counters',
    proves: 'which rule drops the packet',
    metBy: ['rules:'],
    command: 'ctwhy snapshot take',
    ask: 'iptables-save -c; ip6tables-save -c; nft -a list ruleset',
  },
  {
    what: 'settings',
    proves: 'tcp_loose, be_liberal, timeouts, limits, log_invalid',
    metBy: ['sysctl'],
    command: 'ctwhy snapshot take',
    ask: 'sysctl -a 2>/dev/null | grep -E "conntrack|nf_log|rp_filter|ip_forward|bridge-nf|tcp_keepalive"',
  },
  {
    what: 'sockets',
    proves: 'a socket without its entry, and on which side packets are lost',
    metBy: ['sockets'],
    command: 'ctwhy snapshot take',
    ask: 'ss -tanoie',
  },
  {
    what: 'statistics',
    proves: 'INVALID, drop and insert_failed counts also where no line was printed',
    metBy: ['stats'],
    command: 'ctwhy snapshot take',
    ask: 'conntrack -S',
  },
  {
    what: 'addresses and routes',
    proves: 'which addresses are this host, which way an answer goes',
    metBy: ['addresses', 'routes'],
    command: 'ctwhy snapshot take',
    ask: 'ip addr; ip -4 route show table all; ip -6 route show table all; ip rule',
  },
  {
    what: 'kernel version',
    proves: 'what a message, or its absence, means',
    metBy: ['kernel'],
    command: 'ctwhy bundle',
    ask: 'uname -r',
  },
];

/** What is lacking, given the names of parts and kinds that are there. */
export function missingEvidence(present: ReadonlySet<string>): readonly MissingEvidence[] {
  const has = (name: string): boolean =>
    name.endsWith(':') ? [...present].some((one) => one.startsWith(name)) : present.has(name);
  return EVIDENCE_NEEDS.filter(({ metBy }) => !metBy.some(has)).map(({ what, proves, command, ask }) => ({
    what,
    proves,
    command,
    ask,
  }));
}
