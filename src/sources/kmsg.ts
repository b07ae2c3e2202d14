// The kernel's ring buffer as it fills: a thread that does nothing but read, because the ring holds a few milliseconds of a busy log.

import { Worker } from 'node:worker_threads';
import { type ByteChunks, SourceError } from './source.js';

/** Between the reading thread and us: at 100,000 lines a second more than a second's worth. */
const RING_BYTES = 64 << 20;
const POLL_MS = 20;

/**
 * What the thread runs, as text: it must start from sources and from a build alike. One read gives one record ("prio,seq,us,flags;text");
 * a record larger than the buffer gives EINVAL, records overwritten before they were read give EPIPE once, and the next read
 * continues with the oldest there is (kernel/printk/printk.c: devkmsg_read(), v6.1). The sequence number in each record shows the gap.
 * control[0] bytes written, control[1] bytes taken, control[2] stop, control[3] times overrun, control[4] errno-like failure,
 * control[5] times it was read to its end.
 */
const THREAD = `
const { workerData } = require('node:worker_threads');
const { openSync, readSync, constants } = require('node:fs');
const control = new Int32Array(workerData.control);
const ring = new Uint8Array(workerData.ring);
const record = Buffer.alloc(16384);
let fd = -1;
try { fd = openSync(workerData.path, constants.O_RDONLY | constants.O_NONBLOCK); } catch (error) { Atomics.store(control, 4, error.code === 'EPERM' || error.code === 'EACCES' ? 1 : 2); }
let written = 0;
while (fd >= 0 && Atomics.load(control, 2) === 0) {
  let length = 0;
  try { length = readSync(fd, record, 0, record.length - 1, null); }
  catch (error) {
    if (error.code === 'EAGAIN') { Atomics.add(control, 5, 1); Atomics.wait(control, 2, 0, workerData.idleMs); continue; }
    if (error.code === 'EPIPE') { Atomics.add(control, 3, 1); continue; }
    if (error.code === 'EINVAL') continue;
    Atomics.store(control, 4, 2); break;
  }
  if (length === 0) { Atomics.wait(control, 2, 0, workerData.idleMs); continue; }
  if (record[length - 1] !== 10) record[length++] = 10;
  while (((written - Atomics.load(control, 1)) | 0) + length > ring.length && Atomics.load(control, 2) === 0) Atomics.wait(control, 2, 0, 1);
  const at = (written >>> 0) % ring.length;
  const first = Math.min(length, ring.length - at);
  ring.set(record.subarray(0, first), at);
  if (first < length) ring.set(record.subarray(first, length), 0);
  written = (written + length) | 0;
  Atomics.store(control, 0, written);
}
`;

export interface KernelRing {
  /** Records as /dev/kmsg gives them, a line each, continuation lines of a record behind it. An empty chunk: nothing new for a while. */
  readonly chunks: ByteChunks;
  /** How often the ring overran us; the records' own numbers tell how many were lost. */
  overruns(): number;
  /** Whether all that had been in it was read once: from then on records come as they are printed. */
  hasCaughtUp(): boolean;
  stop(): void;
}

export interface KernelRingOptions {
  readonly path?: string;
  readonly idleMs?: number;
  /** true: goes on until it is stopped; false: ends when all that is there was read. */
  readonly isFollowed?: boolean;
}

/**
 * Opens the ring. It begins with the oldest record there is.
 * @throws SourceError (by the chunks) when it may not be read: "run as root" is the usual answer
 */
export function openKernelRing({
  path = '/dev/kmsg',
  idleMs = 5,
  isFollowed = true,
}: KernelRingOptions = {}): KernelRing {
  const control = new SharedArrayBuffer(6 * Int32Array.BYTES_PER_ELEMENT);
  const shared = new SharedArrayBuffer(RING_BYTES);
  const counters = new Int32Array(control);
  const ring = new Uint8Array(shared);
  const worker = new Worker(THREAD, { eval: true, workerData: { control, ring: shared, path, idleMs } });
  worker.unref();
  let isStopped = false;
  const stop = (): void => {
    isStopped = true;
    Atomics.store(counters, 2, 1);
    Atomics.notify(counters, 2);
  };

  async function* chunks(): AsyncGenerator<Uint8Array> {
    let taken = 0;
    try {
      for (;;) {
        const timesEmpty = Atomics.load(counters, 5);
        const available = (Atomics.load(counters, 0) - taken) | 0;
        if (available > 0) {
          const at = (taken >>> 0) % ring.length;
          const length = Math.min(available, ring.length - at);
          // A copy: the thread writes on.
          const chunk = ring.slice(at, at + length);
          taken = (taken + length) | 0;
          Atomics.store(counters, 1, taken);
          yield chunk;
          continue;
        }
        const failure = Atomics.load(counters, 4);
        if (failure !== 0)
          throw new SourceError(
            failure === 1 ? `cannot read ${path}: permission denied; it takes root` : `cannot read ${path}`,
          );
        if (isStopped || (!isFollowed && timesEmpty > 0)) return;
        yield new Uint8Array(0);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    } finally {
      stop();
      await worker.terminate();
    }
  }
  return {
    chunks: chunks(),
    overruns: () => Atomics.load(counters, 3),
    hasCaughtUp: () => Atomics.load(counters, 5) > 0,
    stop,
  };
}
