// The one host of the evidence that an answer is about.

import { type HostRow, readHosts, readSources } from '../store/evidence-reader.js';
import type { Db } from '../store/open-store.js';
import { FailedError } from '../text/errors.js';

/** The host that was named, or the only one. @throws FailedError when there are several, or none of the name */
export function chooseHost(db: Db, name: string | null): HostRow {
  const used = new Set(readSources(db, null).map(({ hostId }) => hostId));
  const hosts = readHosts(db).filter(({ id }) => used.has(id));
  const chosen = name === null ? hosts : hosts.filter((host) => host.name === name);
  const [first, second] = chosen;
  const names = hosts.map((host) => host.name).join(', ');
  if (first === undefined) throw new FailedError(`no evidence of a host '${name ?? ''}'; there is: ${names || 'none'}`);
  if (second !== undefined) throw new FailedError(`these files are of several hosts (${names}): give the files of one`);
  return first;
}
