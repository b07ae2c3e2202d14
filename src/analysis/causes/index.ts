// The causes, in no particular order: the surest argument wins, not the first.

import type { Cause } from './cause.js';
import { entryGone } from './entry-gone/entry-gone.js';
import { malformed } from './malformed.js';
import { normal } from './normal.js';
import { ruleDecided } from './rule-decided.js';

export const CAUSES: readonly Cause[] = [entryGone, ruleDecided, malformed, normal];
