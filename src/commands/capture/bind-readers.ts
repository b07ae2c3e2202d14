// Which readers a capture binds on this host, all of them before anything is switched on.

import { NFLOG_GROUP } from '../../changes/plan-capture.js';
import { EVENTS_PART } from '../../survey/bundle/parts.js';
import type { World } from '../../world.js';
import { type Read, type Reader, type ReaderDeps, readKernelLog, readNflog, readProgram } from './readers.js';
import type { Watcher } from './watcher.js';

export interface BoundReaders {
  /** One more, which needs a setting of ours: the logger is NFLOG's. @throws FailedError when tcpdump does not listen */
  readNflog(): Promise<void>;
  /** Records and messages that were thrown away before we had them, so far. */
  lost(): number;
  /** Stops those that run still; each once. */
  stop(): Promise<readonly Read[]>;
}

export interface ReaderWish {
  /** Rules are traced over netlink. */
  readonly hasTrace: boolean;
  /** What cannot be read is left out and told: nothing was switched on that would have to be seen. */
  readonly mayLack: boolean;
  readonly onLack: (why: string) => void;
  /** What of the packets is traced, for the manifest; NULL: all. */
  readonly traces: string | null;
  readonly watcher: Watcher;
  /** Of a line of the kernel log that begins with 'ctwhy: capture'. */
  readonly onMark: (uptimeUs: number) => void;
}

/** @throws FailedError when one does not listen; those bound before are stopped */
export async function bindReaders(world: World, deps: ReaderDeps, wish: ReaderWish): Promise<BoundReaders> {
  const { watcher } = wish;
  const bound: Reader[] = [];
  const stopAll = async (): Promise<readonly Read[]> => {
    const reads: Read[] = [];
    for (const reader of bound.splice(0)) reads.push(await reader.stop());
    return reads;
  };
  const bind = async (reader: Promise<Reader>): Promise<void> => {
    try {
      bound.push(await reader);
    } catch (error) {
      if (!wish.mayLack || !(error instanceof Error)) throw error;
      wish.onLack(error.message);
    }
  };
  try {
    await bind(
      readKernelLog(deps, (message, uptimeUs) => {
        if (message.startsWith('ctwhy: capture')) wish.onMark(uptimeUs);
        else watcher.kernel(message);
      }),
    );
    const [program, ...args] = EVENTS_PART.commands[0]!;
    if (world.host.find(program) !== null)
      await bind(
        readProgram(deps, {
          file: 'conntrack-E.txt',
          program,
          args,
          covers: [{ what: 'events', why: null }],
          isStamped: false,
          onLine: watcher.event,
        }),
      );
    if (wish.hasTrace)
      await bind(
        readProgram(deps, {
          file: 'nft-trace.txt',
          program: 'nft',
          args: ['monitor', 'trace'],
          covers: [{ what: 'trace:netlink', why: wish.traces }],
          isStamped: true,
          onLine: watcher.trace,
        }),
      );
  } catch (error) {
    for (const read of await stopAll()) read.spool.discard();
    throw error;
  }
  return {
    readNflog: async () => {
      bound.push(await readNflog(deps, NFLOG_GROUP, watcher.packets));
    },
    lost: () => bound.reduce((sum, reader) => sum + reader.lost(), 0),
    stop: stopAll,
  };
}
