// The shape of a cause: a class of explanation with its own file. Adding one is adding a file and a line in index.ts.

import type { Verdict } from '../explain/argument.js';
import type { Case } from '../explain/case.js';

export interface Cause {
  /** Class id as in the contract: 'entry-gone'. */
  readonly id: string;
  readonly title: string;
  /** What it needs to see, what decides, what looks like it: a sentence each, for the generated table. */
  readonly needs: string;
  readonly decides: string;
  readonly looksLike: readonly string[];
  /** Finer causes it can tell apart. */
  readonly causes: readonly string[];
  /** NULL: this class does not apply to the case at all. Otherwise the argument; whether it holds is computed from it. */
  argue(subject: Case): Verdict | null;
}
