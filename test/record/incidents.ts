// Which incidents are there? In the order in which they are recorded and listed.

import type { Incident } from './incident.js';
import { asymmetricReplyUnseen, asymmetricSynUnseen } from './incidents/asymmetric.js';
import { bridgeHooked, bridgePath } from './incidents/bridge-path.js';
import { busyHealthy } from './incidents/busy-healthy.js';
import { dataExpiredLoose, dataExpiredStrict } from './incidents/data-expired.js';
import { expectationsFull } from './incidents/expectations-full.js';
import { finwaitAddressChanged } from './incidents/finwait-address-changed.js';
import { finwaitAfterRst } from './incidents/finwait-after-rst.js';
import { finwaitDeleted } from './incidents/finwait-deleted.js';
import { finwaitExpired } from './incidents/finwait-expired.js';
import { finwaitFlushed, finwaitFlushedUnwatched } from './incidents/finwait-flushed.js';
import { finwaitDeletedWhileFull, finwaitEarlyDrop, finwaitTableFull } from './incidents/finwait-full-table.js';
import { finwaitNeverThere } from './incidents/finwait-never-there.js';
import { finwaitPeerSilent } from './incidents/finwait-peer-silent.js';
import { finwaitDeletedPoor, finwaitExpiredPoor } from './incidents/finwait-poor.js';
import { ftpNoHelper } from './incidents/ftp-no-helper.js';
import { invalidSkipsNatReset } from './incidents/invalid-skips-nat-reset.js';
import { malformed } from './incidents/malformed.js';
import { midstreamPickup } from './incidents/midstream-pickup.js';
import { natBypassed } from './incidents/nat-bypassed.js';
import { normal } from './incidents/normal.js';
import { normalLateClose } from './incidents/normal-late-close.js';
import { pathInterleaved } from './incidents/path-interleaved.js';
import { pathNft } from './incidents/path-nft.js';
import { pathTwoBackends } from './incidents/path-two-backends.js';
import { pathUserChains } from './incidents/path-user-chains.js';
import { rejectWithReset } from './incidents/reject-with-reset.js';
import { routingDropped } from './incidents/routing-dropped.js';
import { routingForbidden, routingNeighbour, routingTooBig, routingTtl } from './incidents/routing-lost.js';
import { routingNoRoute } from './incidents/routing-no-route.js';
import { policyDecided, ruleEndedEarly, ruleNeverMatched } from './incidents/rule-decided.js';
import {
  badChecksum,
  oldSegment,
  portReused,
  rstChallenged,
  rstRejected,
  windowLiberal,
} from './incidents/segments.js';
import { staleEntry } from './incidents/stale-entry.js';
import { udpReplyLate } from './incidents/udp-reply-late.js';
import { icmpv6Untrackable, notrackOneSided } from './incidents/untrackable.js';
import { invalidSkipsNat, windowOvershoot } from './incidents/window.js';
import { windowScaleStripped } from './incidents/window-scale-stripped.js';
import { zoneMismatch } from './incidents/zone-mismatch.js';

export const INCIDENTS: readonly Incident[] = [
  finwaitDeleted,
  finwaitExpired,
  finwaitFlushed,
  finwaitFlushedUnwatched,
  finwaitAddressChanged,
  finwaitAfterRst,
  finwaitNeverThere,
  finwaitEarlyDrop,
  finwaitDeletedWhileFull,
  finwaitTableFull,
  finwaitPeerSilent,
  dataExpiredStrict,
  dataExpiredLoose,
  finwaitDeletedPoor,
  finwaitExpiredPoor,
  ruleEndedEarly,
  ruleNeverMatched,
  policyDecided,
  natBypassed,
  pathUserChains,
  pathNft,
  pathTwoBackends,
  pathInterleaved,
  malformed,
  normal,
  normalLateClose,
  busyHealthy,
  ftpNoHelper,
  udpReplyLate,
  asymmetricSynUnseen,
  asymmetricReplyUnseen,
  windowOvershoot,
  windowScaleStripped,
  windowLiberal,
  oldSegment,
  rstRejected,
  rstChallenged,
  portReused,
  badChecksum,
  notrackOneSided,
  icmpv6Untrackable,
  invalidSkipsNat,
  invalidSkipsNatReset,
  midstreamPickup,
  routingDropped,
  routingNoRoute,
  routingNeighbour,
  routingForbidden,
  routingTtl,
  routingTooBig,
  staleEntry,
  bridgePath,
  bridgeHooked,
  expectationsFull,
  zoneMismatch,
  rejectWithReset,
];
