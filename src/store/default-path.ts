// Where the store lives when nobody says: root has one for the host, everybody else one of their own.

import { join } from 'node:path';

/**
 * Path of the store: /var/lib/ctwhy/ctwhy.db for root, $XDG_STATE_HOME/ctwhy/ctwhy.db (or ~/.local/state) otherwise.
 * @param environment XDG_STATE_HOME (absolute paths only, as its specification demands) and HOME
 */
export function defaultStorePath(uid: number, environment: Readonly<Record<string, string | undefined>>): string {
  if (uid === 0) return '/var/lib/ctwhy/ctwhy.db';
  const state = environment['XDG_STATE_HOME'];
  const base = state?.startsWith('/') ? state : join(environment['HOME'] ?? '/', '.local/state');
  return join(base, 'ctwhy', 'ctwhy.db');
}
