// What a caller of the ingest hands in: the machine, the clock, and what people state about files that do not tell it themselves.

import type { Readable } from 'node:stream';
import type { ReadHost } from '../host/host.js';
import type { NetnsFacts } from '../model/host-reading.js';
import type { IngestKind } from '../store/sources.js';

export interface IngestDeps {
  readonly host: ReadHost;
  readonly clock: { nowUs(): number; monotonicMs(): number };
  readonly signal?: AbortSignal;
  readonly standardInput?: Readable;
  /** What '-' is called in answers: 'capture C7'; '-' unless told. */
  readonly standardInputName?: string;
  onProgress?(progress: IngestProgress): void;
  /** The tracker's events are heard from now on: what happens next cannot be missed unnoticed. */
  onListening?(): void;
}

export interface IngestProgress {
  readonly source: string;
  /** Sources done and found so far. */
  readonly done: number;
  readonly found: number;
  /** Of this source, after decompression. */
  readonly bytes: number;
  /** Before decompression; NULL for pipes. */
  readonly sizeBytes: number | null;
  readonly lines: number;
  readonly linesPerSecond: number;
}

export interface IngestOptions {
  readonly kind?: IngestKind;
  /** As typed, kept with the call. */
  readonly commandArguments?: readonly string[];
  /** --follow: files are read while they grow, and the running host's sources go on, until the signal is aborted. */
  readonly isFollowed?: boolean;
  /** The network namespace we are in, of which events are. */
  readonly netns?: NetnsFacts;
  /** Of the socket that events are heard with; left out: large. */
  readonly eventBufferBytes?: number;
  /** --host: whose evidence this is. */
  readonly hostName?: string;
  /** --kernel: release, as uname -r prints it. */
  readonly kernelRelease?: string;
  /** --boot-time: uptime 0 on the epoch axis, and how surely. */
  readonly bootAtUs?: number;
  readonly bootErrorUs?: number;
  /** --year: of stamps without one. */
  readonly year?: number;
  /** --tz: of local times: IANA name or +02:00. */
  readonly timeZone?: string;
}
