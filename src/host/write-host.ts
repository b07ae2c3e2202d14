// The machine for whoever may alter it: handed to src/changes alone. Whoever holds only a ReadHost cannot change anything.

import type { CommandResult, ReadHost, RunOptions } from './host.js';

/** A program of ours that runs as long as we do. */
export interface HeldProgram {
  readonly pid: number;
  /** What it has complained of so far. */
  complaints(): string;
  isRunning(): boolean;
}

export interface WriteHost extends ReadHost {
  /** One write to a file that is there (a setting, a control file). @throws HostError */
  write(path: string, text: string): void;
  /**
   * A file as a whole or not at all: written beside, synced, renamed, the folder synced.
   * @param mode of a new file; left out: its owner's alone
   * @throws HostError; kind 'failed' with ENOSPC in the message when the disk is full
   */
  writeDurably(path: string, text: string, mode?: number): void;
  /** A new file, as a whole or not at all. False when the name is taken. @throws HostError */
  createDurably(path: string, text: string): boolean;
  rename(from: string, to: string): void;
  /** @throws HostError */
  makeFolder(path: string): void;
  remove(path: string): void;
  /** Runs a program that changes something. The same as run, told apart for whoever reads the code. */
  runChanging(command: string, args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Starts a program that outlives this process, in a session of its own. @throws HostError @returns its process id */
  startDetached(
    command: string,
    args: readonly string[],
    options?: { readonly environment?: Readonly<Record<string, string>> },
  ): number;
  /**
   * Starts a program that ends when this process does, however that ends: its standard input is held open by us alone. It is in a session of
   * its own, so that Ctrl-C does not reach it. @throws HostError
   */
  startHeld(command: string, args: readonly string[], input: string): HeldProgram;
  /** Ends a process by its id; false when there is none. */
  endProcess(pid: number): boolean;
}
