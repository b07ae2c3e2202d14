// Runs one command line in this process, as a person would: real parsing, real files, memory instead of a terminal, a clock that stands.

import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { PassThrough } from 'node:stream';
import { HostError, type ReadHost } from '../../src/host/host.js';
import { realHost } from '../../src/host/real-host.js';
import type { WriteHost } from '../../src/host/write-host.js';
import { main } from '../../src/main.js';
import { memoryStream, wantsColour } from '../../src/presentation/streams.js';
import type { World } from '../../src/world.js';

export const REPOSITORY = new URL('../..', import.meta.url).pathname;
/** 2026-11-21T12:00:00Z. */
export const NOW_US = Date.UTC(2026, 10, 21, 12) * 1000;

export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  readonly width?: number;
  readonly stdin?: string;
  /** How it was started; 'ctwhy' unless told. */
  readonly programName?: string;
  /** User the command runs as; 1000 unless told. */
  readonly uid?: number;
}

export interface CommandOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** A host that sees the repository and temporary folders, and no live system: what is elsewhere is not there. */
function fencedHost({ stdin = '', uid = 1000 }: CommandOptions): ReadHost {
  const real = realHost();
  const isInside = (path: string) => path.startsWith(REPOSITORY) || path.startsWith(`${tmpdir()}/`);
  const missing = (path: string) => new HostError('missing', path, `cannot read ${path}: no such file or directory`);
  return {
    ...real,
    read(path) {
      if (!isInside(path)) throw missing(path);
      return real.read(path);
    },
    readOrNull: (path) => (isInside(path) ? real.readOrNull(path) : null),
    list(path) {
      if (!isInside(path)) throw missing(path);
      return real.list(path);
    },
    look: (path) => (isInside(path) ? real.look(path) : null),
    stream(path, options) {
      if (path === '/dev/stdin') return new PassThrough().end(stdin);
      if (!isInside(path)) throw missing(path);
      return real.stream(path, options);
    },
    chunks(path) {
      if (!isInside(path)) throw missing(path);
      return real.chunks(path);
    },
    identity: () => ({ name: 'here', kernelRelease: '6.1.0', bootId: null, uid, netnsInode: null }),
  };
}

/** A test that changes the machine by accident fails. */
function harmlessHost(host: ReadHost): WriteHost {
  const refuse = (): never => {
    throw new HostError('denied', 'this host', 'a test may not change this host');
  };
  return {
    ...host,
    write: refuse,
    writeDurably: refuse,
    createDurably: refuse,
    rename: refuse,
    makeFolder: refuse,
    remove: refuse,
    runChanging: refuse,
    startDetached: refuse,
    startHeld: refuse,
    endProcess: refuse,
  };
}

/** Runs `ctwhy WORDS…` and returns what it printed and its exit code. */
export async function runCommand(words: readonly string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  const environment = { HOME: tmpdir(), ...options.environment };
  const wish = {
    option: words.includes('--no-color')
      ? ('never' as const)
      : ((words.find((word) => word.startsWith('--color='))?.slice(8) ?? 'auto') as 'always' | 'never' | 'auto'),
    environment,
  };
  const isTerminal = options.isTerminal ?? false;
  const stream = () =>
    memoryStream({ isTerminal, isColoured: wantsColour(wish, isTerminal), width: options.width ?? 80 });
  const [out, err] = [stream(), stream()];
  const atExit: (() => void)[] = [];
  let clockMs = 0;
  const world: World = {
    host: fencedHost(options),
    writeHost: harmlessHost(fencedHost(options)),
    ask: null,
    self: ['/nonexistent/ctwhy'],
    runAgainIn: () => Promise.reject(new HostError('denied', 'this host', 'a test may not enter a namespace')),
    streams: { out, err },
    clock: { nowUs: () => NOW_US, monotonicMs: () => clockMs++ },
    environment,
    signal: new AbortController().signal,
    stopOnSignals() {},
    onEverySignal: () => () => {},
    startChild: () => Promise.reject(new HostError('denied', 'this host', 'a test may not run a command')),
    packageRoot: REPOSITORY,
    temporaryFolder: tmpdir(),
    workingFolder: REPOSITORY,
    temporaryName: () => randomUUID(),
    onExit(work) {
      atExit.push(work);
      return () => void atExit.splice(atExit.indexOf(work), 1);
    },
    programName: options.programName ?? 'ctwhy',
  };
  const code = await main(words, world);
  for (const work of atExit) work();
  return { stdout: out.text(), stderr: err.text(), code };
}

/** Rows of `ctwhy query SQL` on a store. */
export async function rowsOf(db: string, sql: string, ...words: readonly string[]): Promise<Record<string, unknown>[]> {
  const { stdout, stderr, code } = await runCommand(['query', sql, '--db', db, '--json', ...words]);
  if (code !== 0) throw new Error(`${sql}: ${code} ${stderr}`);
  return (JSON.parse(stdout) as { rows: Record<string, unknown>[] }).rows;
}
