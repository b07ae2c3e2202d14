// Snapshots while a capture waits for hours: the last ones are kept, so that the moment it waited for has something shortly before it.

import type { ScratchFile } from '../../host/new-file.js';
import type { ManifestPart } from '../../survey/bundle/manifest.js';

/** Of the moments while it goes on: 'during-12'. */
export type RingMoment = `during-${number}`;

export interface SnapshotRing {
  /** Begins another one, where it is time and none is being taken. */
  tick(): void;
  /** Waits for the one that is being taken, and hands over what is kept, the oldest first. */
  end(): Promise<readonly { readonly body: ScratchFile; readonly parts: readonly ManifestPart[] }[]>;
  discard(): void;
}

export interface RingWish {
  readonly everyMs: number;
  readonly monotonicMs: () => number;
  readonly open: () => ScratchFile;
  /** Reads what moves into a body. */
  readonly take: (body: ScratchFile, moment: RingMoment) => Promise<readonly ManifestPart[]>;
}

/** The last two are before the moment even where one was just being taken. */
const KEPT = 3;

export function openSnapshotRing({ everyMs, monotonicMs, open, take }: RingWish): SnapshotRing {
  const kept: { readonly body: ScratchFile; readonly parts: readonly ManifestPart[] }[] = [];
  let running: Promise<void> | null = null;
  let lastMs = monotonicMs();
  let count = 0;
  const another = async (): Promise<void> => {
    const body = open();
    try {
      const parts = await take(body, `during-${++count}`);
      kept.push({ body, parts });
      for (const old of kept.splice(0, kept.length - KEPT)) old.body.discard();
    } catch {
      // One of many: the next one may do better, and the capture goes on.
      body.discard();
    }
  };
  return {
    tick() {
      if (running !== null || monotonicMs() - lastMs < everyMs) return;
      running = another().finally(() => {
        running = null;
        lastMs = monotonicMs();
      });
    },
    async end() {
      await running;
      return kept;
    },
    discard() {
      for (const { body } of kept.splice(0)) body.discard();
    },
  };
}
