// How does a program listen to netlink: is its socket bound yet, how much waits in it, and how many messages did the kernel drop?

import type { ReadHost } from './host.js';

export interface NetlinkListener {
  /** Its address within netlink. */
  readonly port: number;
  /** The program's own number of it. */
  readonly descriptor: number;
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
      return {
        port: Number(port),
        descriptor: sockets.get(Number(inode))!,
        dropped: Number(dropped),
        waitingBytes: Number(waiting),
      };
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

/** Inodes of what a program has open, with its own numbers. */
function socketsOf(host: ReadHost, pid: number): ReadonlyMap<number, number> {
  try {
    const open = host
      .list(`/proc/${pid}/fd`)
      .map((name) => [host.inodeBehind(`/proc/${pid}/fd/${name}`), Number(name)] as const);
    return new Map(open.filter((one): one is readonly [number, number] => one[0] !== null));
  } catch {
    return new Map(); // it has ended, or is not ours to ask
  }
}

/**
 * pidfd_open(), pidfd_getfd() (5.6) and SO_RCVBUFFORCE by their numbers: the copy is of the same socket, so that the program's own becomes
 * larger. Perl is on every Debian (perl-base); Node has no such calls.
 */
const ENLARGE = `my ($pid, $number, $size) = map { $_ + 0 } @ARGV;
my $process = syscall(434, $pid, 0);
exit 1 if $process < 0;
my $copy = syscall(438, $process, $number, 0);
exit 1 if $copy < 0;
open(my $socket, '+<&=', $copy) or exit 1;
setsockopt($socket, 1, 33, pack('i', $size)) or exit 1;`;

/**
 * Gives the socket of a program of ours a buffer of a size, whatever net.core.rmem_max is, and changes nothing else on the host.
 * Nothing happens where it cannot be done (no perl, an old kernel, no rights): ask netlinkBufferBytes() what it is.
 */
export async function enlargeNetlinkBuffer(
  host: ReadHost,
  pid: number,
  listener: NetlinkListener,
  bytes: number,
): Promise<void> {
  if (host.find('perl') === null) return;
  const words = ['-e', ENLARGE, String(pid), String(listener.descriptor), String(bytes)];
  await host.run('perl', words, { timeoutMs: 5000 }).catch(() => null);
}
