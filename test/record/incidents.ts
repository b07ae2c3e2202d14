// Which incidents are there? In the order in which they are recorded and listed.

import type { Incident } from './incident.js';
import { finwaitAddressChanged } from './incidents/finwait-address-changed.js';
import { finwaitAfterRst } from './incidents/finwait-after-rst.js';
import { finwaitDeleted } from './incidents/finwait-deleted.js';
import { finwaitExpired } from './incidents/finwait-expired.js';
import { finwaitFlushed, finwaitFlushedUnwatched } from './incidents/finwait-flushed.js';
import { finwaitNeverThere } from './incidents/finwait-never-there.js';
import { finwaitDeletedPoor, finwaitExpiredPoor } from './incidents/finwait-poor.js';
import { natBypassed } from './incidents/nat-bypassed.js';
import { pathInterleaved } from './incidents/path-interleaved.js';
import { pathNft } from './incidents/path-nft.js';
import { pathTwoBackends } from './incidents/path-two-backends.js';
import { pathUserChains } from './incidents/path-user-chains.js';
import { policyDecided, ruleEndedEarly, ruleNeverMatched } from './incidents/rule-decided.js';

export const INCIDENTS: readonly Incident[] = [
  finwaitDeleted,
  finwaitExpired,
  finwaitFlushed,
  finwaitFlushedUnwatched,
  finwaitAddressChanged,
  finwaitAfterRst,
  finwaitNeverThere,
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
];
