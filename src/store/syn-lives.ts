// A log that shows nothing but SYNs tells of a port that was used again only by the SYN itself: does one begin another flow?

import { SYN_QUIET_US } from '../model/syn.js';
import { openIdSet } from './id-set.js';
import type { Db } from './open-store.js';

export interface SynLives {
  /**
   * Whether a SYN begins a flow that no row shows yet: after the quiet time, with another initial sequence number, or behind a DESTROY.
   * To be asked for every SYN, in order of reading. passageId: the SYN's own row.
   */
  isReused(tupleId: number, atUs: number, seq: number | null, passageId: number): boolean;
}

interface LastSyn {
  readonly atUs: number;
  readonly seq: number | null;
}

/** Clocks of two sources differ by so much at most, where they are tied at all. */
const CLOCK_ERROR_US = 1_000_000;

/** SYNs remembered; those before them are asked of the store. */
const MOST_REMEMBERED = 50_000;

/** How long after a SYN another on its tuple is of the same connection: longer where the host's setting says so. */
export function synQuietUs(db: Db, hostId: number): number {
  const seconds = db
    .prepare(
      // CROSS JOIN: few series lead to few values, where to walk all values of a month would take half a second for each snapshot.
      `SELECT max(CAST(v.value AS REAL)) FROM series s CROSS JOIN values_over_time v ON v.series_id = s.id
       WHERE s.host_id = ? AND v.what = 'sysctl' AND v.name IN ('net.netfilter.nf_conntrack_tcp_timeout_syn_sent', 'net.ipv4.netfilter.ip_conntrack_tcp_timeout_syn_sent')`,
    )
    .pluck()
    .get(hostId) as number | null;
  return Math.max(SYN_QUIET_US, (seconds ?? 0) * 1_000_000);
}

/** @param readBefore highest id of the passages that calls before this one worked into flows */
export function openSynLives(db: Db, hostId: number, readBefore: number): SynLives {
  const quietUs = synQuietUs(db, hostId);
  const last = new Map<number, LastSyn>();
  const met = openIdSet();
  const stored = db.prepare(
    `SELECT p.clock_us + c.offset_us AS atUs, p.seq FROM passages p JOIN clocks c ON c.id = p.clock_id JOIN sources s ON s.id = c.source_id
       JOIN path_steps t ON t.path_id = p.path_id AND t.step = 0 JOIN shapes f ON f.id = t.shape_id
     WHERE p.tuple_id = ? AND p.id <= ? AND s.host_id = ? AND f.flags IN ('SYN', 'SYN ECE CWR') AND c.offset_us IS NOT NULL ORDER BY 1 DESC LIMIT 1`,
  );
  const known = db
    .prepare(
      'SELECT 1 FROM flows WHERE orig_tuple_id = ? AND host_id = ? AND began_at_us > ? AND began_at_us <= ? LIMIT 1',
    )
    .pluck();
  const destroyed = db
    .prepare(
      'SELECT 1 FROM flows WHERE orig_tuple_id = ? AND host_id = ? AND ended_at_us > ? AND ended_at_us < ? LIMIT 1',
    )
    .pluck();
  const before = (tupleId: number, passageId: number): LastSyn | null => {
    const inCall = last.get(tupleId);
    if (inCall !== undefined) return inCall;
    if (readBefore === 0 && !met.has(tupleId)) return null;
    return (stored.get(tupleId, passageId - 1, hostId) as LastSyn | undefined) ?? null;
  };
  return {
    isReused(tupleId, atUs, seq, passageId) {
      const previous = before(tupleId, passageId);
      met.add(tupleId);
      if (last.size >= MOST_REMEMBERED) last.clear();
      if (previous === null || atUs >= previous.atUs) last.set(tupleId, { atUs, seq });
      if (previous === null || atUs <= previous.atUs) return false;
      const gapUs = atUs - previous.atUs;
      const isAnother =
        gapUs > quietUs ||
        (seq !== null && previous.seq !== null && seq !== previous.seq) ||
        destroyed.get(tupleId, hostId, previous.atUs, atUs - Math.min(CLOCK_ERROR_US, gapUs / 2)) !== undefined;
      if (!isAnother) return false;
      // An event or an entry may have shown this life already.
      const fromUs = previous.atUs + Math.min(CLOCK_ERROR_US, gapUs / 2);
      return known.get(tupleId, hostId, fromUs, atUs + CLOCK_ERROR_US) === undefined;
    },
  };
}
