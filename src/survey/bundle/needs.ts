// Is there what a command of a bundle would read, so that asking for it loads and makes nothing?

import type { ReadHost } from '../../host/host.js';
import type { Need } from './parts.js';

/** 'no': nothing to read; 'denied': this user cannot even tell. */
export function isMet(host: ReadHost, need: Need | null): 'yes' | 'no' | 'denied' {
  if (need === null) return 'yes';
  if (need.is === 'module') return isLoaded(host, need.name) ? 'yes' : 'no';
  if (host.look(need.path) === null) return 'no';
  if (need.is === 'there') return 'yes';
  const listed = host.readOrNull(need.path);
  return listed === null ? 'denied' : listed.trim() === '' ? 'no' : 'yes';
}

/** Loaded, or built in; a kernel without /proc/modules has everything built in. */
export function isLoaded(host: ReadHost, module: string): boolean {
  return (
    host.look(`/sys/module/${module}`) !== null ||
    host.look('/proc/modules') === null ||
    (host.readOrNull(`/lib/modules/${host.identity().kernelRelease}/modules.builtin`) ?? '').includes(`/${module}.ko`)
  );
}
