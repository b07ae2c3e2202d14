// An entry that tells nothing but its connection: tests add what they are about.

import type { CtEntry } from '../../src/model/conntrack.js';

export const BARE_ENTRY: Omit<CtEntry, 'orig' | 'reply'> = {
  family: 'ip',
  timeoutS: 300,
  state: 'ESTABLISHED',
  status: ['ASSURED'],
  zone: null,
  zoneOrig: null,
  zoneReply: null,
  id: null,
  mark: 0,
  use: 1,
  helper: null,
  labels: null,
  secctx: null,
  origCounters: { packets: null, bytes: null },
  replyCounters: { packets: null, bytes: null },
  deltaTimeS: null,
  startedAtUs: null,
  stoppedAtUs: null,
  startedLocal: null,
  stoppedLocal: null,
  activeSinceS: null,
  isOffloaded: false,
  unknown: [],
};
