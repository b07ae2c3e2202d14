// Does a socket that no list names really have no entry? The tracker is asked for its very tuple, and the sockets are read again behind that.

import type { HostReading, SnapshotPlan } from '../model/host-reading.js';
import type { Socket } from '../model/socket.js';
import type { Db } from '../store/open-store.js';
import { noteLookup, type SocketToLookUp, socketsWithoutEntry } from '../store/socket-lookups.js';
import { FORMS } from './form-list.js';
import { type OutputDeps, readOutput } from './read-output.js';

export interface SocketConfirmation {
  readonly asked: number;
  /** Sockets that were there before and after the tracker denied an entry for them. */
  readonly withoutEntry: number;
}

/** Each is a program run: where all sockets lack their entry, some tell as much as all. */
const MOST_ASKED = 100;

/** Runs behind the lists, in the snapshot's transaction. */
export async function confirmSockets(
  deps: OutputDeps,
  db: Db,
  plan: SnapshotPlan,
  { seriesId, seq, snapshotId }: { readonly seriesId: number; readonly seq: number; readonly snapshotId: number },
): Promise<SocketConfirmation> {
  const reading = plan.readings.find(({ part, source }) => part === 'sockets' && source.is === 'program');
  if (!plan.isTracking || reading === undefined) return { asked: 0, withoutEntry: 0 };
  const suspects = socketsWithoutEntry(db, seriesId, seq, MOST_ASKED);
  if (suspects.length === 0) return { asked: 0, withoutEntry: 0 };
  const denied: { readonly socket: SocketToLookUp; readonly atUs: number }[] = [];
  for (const socket of suspects) {
    const atUs = deps.clock.nowUs();
    const answer = await deps.host.run('conntrack', lookupWords(socket), { timeoutMs: 5000 });
    if (answer.exitStatus === 0) noteLookup(db, snapshotId, socket.id, atUs, 'entry', null);
    else if (/doesn't exist|does not exist/.test(answer.stderr)) denied.push({ socket, atUs });
    else noteLookup(db, snapshotId, socket.id, atUs, 'failed', answer.stderr.trim().split('\n').at(-1) ?? '');
  }
  const still = await socketsNow(deps, reading);
  let withoutEntry = 0;
  for (const { socket, atUs } of denied) {
    const isThere = still.some((one) => isSameSocket(one, socket));
    noteLookup(db, snapshotId, socket.id, atUs, isThere ? 'no-entry' : 'socket-gone', null);
    if (isThere) withoutEntry++;
  }
  return { asked: suspects.length, withoutEntry };
}

/** The kernel finds an entry by either of its tuples (net/netfilter/nf_conntrack_netlink.c: ctnetlink_get_conntrack(), v6.18). */
function lookupWords({ local, lport, peer, pport }: SocketToLookUp): readonly string[] {
  const family = local.includes(':') ? ['-f', 'ipv6'] : [];
  return ['-G', ...family, '-p', 'tcp', '-s', local, '-d', peer, '--sport', String(lport), '--dport', String(pport)];
}

async function socketsNow(deps: OutputDeps, reading: HostReading): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  await readOutput(deps, FORMS, reading, {
    record(record) {
      if (record.kind === 'socket') sockets.push(record.socket);
    },
  });
  return sockets;
}

function isSameSocket(now: Socket, before: SocketToLookUp): boolean {
  return (
    now.proto === before.proto &&
    now.local === before.local &&
    now.lport === before.lport &&
    now.peer === before.peer &&
    now.pport === before.pport &&
    now.inode === before.inode
  );
}
