// The keeper of one change, in a process of its own.

import { pathToNetns } from '../../changes/change-host.js';
import { keepChange } from '../../changes/keeper.js';
import { packetsSoFar, watchedLines } from '../../changes/watched-lines.js';
import { type CommandInput, positionalOf } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { changeNumber } from '../../model/change.js';
import { openKernelRing } from '../../sources/kmsg.js';
import { UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { changeSession } from '../change-session.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const id = positionalOf(input, 'id') ?? '';
  const number = changeNumber(id);
  if (number === null) throw new UsageError(`'${id}' is no change; they are called C1, C2 …`);
  world.stopOnSignals();
  const session = changeSession(world);
  const change = session.journal.read().changes.find((one) => one.number === number);
  if (change === undefined) return EXIT.done;
  const counter = countLines(watchedLines(change));
  try {
    await keepChange(session, number, {
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      monotonicMs: world.clock.monotonicMs,
      newLines: counter.take,
      packetsSoFar: async () => {
        const netns = pathToNetns(session.host, change.place.netnsInode);
        return netns === null ? null : await packetsSoFar(session.host, netns);
      },
      signal: world.signal,
    });
  } finally {
    counter.stop();
  }
  return EXIT.done;
}

/** Counts new lines in the ring; what was there before does not count. */
function countLines(pattern: RegExp): { readonly take: () => number | null; readonly stop: () => void } {
  const ring = openKernelRing({ idleMs: 100 });
  let count = 0;
  let isReadable = true;
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder('latin1');
    let rest = '';
    for await (const chunk of ring.chunks) {
      if (chunk.length === 0) continue;
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (ring.hasCaughtUp()) count += lines.filter((line) => pattern.test(line)).length;
    }
  };
  read().catch(() => {
    isReadable = false;
  });
  return {
    take() {
      const taken = count;
      count = 0;
      return isReadable ? taken : null;
    },
    stop: ring.stop,
  };
}
