// One capture, from its first reader to the host put back: readers, snapshot, switch on, look, settle, snapshot, put back. Whatever happens
// in between, what was switched on is put back.

import { markKernelLog } from '../../changes/mark-kernel-log.js';
import { isNflogBinding } from '../../changes/plan-capture.js';
import type { CommandInput } from '../../cli/command.js';
import { openScratchFile, type ScratchFile } from '../../host/new-file.js';
import type { RunningChild } from '../../host/start-child.js';
import { type Act, type Change, changeId } from '../../model/change.js';
import type { LiveScreen } from '../../presentation/capture-live.js';
import { hostLines, readParts } from '../../survey/bundle/collect.js';
import type { ManifestPart } from '../../survey/bundle/manifest.js';
import { BUNDLE_PARTS, type Moment } from '../../survey/bundle/parts.js';
import type { EndingSignal, World } from '../../world.js';
import { type Agreed, carryOut } from '../make-change.js';
import { type BoundReaders, bindReaders } from './bind-readers.js';
import type { HostAnswers } from './capture-plan.js';
import { type Looked, look } from './look.js';
import { captureCoverage, captureSays, type Mark, pack } from './pack.js';
import { isEnded, type PutBack, putBack } from './put-back.js';
import { openSeenNote, type SeenNote } from './seen-so-far.js';
import { openSnapshotRing } from './snapshot-ring.js';
import { openStops } from './stops.js';
import { openWatcher, type Seen } from './watcher.js';
import type { CaptureWishes } from './wish.js';

export interface Captured {
  readonly beganAtUs: number;
  /** NULL: nothing was switched on. */
  readonly change: Change | null;
  readonly back: (PutBack & { readonly tookMs: number }) | null;
  readonly signal: EndingSignal | null;
  readonly looked: Looked | null;
  readonly seen: Seen;
  readonly lost: number;
  /** The bundle; NULL when a second signal left no time for it. The caller discards it. */
  readonly archive: ScratchFile | null;
}

export interface CaptureRequest {
  readonly wishes: CaptureWishes;
  /** NULL: nothing is to be switched on. */
  readonly agreed: Agreed | null;
  readonly answers: HostAnswers;
  readonly screen: LiveScreen;
  /** A document goes to standard output, so nothing else may. */
  readonly isDocument: boolean;
}

/** Of one source on disk; who waits for hours keeps what led to the moment. */
const MOST_SPOOL_BYTES = 512 << 20;
const MOST_WAITING_BYTES = 64 << 20;
/** The kernel log and netlink are behind what caused their lines by less than this. */
const TAIL_MS = 200;
const WORDS: Readonly<Record<EndingSignal, string>> = { SIGINT: '^C', SIGTERM: 'TERM', SIGHUP: 'hang-up' };

