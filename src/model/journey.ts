// A packet's way through the hooks, as `ctwhy path` tells it.

export interface JourneyRow {
  /** 'prerouting', 'conntrack', 'routing', 'filter forward' …; empty when it is the hook of the row before. */
  readonly hook: string;
  /** 'filter FORWARD 1', or words. */
  readonly place: string;
  /** 'goes on', 'no match', 'DROP', 'ACCEPT', 'jump NAME', …; empty for rows that only tell. */
  readonly result: string;
  /** 'kern.log:2', 'trace', 'counter 3 = 3', 'by the ruleset'. */
  readonly how: string;
  /** Rule text and other lines below. */
  readonly detail: readonly string[];
  /** 'wanted': the rule one expected; 'quiet': shown only with -v. */
  readonly kind: 'step' | 'end' | 'wanted' | 'quiet';
  readonly raw: readonly string[];
}

export interface Journey {
  readonly journeyId: number | null;
  /** 'trace', 'rules': worked out from rules, counters and LOG lines. */
  readonly known: 'trace' | 'rules' | 'lines';
  readonly rows: readonly JourneyRow[];
  /** 'dropped', … with the rule, as in a finding. */
  readonly fate: string;
  readonly endedBy: string | null;
  /** What could not be evaluated or was not recorded, in sentences. */
  readonly notes: readonly string[];
  /** Answer to --expect. */
  readonly expectation: readonly string[];
}

/** One end that a described packet can have, under conditions that nobody told. */
export interface JourneyWay {
  /** Each what is asked, at which rule, and which answers lead here. */
  readonly when: readonly {
    /** 'filter INPUT rule 3'; NULL: routing, or the packet itself. */
    readonly rule: string | null;
    readonly because: string;
    readonly is: readonly string[];
  }[];
  readonly state: string;
  /** 'dropped', 'rejected', 'queued', 'delivered', 'forwarded', 'sent'. */
  readonly fate: string;
  readonly endedBy: string | null;
  readonly rows: readonly JourneyRow[];
  /** Where a rule translates it: 'destination becomes 192.0.2.5:8080'. */
  readonly translation: string | null;
}

/** Where a packet would end by the rules alone, of `ctwhy path --packet`. */
export interface PacketJourney {
  /** Ends in the order of the answers: the first is that of a packet that no unknown condition meets. */
  readonly ways: readonly JourneyWay[];
  /** What goes without being said, in sentences. */
  readonly taken: readonly string[];
  readonly notes: readonly string[];
  /** Answer to --expect. */
  readonly expectation: readonly string[];
}
