// What explain says. The JSON of `ctwhy explain --json` is these types, word for word, each finding
// with `isNoise` as ToldFinding has it (schema ctwhy.explain/1).

export type Confidence = 'certain' | 'likely' | 'possible';
export type Outcome = 'INVALID' | 'NEW' | 'DROP' | 'OTHER';
export type Fate = 'dropped' | 'forwarded' | 'delivered' | 'unknown';

export interface EvidenceItem {
  /** 'log-invalid', 'log', 'trace', 'debug', 'notice', 'event', 'entry', 'socket', 'rule', 'counter', 'sysctl', 'route', 'capture', 'coverage', … */
  readonly kind: string;
  /** RFC 3339 UTC with microseconds; null where the clock could not be placed. */
  readonly at: string | null;
  readonly atErrorUs: number | null;
  readonly uptimeUs: number | null;
  /** File and line, 'kern.log:2'. */
  readonly source: string;
  readonly text: string;
  /** Table or view of the store and the key of the row there. */
  readonly table: string;
  readonly key: Readonly<Record<string, number | string>>;
}

export interface Missing {
  readonly what: string;
  readonly command: string;
  readonly ask: string;
}

export interface RuledOut {
  readonly cause: string;
  readonly because: string;
}

export interface Remedy {
  readonly when: 'now' | 'lasting';
  readonly text: string;
  readonly command: string;
  readonly undo: string;
  readonly price: string;
}

export interface FindingFlow {
  readonly proto: string;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  readonly zone: number | null;
  readonly netns: string | null;
}

export interface DroppedBy {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly rule: number;
  readonly handle: number | null;
  readonly text: string;
  /** 'icmp port-unreachable', 'TCP reset': what a REJECT told the sender; null: it was dropped without a word. */
  readonly answer: string | null;
  readonly rulesetAt: string | null;
}

export interface Finding {
  readonly id: number;
  readonly outcome: Outcome;
  readonly fate: Fate;
  readonly class: string;
  readonly confidence: Confidence;
  readonly cause: string | null;
  readonly causeConfidence: Confidence | null;
  readonly title: string;
  readonly summary: string;
  readonly reason: { readonly id: string; readonly message: string } | null;
  readonly host: string;
  readonly boot: string | null;
  readonly flow: FindingFlow | null;
  readonly packets: {
    readonly count: number;
    readonly flags: string | null;
    readonly firstSeen: string | null;
    readonly lastSeen: string | null;
  };
  readonly droppedBy: DroppedBy | null;
  readonly evidence: readonly EvidenceItem[];
  readonly missing: readonly Missing[];
  readonly ruledOut: readonly RuledOut[];
  readonly remedies: readonly Remedy[];
}

/** One line of the story a finding tells: when, what, where it stands. */
export interface StoryLine {
  /** '08:29:57.442', '4 packets', 'at the end'. */
  readonly label: string;
  readonly says: string;
  /** 'conntrack-E.txt:1-3'; empty when it continues the line before. */
  readonly source: string;
  /** The raw lines, for -v. */
  readonly raw: readonly string[];
}

/** A finding with its story, for documents. */
export interface ToldFinding {
  readonly finding: Finding;
  readonly flowText: string;
  /** 'FIN, 4 tries', '5 packets'. */
  readonly packetText: string;
  readonly story: readonly StoryLine[];
  /** What nobody recorded, in words. */
  readonly notKnown: readonly string[];
  readonly flows: number;
  /** Ordinary, or what every host on a network has: nothing to do about. */
  readonly isNoise: boolean;
  /** What can be asked of it further: packets have a way and a course, events and entries a course only; enough packets can be replayed. */
  readonly follow: readonly ('timeline' | 'path' | 'replay')[];
}

/** Of a host where nothing is wrong. */
export interface Quiet {
  /** What of it is ordinary: '5049 connections began, 4989 answered, 60 not'. */
  readonly normal: readonly string[];
  /** Faults that would have been seen, each with what would have shown it. */
  readonly wouldShow: readonly string[];
  /** Faults that nothing here could show, each with what was lacking. */
  readonly wouldNot: readonly string[];
}
