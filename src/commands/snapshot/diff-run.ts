// The work of ctwhy snapshot diff.

import { diffSnapshots, type SnapshotDiff } from '../../analysis/snapshot/diff.js';
import { type CommandInput, hasSwitch, optionValues } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { documentWidth, printDocument } from '../../presentation/document.js';
import { snapshotDiffDocument } from '../../presentation/snapshot-diff-document.js';
import type { Db } from '../../store/open-store.js';
import { lastTwoSnapshots, listSnapshots, type SnapshotFacts } from '../../store/snapshot-reader.js';
import { FailedError, UsageError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { withEvidenceAsked } from '../evidence-store.js';
import { chooseSnapshot, noSnapshots } from './choose-snapshot.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const words = input.positionals['snapshot'] ?? [];
  if (words.length > 2) throw new UsageError('snapshot diff takes two snapshots, not more');
  const isFile = (word: string): boolean => {
    try {
      return world.host.look(word) !== null;
    } catch {
      return true;
    }
  };
  const files = words.filter(isFile);
  if (files.length > 0 && files.length < words.length)
    throw new UsageError('snapshot diff takes two files or two snapshots of the store, not one of each');
  const read = [...optionValues(input, 'read'), ...files];
  const given: CommandInput = files.length === 0 ? input : { ...input, values: { ...input.values, read } };
  return await withEvidenceAsked(given, world, async (db) => {
    const [from, to] = inOrder(chooseTwo(db, files.length === 0 ? words : [], world));
    const diff = diffSnapshots(db, from, to);
    if (hasSwitch(input, 'json'))
      world.streams.out.write(`${safeJson(JSON.stringify(jsonOf(diff, world), null, 2))}\n`);
    else
      printDocument(
        world.streams.out,
        snapshotDiffDocument(diff, {
          width: documentWidth(world.streams.out),
          programName: world.programName,
          allRows: hasSwitch(input, 'rows'),
        }),
      );
    return EXIT.done;
  });
}

function chooseTwo(db: Db, words: readonly string[], world: World): readonly [SnapshotFacts, SnapshotFacts] {
  if (words.length === 0) {
    const [from, to] = lastTwoSnapshots(db);
    if (from === undefined) throw noSnapshots(world);
    if (to === undefined)
      throw new FailedError(
        `there is one snapshot only of this host and namespace (S${from.id}): take another with sudo ${world.programName} snapshot take`,
      );
    return [from, to];
  }
  const first = chooseSnapshot(db, words[0]!, world);
  // The newest of the same place is what somebody who names one wants it compared with.
  const others = listSnapshots(db).filter(
    (one) => one.host === first.host && one.netns === first.netns && one.id !== first.id,
  );
  const second = words.length === 2 ? chooseSnapshot(db, words[1]!, world) : others.at(-1);
  if (second === undefined)
    throw new FailedError(`there is no other snapshot of this host and namespace than S${first.id}`);
  if (second.host === first.host && second.netns !== first.netns)
    throw new FailedError(
      `S${first.id} is of ${placeWords(first)}, S${second.id} of ${placeWords(second)}: name two of one, ${world.programName} snapshot list shows them`,
    );
  if (second.id === first.id) throw new FailedError(`both are the same snapshot, S${first.id}`);
  return [first, second];
}

function placeWords({ netns }: SnapshotFacts): string {
  return netns === null ? "the host's own network namespace" : `network namespace ${netns}`;
}

/** The earlier first; of unknown times as they were given. */
function inOrder([first, second]: readonly [SnapshotFacts, SnapshotFacts]): readonly [SnapshotFacts, SnapshotFacts] {
  const isSwapped =
    first.seriesId === second.seriesId
      ? first.seq > second.seq
      : first.takenAtUs !== null && second.takenAtUs !== null && first.takenAtUs > second.takenAtUs;
  return isSwapped ? [second, first] : [first, second];
}

function jsonOf(diff: SnapshotDiff, world: World): Readonly<Record<string, unknown>> {
  const { from, to, ...rest } = diff;
  const snapshot = ({ id, takenAtUs, ...facts }: SnapshotFacts) => ({
    ...facts,
    id: `S${id}`,
    takenAt: takenAtUs === null ? null : rfc3339(takenAtUs),
  });
  return {
    schema: 'ctwhy.snapshot-diff/1',
    generatedAt: rfc3339(world.clock.nowUs()),
    from: snapshot(from),
    to: snapshot(to),
    ...rest,
  };
}
