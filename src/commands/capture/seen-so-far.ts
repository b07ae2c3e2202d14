// What a capture has seen so far, beside its change in the journal: whoever asks for the status of one in the background is told.

import { type Change, changeId } from '../../model/change.js';
import type { World } from '../../world.js';
import { hostJournal } from '../host-journal.js';
import type { Seen } from './watcher.js';

export interface SeenSoFar extends Seen {
  readonly atUs: number;
}

const EVERY_MS = 2000;

function fileOf(world: World, change: Pick<Change, 'number'>): string {
  return `${hostJournal(world).folder}/${changeId(change)}.json.seen`;
}

export interface SeenNote {
  /** Writes the counts down, where they have changed and the last time is a while ago. A full disk is no reason to end. */
  note(seen: Seen): void;
  remove(): void;
}

export function openSeenNote(world: World, change: Change): SeenNote {
  const path = fileOf(world, change);
  let written = '';
  let atMs = Number.NEGATIVE_INFINITY;
  const trying = (work: () => void): void => {
    try {
      work();
    } catch {
      // The counts are for people who wait: what was collected does not depend on them.
    }
  };
  return {
    note(seen) {
      const nowMs = world.clock.monotonicMs();
      const text = JSON.stringify(seen);
      if (text === written || nowMs - atMs < EVERY_MS) return;
      [written, atMs] = [text, nowMs];
      trying(() => world.writeHost.writeDurably(path, `${JSON.stringify({ ...seen, atUs: world.clock.nowUs() })}\n`));
    },
    remove: () => trying(() => world.writeHost.remove(path)),
  };
}

/** NULL: it has seen nothing yet, or nobody may read it. */
export function readSeen(world: World, change: Change): SeenSoFar | null {
  const text = world.host.readOrNull(fileOf(world, change));
  if (text === null) return null;
  try {
    return JSON.parse(text) as SeenSoFar;
  } catch {
    return null;
  }
}

/** '12 packets, 3 INVALID, 2 dropped, 40 events'; empty when nothing is known. */
export function seenWords(seen: SeenSoFar | null): string {
  if (seen === null) return 'nothing seen yet';
  return `${seen.packets} packet${seen.packets === 1 ? '' : 's'}, ${seen.invalid} INVALID, ${seen.dropped} dropped, ${seen.events} event${seen.events === 1 ? '' : 's'}`;
}
