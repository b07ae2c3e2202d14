// The keeper of one change, in a process of its own.

import { keepChange } from '../../changes/keeper.js';
import { type CommandInput, positionalOf } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { type ChangeKind, changeComment, changeNumber } from '../../model/change.js';
import { openKernelRing } from '../../sources/kmsg.js';
import { UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { changeSession } from '../change-session.js';

/** What a change of this kind has the kernel print; other lines are none of our doing. */
function linesOf(kind: ChangeKind, number: number): RegExp {
  const own = `${changeComment(number)}\\b`;
  if (kind === 'log-invalid') return /nf_ct_proto_\d|nf_ct_[a-z0-9]+: /;
  if (kind === 'trace') return new RegExp(`TRACE: |${own}`);
  if (kind === 'dyndbg') return /nf_conntrack|nf_ct_|nf_nat|conntrack/;
  return kind === 'tag' ? new RegExp(own) : new RegExp(`TRACE: |nf_ct_|${own}`);
}

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const id = positionalOf(input, 'id') ?? '';
  const number = changeNumber(id);
  if (number === null) throw new UsageError(`'${id}' is no change; they are called C1, C2 …`);
  world.stopOnSignals();
  const session = changeSession(world);
  const kind = session.journal.read().changes.find((change) => change.number === number)?.kind;
  if (kind === undefined) return EXIT.done;
  const counter = countLines(linesOf(kind, number));
  try {
    await keepChange(session, number, {
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      monotonicMs: world.clock.monotonicMs,
      newLines: counter.take,
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
