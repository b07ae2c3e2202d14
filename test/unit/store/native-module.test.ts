import { describe, expect, it } from 'vitest';
import { loadFault } from '../../../src/store/native-module.js';
import { storeError } from '../../../src/store/open-store.js';
import { UnsupportedError } from '../../../src/text/errors.js';

const PATH = '/srv/my x/node_modules/better-sqlite3/build/Release/better_sqlite3.node';
const otherNode = Object.assign(
  new Error(
    `The module '${PATH}'\nwas compiled against a different Node.js version using\nNODE_MODULE_VERSION 115. This version of Node.js requires\nNODE_MODULE_VERSION 127. Please try re-compiling or re-installing\nthe module (for instance, using \`npm rebuild\` or \`npm install\`).`,
  ),
  { code: 'ERR_DLOPEN_FAILED' },
);

describe("SQLite's own code does not load", () => {
  it('after Node was switched: one sentence, with what to do in a clone and in an installed package', () => {
    expect(loadFault(otherNode, true)?.message).toBe(
      'better-sqlite3 was compiled for another version of Node than this one; npm start or npm test in /srv/my x compiles it again',
    );
    expect(loadFault(otherNode, false)?.message).toBe(
      'better-sqlite3 was compiled for another version of Node than this one; to compile it again: npm rebuild better-sqlite3 in /srv/my x',
    );
  });

  it('was never compiled, or is cut', () => {
    const missing = new Error(`Could not locate the bindings file. Tried:\n → ${PATH}`);
    expect(loadFault(missing, true)?.message).toBe(
      'better-sqlite3 was not compiled when it was installed; to compile it again: npm rebuild better-sqlite3 in /srv/my x',
    );
    const cut = Object.assign(new Error(`${PATH}: file too short\nmore`), { code: 'ERR_DLOPEN_FAILED' });
    expect(loadFault(cut, true)?.message).toContain(`cannot be loaded (${PATH}: file too short); to compile`);
  });

  it('is no fault of the store; what the store says stays what it was', () => {
    expect(storeError('open', '/srv/x.db', otherNode)).toBeInstanceOf(UnsupportedError);
    expect(loadFault(Object.assign(new Error('disk full'), { code: 'SQLITE_FULL' }))).toBeNull();
    expect(loadFault('a word')).toBeNull();
  });
});
