// Which incidents are there? In the order in which they are recorded and listed.

import type { Incident } from './incident.js';
import { finwaitDeleted } from './incidents/finwait-deleted.js';
import { finwaitExpired } from './incidents/finwait-expired.js';

export const INCIDENTS: readonly Incident[] = [finwaitDeleted, finwaitExpired];
