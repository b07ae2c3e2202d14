// Groups what was read of a host into snapshots: files of one moment are one, a second listing of the same part is the next.

import type { Db } from '../store/open-store.js';
import {
  addPart,
  addSnapshot,
  isNewest,
  type Snapshot,
  type SnapshotMaker,
  type SnapshotPart,
  seriesFor,
  settleSnapshotTime,
} from '../store/snapshots.js';
import type { Moment } from './file-hints.js';

/** Where and when a listing was read. */
export interface ListingPlace {
  readonly hostId: number;
  readonly bootId: number | null;
  readonly namespaceId: number | null;
  readonly sourceId: number;
  readonly firstLine: number;
  readonly moment: Moment;
  readonly atUs: number | null;
  readonly tookUs: number | null;
  readonly errorUs: number | null;
  /** What makes the part less than whole: a filter of the command, a guessed time. */
  readonly why: string | null;
}

export interface SnapshotKeeper {
  /** The snapshot a new listing belongs to, and the part it will be there. */
  listing(place: ListingPlace, part: string, key: string): { readonly snapshot: Snapshot; readonly part: SnapshotPart };
  /** A snapshot that an earlier, perhaps killed, call made of the same files: new parts of that moment join it. */
  adopt(place: Omit<ListingPlace, 'sourceId' | 'firstLine'>, snapshot: Snapshot, parts: readonly string[]): void;
  /** A part that a manifest says could not be read, or that this kernel cannot show. */
  absent(
    place: Omit<ListingPlace, 'sourceId' | 'firstLine'>,
    part: string,
    state: 'failed' | 'cannot-show',
    why: string,
  ): void;
  /** Sets the snapshots' own times from those of their parts. Returns how many snapshots were made. */
  settle(): number;
}

interface Kept {
  readonly snapshot: Snapshot;
  readonly keys: Set<string>;
}

export function openSnapshotKeeper(db: Db, madeBy: SnapshotMaker): SnapshotKeeper {
  const moments = new Map<string, Kept[]>();
  /** The snapshot that was made last of a host and namespace in this call: moments are read in order, so the next continues it. */
  const last = new Map<string, { readonly seriesId: number; readonly rank: number; readonly atUs: number | null }>();
  let made = 0;

  const keptOf = (place: Omit<ListingPlace, 'sourceId' | 'firstLine'>): Kept[] => {
    const key = `${place.hostId}/${place.namespaceId ?? ''}/${place.moment.key}`;
    const kept = moments.get(key) ?? [];
    moments.set(key, kept);
    return kept;
  };
  const add = (place: Omit<ListingPlace, 'sourceId' | 'firstLine'>, kept: Kept[]): Kept => {
    const owner = `${place.hostId}/${place.namespaceId ?? ''}`;
    const previous = last.get(owner);
    const isInOrder =
      previous !== undefined &&
      place.moment.rank >= previous.rank &&
      (previous.atUs === null || place.atUs === null || place.atUs >= previous.atUs);
    const seriesId = isInOrder
      ? previous.seriesId
      : seriesFor(
          db,
          { hostId: place.hostId, bootId: place.bootId, namespaceId: place.namespaceId, madeBy },
          place.atUs,
        );
    last.set(owner, { seriesId, rank: place.moment.rank, atUs: place.atUs ?? previous?.atUs ?? null });
    const snapshot = addSnapshot(db, {
      seriesId,
      takenAtUs: place.atUs,
      tookUs: place.tookUs,
      errorUs: place.errorUs,
      name: place.moment.name,
    });
    made++;
    const added = { snapshot, keys: new Set<string>() };
    kept.push(added);
    return added;
  };

  return {
    listing(place, part, key) {
      const kept = keptOf(place);
      const last = kept.at(-1);
      // Only the newest snapshot of a series can be written to.
      const isOpen = last !== undefined && !last.keys.has(key) && !last.keys.has(part) && isNewest(db, last.snapshot);
      const chosen = isOpen ? last : add(place, kept);
      chosen.keys.add(key);
      return {
        snapshot: chosen.snapshot,
        part: {
          part,
          state: 'read',
          atUs: place.atUs,
          tookUs: place.tookUs,
          sourceId: place.sourceId,
          firstLine: place.firstLine,
          why: place.why,
        },
      };
    },
    adopt(place, snapshot, parts) {
      const kept = keptOf(place);
      const known = kept.find((one) => one.snapshot.id === snapshot.id);
      if (known === undefined) kept.push({ snapshot, keys: new Set(parts) });
      else for (const part of parts) known.keys.add(part);
    },
    absent(place, part, state, why) {
      const kept = keptOf(place);
      const chosen = kept[0] ?? add(place, kept);
      addPart(db, chosen.snapshot.id, {
        part,
        state,
        atUs: place.atUs,
        tookUs: place.tookUs,
        sourceId: null,
        firstLine: null,
        why,
      });
    },
    settle() {
      for (const kept of moments.values()) for (const { snapshot } of kept) settleSnapshotTime(db, snapshot.id);
      return made;
    },
  };
}
