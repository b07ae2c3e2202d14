// Fills a store of its own from the files of -r, for one command; it goes with the command, however that ends.

import type { CommandInput } from '../cli/command.js';
import { ingest } from '../ingest/ingest.js';
import { progressBar } from '../presentation/progress.js';
import { type Db, openStoreForWriting, removeStore } from '../store/open-store.js';
import { fitSentences } from '../text/wrap.js';
import type { World } from '../world.js';
import { copyChangesInto } from './copy-changes.js';
import { ingestOptions } from './ingest/ingest-options.js';
import { nothingRead, unreadInputs } from './unread-inputs.js';

export interface TemporaryEvidence {
  readonly db: Db;
  /** false: a file that was named could not be read, and the answer is one without it. */
  readonly isWhole: boolean;
  close(): void;
}

/** @throws FailedError when nothing in the files is evidence, HostError for a file that is not there */
export async function openTemporaryEvidence(
  input: CommandInput,
  world: World,
  files: readonly string[],
): Promise<TemporaryEvidence> {
  const options = ingestOptions(input, world);
  const path = `${world.temporaryFolder}/ctwhy-${world.temporaryName()}.db`;
  const withdraw = world.onExit(() => removeStore(path));
  const db = openStoreForWriting(
    world.host,
    { path, migrationsFolder: `${world.packageRoot}migrations` },
    world.clock.nowUs(),
  );
  const close = () => {
    db.close();
    removeStore(path);
  };
  const bar = progressBar(world.streams.err, () => world.clock.monotonicMs());
  try {
    // Nothing outlives the command, so nothing need survive a crash.
    db.pragma('synchronous = OFF');
    const report = await ingest(
      {
        host: world.host,
        clock: world.clock,
        onProgress: ({ source, bytes, sizeBytes, linesPerSecond }) =>
          bar.show({
            name: source,
            done: bytes,
            total: sizeBytes,
            rate: `${linesPerSecond.toLocaleString('en')} lines/s`,
          }),
      },
      db,
      files,
      { ...options, commandArguments: files },
    );
    bar.end();
    await copyChangesInto(db, world);
    const useful = report.sources.filter((source) => source.outcome === 'read');
    if (useful.length === 0) throw nothingRead(files, report.sources, world.programName);
    for (const source of report.sources)
      if (source.outcome === 'skipped') {
        const { err } = world.streams;
        err.write(fitSentences(`ctwhy: ${source.name} skipped: ${source.why ?? ''}`, err));
      }
    // Nobody else opens it: without a name it needs no clearing away, and a signal may end the process in the middle of a query.
    removeStore(path);
    withdraw();
    return { db, isWhole: unreadInputs(files, report.sources).length === 0, close };
  } catch (error) {
    bar.end();
    close();
    throw error;
  }
}
