// Sources that are read from the running host, or while they grow: the kernel's ring buffer, the journal, followed files.

import type { ReadHost } from '../host/host.js';
import { followFile } from '../sources/follow-file.js';
import { gather } from '../sources/gather.js';
import { openJournal } from '../sources/journal.js';
import { type KernelRing, openKernelRing } from '../sources/kmsg.js';
import type { SourceItem } from '../sources/source.js';
import { addClockSample } from '../store/clocks.js';
import { bootOf, noteKernelRelease } from '../store/hosts.js';
import { HEAD_BYTES, sourcesWithHead } from '../store/sources.js';
import type { Call } from './call.js';
import { driftErrorUs } from './clock-axis.js';
import { readItem } from './read-item.js';
import type { OpenState } from './read-source.js';
import { recordsBehind, type SourceMark } from './sequence-watch.js';
import { NOTHING_SNIFFED, SNIFF_BYTES, sniff } from './sniff.js';

/** The words that stand for the running kernel's ring buffer, for the journal, and for the tracker's events. */
export const LIVE_WORDS = ['kmsg:', 'journal:', 'events:'] as const;
export type LiveWord = (typeof LIVE_WORDS)[number];

export function isLiveWord(input: string): input is LiveWord {
  return (LIVE_WORDS as readonly string[]).includes(input);
}

/** The device itself never ends, and shows the same. */
export function asLiveWord(input: string): string {
  return input === '/dev/kmsg' ? 'kmsg:' : input;
}

const EVERY_MS = 1000;
const MOST_BYTES = 4 << 20;
/** A record is in our hands so soon after it was printed, when we had just found the ring empty. */
const SLACK_US = 50_000;
const NEWLINE = 0x0a;
const NEVER = new AbortController().signal;

function behindLastLine(bytes: Uint8Array): number {
  return bytes.lastIndexOf(NEWLINE) + 1;
}

/** Entries of the export format end with an empty line. */
function behindLastEntry(bytes: Uint8Array): number {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).lastIndexOf('\n\n');
  return at < 0 ? 0 : at + 2;
}

/** Pipes and devices are read to their end, not followed; what is not there is told as with any other input. */
export function mayBeFollowed(host: ReadHost, input: string): boolean {
  try {
    const file = host.hold(input);
    file?.close();
    return file !== null;
  } catch {
    return false;
  }
}

/** Reads a log of this host until it ends (not followed), or the call's signal is aborted. */
export async function readLiveWord(call: Call, word: Exclude<LiveWord, 'events:'>): Promise<void> {
  const { db, deps } = call;
  const identity = deps.host.identity();
  const kind = word === 'kmsg:' ? 'kmsg' : 'journal';
  const place = `${kind}:${identity.bootId ?? identity.name}`;
  const sniffed = { ...NOTHING_SNIFFED, host: identity.name, bootId: identity.bootId };
  const known = sourcesWithHead(db, kind, new Uint8Array(0), place)[0];
  const mark = markOf(known?.openState ?? null);
  const signal = deps.signal ?? NEVER;
  const { monotonicMs } = deps.clock;
  const isFollowed = call.options.isFollowed === true;
  const bootId = db.transaction(() => {
    const { hostId } = call.hosts.of({ input: word, path: word }, sniffed);
    const boot = bootOf(db, known?.hostId ?? hostId, identity.bootId);
    noteKernelRelease(db, boot, identity.kernelRelease);
    return boot;
  })();

  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (kind === 'journal') {
      const entries = openJournal(deps.host, {
        boot: '0',
        isFollowed,
        signal,
        ...(mark.cursor === undefined ? {} : { afterCursor: mark.cursor }),
      });
      yield* gather(entries, { everyMs: EVERY_MS, mostBytes: MOST_BYTES, signal, cut: behindLastEntry, monotonicMs });
      return;
    }
    const ring = openKernelRing({ isFollowed });
    // What the thread has taken from the kernel cannot be had again: it is read to its end, and the ring ends the stream.
    signal.addEventListener('abort', ring.stop, { once: true });
    if (signal.aborted) ring.stop();
    let skipTo = mark.sequence ?? null;
    const timed = sampled(ring, call, bootId);
    for await (const chunk of gather(timed, {
      everyMs: EVERY_MS,
      mostBytes: MOST_BYTES,
      signal: NEVER,
      cut: behindLastLine,
      monotonicMs,
    })) {
      if (skipTo === null || chunk.length === 0) {
        yield chunk;
        continue;
      }
      const fresh = recordsBehind(chunk, skipTo);
      if (fresh.length > 0) skipTo = null;
      yield fresh;
    }
  }
  const item: SourceItem = {
    name: word,
    path: word,
    input: word,
    sizeBytes: null,
    modifiedAtUs: null,
    canReopen: false,
    open: chunks,
    live: { kind, head: new Uint8Array(0), place },
  };
  await readItem(call, item, sniffed, chunks(), null);
}

