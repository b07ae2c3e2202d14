// Every path of the system passes through one prefix, so that a captured tree (proc/, sys/, etc/) can stand in for the machine.

import { isAbsolute, join, normalize } from 'node:path';

/** Path of a system file below a root; the root itself for '/'. Relative paths are the caller's own files and stay as they are. */
export function belowRoot(root: string, path: string): string {
  return root === '/' || !isAbsolute(path) ? path : join(root, normalize(path));
}
