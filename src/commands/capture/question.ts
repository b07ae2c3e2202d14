// What a capture looks for: which packets are marked, and what else is switched on. A table, so that a question is a row and no code.

export interface Question {
  readonly id: string;
  /** What people have, for help and completion. */
  readonly title: string;
  /**
   * Packets whose way is traced, as nft says it behind conntrack; no packet meets two of them. Empty: all of the filter; NULL: none.
   * Packets that meet none cost no line.
   */
  readonly conditions: readonly string[] | null;
  /** Conntrack is to say why it refuses packets. */
  readonly hasLogInvalid: boolean;
  /** Healthy traffic costs lines too: the filter has to be narrow. */
  readonly costsHealthy: boolean;
}

const INVALID = 'ct state invalid';
const NEW = 'ct state new';
const KNOWN = 'ct state established,related';
const RESETS = `${KNOWN} tcp flags & rst == rst`;
/** An RST is never NEW: without an entry it is INVALID (net/netfilter/nf_conntrack_proto_tcp.c: tcp_new()). */
const UNTRACKED_RESETS = 'ct state untracked tcp flags & rst == rst';
const ANSWERS = `${KNOWN} tcp flags & (syn | ack) == syn | ack`;
const CLOSES = `${KNOWN} tcp flags & fin == fin`;

/** The question of a capture without further words. */
export const INVALID_QUESTION: Question = {
  id: 'invalid',
  title: 'INVALID packets and what the filter drops of them',
  conditions: [INVALID],
  hasLogInvalid: true,
  costsHealthy: false,
};

/** --all: every packet of the filter. */
export const ALL_QUESTION: Question = {
  id: 'all',
  title: 'every packet of the filter',
  conditions: [],
  hasLogInvalid: true,
  costsHealthy: true,
};

/** --symptom: what people have. */
export const SYMPTOMS: readonly Question[] = [
  {
    id: 'stuck-close',
    title: 'connections that do not close: INVALID packets and the way of each FIN',
    conditions: [INVALID, CLOSES],
    hasLogInvalid: true,
    costsHealthy: true,
  },
  {
    id: 'reset',
    title:
      'connections that are reset: the way of each RST, of INVALID packets, and of NEW ones that a rule may refuse',
    // A rule that rejects with a reset does so to the NEW packet, and its RST alone does not tell which rule it was.
    conditions: [INVALID, RESETS, UNTRACKED_RESETS, NEW],
    hasLogInvalid: true,
    costsHealthy: true,
  },
  {
    id: 'no-connect',
    title: 'connections that do not come about: the way of each NEW packet, its answer, and INVALID ones',
    conditions: [INVALID, NEW, ANSWERS],
    hasLogInvalid: true,
    costsHealthy: true,
  },
  {
    id: 'slow-connect',
    title: 'connections that come about late: each attempt, its answer, and INVALID packets',
    conditions: [INVALID, NEW, ANSWERS],
    hasLogInvalid: true,
    costsHealthy: true,
  },
  {
    // What a full table turns away meets no rule behind conntrack: the kernel's notices, the statistics and the entries tell.
    id: 'table-full',
    title: 'a table that fills up: notices, statistics, entries and events',
    conditions: null,
    hasLogInvalid: false,
    costsHealthy: false,
  },
  {
    // An INVALID packet skips NAT; the first packet of a connection decides for all of it.
    id: 'no-nat',
    title: 'packets that leave untranslated: INVALID, UNTRACKED and NEW ones on their way through NAT',
    conditions: [INVALID, NEW, 'ct state untracked'],
    hasLogInvalid: true,
    costsHealthy: true,
  },
];

/** --stop-on: which packets must be traced so that the moment is seen. */
export const STOP_ON = {
  invalid: [INVALID],
  drop: [INVALID],
  reset: [INVALID, RESETS, UNTRACKED_RESETS],
} as const;
export type StopOn = keyof typeof STOP_ON;

/** The same question, seeing at least these packets too. */
export function widened(question: Question, conditions: readonly string[]): Question {
  if (question.conditions === null || question.conditions.length === 0) return question;
  return { ...question, conditions: [...new Set([...question.conditions, ...conditions])] };
}
