// What to do when SQLite's own code cannot be loaded: it is compiled at installation, for the Node that is there then.

import { existsSync } from 'node:fs';
import { UnsupportedError } from '../text/errors.js';

/** Only a clone has it: the packed program brings bin/ctwhy.js alone. */
const FROM_CLONE = new URL('../../bin/from-clone.js', import.meta.url);

/**
 * The sentence for an error of loading better-sqlite3 (it loads when the first database is opened); NULL for any other error.
 * @param isClone whether the program runs where it is developed, whose npm start and npm test install again when Node has changed
 */
export function loadFault(error: unknown, isClone = existsSync(FROM_CLONE)): UnsupportedError | null {
  const { code, message = '' } = error as { readonly code?: string; readonly message?: string };
  const isMissing = message.startsWith('Could not locate the bindings file');
  if (code !== 'ERR_DLOPEN_FAILED' && !isMissing) return null;
  const isOfOtherNode = message.includes('NODE_MODULE_VERSION');
  const what = isMissing
    ? 'better-sqlite3 was not compiled when it was installed'
    : isOfOtherNode
      ? 'better-sqlite3 was compiled for another version of Node than this one'
      : `better-sqlite3 cannot be loaded (${message.split('\n')[0]})`;
  const folder = /(\/[^\n']*?)\/node_modules\/better-sqlite3\//.exec(message)?.[1] ?? 'the folder it is installed in';
  // npm start installs anew for a Node it has not met, and then only.
  const remedy =
    isClone && isOfOtherNode
      ? `npm start or npm test in ${folder} compiles it again`
      : `to compile it again: npm rebuild better-sqlite3 in ${folder}`;
  return new UnsupportedError(`${what}; ${remedy}`, { cause: error });
}
