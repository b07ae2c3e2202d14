// Everything a command may touch, in one object. Below main.ts nothing reads the process, the clock or the environment.

import { randomUUID } from 'node:crypto';
import { basename, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReadHost } from './host/host.js';
import { realHost } from './host/real-host.js';
import { type ColourWish, processStream, type Streams } from './presentation/streams.js';

export interface Clock {
  /** Microseconds since the epoch. */
  nowUs(): number;
  /** Milliseconds of a clock that never steps back, for durations. */
  monotonicMs(): number;
}

export interface World {
  readonly host: ReadHost;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C or TERM. Long work looks at it; see stopOnSignals(). */
  readonly signal: AbortSignal;
  /** From now on Ctrl-C and TERM abort `signal` instead of ending the process at once. */
  readonly stopOnSignals: () => void;
  /** Folder of package.json. */
  readonly packageRoot: string;
  readonly temporaryFolder: string;
  /** Where the person stands. */
  readonly workingFolder: string;
  /** A name that nobody guesses, for a file of ours. */
  readonly temporaryName: () => string;
  /** Runs when the process ends, also by a signal; what it returns withdraws the work. */
  readonly onExit: (work: () => void) => () => void;
  /** How this program was started, for commands we print: 'ctwhy', or a path. */
  readonly programName: string;
}

/** The real process, terminal and machine. */
export function realWorld(colour: ColourWish['option'] = 'auto'): World {
  const environment = { ...process.env };
  const abort = new AbortController();
  const wish: ColourWish = { option: colour, environment };
  return {
    host: realHost(environment['PATH'] === undefined ? {} : { searchPath: environment['PATH'] }),
    streams: { out: processStream(process.stdout, wish), err: processStream(process.stderr, wish) },
    clock: { nowUs: () => Date.now() * 1000, monotonicMs: () => performance.now() },
    environment,
    signal: abort.signal,
    stopOnSignals() {
      process.once('SIGINT', () => abort.abort('SIGINT'));
      process.once('SIGTERM', () => abort.abort('SIGTERM'));
    },
    packageRoot: fileURLToPath(new URL('..', import.meta.url)),
    temporaryFolder: environment['TMPDIR']?.startsWith('/') ? environment['TMPDIR'] : '/tmp',
    workingFolder: process.cwd(),
    temporaryName: () => randomUUID(),
    onExit: onExit(abort.signal),
    programName: invokedAs(process.argv[1] ?? 'ctwhy', process.cwd()),
  };
}

/** The way to start this program again from here: its name where it is on the path, a path otherwise. */
export function invokedAs(script: string, folder: string): string {
  if (basename(script) === 'ctwhy') return 'ctwhy';
  const near = relative(folder, script);
  return near.startsWith('..') ? script : near;
}

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
