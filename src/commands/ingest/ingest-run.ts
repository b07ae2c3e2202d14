// The work of ctwhy ingest.

import { type CommandInput, hasSwitch } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { ingest } from '../../ingest/ingest.js';
import { printDocument } from '../../presentation/document.js';
import { ingestDocument } from '../../presentation/ingest-document.js';
import { progressBar } from '../../presentation/progress.js';
import { onStore, openStoreForWriting } from '../../store/open-store.js';
import { FailedError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { storeLocation } from '../store-location.js';
import { ingestOptions } from './ingest-options.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const files = input.positionals['file'] ?? [];
  const options = ingestOptions(input, world);
  const location = storeLocation(input, world);
  world.stopOnSignals();
  const db = openStoreForWriting(world.host, location, world.clock.nowUs());
  const bar = progressBar(world.streams.err, () => world.clock.monotonicMs());
  try {
    const report = await onStoreAsync('write to', location.path, () =>
      ingest(
        {
          host: world.host,
          clock: world.clock,
          signal: world.signal,
          onProgress: ({ source, done, found, bytes, sizeBytes, linesPerSecond }) =>
            bar.show({
              name: found > 1 ? `${done + 1}/${found} ${source}` : source,
              done: bytes,
              total: sizeBytes,
              rate: `${linesPerSecond.toLocaleString('en')} lines/s`,
            }),
        },
        db,
        files,
        { ...options, commandArguments: files },
      ),
    );
    bar.end();
    if (world.signal.aborted)
      throw new FailedError('stopped; what was read is kept, and the same command goes on from there');
    if (hasSwitch(input, 'json'))
      world.streams.out.write(
        `${safeJson(JSON.stringify({ schema: 'ctwhy.ingest/1', generatedAt: rfc3339(world.clock.nowUs()), ...report }, null, 2))}\n`,
      );
    else if (!hasSwitch(input, 'quiet'))
      printDocument(
        world.streams.out,
        ingestDocument(report, { programName: world.programName, isVerbose: hasSwitch(input, 'verbose') }),
      );
    const isAllUseless = report.sources.every((source) => source.outcome === 'skipped' || source.outcome === 'nothing');
    if (isAllUseless) throw new FailedError('nothing in these files is evidence of a known form (ctwhy help formats)');
    return EXIT.done;
  } finally {
    bar.end();
    db.close();
  }
}

/** Work that awaits, with SQLite's errors in our words. */
async function onStoreAsync<T>(attempt: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    return onStore(attempt, path, () => {
      throw error;
    });
  }
}
