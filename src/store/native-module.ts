// What to do when SQLite's own code cannot be loaded: it is compiled at installation, for the Node that is there then.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnsupportedError } from '../text/errors.js';

/** Only a clone has it: the packed program brings bin/ctwhy.js alone. */
const FROM_CLONE = fileURLToPath(new URL('../../bin/from-clone.js', import.meta.url));

/**
 * The sentence for an error of loading better-sqlite3 (it loads when the first database is opened); NULL for any other error.
 * @param isClone whether the program runs where it is developed, whose npm start and npm test install again when Node has changed
 */
export function loadFault(error: unknown, isClone = existsSync(FROM_CLONE)): UnsupportedError | null {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  const isMissing = message?.startsWith('Could not locate the bindings file') === true;
  if (code !== 'ERR_DLOPEN_FAILED' && !isMissing) return null;
  const isOfOtherNode = /NODE_MODULE_VERSION/.test(message ?? '');
  const what = isMissing
    ? 'better-sqlite3 was not compiled when it was installed'
    : isOfOtherNode
      ? `better-sqlite3 was compiled for another version of Node than this ${process.version}`
      : `better-sqlite3 cannot be loaded (${(message ?? '').split('\n')[0]})`;
  // npm start installs anew for a Node it has not met, and then only.
  const remedy =
    isClone && isOfOtherNode
      ? `npm start or npm test in ${dirname(dirname(FROM_CLONE))} compiles it again`
      : `to compile it again: cd ${folderOfModules()} && npm rebuild better-sqlite3`;
  return new UnsupportedError(`${what}; ${remedy}`, { cause: error });
}

/** The folder whose node_modules holds better-sqlite3: ours, or that of the project that installed us. */
function folderOfModules(): string {
  return dirname(dirname(dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json'))));
}
