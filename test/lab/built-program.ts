// Runs the built program as a person would and waits for it. Where CTWHY_TEST_RESIDENT is set (an emulated machine) a namespace's command
// lines are answered by one process that stays there.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../helpers/run-command.js';
import { patient } from './clock.js';

export const PROGRAM = join(REPOSITORY, 'bin/ctwhy.js');
const RESIDENT = join(REPOSITORY, 'test/lab/resident-program.mjs');
const ANSWER_MS = 900_000;
const HAS_RESIDENTS = process.env['CTWHY_TEST_RESIDENT'] !== undefined;

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

export interface BuiltProgram {
  /** Its folder is HOME and holds the journal of changes. `before` are words that start it as somebody else or elsewhere. */
  run(words: readonly string[], before?: readonly string[]): Ran;
  /** The same within a namespace of `ip netns`, by --netns. */
  runIn(netns: string, words: readonly string[]): Ran;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * @param folder of the test, its own
 * @param isResident one process answers a namespace's command lines: for tests that ask many
 */
export function builtProgram(folder: string, isResident = HAS_RESIDENTS): BuiltProgram {
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    COLUMNS: '80',
    CTWHY_CHANGES: join(folder, 'journal'),
  };
  const residents = new Map<string | null, (words: readonly string[]) => Ran>();
  function runByResident(netns: string | null, words: readonly string[]): Ran {
    const ask = residents.get(netns) ?? startResident(netns, join(folder, `resident-${netns ?? ''}`), environment);
    residents.set(netns, ask);
    return ask(words);
  }
  return {
    environment,
    run(words, before = []) {
      if (isResident && before.length === 0) return runByResident(null, words);
      const [command, ...rest] = [...before, process.execPath, PROGRAM, ...words];
      const done = spawnSync(command!, rest, { cwd: REPOSITORY, encoding: 'utf8', env: environment });
      return { out: done.stdout, err: done.stderr, code: done.status };
    },
    runIn(netns, words) {
      const all = [...words, '--netns', netns];
      return isResident ? runByResident(netns, all) : this.run(all);
    },
  };
}

/** The process ends when ours does: nobody holds the pipe open any more. */
function startResident(
  netns: string | null,
  folder: string,
  environment: Readonly<Record<string, string>>,
): (words: readonly string[]) => Ran {
  mkdirSync(folder, { recursive: true });
  spawnSync('mkfifo', [join(folder, 'questions')]);
  const questions = openSync(join(folder, 'questions'), 'r+');
  // As --netns goes there: ip netns exec would show it another /sys.
  const there = netns === null ? [] : [`--net=/run/netns/${netns}`];
  const words = [...there, '--', process.execPath, RESIDENT, folder, PROGRAM, ...(netns === null ? [] : [netns])];
  spawn('nsenter', words, { cwd: REPOSITORY, env: environment, stdio: 'inherit' }).unref();
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let number = 0;
  return (asked) => {
    number += 1;
    const answer = join(folder, `${number}.answer`);
    writeSync(questions, `${JSON.stringify({ number, words: asked, environment })}\n`);
    for (const deadline = Date.now() + ANSWER_MS; !existsSync(answer); Atomics.wait(pause, 0, 0, patient(10)))
      if (Date.now() > deadline) throw new Error(`no answer to: ${asked.join(' ')}`);
    const ran = JSON.parse(readFileSync(answer, 'utf8')) as Ran;
    rmSync(answer);
    return ran;
  };
}
