// The causes, in no particular order: the surest argument wins, not the first.

import { asymmetricReplyUnseen } from './asymmetric/reply-unseen.js';
import { asymmetricSynUnseen } from './asymmetric/syn-unseen.js';
import { bridgePath } from './bridge-path.js';
import type { Cause, HostCause } from './cause.js';
import { checksum } from './checksum.js';
import { checksumElsewhere } from './checksum-elsewhere.js';
import { countLeak } from './count-leak.js';
import { entryGoneByRules } from './entry-gone/by-rules.js';
import { entryGone } from './entry-gone/entry-gone.js';
import { lateAnswer } from './entry-gone/late-answer.js';
import { pickedUpAgain } from './entry-gone/picked-up-again.js';
import { flowtableTeardown } from './flowtable-teardown.js';
import { helperOfHosts } from './helper-expectation/of-hosts.js';
import { helperOfPackets } from './helper-expectation/of-packets.js';
import { hooksUnregistered } from './hooks-unregistered.js';
import { idleElsewhere } from './idle-elsewhere.js';
import { insertRace } from './insert-race.js';
import { invalidSkipsNat } from './invalid-skips-nat/invalid-skips-nat.js';
import { resetOnWire } from './invalid-skips-nat/reset-on-wire.js';
import { lateClose } from './late-close.js';
import { malformed } from './malformed.js';
import { midstreamPickup } from './midstream-pickup.js';
import { natBypassed } from './nat-bypassed.js';
import { normal } from './normal.js';
import { normalByEvents } from './normal-by-events.js';
import { pickedUpByEvents } from './picked-up-by-events.js';
import { pickedUpByTables } from './picked-up-by-tables.js';
import { portRemapped } from './port-remapped.js';
import { portReuse } from './port-reuse.js';
import { reuseOnWire } from './reuse-on-wire.js';
import { martians } from './routing-dropped/by-notices.js';
import { routingDropped } from './routing-dropped/routing-dropped.js';
import { rstByTables } from './rst-by-tables.js';
import { rstRejected } from './rst-rejected.js';
import { ruleDecided } from './rule-decided.js';
import { ruleUnlisted } from './rule-unlisted.js';
import { staleEntryOfPackets } from './stale-entry/of-packets.js';
import { staleEntryOfTables } from './stale-entry/of-tables.js';
import { staleTarget } from './stale-entry/old-target.js';
import { peerSilent } from './stuck-sockets/peer-silent.js';
import { stuckWithoutEntry } from './stuck-sockets/without-entry.js';
import { tableFull } from './table-full/table-full.js';
import { oneSidedByTables } from './untrackable/by-tables.js';
import { oneSidedNotrack } from './untrackable/one-sided.js';
import { untrackableTypes } from './untrackable/types.js';
import { offloadBlindWindow } from './window/offload-blind.js';
import { oldSegment } from './window/old-segment.js';
import { oldSegmentUnnamed } from './window/old-segment-unnamed.js';
import { windowOvershoot } from './window/overshoot.js';
import { windowOvershootUnnamed } from './window/overshoot-unnamed.js';
import { windowScaleLost } from './window/scale-lost.js';
import { zoneMismatch } from './zone-mismatch.js';

export const CAUSES: readonly Cause[] = [
  entryGone,
  lateAnswer,
  pickedUpAgain,
  helperOfPackets,
  ruleDecided,
  ruleUnlisted,
  natBypassed,
  invalidSkipsNat,
  asymmetricSynUnseen,
  asymmetricReplyUnseen,
  windowScaleLost,
  offloadBlindWindow,
  windowOvershoot,
  oldSegment,
  rstRejected,
  portReuse,
  midstreamPickup,
  untrackableTypes,
  oneSidedNotrack,
  checksum,
  lateClose,
  routingDropped,
  staleEntryOfPackets,
  zoneMismatch,
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
  idleElsewhere,
  pickedUpByEvents,
  pickedUpByTables,
  rstByTables,
  oneSidedByTables,
  portRemapped,
  reuseOnWire,
  resetOnWire,
  normalByEvents,
  windowOvershootUnnamed,
  oldSegmentUnnamed,
  checksumElsewhere,
  martians,
  staleEntryOfTables,
  staleTarget,
  insertRace,
  helperOfHosts,
  bridgePath,
];
