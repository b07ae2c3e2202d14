// Whether this process may change the host at all.

import type { ReadHost } from '../host/host.js';

/** Why not, in one line; NULL when it may. */
export function whyNoRights(host: ReadHost): string | null {
  return host.identity().uid === 0 ? null : 'how some of them stand can only be read as root';
}
