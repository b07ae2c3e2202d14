// The causes, in no particular order: the surest argument wins, not the first.

import { asymmetricReplyUnseen } from './asymmetric/reply-unseen.js';
import { asymmetricSynUnseen } from './asymmetric/syn-unseen.js';
import type { Cause, HostCause } from './cause.js';
import { countLeak } from './count-leak.js';
import { entryGoneByRules } from './entry-gone/by-rules.js';
import { entryGone } from './entry-gone/entry-gone.js';
import { lateAnswer } from './entry-gone/late-answer.js';
import { pickedUpAgain } from './entry-gone/picked-up-again.js';
import { flowtableTeardown } from './flowtable-teardown.js';
import { hooksUnregistered } from './hooks-unregistered.js';
import { invalidSkipsNat } from './invalid-skips-nat/invalid-skips-nat.js';
import { lateClose } from './late-close.js';
import { malformed } from './malformed.js';
import { natBypassed } from './nat-bypassed.js';
import { normal } from './normal.js';
import { normalByEvents } from './normal-by-events.js';
import { routingDropped } from './routing-dropped/routing-dropped.js';
import { ruleDecided } from './rule-decided.js';
import { peerSilent } from './stuck-sockets/peer-silent.js';
import { stuckWithoutEntry } from './stuck-sockets/without-entry.js';
import { tableFull } from './table-full/table-full.js';
import { windowOvershoot } from './window/overshoot.js';

export const CAUSES: readonly Cause[] = [
  entryGone,
  lateAnswer,
  pickedUpAgain,
  ruleDecided,
  natBypassed,
  invalidSkipsNat,
  asymmetricSynUnseen,
  asymmetricReplyUnseen,
  windowOvershoot,
  lateClose,
  routingDropped,
  malformed,
  normal,
];

/** Causes that no packet tells. */
export const HOST_CAUSES: readonly HostCause[] = [
  tableFull,
  countLeak,
  stuckWithoutEntry,
  entryGoneByRules,
  peerSilent,
  flowtableTeardown,
  hooksUnregistered,
  normalByEvents,
];
