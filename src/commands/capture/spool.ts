// What one reader of a capture has read, on disk and bounded: when there is more, the oldest goes, as with a ring.

import type { ScratchFile } from '../../host/new-file.js';

export interface Spool {
  /** Whole lines only: what is let go ends with a line. */
  append(bytes: Uint8Array, atUs: number): void;
  pieces(): Generator<Uint8Array>;
  sizeBytes(): number;
  /** From when on all is here: later than the beginning where older lines were let go. NULL: all of it. */
  keptFromUs(): number | null;
  discard(): void;
}

/**
 * @param open makes a file of ours
 * @param mostBytes that are kept at most; at least half of them are, once there were so many
 */
export function openSpool(open: () => ScratchFile, mostBytes: number): Spool {
  let older: ScratchFile | null = null;
  let newer = open();
  let newerFromUs: number | null = null;
  let keptFromUs: number | null = null;
  return {
    append(bytes, atUs) {
      if (newer.sizeBytes() + bytes.length > mostBytes / 2 && newer.sizeBytes() > 0) {
        if (older !== null) {
          older.discard();
          keptFromUs = newerFromUs;
        }
        older = newer;
        newer = open();
        newerFromUs = null;
      }
      newerFromUs ??= atUs;
      newer.append(bytes);
    },
    *pieces() {
      if (older !== null) yield* older.pieces();
      yield* newer.pieces();
    },
    sizeBytes: () => (older?.sizeBytes() ?? 0) + newer.sizeBytes(),
    keptFromUs: () => keptFromUs,
    discard() {
      older?.discard();
      newer.discard();
    },
  };
}
