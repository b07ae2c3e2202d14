// The same packets from a second source of one boot (dmesg beside kern.log): recognised by walking the packets already stored in order of time.
// A packet is the same when clock position and body agree and it is the n-th such in both; each stored one is taken once.

import type { Db } from './open-store.js';

export interface PassageMerge {
  /** Id of the stored packet with this clock position and body; NULL when there is none left. Positions mostly grow from call to call. */
  find(clockUs: number, bodyHash: number): number | null;
  hasNotice(clockUs: number, text: string): boolean;
}

const PAGE = 2000;

interface Stored {
  readonly id: number;
  readonly clockUs: number;
  readonly bodyHash: number;
}

/**
 * Opens the walk; NULL when no other source of the host has packets on such a clock.
 * Uptime stamps of one host in microseconds are exact; wall stamps agree where both sources print the same digits.
 * @param clock kind 'none' has no positions and is never merged
 */
export function openPassageMerge(
  db: Db,
  clock: { readonly id: number; readonly sourceId: number; readonly kind: string; readonly bootId: number | null },
): PassageMerge | null {
  if (clock.kind === 'none') return null;
  const others = db
    .prepare(
      `SELECT o.id FROM clocks o JOIN sources s ON s.id = o.source_id JOIN sources mine ON mine.id = @sourceId
       WHERE s.host_id = mine.host_id AND o.source_id <> @sourceId AND o.kind = @kind
         AND (o.boot_id IS NULL OR @bootId IS NULL OR o.boot_id = @bootId) ORDER BY o.id`,
    )
    .pluck()
    .all({ sourceId: clock.sourceId, kind: clock.kind, bootId: clock.bootId }) as number[];
  if (others.length === 0) return null;
  // A load that is still going on may have put it off.
  db.exec('CREATE INDEX IF NOT EXISTS passages_time ON passages (clock_id, clock_us)');
  const walks = others.map((id) => openWalk(db, id));
  const notice = db
    .prepare('SELECT 1 FROM kernel_notices WHERE clock_id = ? AND clock_us = ? AND text = ? LIMIT 1')
    .pluck();
  return {
    find(clockUs, bodyHash) {
      for (const walk of walks) {
        const found = walk(clockUs, bodyHash);
        if (found !== null) return found;
      }
      return null;
    },
    hasNotice: (clockUs, text) => others.some((id) => notice.get(id, clockUs, text) !== undefined),
  };
}

/** One clock's packets, a page at a time around the position asked for. */
function openWalk(db: Db, clockId: number): (clockUs: number, bodyHash: number) => number | null {
  const next = db.prepare(
    `SELECT id, clock_us AS clockUs, body_hash AS bodyHash FROM passages
     WHERE clock_id = ? AND clock_us >= ? ORDER BY clock_us, id LIMIT ${PAGE}`,
  );
  const at = db.prepare(
    'SELECT id, clock_us AS clockUs, body_hash AS bodyHash FROM passages WHERE clock_id = ? AND clock_us = ? ORDER BY id',
  );
  let page: readonly Stored[] = [];
  let pageFrom = Number.POSITIVE_INFINITY;
  let pageTo = Number.NEGATIVE_INFINITY;
  let byPosition = new Map<number, Stored[]>();
  /** Packets already taken at positions of this page and the one before: lines overtake each other by little. */
  let taken = new Set<number>();
  let takenBefore = new Set<number>();

  const load = (clockUs: number): void => {
    page = next.all(clockId, clockUs) as Stored[];
    pageFrom = clockUs;
    // Positions beyond the last row of a full page are not known; its last position may be incomplete.
    pageTo = page.length < PAGE ? Number.POSITIVE_INFINITY : page[page.length - 1]!.clockUs - 1;
    if (pageTo < clockUs) {
      // More packets at one position than a page holds (whole-second stamps): all of them.
      page = at.all(clockId, clockUs) as Stored[];
      pageTo = clockUs;
    }
    byPosition = new Map();
    for (const row of page) {
      if (row.clockUs > pageTo) break;
      const list = byPosition.get(row.clockUs);
      if (list === undefined) byPosition.set(row.clockUs, [row]);
      else list.push(row);
    }
    takenBefore = taken;
    taken = new Set();
  };

  return (clockUs, bodyHash) => {
    if (clockUs < pageFrom || clockUs > pageTo) load(clockUs);
    const found = byPosition
      .get(clockUs)
      ?.find((row) => row.bodyHash === bodyHash && !taken.has(row.id) && !takenBefore.has(row.id));
    if (found === undefined) return null;
    taken.add(found.id);
    return found.id;
  };
}
