// The work of ctwhy snapshot take.

import { type CommandInput, hasSwitch, optionValue } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { type TakenSnapshot, takeSnapshot } from '../../ingest/take-snapshot.js';
import type { SnapshotPlan } from '../../model/host-reading.js';
import { documentWidth, printDocument } from '../../presentation/document.js';
import { liveLine, takenDocument } from '../../presentation/snapshot-taken.js';
import { onStoreAsync, openStoreForWriting } from '../../store/open-store.js';
import { pruneSnapshots, thinSnapshots } from '../../store/prune-snapshots.js';
import { countBorn, readStatisticSums, type SnapshotFacts, snapshotById } from '../../store/snapshot-reader.js';
import { planSnapshot } from '../../survey/snapshot-plan.js';
import { FailedError, UsageError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import { parseDuration } from '../../text/time-words.js';
import type { World } from '../../world.js';
import { inAllNetns } from '../all-netns.js';
import { storeLocation } from '../store-location.js';

interface Taken {
  readonly facts: SnapshotFacts;
  readonly taken: TakenSnapshot;
  readonly sums: ReadonlyMap<string, number>;
  readonly born: number;
}

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const name = optionValue(input, 'name');
  if (name !== null && !/^(?!S\d+$)[\w.:-]{1,64}$/.test(name))
    throw new UsageError(`--name takes letters, digits, dots, dashes (and not S3, which is a number): '${name}'`);
  const everyUs = timeOption(input, 'every');
  const forUs = timeOption(input, 'for');
  const keepUs = timeOption(input, 'keep');
  if (everyUs === null && forUs !== null) throw new UsageError('--for belongs to --every');
  if (hasSwitch(input, 'all-netns')) {
    if (everyUs !== null)
      throw new UsageError('--every is of one namespace; snapshot schedule --all-netns takes all of them');
    return await inAllNetns(input, world, { atOnce: 1 });
  }
  const wish = { hasAllSockets: optionValue(input, 'sockets') === 'all' };
  world.stopOnSignals();
  // Asked first: without rights, or without conntrack, there is no store to open.
  const plan = await planSnapshot(world.host, wish);
  if (everyUs === null) {
    const one = await takeOne(input, world, plan, name);
    if (keepUs !== null) await prune(input, world, world.clock.nowUs() - keepUs);
    report(input, world, one);
    return EXIT.done;
  }
  const endUs = forUs === null ? Number.POSITIVE_INFINITY : world.clock.nowUs() + forUs;
  let before: Taken | null = null;
  for (let dueUs = world.clock.nowUs(); dueUs <= endUs; ) {
    // Rules and tables may come while it goes on: what to ask is asked anew.
    const one = await takeOne(input, world, before === null ? plan : await planSnapshot(world.host, wish), name);
    if (keepUs !== null) await prune(input, world, world.clock.nowUs() - keepUs);
    const line = liveLine(one, before);
    world.streams.out.write(hasSwitch(input, 'json') ? `${safeJson(JSON.stringify(line.json))}\n` : `${line.text}\n`);
    before = one;
    dueUs = Math.max(dueUs + everyUs, world.clock.nowUs());
    await wait(world, Math.min(dueUs, endUs) - world.clock.nowUs());
    if (world.signal.aborted) break;
  }
  return world.signal.reason === 'SIGTERM' ? EXIT.terminated : EXIT.done;
}

/** A store for each snapshot: between two, others may write. */
async function takeOne(input: CommandInput, world: World, plan: SnapshotPlan, name: string | null): Promise<Taken> {
  const location = storeLocation(input, world);
  return await onStoreAsync('write to', location.path, async () => {
    const db = openStoreForWriting(world.host, location, world.clock.nowUs());
    try {
      const taken = await takeSnapshot({ host: world.host, clock: world.clock, signal: world.signal }, db, plan, {
        name,
        commandArguments: name === null ? [] : ['--name', name],
      });
      const facts = snapshotById(db, taken.snapshotId);
      if (facts === null) throw new FailedError('the snapshot is not in the store any more');
      return { facts, taken, sums: readStatisticSums(db, facts), born: countBorn(db, facts) };
    } finally {
      db.close();
    }
  });
}

async function prune(input: CommandInput, world: World, beforeUs: number): Promise<void> {
  const location = storeLocation(input, world);
  await onStoreAsync('write to', location.path, async () => {
    const db = openStoreForWriting(world.host, location, world.clock.nowUs());
    try {
      pruneSnapshots(db, beforeUs);
      thinSnapshots(db, world.clock.nowUs());
    } finally {
      db.close();
    }
  });
}

function report(input: CommandInput, world: World, { facts, taken }: Taken): void {
  if (hasSwitch(input, 'json')) {
    const document = {
      schema: 'ctwhy.snapshot/1',
      generatedAt: rfc3339(world.clock.nowUs()),
      id: `S${facts.id}`,
      name: facts.name,
      host: facts.host,
      netns: facts.netns,
      kernel: facts.kernel,
      boot: facts.bootUuid,
      takenAt: facts.takenAtUs === null ? null : rfc3339(facts.takenAtUs),
      tookUs: facts.tookUs,
      entries: facts.entryCount,
      max: facts.entryMax,
      socketsWithoutEntry: taken.sockets.withoutEntry,
      parts: taken.parts,
    };
    world.streams.out.write(`${safeJson(JSON.stringify(document, null, 2))}\n`);
  } else if (!hasSwitch(input, 'quiet'))
    printDocument(
      world.streams.out,
      takenDocument(facts, taken, { programName: world.programName, width: documentWidth(world.streams.out) }),
    );
}

function timeOption(input: CommandInput, option: string): number | null {
  const given = optionValue(input, option);
  if (given === null) return null;
  const us = parseDuration(given);
  if (us === null || us < 1_000_000)
    throw new UsageError(`--${option} takes a time of a second or more, such as 30s or 7d: '${given}'`);
  return us;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Until then, or until a signal. */
function wait(world: World, us: number): Promise<void> {
  if (us <= 0 || world.signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, Math.min(us / 1000, LONGEST_TIMER_MS));
    function done(): void {
      clearTimeout(timer);
      world.signal.removeEventListener('abort', done);
      resolve();
    }
    world.signal.addEventListener('abort', done, { once: true });
  });
}
