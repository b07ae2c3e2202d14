// Who listens to netfilter over netlink in this namespace: to entries being made and removed, to traces, to packets of NFLOG groups?

import type { ReadHost } from '../host/host.js';
import type { Listener, NflogUser } from '../model/host-setup.js';

const NETLINK_NETFILTER = 12;
/** include/uapi/linux/netfilter/nfnetlink.h: enum nfnetlink_groups, in order from 1. */
const GROUPS = [
  'conntrack new',
  'conntrack update',
  'conntrack destroy',
  'expectation new',
  'expectation update',
  'expectation destroy',
  'nftables',
  'quota',
  'nft trace',
] as const;

/** Sockets with a group at least; NULL where /proc/net/netlink cannot be read. The file shows the reader's namespace only. */
export function readListeners(host: ReadHost): readonly Listener[] | null {
  const text = host.readOrNull('/proc/net/netlink');
  if (text === null) return null;
  const sockets = parseListeners(text);
  const holders = holdersOf(host, new Set(sockets.map(({ inode }) => inode)));
  return sockets.map(({ inode, ...listener }) => ({
    ...listener,
    process: holders.get(inode) ?? processOf(host, listener.port),
  }));
}

/** net/netlink/af_netlink.c: netlink_native_seq_show(), v5.4: "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode", groups in hex. */
export function parseListeners(text: string): readonly (Omit<Listener, 'process'> & { readonly inode: number })[] {
  return text.split('\n').flatMap((line) => {
    const [, protocol, port, groups, , , , , drops, inode] = line.trim().split(/\s+/);
    if (Number(protocol) !== NETLINK_NETFILTER || groups === undefined) return [];
    const bits = Number.parseInt(groups, 16);
    const names = GROUPS.filter((_, index) => Math.floor(bits / 2 ** index) % 2 === 1);
    if (names.length === 0) return [];
    return [{ port: Number(port), groups: names, drops: Number(drops ?? 0) || 0, inode: Number(inode ?? 0) || 0 }];
  });
}

/** Names of the processes that hold these sockets; of other people's processes only root is told. */
function holdersOf(host: ReadHost, inodes: ReadonlySet<number>): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  if (inodes.size === 0) return found;
  for (const pid of namesIn(host, '/proc').filter((name) => /^\d+$/.test(name)))
    for (const descriptor of namesIn(host, `/proc/${pid}/fd`)) {
      const inode = host.inodeBehind(`/proc/${pid}/fd/${descriptor}`);
      if (inode === null || !inodes.has(inode) || found.has(inode)) continue;
      found.set(inode, host.readOrNull(`/proc/${pid}/comm`)?.trim() ?? `process ${pid}`);
      if (found.size === inodes.size) return found;
    }
  return found;
}

function namesIn(host: ReadHost, folder: string): readonly string[] {
  try {
    return host.list(folder);
  } catch {
    return [];
  }
}

/** net/netfilter/nfnetlink_log.c: seq_show(), v6.1: group, port, queue length, copy mode, copy range, flush timeout, references. Needs root. */
export function readNflogUsers(host: ReadHost): readonly NflogUser[] | null {
  const text = host.readOrNull('/proc/net/netfilter/nfnetlink_log');
  if (text === null) return null;
  return text.split('\n').flatMap((line): NflogUser[] => {
    const [group, port] = line.trim().split(/\s+/).map(Number);
    if (group === undefined || port === undefined || !Number.isInteger(group) || line.trim() === '') return [];
    return [{ group, port, process: processOf(host, port) }];
  });
}

/** Without a look at its sockets: the port of a program's first socket is its process id, of others any number beyond those. */
function processOf(host: ReadHost, port: number): string | null {
  if (port <= 0 || port > 4_194_304) return null;
  return host.readOrNull(`/proc/${port}/comm`)?.trim() ?? null;
}
