// The time in which a capture looks: the person's command runs, the live line moves, and one of several things ends it.

import type { ChildEnd, RunningChild } from '../../host/start-child.js';
import type { LiveScreen } from '../../presentation/capture-live.js';
import type { World } from '../../world.js';
import type { Stops } from './stops.js';
import type { Seen } from './watcher.js';

export interface LookRequest {
  readonly forMs: number;
  readonly command: readonly string[] | null;
  /** Where the standard output of the command goes. */
  readonly output: 'out' | 'err';
  readonly seen: Seen;
  readonly lost: () => number;
  /** The change was ended by another hand: nothing more will be seen. */
  readonly isOver: () => boolean;
  /** Aborted when what --stop-on names was seen. */
  readonly moment: AbortSignal;
  readonly screen: LiveScreen;
  readonly stops: Stops;
  /** Called while it waits, twice a second. */
  readonly onStep: () => void;
  /** Told of the command as soon as it runs, so that signals can be passed on. */
  readonly onChild: (child: RunningChild) => void;
}

export interface Looked {
  readonly child: ChildEnd | null;
  readonly childAtUs: number | null;
  /** Time ran out before the command ended. */
  readonly isOverdue: boolean;
  readonly lookedMs: number;
}

const STEP_MS = 500;
/** Late packets of a close, and the drops that follow it. */
const SETTLE_MS = 5000;
/** A command that does not end when it is told to. */
const PATIENCE_MS = 5000;

/** @throws HostError when the command cannot be started */
export async function look(world: World, request: LookRequest): Promise<Looked> {
  const { stops, screen } = request;
  const { monotonicMs } = world.clock;
  const beganMs = monotonicMs();
  let end: ChildEnd | null = null;
  let child: RunningChild | null = null;
  const childAtUs = request.command === null || stops.ended.aborted ? null : world.clock.nowUs();
  const hasEnded = new AbortController();
  if (request.command !== null && !stops.ended.aborted) {
    child = await world.startChild(request.command, world.environment, request.output);
    request.onChild(child);
    // The signal came while it was being started: nobody has passed it on.
    if (stops.ended.aborted) child.send('SIGTERM');
    void child.ended.then((how) => {
      end = how;
      hasEnded.abort();
    });
  }
  const show = (forMs: number | null, hint: string): void =>
    screen.show({ elapsedMs: monotonicMs() - beganMs, forMs, counts: { ...request.seen, lost: request.lost() }, hint });
  const isDone = (): boolean =>
    request.moment.aborted || stops.ended.aborted || hasEnded.signal.aborted || request.isOver();
  while (!isDone() && monotonicMs() - beganMs < request.forMs) {
    show(request.forMs, '^C ends');
    request.onStep();
    await Promise.race([
      stops.sleep(Math.min(STEP_MS, request.forMs - (monotonicMs() - beganMs))),
      ...(child === null ? [] : [child.ended]),
    ]);
  }
  const isOverdue = child !== null && end === null && !stops.ended.aborted && !request.moment.aborted;
  if (request.moment.aborted) screen.say(`seen: ${String(request.moment.reason)}`);
  if (child !== null && end === null) await endChild(child, stops);
  for (
    const untilMs = monotonicMs() + SETTLE_MS;
    monotonicMs() < untilMs && !stops.ended.aborted && !request.isOver();
  ) {
    show(null, 'settling 5 s');
    await stops.sleep(Math.min(STEP_MS, untilMs - monotonicMs()));
  }
  return { child: end, childAtUs, isOverdue, lookedMs: monotonicMs() - beganMs };
}

/** It was told already where a signal ended the capture; where it does not hear, it is ended. */
async function endChild(child: RunningChild, stops: Stops): Promise<void> {
  if (!stops.ended.aborted) child.send('SIGTERM');
  const patience = new Promise<'late'>((resolve) => {
    setTimeout(() => resolve('late'), PATIENCE_MS).unref();
  });
  if ((await Promise.race([child.ended, patience])) === 'late') {
    child.send('SIGKILL');
    await child.ended;
  }
}
