// The work of ctwhy ingest.

import { type CommandInput, hasSwitch, optionValue } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { ingest } from '../../ingest/ingest.js';
import type { SourceReport } from '../../ingest/report.js';
import { documentWidth, printDocument } from '../../presentation/document.js';
import { ingestDocument } from '../../presentation/ingest-document.js';
import { progressBar } from '../../presentation/progress.js';
import { onStoreAsync, openStoreForWriting } from '../../store/open-store.js';
import { netnsFacts } from '../../survey/netns-facts.js';
import { FailedError, UsageError } from '../../text/errors.js';
import { safeJson, safeText } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import { parseDuration } from '../../text/time-words.js';
import type { World } from '../../world.js';
import { copyChangesInto } from '../copy-changes.js';
import { storeLocation } from '../store-location.js';
import { nothingRead, unreadInputs } from '../unread-inputs.js';
import { ingestOptions } from './ingest-options.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const files = input.positionals['file'] ?? [];
  const options = ingestOptions(input, world);
  const isFollowed = hasSwitch(input, 'follow');
  const forMs = followTime(input, isFollowed);
  const netns = files.includes('events:') ? { netns: await netnsFacts(world.host) } : {};
  const location = storeLocation(input, world);
  world.stopOnSignals();
  const end = endOf(world, forMs);
  const db = openStoreForWriting(world.host, location, world.clock.nowUs());
  const bar = progressBar(world.streams.err, () => world.clock.monotonicMs());
  try {
    const report = await onStoreAsync('write to', location.path, () =>
      ingest(
        {
          host: world.host,
          clock: world.clock,
          signal: end.signal,
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
        {
          ...options,
          ...netns,
          commandArguments: files,
          ...(isFollowed ? { isFollowed, kind: 'follow' as const } : {}),
        },
      ),
    );
    bar.end();
    await copyChangesInto(db, world);
    // Following ends by Ctrl-C: what was read is told all the same.
    if (world.signal.aborted && !isFollowed) throw stopped(world);
    // A log that stayed silent while it was followed is no fault.
    const isUselessOne = ({ outcome }: SourceReport): boolean =>
      outcome === 'skipped' || (outcome === 'nothing' && !isFollowed);
    const isUseless = report.sources.length > 0 ? report.sources.every(isUselessOne) : !isFollowed;
    if (hasSwitch(input, 'json'))
      world.streams.out.write(
        `${safeJson(JSON.stringify({ schema: 'ctwhy.ingest/1', generatedAt: rfc3339(world.clock.nowUs()), ...report }, null, 2))}\n`,
      );
    else if (!hasSwitch(input, 'quiet') && !isUseless)
      printDocument(
        world.streams.out,
        ingestDocument(report, {
          programName: world.programName,
          isVerbose: hasSwitch(input, 'verbose'),
          width: documentWidth(world.streams.out),
        }),
      );
    if (world.signal.aborted) throw stopped(world);
    if (isUseless) throw nothingRead(files, report.sources, world.programName);
    const unread = unreadInputs(files, report.sources);
    for (const line of unread) world.streams.err.write(safeText(`ctwhy: ${line}\n`));
    if (unread.length > 0) return EXIT.failed;
    return EXIT.done;
  } finally {
    bar.end();
    end.letGo();
    db.close();
  }
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Aborted by Ctrl-C or TERM, or after a time. Not AbortSignal.any(): in Node 20 what it returns may be collected with its listeners. */
function endOf(world: World, forMs: number | null): { readonly signal: AbortSignal; letGo(): void } {
  if (forMs === null) return { signal: world.signal, letGo: () => {} };
  const end = new AbortController();
  const stop = (): void => end.abort();
  const timer = setTimeout(stop, Math.min(forMs, LONGEST_TIMER_MS));
  world.signal.addEventListener('abort', stop, { once: true });
  return { signal: end.signal, letGo: () => clearTimeout(timer) };
}

function stopped(world: World): FailedError {
  world.streams.err.write('what was read is kept, and the same command goes on from there\n');
  return new FailedError('stopped');
}

/** @throws UsageError for a time nobody understands, or one without --follow */
function followTime(input: CommandInput, isFollowed: boolean): number | null {
  const given = optionValue(input, 'for');
  if (given === null) return null;
  if (!isFollowed) throw new UsageError('--for says how long to follow: it needs --follow');
  const us = parseDuration(given);
  if (us === null || us <= 0) throw new UsageError(`--for takes a time such as 30s or 5min, not '${given}'`);
  return us / 1000;
}
