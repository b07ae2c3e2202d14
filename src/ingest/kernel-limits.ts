// Lists that a kernel prints empty whatever there is: what they do not show must not be taken for absent.

import { holds, parseKernelVersion, since, type VersionRange } from '../catalogue/kernel-version.js';
import { listParts, restatePart } from '../store/kernel-releases.js';
import type { Db } from '../store/open-store.js';

export interface BlindList {
  readonly part: string;
  readonly range: VersionRange;
  readonly why: string;
}

/** Lists that some kernels print empty, by part. */
export const BLIND_LISTS: readonly BlindList[] = [
  // net/netfilter/nf_conntrack_netlink.c: ctnetlink_dump_unconfirmed(), v5.19: 'return 0'
  { part: 'list:unconfirmed', range: since('5.19'), why: 'always empty since 5.19' },
  // ctnetlink_dump_dying(), v5.19: walks nf_conn_pcpu's ecache list only
  {
    part: 'list:dying',
    range: since('5.19'),
    why: 'since 5.19 it shows only entries whose event could not be delivered',
  },
];

/** Parts that were read without an entry and could not have shown one; kernels nobody knows make such a part doubtful. */
export function restateBlindLists(db: Db, hostId: number): void {
  for (const part of listParts(
    db,
    hostId,
    BLIND_LISTS.map((list) => list.part),
  )) {
    const list = BLIND_LISTS.find((one) => one.part === part.part);
    if (list === undefined || part.hasEntries) continue;
    const isBlind = holds(list.range, part.release === null ? null : parseKernelVersion(part.release));
    if (isBlind === 'yes') restatePart(db, part, 'cannot-show', list.why);
    else if (isBlind === 'unknown') restatePart(db, part, 'read', `${DOUBTFUL}${list.why}`);
  }
}

const DOUBTFUL = 'empty, and the kernel is not known: ';

export function isDoubtful(why: string | null): boolean {
  return why?.startsWith(DOUBTFUL) === true;
}
