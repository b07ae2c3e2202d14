// What one entry of the catalogue is: a check in the kernel that makes a packet INVALID or NEW, drops it, or hides the message.

import { ALWAYS, holds, type KernelVersion, parseKernelVersion, type VersionRange } from './kernel-version.js';

/**
 * ACCEPT: a message is printed and the packet keeps its entry. HELD: waits for reassembly. EVICTION: another entry is removed.
 * NO_MESSAGE: explains why a message is missing.
 */
export type ReasonOutcome =
  | 'INVALID'
  | 'NEW'
  | 'RELATED'
  | 'UNTRACKED'
  | 'ACCEPT'
  | 'DROP'
  | 'HELD'
  | 'EVICTION'
  | 'NO_MESSAGE';

/** What the kernel shows of it by itself. 'silent': only counters and rules that log the state can show it. */
export type ReasonEvidence = 'log-invalid' | 'helper' | 'debug' | 'printk' | 'silent';

export type MessageChannel = Exclude<ReasonEvidence, 'silent'>;

export type ReasonProto =
  | 'any'
  | 'ipv4'
  | 'ipv6'
  | 'tcp'
  | 'udp'
  | 'udplite'
  | 'icmp'
  | 'icmpv6'
  | 'sctp'
  | 'dccp'
  | 'gre'
  | 'generic';

/** Columns of /proc/net/stat/nf_conntrack; 'error' is shown there as icmp_error. */
export type ReasonCounter =
  | 'invalid'
  | 'error'
  | 'drop'
  | 'early_drop'
  | 'insert_failed'
  | 'clash_resolve'
  | 'chaintoolong'
  | 'expect_new';

/** One wording of a message, as the kernel prints it: its prefix expanded, %u %d %s %x %pI4 %pI6 %p where values go. */
export interface MessageFormat {
  readonly channel: MessageChannel;
  readonly text: string;
  readonly versions: VersionRange;
  /** Messages as they stand in a log, without time and without the packet dump. Each is matched by this entry and by no other. */
  readonly samples: readonly string[];
  /** Other entries that print the very same words: the text alone cannot tell them apart. */
  readonly sharedWith: readonly string[];
}

/** Where in the kernel it is decided; version is the release the name was read in. */
export interface KernelSource {
  readonly file: string;
  readonly function: string;
  readonly version: string;
}

export interface Reason {
  readonly id: string;
  readonly proto: readonly ReasonProto[];
  /** On current kernels; older answers in outcomeByVersion (empty: it never changed). */
  readonly outcome: ReasonOutcome;
  readonly outcomeByVersion: readonly { readonly outcome: ReasonOutcome; readonly versions: VersionRange }[];
  readonly evidence: ReasonEvidence;
  readonly evidenceByVersion: readonly { readonly evidence: ReasonEvidence; readonly versions: VersionRange }[];
  /** Releases that have this check at all. */
  readonly versions: VersionRange;
  readonly formats: readonly MessageFormat[];
  readonly source: KernelSource;
  readonly condition: string;
  /** How an administrator gets to see it. */
  readonly howSeen: string;
  readonly likelyCauses: readonly string[];
  readonly checks: readonly string[];
  readonly remedies: readonly string[];
  readonly counter: ReasonCounter | null;
  /** Kernel on which it was reproduced with crafted packets; NULL when read from the sources only. */
  readonly verifiedOn: string | null;
}

type Optional =
  | 'outcomeByVersion'
  | 'evidenceByVersion'
  | 'versions'
  | 'formats'
  | 'counter'
  | 'verifiedOn'
  | 'remedies';

/** An entry as it is written down: what is usual may be left out. */
export type ReasonDeclaration = Omit<Reason, Optional> & Partial<Pick<Reason, Optional>>;

/** The declaration with its usual values filled in. */
export function defineReason(declared: ReasonDeclaration): Reason {
  return {
    outcomeByVersion: [],
    evidenceByVersion: [],
    versions: ALWAYS,
    formats: [],
    remedies: [],
    counter: null,
    verifiedOn: null,
    ...declared,
  };
}

/** A log_invalid wording. */
export function logs(text: string, versions: VersionRange, ...samples: readonly string[]): MessageFormat {
  return { channel: 'log-invalid', text, versions, samples, sharedWith: [] };
}

/** A pr_debug wording; it ends with a line feed in the kernel, which is left out here. */
export function debugs(text: string, versions: VersionRange, ...samples: readonly string[]): MessageFormat {
  return { channel: 'debug', text, versions, samples, sharedWith: [] };
}

/** An ordinary kernel message. */
export function prints(text: string, versions: VersionRange, ...samples: readonly string[]): MessageFormat {
  return { channel: 'printk', text, versions, samples, sharedWith: [] };
}

/** A message of an application helper that drops a packet. */
export function helperSays(text: string, versions: VersionRange, ...samples: readonly string[]): MessageFormat {
  return { channel: 'helper', text, versions, samples, sharedWith: [] };
}

/** The same words are printed by other entries too. */
export function shared(format: MessageFormat, ...others: readonly string[]): MessageFormat {
  return { ...format, sharedWith: others };
}

/**
 * What the answer is on this kernel: one outcome when it is settled, all that are possible when the version leaves it open
 * (the present one first), none when this kernel does not have the check.
 */
export function outcomeOf(reason: Reason, version: KernelVersion | null): readonly ReasonOutcome[] {
  if (holds(reason.versions, version) === 'no') return [];
  if (reason.outcomeByVersion.length === 0) return [reason.outcome];
  const possible = reason.outcomeByVersion.filter((entry) => holds(entry.versions, version) !== 'no');
  return currentFirst(
    reason.outcome,
    possible.map((entry) => entry.outcome),
  );
}

/** Stands for every release that is newer than the last change written down. */
const NEWEST = '99.0';

/**
 * The outcomes of the kernels that word the message so: what follows from the text where the release is not known. Empty when no wording is
 * told by this text.
 * @param message without prefix, values as %u
 */
export function outcomesByWords(reason: Reason, message: string): readonly ReasonOutcome[] {
  const plain = (text: string) => text.replace(/^\w+: /, '').trim();
  const ends = reason.formats
    .filter((format) => plain(format.text) === plain(message))
    .flatMap(({ versions }) => [versions.since ?? versions.until ?? NEWEST, versions.until ?? NEWEST]);
  const versions = [...new Set(ends)].map(parseKernelVersion).filter((version) => version !== null);
  return [...new Set(versions.flatMap((version) => outcomeOf(reason, version)))];
}

/** How the kernel shows it on this version; several when the version leaves it open, none when the check is not there. */
export function evidenceOf(reason: Reason, version: KernelVersion | null): readonly ReasonEvidence[] {
  if (holds(reason.versions, version) === 'no') return [];
  if (reason.evidenceByVersion.length === 0) return [reason.evidence];
  const possible = reason.evidenceByVersion.filter((entry) => holds(entry.versions, version) !== 'no');
  return currentFirst(
    reason.evidence,
    possible.map((entry) => entry.evidence),
  );
}

/** The wordings that this kernel may print. */
export function formatsOf(reason: Reason, version: KernelVersion | null): readonly MessageFormat[] {
  return reason.formats.filter((format) => holds(format.versions, version) !== 'no');
}

function currentFirst<T>(current: T, possible: readonly T[]): readonly T[] {
  const distinct = new Set(possible);
  return distinct.has(current) ? [current, ...[...distinct].filter((item) => item !== current)] : [...distinct];
}

/** Where to read it in the kernel: file, function and the release the name was read in. */
export function kernelSource(file: string, name: string, version: string): KernelSource {
  return { file, function: name, version };
}