function markOf(openState: string | null): SourceMark {
  return openState === null ? {} : ((JSON.parse(openState) as OpenState).mark ?? {});
}

/** Notes both clocks at once: a record that arrives when the ring had just been found empty was printed between that look and now. */
async function* sampled(ring: KernelRing, call: Call, bootId: number): AsyncGenerator<Uint8Array> {
  const { clock } = call.deps;
  let emptyAtUs: number | null = null;
  let best: number | null = null;
  for await (const chunk of ring.chunks) {
    const nowUs = clock.nowUs();
    if (chunk.length === 0) {
      emptyAtUs = ring.hasCaughtUp() ? nowUs : null;
    } else {
      const newest = /(?:^|\n)\d+,\d+,(\d+),[^\n]*\n(?: [^\n]*\n)*$/.exec(
        Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1').slice(-4096),
      )?.[1];
      const errorUs = emptyAtUs === null ? null : Math.ceil((nowUs - emptyAtUs + SLACK_US) / 2);
      if (newest !== undefined && emptyAtUs !== null && errorUs !== null && (best === null || errorUs < best)) {
        best = errorUs;
        const middleUs = Math.round((nowUs + emptyAtUs - SLACK_US) / 2);
        call.liveSamples.push({ bootId, uptimeUs: Number(newest), epochUs: middleUs, errorUs, how: 'kmsg-read' });
      }
      emptyAtUs = null;
    }
    yield chunk;
  }
}

/** A reading of the host's own two clocks, for a ring buffer that stayed silent. */
export function noteHostClocks(call: Call): void {
  const { db, deps } = call;
  const uptime = /^(\d+(?:\.\d+)?)/.exec(deps.host.readOrNull('/proc/uptime') ?? '')?.[1];
  const { bootId, name } = deps.host.identity();
  if (uptime === undefined || bootId === null) return;
  const uptimeUs = Number(uptime) * 1_000_000;
  db.transaction(() => {
    const { hostId } = call.hosts.of({ input: 'kmsg:', path: 'kmsg:' }, { host: name });
    // Hundredths of a second; printk's clock is another one, which drifts against it.
    const errorUs = 10_000 + driftErrorUs(uptimeUs);
    const samples = [
      ...call.liveSamples,
      { bootId: bootOf(db, hostId, bootId), uptimeUs, epochUs: deps.clock.nowUs(), errorUs, how: 'proc-uptime' },
    ];
    for (const sample of samples) addClockSample(db, sample);
  })();
  call.liveSamples.length = 0;
}

/** Follows a file until the signal is aborted, through truncation and rotation: each beginning is a source of its own. */
export async function followInput(call: Call, path: string): Promise<void> {
  const signal = call.deps.signal ?? NEVER;
  const { monotonicMs } = call.deps.clock;
  while (!signal.aborted) {
    const end = new AbortController();
    const both = end.signal;
    // Not AbortSignal.any(): in Node 20 what it returns may be collected with its listeners.
    const stop = (): void => end.abort();
    signal.addEventListener('abort', stop, { once: true });
    const growing = gather(followFile(call.deps.host, path, { signal: both, onRestart: () => end.abort() }), {
      everyMs: EVERY_MS,
      mostBytes: MOST_BYTES,
      signal: both,
      cut: behindLastLine,
      monotonicMs,
    });
    const iterator = growing[Symbol.asyncIterator]();
    let first = await iterator.next();
    while (first.done !== true && first.value.length === 0) first = await iterator.next();
    if (first.done === true) {
      signal.removeEventListener('abort', stop);
      continue;
    }
    const head = first.value;
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    };
    const sniffed = sniff(
      call.tables.forms,
      call.tables.binaryForms,
      head.subarray(0, SNIFF_BYTES),
      path.slice(path.lastIndexOf('/') + 1),
      null,
    );
    const item: SourceItem = {
      name: path,
      path: path.slice(path.lastIndexOf('/') + 1),
      input: path,
      sizeBytes: null,
      modifiedAtUs: null,
      canReopen: false,
      open: chunks,
      live: { kind: 'file', head: head.subarray(0, HEAD_BYTES), place: '' },
    };
    await readItem(call, item, { ...sniffed, isListing: false }, chunks(), null);
    signal.removeEventListener('abort', stop);
  }
}
