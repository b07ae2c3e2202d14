// Conntrack's events while a bundle waits: heard from when on, and were any lost?

import { enlargeNetlinkBuffer, netlinkListener } from '../../host/netlink-listener.js';
import type { ScratchFile } from '../../host/new-file.js';
import type { CollectDeps } from './collect.js';
import { type ManifestPart, quoted, secondsText } from './manifest.js';
import { isMet } from './needs.js';
import { EVENTS_PART, fileOf } from './parts.js';

/** conntrack has bound its socket by then, or it is not told. */
const SETTLE_MS = 2000;
const LOOK_MS = 20;
const DRAIN_MS = 5000;
/** conntrack 1.4.7 gives its -b to another socket of its own: the kernel takes twice this. */
const BUFFER_BYTES = 32 << 20;
/** include/uapi/linux/netlink.h: what the kernel tells a listener that was too slow (ENOBUFS). */
const LOSS = /ENOBUFS|No buffer space|losing events/i;

export interface Heard extends ManifestPart {
  readonly listeningSinceUs: number;
  /** Messages that found no room in the socket, as the kernel counts them; NULL: it could not be asked. */
  readonly dropped: number | null;
  /** Whether all that had come by the end was taken from the socket. */
  readonly isDrained: boolean;
}

export interface Listener {
  stop(): Promise<void>;
  /** What the manifest says of it; after stop(). */
  heard(): Heard;
}

/** Starts listening and waits until it does; NULL where there is no tracker, or no program to listen with. */
export async function listen(deps: CollectDeps, events: ScratchFile): Promise<Listener | null> {
  const [program, ...args] = EVENTS_PART.commands[0]!;
  if (isMet(deps.host, EVENTS_PART.need) !== 'yes' || deps.host.find(program) === null) return null;
  const end = new AbortController();
  const startedAtUs = deps.nowUs();
  const output = deps.host.pipe(program, args, { signal: end.signal });
  let failure: unknown = null;
  const reading = (async () => {
    try {
      for await (const chunk of output.stdout) events.append(chunk as Uint8Array);
    } catch (error) {
      failure = error;
    }
  })();
  const pid = await output.pid;
  const look = () => (pid === null ? null : netlinkListener(deps.host, pid));
  let bound = look();
  for (let passedMs = 0; bound === null && passedMs < SETTLE_MS; passedMs += LOOK_MS) {
    await deps.sleep(LOOK_MS);
    bound = look();
  }
  const listeningSinceUs = deps.nowUs();
  if (bound !== null && pid !== null) await enlargeNetlinkBuffer(deps.host, pid, bound, BUFFER_BYTES);
  let heard: Heard | null = null;
  return {
    async stop() {
      const endedAtUs = deps.nowUs();
      let last = look();
      for (let passedMs = 0; last !== null && last.waitingBytes > 0 && passedMs < DRAIN_MS; passedMs += LOOK_MS) {
        await deps.sleep(LOOK_MS);
        last = look();
      }
      // What it took last it still has to print.
      await deps.sleep(LOOK_MS);
      end.abort();
      await reading;
      const result = await output.ended;
      if (failure !== null) throw failure;
      const wasEnded = result.signal !== null || result.exitStatus === 0 || result.exitStatus === null;
      heard = {
        file: fileOf(EVENTS_PART, null),
        moment: null,
        startedAtUs,
        endedAtUs,
        // Ending it by a signal says nothing of how well it listened.
        exitStatus: wasEnded ? 0 : result.exitStatus,
        error: wasEnded && !LOSS.test(result.stderr) ? '' : result.stderr,
        command: [program, ...args].join(' '),
        listeningSinceUs,
        dropped: last?.dropped ?? null,
        isDrained: last === null || last.waitingBytes === 0,
      };
    },
    heard: () => heard!,
  };
}

/** The manifest's line on what the events can prove. */
export function coverageOfEvents({
  listeningSinceUs,
  endedAtUs,
  exitStatus,
  error,
  dropped,
  isDrained,
}: Heard): string {
  const span = `from=${secondsText(listeningSinceUs)} to=${secondsText(endedAtUs)}`;
  if (exitStatus !== 0) return `coverage events state=off ${span} why=${quoted(error)}`;
  if (dropped !== null && dropped > 0)
    return `coverage events state=lost ${span} why="${dropped} events found no room in the socket of conntrack (ENOBUFS)"`;
  if (!isDrained) return `coverage events state=lost ${span} why="events were still waiting when the listening ended"`;
  if (LOSS.test(error)) return `coverage events state=lost ${span} why="events were lost: conntrack was too slow"`;
  return `coverage events state=complete ${span}`;
}
