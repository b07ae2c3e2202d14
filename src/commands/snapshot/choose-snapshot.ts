// Which snapshot does a word mean: S3, a name, or a time?

import type { Db } from '../../store/open-store.js';
import { type SnapshotFacts, snapshotAt, snapshotById, snapshotByName } from '../../store/snapshot-reader.js';
import { FailedError, UsageError } from '../../text/errors.js';
import { parseTime } from '../../text/time-words.js';
import type { World } from '../../world.js';

/** @throws FailedError when there is none of that number, name or time; UsageError for a word that is neither */
export function chooseSnapshot(db: Db, word: string, world: World): SnapshotFacts {
  const numbered = /^S(\d{1,15})$/i.exec(word);
  if (numbered !== null) return found(snapshotById(db, Number(numbered[1])), `no snapshot ${word}`, world);
  const named = snapshotByName(db, word);
  if (named !== null) return named;
  let atUs: number;
  try {
    atUs = parseTime(word, { nowUs: world.clock.nowUs(), zone: 'UTC' });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new FailedError(
      `no snapshot is called '${word}', and it is no number (S3) and no time ("10 min ago"); ${world.programName} snapshot list shows what there is`,
    );
  }
  return found(snapshotAt(db, atUs), 'no snapshot carries a time', world);
}

function found(snapshot: SnapshotFacts | null, otherwise: string, world: World): SnapshotFacts {
  if (snapshot !== null) return snapshot;
  throw new FailedError(`${otherwise}; ${world.programName} snapshot list shows what there is`);
}

/** @throws FailedError that says how to take one */
export function noSnapshots(world: World): FailedError {
  return new FailedError(
    `there is no snapshot yet\n  take one:              sudo ${world.programName} snapshot take\n  or compare listings:   ${world.programName} snapshot diff before.txt after.txt`,
  );
}
