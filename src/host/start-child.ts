// A command that a person gave us to run: without a shell, in their folder, with their environment and on their terminal. It is told to end
// when we do, however that comes about.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { endingWithUs } from './end-with-us.js';
import { HostError } from './host.js';

export interface ChildEnd {
  /** NULL when a signal ended it. */
  readonly exitStatus: number | null;
  readonly signal: string | null;
  /** As a shell would tell it in $?. */
  readonly code: number;
}

export interface RunningChild {
  readonly pid: number;
  readonly ended: Promise<ChildEnd>;
  /** False when it had ended before. */
  send(signal: NodeJS.Signals): boolean;
}

/**
 * @param words the program, found by PATH or as a path, and its arguments
 * @param output where its standard output goes: ours, or to our errors where ours is a document
 * @throws HostError when it cannot be started
 */
export function startChild(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  output: 'out' | 'err',
): Promise<RunningChild> {
  const [program = '', ...args] = words;
  const child = spawn(...endingWithUs([program, ...args], 'TERM', environment['PATH'] ?? ''), {
    stdio: ['inherit', output === 'out' ? 'inherit' : 2, 'inherit'],
    env: environment,
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    child.on('exit', (exitStatus, signal) => {
      resolve({ exitStatus, signal, code: exitStatus ?? (signal === null ? 1 : 128 + constants.signals[signal]) });
    });
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'ENOENT'
          ? 'there is no such program'
          : error.code === 'EACCES'
            ? 'permission denied'
            : error.message;
      reject(new HostError(error.code === 'ENOENT' ? 'missing' : 'failed', program, `cannot run ${program}: ${why}`));
    });
    child.once('spawn', () => resolve({ pid: child.pid!, ended, send: (signal) => child.kill(signal) }));
  });
}
