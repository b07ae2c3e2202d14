// The work of ctwhy snapshot schedule: a trial first, then units whose period the trial allows.

import { isAbsolute, resolve } from 'node:path';
import { PAGE_BYTES, planSchedule, size, type Trial } from '../../changes/plan-schedule.js';
import { type Schedule, snapshotWords, spanWords } from '../../changes/schedule-units.js';
import { type CommandInput, hasSwitch, optionValue } from '../../cli/command.js';
import type { ExitCode } from '../../cli/exit-codes.js';
import { removeStore } from '../../store/open-store.js';
import { FailedError, RefusedError, UnsupportedError, UsageError } from '../../text/errors.js';
import { parseDuration } from '../../text/time-words.js';
import type { World } from '../../world.js';
import { needRoot } from '../change-session.js';
import { makeChange, type Refusal } from '../make-change.js';
import { storeLocation } from '../store-location.js';

/** A snapshot may take this part of the period. */
const SHARE = 10;
/** Those that people choose. */
const PERIODS_S = [5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600];

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const schedule = scheduleOf(input, world);
  if (!hasSwitch(input, 'dry-run')) needRoot(world, `snapshot schedule --every ${optionValue(input, 'every')}`);
  let trial: Trial | null = null;
  return await makeChange(input, world, async (context) => {
    // Asked before the trial: without systemd there is nothing to try for.
    planSchedule(context, schedule, null);
    if (trial === null && world.host.identity().uid !== 0) {
      world.streams.err.write('No trial: it takes root.\n');
      return { plan: planSchedule(context, schedule, null), refusals: [] };
    }
    if (trial === null) {
      trial = await tryOut(world, schedule);
      world.streams.err.write(`${trialWords(trial)}\n`);
    }
    return { plan: planSchedule(context, schedule, trial), refusals: refusalsOf(schedule, trial) };
  });
}

function scheduleOf(input: CommandInput, world: World): Schedule {
  const every = optionValue(input, 'every');
  if (every === null) throw new UsageError('snapshot schedule needs to know how often: --every 1min');
  const everyUs = parseDuration(every);
  if (everyUs === null || everyUs < 1_000_000 || everyUs % 1_000_000 !== 0)
    throw new UsageError(`--every takes whole seconds or more, such as 30s or 1min: '${every}'`);
  const keep = optionValue(input, 'keep');
  if (keep !== null && (parseDuration(keep) ?? 0) < everyUs)
    throw new UsageError(`--keep takes a time longer than --every, such as 7d: '${keep}'`);
  const { path } = storeLocation(input, world);
  return {
    everyS: everyUs / 1_000_000,
    keep,
    self: world.self.map((word) =>
      isAbsolute(word) || !word.includes('/') ? word : resolve(world.workingFolder, word),
    ),
    storePath: resolve(world.workingFolder, path),
    hasAllSockets: optionValue(input, 'sockets') === 'all',
    isAllNetns: hasSwitch(input, 'all-netns'),
  };
}

/** Two snapshots into a store that is thrown away: the way the service will take them, with the start of the program. */
async function tryOut(world: World, schedule: Schedule): Promise<Trial> {
  const storePath = `${world.temporaryFolder}/ctwhy-${world.temporaryName()}.db`;
  const withdraw = world.onExit(() => removeStore(storePath));
  const [program, ...words] = snapshotWords({ ...schedule, storePath, keep: null });
  const sizes: number[] = [];
  let durationMs = 0;
  try {
    for (let nth = 0; nth < 2; nth++) {
      const ran = await world.host.run(program!, words, { timeoutMs: 600_000 });
      if (ran.exitStatus !== 0) throw asError(ran.exitStatus, ran.stderr);
      durationMs = Math.max(durationMs, ran.durationMs);
      sizes.push((world.host.look(storePath)?.sizeBytes ?? 0) + (world.host.look(`${storePath}-wal`)?.sizeBytes ?? 0));
    }
  } finally {
    withdraw();
    removeStore(storePath);
  }
  return { durationMs, firstBytes: sizes[0]!, nextBytes: Math.max(0, sizes[1]! - sizes[0]!) };
}

/** What the trial said is the answer: no conntrack, no rights. */
function asError(exitStatus: number | null, stderr: string): Error {
  const said = `the trial failed: ${stderr.replace(/^ctwhy: /, '').trim() || `status ${exitStatus}`}`;
  if (exitStatus === 3) return new UnsupportedError(said);
  return exitStatus === 4 ? new RefusedError(said) : new FailedError(said);
}

function trialWords({ durationMs, firstBytes, nextBytes }: Trial): string {
  const more = nextBytes < PAGE_BYTES ? `less than ${size(PAGE_BYTES)}` : size(nextBytes);
  return `Trial: ${(durationMs / 1000).toFixed(1)} s and ${size(firstBytes)} for a first snapshot, ${more} more for the next`;
}

function refusalsOf({ everyS }: Schedule, { durationMs }: Trial): readonly Refusal[] {
  const neededS = (durationMs * SHARE) / 1000;
  if (everyS >= neededS) return [];
  const leastS = PERIODS_S.find((period) => period >= neededS) ?? Math.ceil(neededS / 3600) * 3600;
  return [
    {
      word: 'period',
      what: `a snapshot takes ${(durationMs / 1000).toFixed(1)} s here, too long for one every ${spanWords(everyS)}.`,
      why: `It would keep this host busy more than a ${SHARE}th of the time. From ${spanWords(leastS)} on it does not.`,
      cheaper: `snapshot schedule --every ${spanWords(leastS).replace(' ', '')}`,
    },
  ];
}
