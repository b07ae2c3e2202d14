// What a capture looks for: which packets are marked, and what else is switched on. A table, so that a question is a row and no code.

export interface Question {
  readonly id: string;
  /** What people have, for help and completion. */
  readonly title: string;
  /**
   * Packets whose way is traced, as nft says it behind conntrack; no packet meets two of them. Empty: all of the filter.
   * Packets that meet none cost no line.
   */
  readonly conditions: readonly string[];
  /** Conntrack is to say why it refuses packets. */
  readonly hasLogInvalid: boolean;
  /** Healthy traffic costs lines too: the filter has to be narrow. */
  readonly costsHealthy: boolean;
}

const INVALID = 'ct state invalid';

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
