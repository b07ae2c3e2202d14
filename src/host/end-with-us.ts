// A program that is not to outlive us, however we end: the kernel sends it a signal when this process is gone, a kill -9 included.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv', '/usr/sbin/setpriv', '/sbin/setpriv'];

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The program that a shell would start; NULL: there is none. */
function programOf(word: string, searchPath: string): string | null {
  if (word.includes('/')) return isExecutable(word) ? word : null;
  const places = searchPath.split(delimiter).map((folder) => join(folder, word));
  return places.find(isExecutable) ?? null;
}

/**
 * The words that start a program so that it gets the signal when we end (prctl(PR_SET_PDEATHSIG), which exec keeps). They are the same
 * words where setpriv is not here, or where there is no such program: then starting it says what is wrong.
 * @param searchPath where a shell would look for it
 */
export function endingWithUs(
  words: readonly [string, ...string[]],
  signal: 'TERM' | 'KILL',
  searchPath: string,
): readonly [string, readonly string[]] {
  const [word, ...args] = words;
  const setpriv = SETPRIV.find(isExecutable);
  if (setpriv === undefined || programOf(word, searchPath) === null) return [word, args];
  return [setpriv, ['--pdeathsig', signal, '--', word, ...args]];
}
