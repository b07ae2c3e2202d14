// The causes, in no particular order: the surest argument wins, not the first.

import type { Cause, HostCause } from './cause.js';
import { entryGone } from './entry-gone/entry-gone.js';
import { lateAnswer } from './entry-gone/late-answer.js';
import { pickedUpAgain } from './entry-gone/picked-up-again.js';
import { invalidSkipsNat } from './invalid-skips-nat/invalid-skips-nat.js';
import { malformed } from './malformed.js';
import { natBypassed } from './nat-bypassed.js';
import { normal } from './normal.js';
import { ruleDecided } from './rule-decided.js';
import { tableFull } from './table-full/table-full.js';

export const CAUSES: readonly Cause[] = [
  entryGone,
  lateAnswer,
  pickedUpAgain,
  ruleDecided,
  natBypassed,
  invalidSkipsNat,
  malformed,
  normal,
];

/** Causes that no packet tells. */
export const HOST_CAUSES: readonly HostCause[] = [tableFull];
