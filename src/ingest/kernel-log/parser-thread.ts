// The line reader in a thread of its own. The caller stays synchronous: it hands over chunks, takes finished batches from the
// port, and sleeps while too many chunks are on their way. Batches arrive in order, so the rows are the same as without the thread.

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { PacketBatch } from '../../store/packet-batch.js';
import type { ClockStretch } from './clock-tracker.js';
import { type LineCounts, NO_LINES } from './line-counts.js';
import type { Parser, ParserEvents, ParserStart } from './parser.js';
import type { OpenLines } from './read-lines.js';

/** Chunks under way: enough that neither side waits. They lie in memory both threads see, used in turn: nothing is allocated a chunk. */
export const CHUNKS = 6;
export const CHUNK_BYTES = 256 * 1024;
/** Young objects of the thread live short; more room for them would only be more memory. */
const YOUNG_MB = 8;
/** What the dictionaries may hold at their fullest, twice. Without a limit V8 does not clean up below some hundred megabytes. */
const OLD_MB = 72;
/** A thread that has not answered for so long is broken. */
const PATIENCE_MS = 60_000;

export interface ThreadData {
  readonly start: ParserStart;
  readonly port: MessagePort;
  /** [0]: requests answered. */
  readonly answered: Int32Array;
  /** CHUNKS chunks of CHUNK_BYTES. */
  readonly chunks: Uint8Array;
}

export type Request =
  | { readonly kind: 'chunk'; readonly slot: number; readonly length: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'pause' };

export type Answer =
  | { readonly kind: 'batch'; readonly batch: PacketBatch }
  | { readonly kind: 'foreign'; readonly text: string; readonly line: number }
  | { readonly kind: 'unread'; readonly line: number; readonly reason: string; readonly at: number }
  | {
      readonly kind: 'state';
      readonly counts: LineCounts;
      readonly stretches: readonly ClockStretch[];
      readonly bytes: number;
      readonly state: OpenLines;
    }
  /** The parser threw: the thread is over, and the caller throws the same. */
  | { readonly kind: 'fault'; readonly message: string };

/** NULL where no built worker is (the sources run unbuilt): the caller parses in its own thread. */
export function openParserThread(start: ParserStart, events: ParserEvents): Parser | null {
  const script = new URL('./parser-worker.js', import.meta.url);
  if (import.meta.url.endsWith('.ts')) return null;
  const { port1: port, port2: theirs } = new MessageChannel();
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const chunks = new Uint8Array(new SharedArrayBuffer(CHUNKS * CHUNK_BYTES));
  const data: ThreadData = { start, port: theirs, answered, chunks };
  const worker = new Worker(script, {
    workerData: data,
    transferList: [theirs],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB, maxOldGenerationSizeMb: OLD_MB },
  });
  worker.unref();
  let asked = 0;
  let slot = 0;
  let used = 0;
  let hasEnded = false;
  let last: Extract<Answer, { kind: 'state' }> | null = null;

  const take = (): void => {
    for (let message = receiveMessageOnPort(port); message !== undefined; message = receiveMessageOnPort(port)) {
      const answer = message.message as Answer;
      if (answer.kind === 'batch') events.onBatch(answer.batch);
      else if (answer.kind === 'foreign') events.onForeign(answer.text, answer.line);
      else if (answer.kind === 'unread') events.onUnread(answer.line, answer.reason, answer.at);
      else if (answer.kind === 'state') last = answer;
      else throw new Error(`the thread that parses kernel logs: ${answer.message}`);
    }
  };

  /** Takes batches, sleeping until no more than `most` requests are unanswered. */
  const waitFor = (most: number): void => {
    for (;;) {
      const done = Atomics.load(answered, 0);
      take();
      if (asked - done <= most) return;
      if (Atomics.wait(answered, 0, done, PATIENCE_MS) === 'timed-out' && Atomics.load(answered, 0) === done)
        throw new Error('the thread that parses kernel logs does not answer');
    }
  };

  const ask = (request: Request): void => {
    asked++;
    port.postMessage(request);
  };

  const send = (): void => {
    if (used === 0) return;
    ask({ kind: 'chunk', slot, length: used });
    slot = (slot + 1) % CHUNKS;
    used = 0;
    // The slot written next must have been read.
    waitFor(CHUNKS - 1);
  };

  return {
    feed(chunk) {
      for (let at = 0; at < chunk.length; ) {
        const taken = Math.min(CHUNK_BYTES - used, chunk.length - at);
        chunks.set(chunk.subarray(at, at + taken), slot * CHUNK_BYTES + used);
        used += taken;
        at += taken;
        if (used === CHUNK_BYTES) send();
      }
    },
    end() {
      send();
      ask({ kind: 'end' });
      waitFor(0);
      hasEnded = true;
      port.close();
    },
    pause() {
      // The last answer of a thread that has ended is its state at the end.
      if (hasEnded) return { bytes: last!.bytes, state: last!.state };
      send();
      ask({ kind: 'pause' });
      waitFor(0);
      return { bytes: last!.bytes, state: last!.state };
    },
    counts: () => last?.counts ?? NO_LINES,
    stretches: () => last?.stretches ?? [],
  };
}
