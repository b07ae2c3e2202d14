// Everything a command may touch, in one object. Below main.ts nothing reads the process, the clock or the environment.

import { randomUUID } from 'node:crypto';
import { basename, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { netnsFile, runInNetns } from './host/enter-netns.js';
import type { ReadHost } from './host/host.js';
import { realHost } from './host/real-host.js';
import { realWriteHost } from './host/real-write-host.js';
import { startChild } from './host/start-child.js';
import type { WriteHost } from './host/write-host.js';
import { type ColourWish, processStream, type Streams } from './presentation/streams.js';

export interface Clock {
  /** Microseconds since the epoch. */
  nowUs(): number;
  /** Milliseconds of a clock that never steps back, for durations. */
  monotonicMs(): number;
}

export interface World {
  readonly host: ReadHost;
  /** The same machine for changing it: only what src/changes needs. */
  readonly writeHost: WriteHost;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C or TERM. Long work looks at it; see stopOnSignals(). */
  readonly signal: AbortSignal;
  /** From now on Ctrl-C and TERM abort `signal` instead of ending the process at once. */
  readonly stopOnSignals: () => void;
  /**
   * Every Ctrl-C, TERM and hang-up goes to the handler instead of ending the process, until what it returns is called: for work that must put
   * something back whatever happens.
   */
  readonly onEverySignal: (handler: (signal: EndingSignal) => void) => () => void;
  /** Runs a person's command with our terminal. */
  readonly startChild: typeof startChild;
  /** Folder of package.json. */
  readonly packageRoot: string;
  readonly temporaryFolder: string;
  /** Where the person stands. */
  readonly workingFolder: string;
  /** A name that nobody guesses, for a file of ours. */
  readonly temporaryName: () => string;
  /** Runs when the process ends, also by a signal; what it returns withdraws the work. */
  readonly onExit: (work: () => void) => () => void;
  /** Asks the person at the terminal a question that 'y' answers with yes; NULL where nobody is there to ask. */
  readonly ask: ((question: string) => Promise<boolean>) | null;
  /** The program and leading arguments that start ctwhy again. */
  readonly self: readonly string[];
  /** Runs this program with other words inside a network namespace; its exit status. @throws HostError when there is no such namespace */
  readonly runAgainIn: (netns: string, words: readonly string[]) => Promise<number>;
  /** How this program was started, for commands we print: 'ctwhy', or a path. */
  readonly programName: string;
}

/** The real process, terminal and machine. */
export function realWorld(colour: ColourWish['option'] = 'auto'): World {
  const environment = { ...process.env };
  const abort = new AbortController();
  const wish: ColourWish = { option: colour, environment };
  const search = environment['PATH'] === undefined ? {} : { searchPath: environment['PATH'] };
  const host = realHost(search);
  const self = [process.execPath, ...process.execArgv, process.argv[1] ?? 'ctwhy'];
  return {
    host,
    writeHost: realWriteHost(search),
    streams: { out: processStream(process.stdout, wish), err: processStream(process.stderr, wish) },
    clock: { nowUs: () => Date.now() * 1000, monotonicMs: () => performance.now() },
    environment,
    signal: abort.signal,
    stopOnSignals() {
      for (const name of ['SIGINT', 'SIGTERM'] as const) abortOnSignal(abort, name);
    },
    onEverySignal(handler) {
      const works = ENDING_SIGNALS.map(([name]) => [name, () => handler(name)] as const);
      for (const [name, work] of works) process.on(name, work);
      return () => {
        for (const [name, work] of works) process.off(name, work);
      };
    },
    startChild,
    packageRoot: fileURLToPath(new URL('..', import.meta.url)),
    temporaryFolder: environment['TMPDIR']?.startsWith('/') ? environment['TMPDIR'] : '/tmp',
    workingFolder: process.cwd(),
    temporaryName: () => randomUUID(),
    onExit: onExit(abort.signal),
    ask: process.stdin.isTTY === true && process.stderr.isTTY === true ? askOnTerminal : null,
    self,
    runAgainIn: (netns, words) =>
      runInNetns(host, netnsFile(host, netns), [...self, ...words], { ...environment, CTWHY_NETNS: netns }),
    programName: invokedAs(process.argv[1] ?? 'ctwhy', process.cwd()),
  };
}

/**
 * The first signal stops the work, a second one the process. Not process.once(): execa's own handler would find itself alone while a
 * program runs beside us, and end this process before what was read is kept.
 */
function abortOnSignal(abort: AbortController, name: 'SIGINT' | 'SIGTERM'): void {
  const handler = (): void => {
    abort.abort(name);
    setImmediate(() => process.removeListener(name, handler));
  };
  process.on(name, handler);
}

function askOnTerminal(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    terminal.once('close', () => resolve(false)); // Ctrl-D, Ctrl-C
    terminal.question(`${question} [y/N] `, (answer) => {
      resolve(/^y(es)?$/i.test(answer.trim()));
      terminal.close();
    });
  });
}

/** The way to start this program again from here: its name where it is on the path, a path otherwise. */
export function invokedAs(script: string, folder: string): string {
  if (basename(script) === 'ctwhy') return 'ctwhy';
  const near = relative(folder, script);
  return near.startsWith('..') ? script : near;
}

export type EndingSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

const ENDING_SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;

/**
 * A signal without a handler ends the process at once, past every `finally`; what must go is let go first. While nothing must,
 * there is no handler: a statement that SQLite works on for minutes leaves no time for one, and then nothing would end it.
 */
function onExit(signal: AbortSignal): (work: () => void) => () => void {
  const works = new Set<() => void>();
  const letGo = (): void => {
    for (const one of works) one();
    works.clear();
  };
  const handlers = ENDING_SIGNALS.map(([name, code]) => {
    const handler = (): void => {
      if (signal.aborted) return;
      letGo();
      process.exit(code);
    };
    return [name, handler] as const;
  });
  return (work) => {
    if (works.size === 0) {
      process.once('exit', letGo);
      for (const [name, handler] of handlers) process.on(name, handler);
    }
    works.add(work);
    return () => {
      if (!works.delete(work) || works.size > 0) return;
      process.removeListener('exit', letGo);
      for (const [name, handler] of handlers) process.removeListener(name, handler);
    };
  };
}
