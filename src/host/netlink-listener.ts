// How does a program listen to netlink: is its socket bound yet, how much waits in it, and how many messages did the kernel drop?

import type { ReadHost } from './host.js';

export interface NetlinkListener {
  /** Its address within netlink. */
  readonly port: number;
  /** Messages that found no room in the socket, since it was opened. */
  readonly dropped: number;
  /** What the kernel has put into the socket and the program has not taken yet. */
  readonly waitingBytes: number;
}

/** include/uapi/linux/netlink.h: NETLINK_NETFILTER. */
const NETFILTER = 12;
/** sk, protocol, port, groups in hex, bytes waiting, bytes to send, dump, references, drops, inode (net/netlink/af_netlink.c: netlink_native_seq_show(), v6.1). */
const ROW = /^[0-9a-f]+ +(\d+) +(\d+) +([0-9a-f]+) +(\d+) +\d+ +\d+ +\d+ +(\d+) +(\d+)\s*$/gm;

/**
 * The netfilter socket of a program that is bound to groups, counted by the kernel itself: it adds one for each message that it could not
 * queue (net/netlink/af_netlink.c: netlink_overrun(), v6.1), also for those between two ENOBUFS that a program sees.
 * @returns NULL while there is none, or where it may not be asked
 */
export function netlinkListener(host: ReadHost, pid: number): NetlinkListener | null {
  const sockets = socketsOf(host, pid);
  // The program's own view: it may run in another network namespace.
  for (const [, protocol, port, groups, waiting, dropped, inode] of (
    host.readOrNull(`/proc/${pid}/net/netlink`) ?? ''
  ).matchAll(ROW))
    if (Number(protocol) === NETFILTER && Number.parseInt(groups!, 16) !== 0 && sockets.has(Number(inode)))
      return { port: Number(port), dropped: Number(dropped), waitingBytes: Number(waiting) };
  return null;
}

/** How many bytes a netfilter socket of this network namespace takes, as ss tells; NULL: not known. */
export async function netlinkBufferBytes(host: ReadHost, port: number, netns?: string): Promise<number | null> {
  const within = netns === undefined ? {} : { netns };
  const said = await host.run('ss', ['-f', 'netlink', '-mn'], { timeoutMs: 5000, ...within }).catch(() => null);
  // ss prints the number as a signed one.
  for (const [, shown, bytes] of (said?.stdout ?? '').matchAll(/ 12:(-?\d+) .*skmem:\(r\d+,rb(\d+)/g))
    if (Number(shown) >>> 0 === port) return Number(bytes);
  return null;
}

function socketsOf(host: ReadHost, pid: number): ReadonlySet<number> {
  try {
    const inodes = host.list(`/proc/${pid}/fd`).map((name) => host.inodeBehind(`/proc/${pid}/fd/${name}`));
    return new Set(inodes.filter((inode) => inode !== null));
  } catch {
    return new Set(); // it has ended, or is not ours to ask
  }
}
