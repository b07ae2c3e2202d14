// The tracker's events while a call goes on: read into the store, with the times in which none can be missing, and how many are.

import type { NetnsFacts } from '../model/host-reading.js';
import { gather } from '../sources/gather.js';
import type { SourceItem } from '../sources/source.js';
import {
  type BoundSocket,
  EVENT_BUFFER_BYTES,
  type EventKind,
  type EventStream,
  type EventStreamState,
  openTrackerEvents,
} from '../sources/tracker-events.js';
import { addCoverage, type Coverage, extendCoverage } from '../store/coverage.js';
import { bootOf, namespaceByInode, noteKernelRelease } from '../store/hosts.js';
import type { Call } from './call.js';
import { readItem } from './read-item.js';
import { NOTHING_SNIFFED } from './sniff.js';

const EVERY_MS = 1000;
const MOST_BYTES = 4 << 20;
const NEWLINE = 0x0a;
const NEVER = new AbortController().signal;
const KINDS: readonly EventKind[] = ['entries', 'expectations'];
const WHAT: Readonly<Record<EventKind, string>> = { entries: 'events', expectations: 'events:expect' };

/** What is heard of this host's tracker; begun before anything else is read. */
export interface HeardEvents {
  /** Settles when all of it is bound. */
  readonly bound: Promise<void>;
  /** Reads until the call's signal is aborted. @throws SourceError when conntrack fails */
  read(): Promise<void>;
}

/** @throws SourceError where there is nothing to hear */
export function hearEvents(call: Call): HeardEvents {
  const { host, clock } = call.deps;
  const { eventBufferBytes } = call.options;
  const size = eventBufferBytes === undefined ? {} : { bufferBytes: eventBufferBytes };
  const streams = KINDS.map((kind) => openTrackerEvents(host, { kind, nowUs: clock.nowUs, ...size }));
  return {
    bound: Promise.all(streams.map(({ bound }) => bound)).then(() => {}),
    async read() {
      await Promise.all(streams.map((stream) => readEvents(call, stream)));
    },
  };
}

interface Place {
  readonly hostId: number;
  readonly bootId: number;
  readonly namespaceId: number | null;
}

