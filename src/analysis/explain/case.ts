// A case is what one explanation argues about: the packets of one flow with one outcome and one reason, and everything the
// store knows around them.

import type { KernelVersion } from '../../catalogue/kernel-version.js';
import type { EvidenceItem, Fate } from '../../model/finding.js';
import type { Rule } from '../../model/ruleset.js';
import type { CapturedRow } from '../../store/capture-reader.js';
import type { PassageRow, PathStep, TupleRow } from '../../store/case-reader.js';
import type { StoredChange } from '../../store/change-reader.js';
import type {
  CoverageRow,
  EntryRow,
  EventRow,
  HostEventRow,
  HostFactRow,
  NoticeRow,
  SnapshotPartRow,
  SnapshotRow,
  SocketRow,
  ValueRow,
} from '../../store/evidence-reader.js';
import type { SiblingEntry } from '../../store/flow-reader.js';
import type { Cite } from './cite.js';
import type { Crowd } from './crowd.js';
import type { RuleBook } from './rule-book.js';

export type PacketState = 'INVALID' | 'NEW' | 'ESTABLISHED' | 'RELATED' | 'UNTRACKED';

/** One packet with what is known of its state. */
export interface SeenPacket {
  readonly row: PassageRow;
  readonly steps: readonly PathStep[];
  readonly tuples: readonly TupleRow[];
  readonly flags: string | null;
  readonly state: PacketState | null;
  /** 'shown': a rule or message that depends on the state says so; 'inferred': from words of a prefix or from flags. */
  readonly stateIs: 'shown' | 'inferred' | null;
  /** Step of the line that tells the state. */
  readonly stateStep: number | null;
  readonly reasonId: string | null;
  readonly reasonStep: number | null;
}

/** What the host was and had, shared by all cases of it. */
export interface HostContext {
  readonly id: number;
  readonly name: string;
  readonly bootUuid: string | null;
  readonly kernelRelease: string | null;
  /** Mentioned in prose, or that of a later boot. */
  readonly isReleaseGuessed: boolean;
  readonly kernel: KernelVersion | null;
  readonly snapshots: readonly SnapshotRow[];
  readonly parts: readonly SnapshotPartRow[];
  readonly coverage: readonly CoverageRow[];
  /** Events were read, of whatever connection. */
  readonly hasEvents: boolean;
  /** Something was read in a network namespace with a name: lines of the kernel log may be of this one or of another. */
  readonly hasNamedNamespace: boolean;
  /** Names of its namespaces other than the first, by key: what `ip netns exec` takes. */
  readonly netnsNames: ReadonlyMap<number, string>;
  /** What the namespaces that were looked into are called, by their row; also those that this answer leaves out. */
  readonly namespaceNames: ReadonlyMap<number, string>;
  /** The kernel log holds lines of the first namespace only, and this is the one. */
  readonly isLogOfFirst: boolean;
  readonly sysctls: readonly ValueRow[];
  readonly statistics: readonly ValueRow[];
  /** Counters of the network stack (nstat, netstat -s), as each reading found them. */
  readonly stackCounters: readonly ValueRow[];
  readonly hostEvents: readonly HostEventRow[];
  readonly facts: readonly HostFactRow[];
  readonly notices: readonly NoticeRow[];
  readonly rules: RuleBook;
  /** What ctwhy itself changed on it in this boot, oldest first. */
  readonly ownChanges: readonly StoredChange[];
}

export interface Reason {
  readonly id: string;
  readonly message: string;
  /** 'message': the kernel printed it; 'packet': it follows from flags and table; several candidates make it 'candidate'. */
  readonly by: 'message' | 'debug' | 'packet' | 'candidate';
  /** Every reason that is left, the likeliest first; one where it is settled. */
  readonly candidates: readonly string[];
}

/** Where the packets ended. */
export interface FateFound {
  readonly fate: Fate;
  /** 'shown': a trace ends there, or the rule's counter moved by exactly these packets; 'inferred': the ruleset says so. */
  readonly is: 'shown' | 'inferred' | 'open';
  readonly rule: Rule | null;
  /** Base chain policy decided. */
  readonly isPolicy: boolean;
  readonly evidence: readonly EvidenceItem[];
}

export interface Case {
  readonly host: HostContext;
  readonly cite: Cite;
  /** As the connection's first packet went, where that is known; otherwise as the first packet seen went. */
  readonly flow: TupleRow;
  readonly flowKnownBy: 'event' | 'entry' | 'syn' | 'first-packet';
  /** Every tuple of the flow: both directions, before and after address translation. */
  readonly tupleIds: readonly number[];
  /** The same with their addresses, and their reverses where they are known. */
  readonly tuples: ReadonlyMap<number, TupleRow>;
  readonly outcome: PacketState | 'DROP';
  readonly reason: Reason | null;
  /** The packets it is about, in order; at most some hundred of `count`. */
  readonly packets: readonly SeenPacket[];
  readonly count: number;
  /** All packets seen of the flow, in order. */
  readonly all: readonly SeenPacket[];
  /** What captures of this host saw of the connection, in order of time. */
  readonly wire: readonly CapturedRow[];
  readonly events: readonly EventRow[];
  readonly entries: readonly EntryRow[];
  readonly sockets: readonly SocketRow[];
  /** Entries to the same destination, its own among them; only for packets that are NEW. */
  readonly siblings: readonly SiblingEntry[];
  /** What else the host saw. */
  readonly crowd: Crowd;
  /** An entry to the same destination as evidence. */
  siblingEvidence(one: SiblingEntry): EvidenceItem | null;
  /** Other flows between the same two addresses. */
  readonly companions: readonly TupleRow[];
  /** Entries of companions; only for packets that are NEW: a control connection may be among them. */
  readonly companionEntries: readonly EntryRow[];
  readonly fate: FateFound;
}
