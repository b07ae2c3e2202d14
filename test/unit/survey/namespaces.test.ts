import { describe, expect, it } from 'vitest';
import type { ReadHost } from '../../../src/host/host.js';
import { realHost } from '../../../src/host/real-host.js';
import { listNetns, nameOfNetns } from '../../../src/survey/namespaces.js';

const ID = 'c0ffee123456'.padEnd(64, '0');

/** A host of so many files: paths of namespaces to inodes, texts of /proc. */
function hostOf(
  own: number,
  inodes: Readonly<Record<string, number>>,
  texts: Readonly<Record<string, string>>,
): ReadHost {
  const host = realHost();
  return {
    ...host,
    identity: () => ({ ...host.identity(), netnsInode: own }),
    netnsInode: (path) => inodes[path] ?? null,
    readOrNull: (path) => texts[path] ?? null,
    list(folder) {
      const below = Object.keys(inodes).filter((path) => path.startsWith(`${folder}/`));
      if (below.length === 0) throw new Error('missing');
      return [...new Set(below.map((path) => path.slice(folder.length + 1).split('/')[0]!))].sort();
    },
  };
}

const HOST = hostOf(
  1,
  {
    '/run/netns/blue': 2,
    '/run/docker/netns/default': 1,
    '/run/docker/netns/1a2b3c': 3,
    '/proc/1/ns/net': 1,
    '/proc/20/ns/net': 2,
    '/proc/31/ns/net': 4,
    '/proc/32/ns/net': 4,
    '/proc/41/ns/net': 5,
    '/proc/51/ns/net': 6,
    '/proc/61/ns/net': 8,
    '/srv/a jail/net': 8,
  },
  {
    '/proc/31/cgroup': `0::/system.slice/docker-${ID}.scope\n`,
    '/proc/41/cgroup': '0::/lxc.payload.mail/init.scope\n',
    '/proc/51/cgroup': '0::/user.slice\n',
    '/proc/51/comm': 'my server\n',
    // Two of one file's namespace, one of ip netns, and one whose place is covered by something else.
    '/proc/self/mountinfo': `36 25 0:32 / /sys rw,relatime - sysfs sysfs rw
56 42 0:4 net:[2] /run/netns/blue rw shared:9 - nsfs nsfs rw
57 42 0:4 net:[8] /srv/a\\040jail/net rw shared:9 - nsfs nsfs rw
58 42 0:4 net:[9] /srv/covered rw - nsfs nsfs rw
59 42 0:4 mnt:[10] /run/snapd/ns/one.mnt rw - nsfs nsfs rw
`,
  },
);

describe('the network namespaces of a host', () => {
  it('are those of names, of files and of processes, each once, ours first', () => {
    expect(listNetns(HOST, true)).toEqual([
      { inode: 1, path: '/proc/self/ns/net', name: null },
      { inode: 8, path: '/srv/a jail/net', name: '/srv/a_jail/net' },
      { inode: 3, path: '/run/docker/netns/1a2b3c', name: '1a2b3c' },
      { inode: 2, path: '/run/netns/blue', name: 'blue' },
      { inode: 4, path: '/proc/31/ns/net', name: 'docker:c0ffee123456' },
      { inode: 5, path: '/proc/41/ns/net', name: 'lxc:mail' },
      { inode: 6, path: '/proc/51/ns/net', name: 'my_server:51' },
    ]);
  });

  it('are called the same when one is within', () => {
    expect([2, 3, 4, 5, 6, 7, 8].map((inode) => nameOfNetns(HOST, inode))).toEqual([
      'blue',
      '1a2b3c',
      'docker:c0ffee123456',
      'lxc:mail',
      'my_server:51',
      null,
      '/srv/a_jail/net',
    ]);
  });
});
