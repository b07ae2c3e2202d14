// Which network namespaces does this host have, those of containers included, and what do people call each?

import type { ReadHost } from '../host/host.js';

export interface NetnsPlace {
  readonly inode: number;
  /** A file to enter it by. */
  readonly path: string;
  /** 'blue' of ip netns, '/srv/jail/net' where a file holds it, 'docker:1f2e3d4c5b6a', 'nginx:812' of a process; NULL: the first one of the host. */
  readonly name: string | null;
}

/** Where namespaces have names: ip netns, Docker; CNI uses the first. */
const NAMED = ['/run/netns', '/run/docker/netns'] as const;

/**
 * All that a name or a process holds, the one we are in first, then by name.
 * @param isFirst whether we are in the first one of the host
 */
export function listNetns(host: ReadHost, isFirst: boolean): readonly NetnsPlace[] {
  const found = new Map<number, NetnsPlace>();
  const own = host.identity().netnsInode;
  for (const folder of NAMED)
    for (const name of namesIn(host, folder)) {
      const path = `${folder}/${name}`;
      const inode = host.netnsInode(path);
      // Docker's 'default' is the host's own.
      if (inode !== null && !found.has(inode))
        found.set(inode, { inode, path, name: name === 'default' ? null : name });
    }
  for (const { inode, path } of heldByFiles(host))
    if (!found.has(inode)) found.set(inode, { inode, path, name: nameOfFile(path) });
  for (const pid of processes(host)) {
    const path = `/proc/${pid}/ns/net`;
    const inode = host.netnsInode(path);
    if (inode === null || found.get(inode)?.name != null) continue;
    if (inode === own || pid === '1')
      found.set(inode, { inode, path: inode === own ? '/proc/self/ns/net' : path, name: null });
    else if (!found.has(inode)) found.set(inode, { inode, path, name: nameOfProcess(host, pid) });
  }
  const rank = ({ inode }: NetnsPlace): number => (inode === own ? 0 : 1);
  return [...found.values()]
    .map((one) =>
      one.inode === own && !isFirst && one.name === null ? { ...one, name: nameOfNetns(host, one.inode) } : one,
    )
    .sort((a, b) => rank(a) - rank(b) || (a.name ?? '').localeCompare(b.name ?? ''));
}

/** What people call a namespace that is not the first; NULL where nothing of it can be seen. */
export function nameOfNetns(host: ReadHost, inode: number | null): string | null {
  if (inode === null) return null;
  for (const folder of NAMED) {
    const name = namesIn(host, folder).find((one) => host.netnsInode(`${folder}/${one}`) === inode);
    if (name !== undefined) return name;
  }
  const file = heldByFiles(host).find((one) => one.inode === inode);
  if (file !== undefined) return nameOfFile(file.path);
  const own = /^Pid:\s*(\d+)/m.exec(host.readOrNull('/proc/self/status') ?? '')?.[1];
  const pid = processes(host).find((one) => one !== own && host.netnsInode(`/proc/${one}/ns/net`) === inode);
  return pid === undefined ? null : nameOfProcess(host, pid);
}

/**
 * Namespaces that are mounted onto a file, wherever: snapd, systemd and people's scripts have folders of their own. One that is mounted
 * twice is named by its first file.
 */
function heldByFiles(host: ReadHost): readonly { readonly inode: number; readonly path: string }[] {
  // 56 42 0:4 net:[4026532668] /srv/jail/net rw shared:9 - nsfs nsfs rw (Documentation/filesystems/proc.rst, 3.5)
  const mounts = (host.readOrNull('/proc/self/mountinfo') ?? '').matchAll(
    /^\d+ \d+ \S+ net:\[\d+\] (\S+) .* - nsfs /gm,
  );
  return [...mounts].flatMap(([, shown]) => {
    const path = shown!.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    // What lies above it, or another mount over it: then the path leads elsewhere.
    const inode = host.netnsInode(path);
    return inode === null ? [] : [{ inode, path }];
  });
}

/** In one word, as manifests and tables take it. */
function nameOfFile(path: string): string {
  return path.replaceAll(/[^\w./@:+-]/g, '_');
}

function processes(host: ReadHost): readonly string[] {
  return namesIn(host, '/proc')
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(a) - Number(b));
}

/** The container that a process is in, by its control group, otherwise the process itself. */
function nameOfProcess(host: ReadHost, pid: string): string {
  const groups = host.readOrNull(`/proc/${pid}/cgroup`) ?? '';
  // docker-<id>.scope, cri-containerd-<id>.scope, crio-<id>.scope, libpod-<id>.scope; /docker/<id> with cgroup v1.
  const [, runtime, id] = /(docker|containerd|crio|libpod)[-/]([0-9a-f]{12})[0-9a-f]{52}/.exec(groups) ?? [];
  if (runtime !== undefined) return `${runtime === 'libpod' ? 'podman' : runtime}:${id}`;
  const lxc = /lxc(?:\.payload)?[./]([\w.-]+)/.exec(groups)?.[1];
  if (lxc !== undefined) return `lxc:${lxc}`;
  const program = (host.readOrNull(`/proc/${pid}/comm`) ?? 'process').trim().replaceAll(/[^\w.-]/g, '_');
  return `${program}:${pid}`;
}

function namesIn(host: ReadHost, folder: string): readonly string[] {
  try {
    return host.list(folder);
  } catch {
    return [];
  }
}
