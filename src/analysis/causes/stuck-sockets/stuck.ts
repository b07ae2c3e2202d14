// A socket that waits for the end of its connection, with what the table held of it at that moment: shared by what is said of such sockets.

import { type EntryRow, readEntries, type SnapshotPartRow } from '../../../store/evidence-reader.js';
import { readStuckSockets, type StuckSocket } from '../../../store/stuck-sockets.js';
import { socketInfo } from '../../explain/flow-facts.js';
import type { HostPicture } from '../../explain/host-picture.js';
import type { HostSubject } from '../../explain/host-verdict.js';
import { endWords } from '../words.js';

export interface Stuck {
  readonly socket: StuckSocket;
  /** 'tcp 192.0.2.1:40001 > 198.51.100.1:443'. */
  readonly name: string;
  /** Its entry in the listing of the same snapshot; NULL: none there. */
  readonly entry: EntryRow | null;
  /** The listing of the same snapshot; undefined: it was not read, and nothing can be said of entries. */
  readonly listing: SnapshotPartRow | undefined;
  /** What waits in it was never sent: it was thrown away before it left this host. */
  readonly isUnsent: boolean;
  /** Sent, sent again, and not acknowledged. */
  readonly isUnanswered: boolean;
}

/** 'FIN-WAIT-1, 1 unsent, persist timer'. */
export function socketWords({ socket }: Stuck): string {
  const info = socketInfo(socket);
  return [
    socket.state,
    info['notsent'] === undefined ? null : `${info['notsent']} unsent`,
    info['unacked'] === undefined ? null : `${info['unacked']} not acknowledged`,
    socket.timer === null ? null : `${socket.timer} timer`,
    info['retrans'] === undefined ? null : `sent again ${String(info['retrans']).split('/').at(-1)} times`,
  ]
    .filter((word) => word !== null)
    .join(', ');
}

export function stuckSockets(picture: HostPicture): readonly Stuck[] {
  const sockets = picture.read(readStuckSockets);
  if (sockets.length === 0) return [];
  const ids = sockets.flatMap((socket) => socket.tupleIds);
  const entries = picture.read((db, hostId) => readEntries(db, hostId, ids));
  return sockets.map((socket) => {
    const info = socketInfo(socket);
    const again = Number(
      String(info['retrans'] ?? 0)
        .split('/')
        .at(-1),
    );
    return {
      socket,
      name: `tcp ${endWords(socket.local, socket.lport)} > ${endWords(socket.peer ?? '?', socket.pport)}`,
      entry:
        entries.find(
          (entry) =>
            entry.snapshotId === socket.snapshotId &&
            entry.list === 'main' &&
            (socket.tupleIds.includes(entry.tupleId) || socket.tupleIds.includes(entry.replyTupleId)),
        ) ?? null,
      listing: picture.host.parts.find(
        (part) => part.snapshotId === socket.snapshotId && part.part === 'list:main' && part.state === 'read',
      ),
      isUnsent: Number(info['notsent'] ?? 0) > 0 || socket.timer === 'persist',
      isUnanswered: Number(info['unacked'] ?? 0) > 0 && socket.timer === 'on' && again >= 2,
    };
  });
}

/** What a finding about such sockets is about, but for what became of their packets and the story. */
export function aboutSockets(found: readonly Stuck[]): Omit<HostSubject, 'outcome' | 'fate' | 'story'> {
  const { name, socket } = found[0]!;
  const [id] = socket.tupleIds;
  return {
    flow:
      found.length > 1 || id === undefined || socket.peer === null
        ? null
        : {
            id,
            proto: 6,
            src: socket.local,
            sport: socket.lport,
            dst: socket.peer,
            dport: socket.pport,
            extra: null,
            zone: null,
          },
    tupleIds: found.flatMap((one) => one.socket.tupleIds),
    flowText: found.length === 1 ? name : `${found.length} connections, e.g. ${name}`,
    packetText: `${found.length} socket${found.length === 1 ? '' : 's'}`,
    flows: found.length,
    count: 0,
    firstAtUs: socket.atUs,
    lastAtUs: socket.atUs,
    reason: null,
    notices: [],
  };
}
