// Runs commands for a lab host, in the foreground or in the background, and ends only processes that it started itself.

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { execa } from 'execa';
import { delay, nowUs, patient } from './clock.js';

/** What one finished command left. exitStatus is null when a signal ended it. Times are microseconds since the epoch. */
export interface Finished {
  readonly command: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exitStatus: number | null;
  readonly startedAtUs: number;
  readonly endedAtUs: number;
}

export interface Background {
  readonly command: string;
  readonly pid: number;
  readonly startedAtUs: number;
  /** Standard output so far. */
  output(): string;
  outputBytes(): Buffer;
  errors(): string;
  isRunning(): boolean;
  /** Writes to its standard input. */
  say(text: string): void;
  /** Ends its standard input. */
  hangUp(): void;
  /** Sends the signal and waits for the end; a process that stays for 3 s is killed. */
  stop(signal?: NodeJS.Signals): Promise<Finished>;
}

const STOP_PATIENCE_MS = 3000;

/**
 * Runs `command` by sh, after `wrapper` (for instance `ip netns exec NAME`), with `input` on its standard input. Never rejects because of
 * an exit status.
 */
export async function runCommand(wrapper: readonly string[], command: string, input?: string): Promise<Finished> {
  const [file, rest] = shellWords(wrapper, command);
  const startedAtUs = nowUs();
  const result = await execa(file, rest, {
    reject: false,
    stripFinalNewline: false,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    env: { TZ: 'UTC', LC_ALL: 'C' },
  });
  return {
    command,
    stdout: result.stdout,
    stderr: result.stderr,
    exitStatus: result.exitCode ?? null,
    startedAtUs,
    endedAtUs: nowUs(),
  };
}

/** Starts one simple command (no pipes: sh is replaced by it, so that the process id is its own). */
export function startCommand(wrapper: readonly string[], command: string): Background {
  const [file, rest] = shellWords(wrapper, `exec ${command}`);
  const startedAtUs = nowUs();
  const child = spawn(file, rest, { env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' }, stdio: 'pipe' });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`cannot start: ${command}`);
  const written: Buffer[] = [];
  const complained: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => written.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complained.push(chunk));
  // A peer that closed first makes say() fail; that is part of some incidents, not a fault of the lab.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<number>((resolve) => child.on('close', () => resolve(nowUs())));
  return {
    command,
    pid,
    startedAtUs,
    output: () => Buffer.concat(written).toString('utf8'),
    outputBytes: () => Buffer.concat(written),
    errors: () => Buffer.concat(complained).toString('utf8'),
    isRunning: () => isRunning(child),
    say: (text) => void child.stdin.write(text),
    hangUp: () => void child.stdin.end(),
    async stop(signal = 'SIGTERM') {
      if (isRunning(child)) {
        child.kill(signal);
        const patience = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
        await ended;
        clearTimeout(patience);
      }
      return {
        command,
        stdout: Buffer.concat(written).toString('utf8'),
        stderr: Buffer.concat(complained).toString('utf8'),
        exitStatus: child.exitCode,
        startedAtUs,
        endedAtUs: await ended,
      };
    },
  };
}

/** Waits until `is` says yes; throws with `what` after `patienceMs`, longer on an emulated machine. */
export async function waitUntil(what: string, is: () => boolean | Promise<boolean>, patienceMs = 5000): Promise<void> {
  const limitMs = patient(patienceMs);
  const deadline = Date.now() + limitMs;
  while (!(await is())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await delay(patient(5));
  }
}

/**
 * True once the process holds a netlink socket that is bound to a multicast group, that is: `conntrack -E`,
 * `nft monitor`, `ip monitor` really listen. /proc/PID/net/netlink lists the sockets of the process's own namespace; the port id
 * there need not be the process id, so the inode decides whose it is.
 */
export function listensToNetlinkGroup(pid: number): boolean {
  try {
    const bound = readFileSync(`/proc/${pid}/net/netlink`, 'utf8')
      .split('\n')
      .map((row) => row.trim().split(/\s+/))
      .filter(([, , , groups]) => groups !== undefined && /[1-9a-f]/.test(groups) && /^[0-9a-f]{8}$/.test(groups))
      .map((columns) => `socket:[${columns[9]}]`);
    return readdirSync(`/proc/${pid}/fd`).some((fd) => bound.includes(readlinkSync(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false; // The process, or one of its files, went away while we looked.
  }
}

function shellWords(wrapper: readonly string[], command: string): [string, string[]] {
  const [file = 'sh', ...rest] = [...wrapper, 'sh', '-c', command];
  return [file, rest];
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
