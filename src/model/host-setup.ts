// How a host is set up to show what conntrack does: the facts that `ctwhy doctor` answers from. The same nouns hold for a live host and for
// a bundle of files. NULL always means 'not known here', never 'no'.

import type { Ruleset } from './ruleset.js';

export interface ProgramFact {
  /** 'iptables', 'nft', 'conntrack', … */
  readonly name: string;
  /** '1.8.9 (nf_tables)'; NULL: installed, but it does not say. */
  readonly version: string | null;
}

/** How conntrack itself is set; every value as the kernel prints it. */
export interface TrackerFacts {
  /** nf_conntrack's settings are there. */
  readonly isLoaded: boolean | null;
  /** Packets of this namespace pass it: a rule, NAT or a helper asked for it. */
  readonly isActive: boolean | null;
  readonly count: number | null;
  readonly max: number | null;
  /** 0 off, 1 on, 2 only for entries born while somebody listened (since 5.19). */
  readonly events: number | null;
  readonly timestamps: boolean | null;
  readonly accounting: boolean | null;
  readonly isLoose: boolean | null;
  readonly isLiberal: boolean | null;
}

export interface FamilyLog {
  readonly family: 4 | 6;
  /** NULL: NONE. */
  readonly bound: string | null;
  readonly isReadable: boolean;
}

export interface LogFacts {
  readonly logInvalid: number | null;
  readonly loggers: readonly FamilyLog[];
  readonly isFirstNetns: boolean | null;
  readonly allNetns: boolean | null;
  /** The module that brings the logger of the kernel log, and how it is there. */
  readonly module: { readonly name: string; readonly state: 'loaded' | 'built in' | 'loadable' | 'missing' } | null;
}

/** A socket of nfnetlink that listens to groups of netfilter (include/uapi/linux/netfilter/nfnetlink.h: enum nfnetlink_groups). */
export interface Listener {
  /** Netlink port; the process id for the first socket of a process. */
  readonly port: number;
  readonly process: string | null;
  readonly groups: readonly string[];
  /** Messages the kernel could not deliver to it. */
  readonly drops: number;
}

export interface NflogUser {
  readonly group: number;
  readonly port: number;
  readonly process: string | null;
}

/** Who keeps kernel messages, and what takes some away. */
export interface KernelLogFacts {
  /** 'journald', 'rsyslog', 'syslog-ng', 'logd', 'syslogd': what runs, or is set up. */
  readonly daemons: readonly string[];
  /** Where kern.* goes on disk: '/var/log/kern.log', 'the journal in /var/log/journal'. Empty: nowhere that we know of. */
  readonly keptIn: readonly string[];
  /** journald drops more than this many lines of a service in the interval; kernel lines are not of a service. NULL: not journald. */
  readonly journalRateLimit: string | null;
  /** rsyslog's imklog or journald has been told of a limit for kernel lines. */
  readonly kernelRateLimit: string | null;
  /** net.core.message_burst messages in message_cost seconds, for all rate-limited network warnings together. */
  readonly messageBurst: number | null;
  readonly messageCostS: number | null;
  readonly consoleLevel: number | null;
  readonly slowConsoles: readonly string[];
  readonly mayReadRing: boolean | null;
}

export interface FlowtableFact {
  readonly name: string;
  readonly isHardware: boolean;
}

/** What takes packets past conntrack, or past the hooks altogether. */
export interface BypassFacts {
  readonly flowtables: readonly FlowtableFact[];
  /** Devices whose hw-tc-offload is on. */
  readonly hardwareTc: readonly string[];
  /** Devices and datapaths of Open vSwitch. */
  readonly ovs: readonly string[];
  /** 'eth0 (XDP)', 'eth0 (tc ingress, bpf)'. */
  readonly programs: readonly string[];
  /** Bridges with ports whose frames pass no iptables rule. */
  readonly bridges: readonly string[];
  /** Frames of bridges go through iptables (br_netfilter); NULL: not known. */
  readonly bridgeCallsIptables: boolean | null;
  /** What of these could not be asked. */
  readonly unasked: readonly string[];
}

export interface DebugFacts {
  /** true: this kernel has dynamic debug; false: it was built without; NULL: it may not be read. */
  readonly isBuiltIn: boolean | null;
  /** Callsites of conntrack in it, and those that print now. */
  readonly callsites: number | null;
  readonly printing: number | null;
}

export interface ChangeFact {
  readonly id: string;
  readonly what: string;
  readonly kind: string;
  /** 'on', 'CHANGED', 'GONE', 'UNKNOWN'. */
  readonly standing: string;
  readonly isLate: boolean;
  /** It is not over yet, and what should end it then is gone. */
  readonly isOrphan: boolean;
}

export interface StrayFact {
  readonly what: string;
  readonly undoing: string;
}

/** What ctwhy left or has on. */
export interface OwnFacts {
  readonly changes: readonly ChangeFact[];
  readonly strays: readonly StrayFact[];
  /** Files of /etc that hold rules of ours: they come back with the next boot. */
  readonly savedIn: readonly string[];
}

/** What lies in the evidence, or is being recorded. */
export interface RecordedFacts {
  readonly events: boolean;
  readonly trace: boolean;
  readonly log: boolean;
  /** Protocols of which log_invalid was on all the while: 'tcp', 'all', …. */
  readonly logInvalid: readonly string[];
  /** Records known to be missing, by source. */
  readonly gaps: readonly { readonly what: string; readonly lost: number; readonly why: string | null }[];
  /** Readings of rule counters: two tell what moved. */
  readonly counterReadings: number;
}

export interface HostFacts {
  readonly from: 'host' | 'evidence';
  readonly hostName: string;
  readonly kernelRelease: string | null;
  /** We may ask everything; of evidence always true. */
  readonly isRoot: boolean;
  /** This process has CAP_NET_ADMIN; NULL: of evidence, or not known. */
  readonly hasNetAdmin: boolean | null;
  /** Inode and name of the namespace; NULL where they are not known. */
  readonly netns: string | null;
  /** 'docker', 'lxc', …; NULL: none that we see. */
  readonly container: string | null;
  /** 'integrity', 'confidentiality'; 'none'; NULL: no lockdown in this kernel, or not readable. */
  readonly lockdown: string | null;
  /** ID and ID_LIKE of os-release. */
  readonly distribution: readonly string[];
  readonly programs: readonly ProgramFact[] | null;
  readonly tracker: TrackerFacts;
  readonly log: LogFacts;
  readonly kernelLog: KernelLogFacts | null;
  /** NULL: rules could not be read. */
  readonly rulesets: readonly Ruleset[] | null;
  readonly listeners: readonly Listener[] | null;
  readonly nflog: readonly NflogUser[] | null;
  readonly bypass: BypassFacts | null;
  readonly debug: DebugFacts | null;
  readonly own: OwnFacts | null;
  /** Steps of the wall clock since the boot, as the journal shows them; NULL: nothing tells. */
  readonly clockStepUs: number | null;
  readonly recorded: RecordedFacts | null;
  /** Lines 'net.x = 1' and module names that sysctl.d and modules-load.d already set. */
  readonly kept: ReadonlySet<string>;
  /** What could not be seen and why. */
  readonly unseen: readonly { readonly what: string; readonly why: string }[];
}
