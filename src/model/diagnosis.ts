// What `ctwhy doctor` answers: questions with their answers, what would mend each, what this kernel can never show, and what to watch out for.

/** unknown: what is here does not tell. */
export type AnswerWord = 'yes' | 'part' | 'no' | 'unknown';

export interface Cure {
  readonly command: string;
  /** What it costs, in a few words. */
  readonly price: string;
}

/** A line that makes a setting outlive a reboot; a person writes it, never ctwhy. */
export interface Keep {
  readonly file: string;
  readonly line: string;
}

export interface Answer {
  readonly word: AnswerWord;
  /** In a few words. */
  readonly why: string;
  readonly cure?: Cure;
  readonly keep?: readonly Keep[];
  /** For 'unknown' of evidence: the plain command whose output would tell. */
  readonly ask?: string;
}

export interface AnsweredQuestion extends Answer {
  readonly id: string;
  /** Ends the sentence 'can it tell …'. */
  readonly question: string;
}

export interface Never {
  readonly what: string;
  readonly why: string;
}

export interface WatchOut {
  readonly id: string;
  readonly says: string;
  /** The line to type; NULL: nothing to do but to know it. */
  readonly command: string | null;
}

export interface Diagnosis {
  readonly questions: readonly AnsweredQuestion[];
  readonly never: readonly Never[];
  readonly watchOut: readonly WatchOut[];
  readonly ok: readonly string[];
}
