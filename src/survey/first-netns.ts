// How to reach the first network namespace of the machine from here: a few settings exist only there, and a process that must not hold
// another namespace alive lives there.

import type { ReadHost } from '../host/host.js';

/** In the first namespace only (net/netfilter/nf_log.c: netfilter_log_sysctl_init(), since v4.11): its presence tells where we are. */
const MARK = '/proc/sys/net/netfilter/nf_log_all_netns';

/** undefined: we are in it; a path: there; NULL: it cannot be reached from here (a container, no rights, a kernel before 4.11). */
export type FirstNetns = string | undefined | null;

const known = new WeakMap<ReadHost, Promise<FirstNetns>>();

/** Asks once for each host: a process does not change its namespace. */
export function firstNetns(host: ReadHost): Promise<FirstNetns> {
  const found = known.get(host) ?? find(host);
  known.set(host, found);
  return found;
}

async function find(host: ReadHost): Promise<FirstNetns> {
  if (host.look(MARK) !== null) return undefined;
  const here = host.identity().netnsInode;
  const seen = new Set<number | null>([here, null]);
  // Process 1 is the usual holder; where it may not be asked, whoever started us often is one.
  for (const pid of ['1', ...ancestors(host), ...processes(host)]) {
    const path = `/proc/${pid}/ns/net`;
    const inode = host.netnsInode(path);
    if (seen.has(inode)) continue;
    const result = await host.run('cat', [MARK], { netns: path, timeoutMs: 5000 }).catch(() => null);
    if (result?.exitStatus === 0) return path;
    // Not allowed by this process is not an answer: another may be held in the same namespace.
    if (result !== null && !/cannot open|Permission denied|Operation not permitted/.test(result.stderr))
      seen.add(inode);
  }
  return null;
}

function ancestors(host: ReadHost): readonly string[] {
  const found: string[] = [];
  for (let pid = 'self'; found.length < 64; ) {
    const parent = /^PPid:\s*(\d+)/m.exec(host.readOrNull(`/proc/${pid}/status`) ?? '')?.[1];
    if (parent === undefined || parent === '0') break;
    found.push(parent);
    pid = parent;
  }
  return found;
}

function processes(host: ReadHost): readonly string[] {
  try {
    return host.list('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
