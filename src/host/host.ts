// The machine as an interface. Most code receives a ReadHost and so cannot alter the system; a reader sees it in the signature.

import type { Readable } from 'node:stream';

export type HostErrorKind = 'missing' | 'denied' | 'unsupported' | 'busy' | 'failed';

/** A file or program of the host could not be used; message says what was attempted on what and what happened. */
export class HostError extends Error {
  readonly kind: HostErrorKind;
  readonly subject: string;
  constructor(kind: HostErrorKind, subject: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HostError';
    this.kind = kind;
    this.subject = subject;
  }
}

export interface CommandResult {
  readonly command: string;
  readonly exitStatus: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly isTimedOut: boolean;
  readonly durationMs: number;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly timeoutMs?: number;
  readonly maxBufferBytes?: number;
  readonly signal?: AbortSignal;
  /** A network namespace to run in: entered with `ip netns exec` or nsenter. */
  readonly netns?: string;
}

export interface FileFacts {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymbolicLink: boolean;
  /** Pipes, devices, sockets: their size says nothing. */
  readonly isSpecial: boolean;
  readonly sizeBytes: number;
  readonly modifiedAtUs: number;
  /** Device and inode: another file under the same name has another. */
  readonly identity: string;
}

/** A file that stays ours to read, whatever becomes of its name. */
export interface HeldFile {
  /** As FileFacts.identity. */
  readonly identity: string;
  sizeBytes(): number;
  /** Bytes from..to (to not included), fewer at its end. Small stretches only. */
  bytes(from: number, to: number): Uint8Array;
  stream(fromByte: number): Readable;
  close(): void;
}

export interface HostIdentity {
  readonly name: string;
  readonly kernelRelease: string;
  /** Without dashes; NULL where /proc does not tell. */
  readonly bootId: string | null;
  readonly uid: number;
  readonly netnsInode: number | null;
}

export interface ReadHost {
  /** Whole file as text (latin1 when it is no UTF-8: nothing is lost). @throws HostError */
  read(path: string): string;
  /** The same, NULL when the file is not there or may not be read. */
  readOrNull(path: string): string | null;
  /** Sorted names in a directory. @throws HostError */
  list(path: string): readonly string[];
  /** What is at a path, without following a symbolic link; NULL when nothing is. @throws HostError when it may not be asked */
  look(path: string): FileFacts | null;
  /** Inode of the network namespace a file stands for (/proc/N/ns/net, /run/netns/NAME); NULL when it is not there or may not be asked. */
  netnsInode(path: string): number | null;
  /** Inode of what a path leads to, links followed: of a socket for /proc/N/fd/M. NULL when it is not there or may not be asked. */
  inodeBehind(path: string): number | null;
  /** Whether a path lies in a file system that the kernel makes up as it is read (proc, sys, tracing): reading may wait, or take away. */
  isKernelFileSystem(path: string): boolean;
  /** Bytes of a file as they come. @throws HostError for what cannot be opened */
  stream(path: string, options?: { readonly fromByte?: number }): Readable;
  /** A regular file from its beginning; each chunk is valid until the next is asked for. The first throws HostError where it cannot be opened. */
  chunks(path: string): AsyncIterable<Uint8Array>;
  /** Opens a file to follow it; NULL when there is none. @throws HostError when it may not be read, or is no regular file */
  hold(path: string): HeldFile | null;
  /** Runs a program without a shell. Never throws for its exit status. @throws HostError when it is not installed */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Starts a program whose output is read while it runs; feed it through input. @throws HostError when it is not installed */
  pipe(command: string, args: readonly string[], options?: PipeOptions): ProgramOutput;
  /** Where a program is; NULL when it is not on PATH (or in /usr/sbin, /sbin). */
  find(command: string): string | null;
  identity(): HostIdentity;
}

export interface PipeOptions {
  readonly input?: Readable;
  readonly signal?: AbortSignal;
  readonly netns?: string;
  /** In a session of its own, which Ctrl-C does not reach; the kernel ends it when this process is gone, where setpriv can ask for that. */
  readonly isApart?: boolean;
}

export interface ProgramOutput {
  readonly stdout: Readable;
  /** Its process, also where a namespace was entered for it; NULL when it did not start. */
  readonly pid: Promise<number | null>;
  /** Settles when the program ended; never rejects. */
  readonly ended: Promise<CommandResult>;
  stop(): void;
}