/** @throws what made it impossible; nothing is on then, or the message says what is */
export async function capture(input: CommandInput, world: World, request: CaptureRequest): Promise<Captured> {
  const { wishes, screen } = request;
  const { nowUs, monotonicMs } = world.clock;
  const scratch = (): ScratchFile => openScratchFile(`${world.temporaryFolder}/ctwhy-${world.temporaryName()}`);
  let child: RunningChild | null = null;
  const stops = openStops(world, (signal, isFirst) => {
    // A terminal sends Ctrl-C to the command as well; what was sent to us alone is passed on.
    if (signal !== 'SIGINT' || world.ask === null) child?.send(signal);
    screen.say(isFirst ? `${WORDS[signal]}: stopping` : `${WORDS[signal]} again: only putting back`);
  });
  const moment = new AbortController();
  const watcher = openWatcher({
    filter: wishes.filter,
    nowUs,
    onFirst: screen.first,
    onTrigger: (trigger) => {
      if (trigger === wishes.stopOn && change !== null) moment.abort(trigger);
    },
  });
  const body = scratch();
  const parts: ManifestPart[] = [];
  let readers: BoundReaders | null = null;
  let change: Change | null = null;
  let back: Captured['back'] = null;
  const restore = async (): Promise<void> => {
    if (change === null || back !== null) return;
    const beganMs = monotonicMs();
    back = { ...(await putBack(world, change)), tookMs: monotonicMs() - beganMs };
  };
  const read = async (into: ScratchFile, when: Moment): Promise<readonly ManifestPart[]> => {
    const wanted = BUNDLE_PARTS.filter(({ isMoving, stem }) => stem !== 'kern' && (when === 'after' || isMoving));
    const deps = { host: world.host, nowUs, sleep: (ms: number) => stops.sleep(ms), signal: stops.hurried };
    return await readParts(deps, into, wanted, { moment: when, change: null });
  };
  const snapshot = async (when: 'before' | 'after'): Promise<void> => {
    parts.push(...(await read(body, when)));
  };
  let note: SeenNote | null = null;
  const ring =
    wishes.everyMs === null
      ? null
      : openSnapshotRing({ everyMs: wishes.everyMs, monotonicMs, open: scratch, take: read });
  let looked: Looked | null = null;
  const beganAtUs = nowUs();
  const soFar = (archive: ScratchFile | null): Captured => ({
    beganAtUs,
    change,
    back,
    signal: stops.signal(),
    looked,
    seen: watcher.seen,
    lost: readers?.lost() ?? 0,
    archive,
  });
  try {
    const mark: { uptimeUs: number | null; atUs: number } = { uptimeUs: null, atUs: 0 };
    readers = await bindReaders(
      world,
      {
        host: world.host,
        nowUs,
        sleep: (ms) => stops.sleep(ms, true),
        openScratch: scratch,
        mostBytes: wishes.isDetached ? MOST_WAITING_BYTES : MOST_SPOOL_BYTES,
      },
      {
        hasTrace: request.answers.hasTrace,
        mayLack: request.agreed === null,
        onLack: (why) => screen.say(`Not read: ${why}`),
        traces: wishes.question.conditions?.length === 0 ? null : `only ${wishes.question.title}`,
        watcher,
        onMark: (uptimeUs) => {
          mark.uptimeUs ??= uptimeUs;
        },
      },
    );
    await snapshot('before');
    if (stops.ended.aborted) return soFar(null);
    if (request.agreed !== null) {
      change = await carryOut(input, world, request.agreed, nflogOnceBound(request.agreed, readers));
      mark.atUs = nowUs();
      markKernelLog(world.writeHost, `ctwhy: capture ${changeId(change)} begins`);
    }
    const onFromUs = nowUs();
    const made = change;
    note = made === null ? null : openSeenNote(world, made);
    looked = await look(world, {
      forMs: wishes.forMs,
      command: wishes.command,
      output: request.isDocument ? 'err' : 'out',
      seen: watcher.seen,
      lost: readers.lost,
      isOver: () => made !== null && isEnded(world, made),
      moment: moment.signal,
      screen,
      stops,
      onStep: () => {
        note?.note(watcher.seen);
        ring?.tick();
      },
      onChild: (started) => {
        child = started;
      },
    });
    // A person who waits for the host has it back before the second snapshot is read.
    if (stops.ended.aborted) await restore();
    const onUntilUs = nowUs();
    for (const kept of (await ring?.end()) ?? []) {
      for (const piece of kept.body.pieces()) body.append(piece);
      parts.push(...kept.parts);
    }
    await snapshot('after');
    await restore();
    await stops.sleep(TAIL_MS, true);
    const told = soFar(null);
    const reads = await readers.stop();
    const says = captureSays({ wishes, change, mark: markOf(mark), childAtUs: looked.childAtUs, ...request.answers });
    const archive = scratch();
    const deps = { host: world.host, nowUs, sleep: stops.sleep, signal: stops.hurried };
    pack(
      archive,
      {
        says: [...says.clock, ...(await hostLines(deps)), ...says.more],
        body,
        parts,
        reads,
        coverage: made === null || !request.answers.hasLines ? [] : captureCoverage(wishes, onFromUs, onUntilUs),
      },
      nowUs(),
    );
    return { ...told, archive };
  } catch (error) {
    await restore();
    // The second signal cuts short whatever was being read.
    if (stops.hurried.aborted) return soFar(null);
    throw error;
  } finally {
    if (readers !== null) for (const read of await readers.stop()) read.spool.discard();
    body.discard();
    ring?.discard();
    note?.remove();
    screen.end();
    stops.off();
  }
}

function markOf({ uptimeUs, atUs }: { readonly uptimeUs: number | null; readonly atUs: number }): Mark | null {
  return uptimeUs === null ? null : { uptimeUs, atUs };
}

/** NFLOG is listened to as soon as its logger is bound, and before anything is printed. */
function nflogOnceBound({ plan }: Agreed, readers: BoundReaders): (act: Act) => Promise<void> {
  let waiting = plan.acts(0).filter(isNflogBinding).length;
  return async (act) => {
    if (isNflogBinding(act) && --waiting === 0) await readers.readNflog();
  };
}
