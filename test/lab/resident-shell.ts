// One shell that stays in a namespace and runs commands there: on an emulated machine each way in costs as much as the command itself.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay, nowUs, patient } from './clock.js';
import type { Finished } from './process.js';

export interface ResidentShell {
  readonly pid: number | undefined;
  /** Runs `command`, `input` on its standard input. */
  run(command: string, input?: string): Promise<Finished>;
  close(): void;
}

/**
 * Reads the number of a command a line; N.status answers, last of all, and is whole with its end of line: to start a program (mv) for that
 * would take as long as many a command. Several at once do not wait for each other.
 */
const SERVE = `while read -r n; do
  ( ( . ./$n.command ) <$n.input >$n.stdout 2>$n.stderr; echo $? >$n.status ) &
done <numbers`;

const hasEnded = (status: string): boolean => existsSync(status) && readFileSync(status, 'utf8').endsWith('\n');

/** @param wrapper words that begin a command in the namespace: `ip netns exec NAME` */
export function openResidentShell(wrapper: readonly string[]): ResidentShell {
  const folder = mkdtempSync(join(tmpdir(), 'ctwhy-shell-'));
  execFileSync('mkfifo', [join(folder, 'numbers')]);
  const numbers = openSync(join(folder, 'numbers'), 'r+');
  const [file = 'sh', ...rest] = [...wrapper, 'sh', '-c', SERVE];
  const shell = spawn(file, rest, {
    cwd: folder,
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  shell.unref();
  let count = 0;
  return {
    pid: shell.pid,
    async run(command, input = '') {
      count += 1;
      const number = count;
      const path = (kind: string) => join(folder, `${number}.${kind}`);
      const startedAtUs = nowUs();
      writeFileSync(path('input'), input);
      writeFileSync(path('command'), `${command}\n`);
      writeSync(numbers, `${number}\n`);
      while (!hasEnded(path('status'))) {
        if (shell.exitCode !== null || shell.signalCode !== null) throw new Error(`the shell went away: ${command}`);
        // A look takes an emulated processor so long that many of them delay what they look for.
        await delay(patient(5));
      }
      const read = (kind: string) => readFileSync(path(kind), 'utf8');
      const finished = {
        command,
        stdout: read('stdout'),
        stderr: read('stderr'),
        exitStatus: Number(read('status')),
        startedAtUs,
        endedAtUs: nowUs(),
      };
      for (const kind of ['input', 'command', 'stdout', 'stderr', 'status']) rmSync(path(kind));
      return finished;
    },
    close() {
      shell.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
