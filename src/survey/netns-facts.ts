// Which network namespace are we in: its inode, its name, and whether it is the first one?

import type { ReadHost } from '../host/host.js';
import type { NetnsFacts } from '../model/host-reading.js';
import { firstNetns } from './first-netns.js';
import { nameOfNetns } from './namespaces.js';

/** The namespace this process is in. */
export async function netnsFacts(host: ReadHost): Promise<NetnsFacts> {
  const inode = host.identity().netnsInode;
  const first = await firstNetns(host);
  const isInitial = first === undefined ? true : first === null ? null : false;
  return { inode, name: isInitial === true ? null : nameOfNetns(host, inode), isInitial };
}
