// The tracker's events as they happen: since when are they heard, how far was all taken, and how many did the kernel drop?

import type { ProgramOutput, ReadHost } from '../host/host.js';
import {
  enlargeNetlinkBuffer,
  type NetlinkListener,
  netlinkBufferBytes,
  netlinkListener,
} from '../host/netlink-listener.js';
import { type ByteChunks, SourceError } from './source.js';

/** conntrack hears one kind at a time. */
export type EventKind = 'entries' | 'expectations';

export interface EventStream {
  readonly kind: EventKind;
  /** Settles when the socket is bound. NULL: it was never seen bound. Rejects with a SourceError when conntrack ended instead. */
  readonly bound: Promise<BoundSocket | null>;
  /** As a person would type it; known once `bound` has settled. */
  command(): string;
  /** Bytes as conntrack prints them. @throws SourceError (in the middle) when conntrack fails */
  readonly chunks: ByteChunks;
  look(): EventStreamState;
  /** Takes what waits in the socket, then ends the listening. How it stood then. */
  stop(): Promise<EventStreamState>;
}

export interface BoundSocket {
  /** From then on nothing is missed unnoticed; epoch microseconds. */
  readonly atUs: number;
  /** What its socket takes; NULL: not known. */
  readonly bufferBytes: number | null;
}

export interface EventStreamState {
  /** Epoch microseconds. */
  readonly atUs: number;
  /** Since it was bound; NULL where the kernel does not tell. */
  readonly dropped: number | null;
  /** The last time at which everything that had happened had left the socket; NULL: not yet seen. */
  readonly drainedAtUs: number | null;
}

export interface EventStreamOptions {
  readonly kind: EventKind;
  readonly nowUs: () => number;
  /** Of the socket. The kernel holds about 1 KB for an event. */
  readonly bufferBytes?: number;
  /** A network namespace by name, path or process id; left out: the one we are in. */
  readonly netns?: string;
}

/**
 * Tens of thousands of events; the kernel takes twice what is asked for, whatever net.core.rmem_max is (SO_RCVBUFFORCE). conntrack 1.4.7
 * gives it to its other socket, that of the events keeps net.core.rmem_default: so it is enlarged from outside where that can be done, and
 * BoundSocket tells what it got.
 */
export const EVENT_BUFFER_BYTES = 32 << 20;
const BIND_MS = 5000;
const DRAIN_MS = 2000;
const LOOK_MS = 10;
/** A busy socket is seldom empty at a given moment, but often within a second. */
const LOOK_AGAIN_MS = 100;
/** conntrack prints what it took from its socket well within this. */
const PRINT_MS = 50;

/** The most telling first: '[USERSPACE]' says that a program asked for it. A conntrack that does not know a word ends at once. */
const OUTPUTS: Readonly<Record<EventKind, readonly string[]>> = {
  entries: ['timestamp,extended,id,userspace', 'timestamp,extended,id', 'timestamp,extended', 'timestamp'],
  expectations: ['timestamp,userspace', 'timestamp'],
};

/**
 * Begins to listen at once, before anybody reads.
 * @throws SourceError where no tracker is loaded (asking for its events would load it), HostError when conntrack is not installed
 */
export function openTrackerEvents(host: ReadHost, options: EventStreamOptions): EventStream {
  const { kind, nowUs, bufferBytes = EVENT_BUFFER_BYTES } = options;
  if (host.readOrNull('/proc/sys/net/netfilter/nf_conntrack_count') === null)
    throw new SourceError('conntrack is not loaded: it has no events');
  if (host.find('conntrack') === null)
    throw new SourceError('hearing events needs the program conntrack, which is not installed');
  const end = new AbortController();
  let words: readonly string[] = [];
  let pid: number | null = null;
  let hasEnded = false;
  let drainedAtUs: number | null = null;

  const begin = (output: string): ProgramOutput => {
    // The list of expectations takes no size.
    const what = kind === 'expectations' ? ['expect'] : ['-b', String(bufferBytes)];
    words = ['-E', ...what, '-o', output];
    const netns = options.netns === undefined ? {} : { netns: options.netns };
    // By its signal, not by stop(): that would throw away what is on its way to us.
    const running = host.pipe('conntrack', words, { signal: end.signal, ...netns });
    hasEnded = false;
    void running.ended.then(() => {
      hasEnded = true;
    });
    return running;
  };
  const state = (): EventStreamState & { readonly found: NetlinkListener | null } => {
    const atUs = nowUs();
    const found = pid === null ? null : netlinkListener(host, pid);
    if (found?.waitingBytes === 0) drainedAtUs = atUs;
    return { atUs, found, dropped: found?.dropped ?? null, drainedAtUs };
  };
  const enlarged = async (found: NetlinkListener): Promise<number | null> => {
    const bytes = await netlinkBufferBytes(host, found.port, options.netns);
    if (bytes === null || bytes >= bufferBytes || pid === null) return bytes;
    await enlargeNetlinkBuffer(host, pid, found, bufferBytes);
    return await netlinkBufferBytes(host, found.port, options.netns);
  };
  const boundSoon = async (): Promise<BoundSocket | null> => {
    for (let passedMs = 0; passedMs < BIND_MS && !hasEnded; passedMs += LOOK_MS) {
      const { found, atUs } = state();
      if (found !== null) return { atUs, bufferBytes: await enlarged(found) };
      await sleep(LOOK_MS);
    }
    return null;
  };

  let looking: NodeJS.Timeout | undefined;
  const begun = (async () => {
    let running: ProgramOutput | null = null;
    for (const output of OUTPUTS[kind]) {
      running = begin(output);
      pid = await running.pid;
      const bound = await boundSoon();
      if (bound !== null) {
        looking = setInterval(state, LOOK_AGAIN_MS);
        looking.unref();
        return { running, bound };
      }
      if (!hasEnded || !/Bad parameter|Unknown|conntrack -h/i.test((await running.ended).stderr)) break;
    }
    if (hasEnded) throw new SourceError(whyDeaf(lastLine((await running!.ended).stderr)));
    return { running: running!, bound: null };
  })();
  let isStopped = false;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const { running } = await begun;
    for await (const chunk of running.stdout) yield chunk as Uint8Array;
    const { exitStatus, stderr } = await running.ended;
    if (!isStopped)
      throw new SourceError(`conntrack -E ended with status ${exitStatus ?? 'none'}: ${lastLine(stderr)}`);
  }
  return {
    kind,
    bound: begun.then(({ bound }) => bound),
    command: () => ['conntrack', ...words].join(' '),
    chunks: chunks(),
    look: state,
    async stop() {
      const { running } = await begun;
      const askedAtUs = nowUs();
      let last = state();
      for (
        let passedMs = 0;
        passedMs < DRAIN_MS && !hasEnded && (last.drainedAtUs ?? 0) < askedAtUs;
        passedMs += LOOK_MS
      ) {
        await sleep(LOOK_MS);
        last = state();
      }
      await sleep(PRINT_MS);
      clearInterval(looking);
      isStopped = true;
      end.abort();
      await running.ended;
      return last;
    },
  };
}

function whyDeaf(said: string): string {
  return /Can't open|not permitted|must be root/.test(said)
    ? 'events are heard by root only (or with CAP_NET_ADMIN)'
    : `conntrack -E failed: ${said}`;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