async function readEvents(call: Call, stream: EventStream): Promise<void> {
  const { db, deps, options } = call;
  const identity = deps.host.identity();
  const netns: NetnsFacts = options.netns ?? { inode: identity.netnsInode, name: null, isInitial: null };
  const sniffed = { ...NOTHING_SNIFFED, host: identity.name, bootId: identity.bootId };
  const bound = await stream.bound;
  const word = stream.kind === 'entries' ? 'events:' : 'events:expect';
  const place: Place = db.transaction(() => {
    const { hostId } = call.hosts.of({ input: word, path: word }, sniffed);
    const bootId = bootOf(db, hostId, identity.bootId);
    noteKernelRelease(db, bootId, identity.kernelRelease);
    const { inode, name, isInitial } = netns;
    return {
      hostId,
      bootId,
      namespaceId: inode === null ? null : namespaceByInode(db, bootId, inode, name, isInitial),
    };
  })();
  const watch = openWatch(call, place, stream, bound);
  const end: { state: EventStreamState | null } = { state: null };
  const stopping = untilAborted(deps.signal).then(async () => {
    end.state = await stream.stop();
  });

  async function* chunks(): AsyncGenerator<Uint8Array> {
    const wholeLines = {
      everyMs: EVERY_MS,
      mostBytes: MOST_BYTES,
      signal: NEVER,
      cut: (bytes: Uint8Array) => bytes.lastIndexOf(NEWLINE) + 1,
      monotonicMs: deps.clock.monotonicMs,
    };
    for await (const chunk of gather(stream.chunks, wholeLines)) {
      const state = stream.look();
      yield chunk;
      // Asked for more: what was handed on is in the store.
      watch.kept(state);
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
    live: {
      kind: 'events',
      head: new Uint8Array(0),
      place: `${word}${identity.bootId ?? identity.name}/${netns.inode ?? ''}`,
      netns,
      command: stream.command(),
    },
  };
  await readItem(call, item, sniffed, chunks(), null);
  // It ends by itself only when conntrack fails: then nobody waits for the signal.
  if (deps.signal?.aborted === true) {
    await stopping;
    if (end.state !== null) watch.ended(end.state);
  }
  const why = watch.losses();
  const at = call.reports.findIndex(({ name }) => name === word);
  if (why !== null && at >= 0) call.reports[at] = { ...call.reports[at]!, why };
}

interface Watch {
  /** How many events were lost so far, and why; NULL: none. */
  losses(): string | null;
  /** All that was printed before the look before this one is in the store. */
  kept(state: EventStreamState): void;
  /** All is. */
  ended(state: EventStreamState): void;
}

/** net/netfilter/nf_conntrack_standalone.c, v5.19: 0 sends none, 1 of all entries, 2 of entries born while somebody listens. */
const SETTING = '/proc/sys/net/netfilter/nf_conntrack_events';
const OLDER_ENTRIES = 'nf_conntrack_events is 2: entries made before somebody listened send no events';

function overrun(bound: BoundSocket | null): string {
  const bytes = bound?.bufferBytes ?? null;
  const size = bytes === null ? '' : `, ${bytes.toLocaleString('en')} bytes,`;
  const cure =
    bytes !== null && bytes < EVENT_BUFFER_BYTES
      ? '; neither this conntrack nor perl enlarged it, net.core.rmem_default does before it is started'
      : '';
  return `the socket of conntrack${size} was full (ENOBUFS)${cure}`;
}

/** Writes from when to when events were heard, and what was lost between. */
function openWatch({ db, deps }: Call, place: Place, stream: EventStream, bound: BoundSocket | null): Watch {
  const what = WHAT[stream.kind];
  let dropped = stream.look().dropped;
  let lostInAll = 0;
  /** The stretch without losses that is open: from when, and up to when it is in the store. */
  let fromUs = bound?.atUs ?? null;
  let saidUs: number | null = null;
  /** Up to then everything was printed at the look before. */
  let printedUs: number | null = null;
  const row = (said: Pick<Coverage, 'what' | 'state' | 'why' | 'lost'>, from: number, to: number): Coverage => ({
    ...place,
    sourceId: null,
    fromAtUs: from,
    toAtUs: to,
    ...said,
  });
  const claim = (untilUs: number | null): void => {
    if (fromUs === null || untilUs === null || untilUs <= (saidUs ?? fromUs)) return;
    const since = fromUs;
    const say = (said: Pick<Coverage, 'what' | 'state' | 'why'>): void =>
      extendCoverage(db, row({ ...said, lost: null }, since, untilUs), saidUs);
    const setting = deps.host.readOrNull(SETTING)?.trim() ?? '';
    if (setting === '0') say({ what, state: 'off', why: 'nf_conntrack_events is 0' });
    else say({ what, state: 'complete', why: null });
    if (setting === '2' && stream.kind === 'entries')
      say({ what: 'events:older-entries', state: 'cannot-show', why: OLDER_ENTRIES });
    saidUs = untilUs;
  };
  const lose = (state: EventStreamState): void => {
    const lost = dropped === null || state.dropped === null ? 0 : state.dropped - dropped;
    dropped = state.dropped ?? dropped;
    const since = saidUs ?? fromUs;
    if (lost <= 0 || since === null) return;
    lostInAll += lost;
    addCoverage(db, row({ what, state: 'lost', lost, why: overrun(bound) }, since, state.atUs));
    fromUs = state.atUs;
    saidUs = null;
    printedUs = null;
  };
  return {
    losses: () => (lostInAll === 0 ? null : `${lostInAll.toLocaleString('en')} events were lost: ${overrun(bound)}`),
    kept(state) {
      db.transaction(() => {
        claim(printedUs);
        lose(state);
      })();
      printedUs = state.drainedAtUs;
    },
    ended(state) {
      db.transaction(() => {
        claim(printedUs);
        lose(state);
        claim(state.drainedAtUs);
      })();
    },
  };
}

function untilAborted(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return new Promise(() => {});
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
