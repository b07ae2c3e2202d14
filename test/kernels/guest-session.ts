// Commands one after another on another kernel, while this process goes on: the guest waits for files in the shared folder.

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { delay, nowUs } from '../lab/clock.js';
import type { Finished } from '../lab/process.js';
import type { FetchedKernel } from './debian-kernel.js';
import { bestAcceleration, type GuestEnd, runInGuest, SHARED_IN_GUEST, sharedFolder } from './guest.js';

export interface GuestSession {
  readonly kernel: FetchedKernel;
  /** Runs `command` by sh in the guest, `input` on its standard input. Rejects when the guest goes away. */
  run(command: string, input?: string): Promise<Finished>;
  close(): Promise<void>;
}

const LOOK_MS = 20;
const NO_LIMIT_MS = 7 * 24 * 3600 * 1000;

/** N.ask is a command, N.input its input; N.stdout, N.stderr and, last, N.status answer. */
const SERVE = `cd ${SHARED_IN_GUEST} || exit 1
n=1
while :; do
  until [ -e $n.ask ]; do sleep 0.02; done
  sh $n.ask <$n.input >$n.stdout 2>$n.stderr
  echo $? >$n.ended
  mv $n.ended $n.status
  n=$((n + 1))
done
`;

/** Boots the kernel. Close it in a finally; the guest ends with this process in any case. */
export function openGuest(kernel: FetchedKernel): GuestSession {
  const shared = sharedFolder();
  const stop = new AbortController();
  let end: GuestEnd | null = null;
  const running = runInGuest({
    kernel,
    acceleration: bestAcceleration(),
    command: SERVE,
    shared,
    timeoutMs: NO_LIMIT_MS,
    signal: stop.signal,
  }).then((reached) => {
    end = reached;
  });
  let count = 0;
  return {
    kernel,
    async run(command, input = '') {
      count += 1;
      const file = (kind: string): string => join(shared, `${count}.${kind}`);
      const startedAtUs = nowUs();
      writeFileSync(file('input'), input);
      writeFileSync(file('asked'), command);
      renameSync(file('asked'), file('ask'));
      while (!existsSync(file('status'))) {
        if (end !== null) throw new Error(`the guest went away during: ${command}: ${JSON.stringify(end)}`);
        await delay(LOOK_MS);
      }
      const read = (kind: string): string => readFileSync(file(kind), 'utf8');
      const finished = {
        command,
        stdout: read('stdout'),
        stderr: read('stderr'),
        exitStatus: Number(read('status')),
        startedAtUs,
        endedAtUs: nowUs(),
      };
      for (const kind of ['input', 'ask', 'stdout', 'stderr', 'status']) rmSync(file(kind));
      return finished;
    },
    async close() {
      stop.abort();
      await running;
      rmSync(shared, { recursive: true, force: true });
    },
  };
}
