// The built program in a process of its own, as a user starts it: it can be signalled, stopped and killed, and a test can wait for what it does.

import { type ChildProcess, spawn } from 'node:child_process';
import { rowsOf } from './run-command.js';

const PROGRAM = new URL('../../bin/ctwhy.js', import.meta.url).pathname;
const ASK_AGAIN_MS = 200;
const running = new Set<ChildProcess>();

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** What a shell would need to run ctwhy. */
export const ctwhyCommand = `${process.execPath} ${PROGRAM}`;

/** Starts `ctwhy WORDS…` of the built dist. */
export function startCtwhy(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Started {
  return startProgram(process.execPath, [PROGRAM, ...words], environment);
}

export function startProgram(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Started {
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal, stdout, stderr });
    });
  });
  return { child, ended };
}

/** Ends what a failed test has left running; for afterAll. */
export function killWhatRuns(): void {
  for (const child of running) child.kill('SIGKILL');
}

export const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for something to become so; undefined while it is not, or the store is not there yet. */
export async function until<T>(what: () => Promise<T | undefined>, longestMs = 60_000): Promise<T> {
  const endMs = performance.now() + longestMs;
  for (;;) {
    const found = await what().catch(() => undefined);
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error('it did not come to pass in time');
    await later(ASK_AGAIN_MS);
  }
}

/** Rows of a table, or of `TABLE where …`, in a store. */
export async function countRows(db: string, table: string): Promise<number> {
  return Number((await rowsOf(db, `select count(*) n from ${table}`))[0]!['n']);
}
