// The work of ctwhy capture: agree, collect, keep, explain.

import { Readable } from 'node:stream';
import { type CommandInput, hasSwitch } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { FILTER_OPTIONS } from '../../cli/global-options.js';
import { ingest } from '../../ingest/ingest.js';
import { changeId } from '../../model/change.js';
import { liveScreen } from '../../presentation/capture-live.js';
import { onStoreAsync, openStoreForWriting } from '../../store/open-store.js';
import { captureSince } from '../../store/sources.js';
import { RefusedError } from '../../text/errors.js';
import { duration, rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { copyChanges, copyChangesInto } from '../copy-changes.js';
import { explainEvidence } from '../explain/explain-run.js';
import { agreeOn } from '../make-change.js';
import { storeLocation } from '../store-location.js';
import { askHost } from './capture-plan.js';
import { type Captured, capture } from './capture-session.js';
import { detach, isInBackground } from './detach.js';
import { captureWishes } from './wish.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const wishes = await captureWishes(input, world);
  const answers = await askHost(input, world, wishes);
  const agreed = answers.planOf === null ? null : await agreeOn(input, world, answers.planOf);
  if (typeof agreed === 'number') return agreed;
  if (agreed === null && hasSwitch(input, 'dry-run')) {
    world.streams.out.write('# nothing is switched on: it only reads\n');
    return EXIT.done;
  }
  if (agreed === null && world.host.identity().uid !== 0)
    throw new RefusedError(`the kernel log and the tracker are shown to root only: sudo ${world.programName} capture`);
  if (wishes.isDetached && !isInBackground(world)) return await detach(input, world);
  const isDocument = hasSwitch(input, 'json');
  const screen = liveScreen(world.streams.err, hasSwitch(input, 'quiet'));
  if (agreed !== null && answers.hasLines)
    screen.say(`by ${answers.via.via === 'nflog' ? 'NFLOG' : 'the kernel log'}: ${answers.via.why}`);
  for (const warning of agreed?.plan.warnings ?? []) screen.say(`Mind: ${warning}`);
  const captured = await capture(input, world, { wishes, agreed, answers, screen, isDocument });
  await copyChanges(input, world);
  tell(world, captured, wishes.command);
  const code = await keepAndExplain(input, world, captured);
  return exitCode(captured, code);
}

/** What became of the host and of the command, before what it was all about. */
function tell(world: World, captured: Captured, command: readonly string[] | null): void {
  const say = (text: string): void => world.streams.err.write(`${text}\n`);
  const { change, back, looked, lost } = captured;
  if (change === null && looked === null) say('Stopped before anything was switched on.');
  if (looked?.child != null) {
    const { exitStatus, signal } = looked.child;
    say(
      `${command?.[0]} ended ${signal === null ? `with status ${exitStatus}` : `by ${signal}`}${looked.isOverdue ? ', when the time of --for was over' : ''}`,
    );
  }
  if (change === null || back === null) say('Nothing was changed.');
  else tellBack(world, changeId(change), back);
  if (lost > 0)
    say(`${lost} records were lost: the host was faster than the reader; what is missing counts as not seen`);
}

function tellBack(world: World, id: string, back: NonNullable<Captured['back']>): void {
  const say = (text: string): void => world.streams.err.write(`${text}\n`);
  if (back.endedBefore !== null) say(`${id} had been ended before: ${back.endedBefore}`);
  else if (back.left.length === 0) say(`${id} put back, checked (${(back.tookMs / 1000).toFixed(1)} s)`);
  for (const { what, why } of back.left)
    say(`${id} is still on in part: ${what} (${why}): sudo ${world.programName} undo --all`);
}

/** The evidence goes into the store as one ingest, and the answer comes from there. */
async function keepAndExplain(input: CommandInput, world: World, captured: Captured): Promise<ExitCode> {
  const { archive, change, beganAtUs } = captured;
  if (archive === null) return EXIT.done;
  const location = storeLocation(input, world);
  const sinceUs = Math.floor(beganAtUs / 1e6) * 1e6;
  const name = `capture ${change === null ? `of ${rfc3339(beganAtUs).slice(11, 19)}` : changeId(change)}`;
  try {
    await onStoreAsync('write to', location.path, async () => {
      const db = openStoreForWriting(world.host, location, world.clock.nowUs());
      try {
        await ingest(
          {
            host: world.host,
            clock: world.clock,
            standardInput: Readable.from(archive.pieces()),
            standardInputName: name,
          },
          db,
          ['-'],
          {
            kind: 'capture',
            commandArguments: [name, ...(change === null ? [] : [change.command]), ...captureSince(sinceUs)],
          },
        );
        // What this very capture brought about is told apart by it.
        await copyChangesInto(db, world);
      } finally {
        db.close();
      }
    });
  } finally {
    archive.discard();
  }
  world.streams.err.write('\n');
  // What was read before is not what was captured. Bare, explain, path and timeline look at the last capture, too; what a filter asks for,
  // they look for in the whole store, so the printed words say since when.
  const isFiltered = FILTER_OPTIONS.some(
    ({ name: option }) => input.switches.has(option) || input.values[option] !== undefined,
  );
  const since: Readonly<Record<string, readonly string[]>> = isFiltered ? { since: [rfc3339(sinceUs)] } : {};
  const switches = new Set([...input.switches].filter((one) => one !== 'all')); // there it means packets, here findings
  const asked = { ...input, words: 'explain', positionals: {}, switches, values: { ...input.values, ...since } };
  return await explainEvidence(asked, world, {
    what: name,
    netnsInode: world.host.identity().netnsInode,
    beside: { capture: told(captured) },
  });
}

/** What the JSON document says of the capture beside the findings. */
function told({ beganAtUs, change, back, looked, seen, lost, signal }: Captured): Readonly<Record<string, unknown>> {
  return {
    id: change === null ? null : changeId(change),
    began: rfc3339(beganAtUs),
    lookedFor: looked === null ? null : duration(looked.lookedMs * 1000),
    endedBy: signal,
    command: looked?.child ?? null,
    seen,
    lost,
    putBack: back === null ? null : { left: back.left, endedBefore: back.endedBefore },
  };
}

function exitCode({ back, signal, looked }: Captured, code: ExitCode): ExitCode {
  if (back !== null && back.left.length > 0) return EXIT.partlyChanged;
  if (signal === 'SIGINT') return EXIT.interrupted;
  if (signal !== null) return EXIT.terminated;
  return looked?.isOverdue === true ? EXIT.timeout : code;
}
