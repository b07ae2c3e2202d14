import { describe, expect, it } from 'vitest';
import { loadFault } from '../../../src/store/native-module.js';
import { storeError } from '../../../src/store/open-store.js';
import { UnsupportedError } from '../../../src/text/errors.js';

const otherNode = Object.assign(
  new Error(
    "The module '/srv/x/better_sqlite3.node'\nwas compiled against a different Node.js version using\nNODE_MODULE_VERSION 115. This version of Node.js requires\nNODE_MODULE_VERSION 127. Please try re-compiling or re-installing\nthe module (for instance, using `npm rebuild` or `npm install`).",
  ),
  { code: 'ERR_DLOPEN_FAILED' },
);

describe("SQLite's own code does not load", () => {
  it('after Node was switched: one sentence, with what to do in a clone and in an installed package', () => {
    const clone = loadFault(otherNode, true)?.message ?? '';
    expect(clone).toContain(
      `better-sqlite3 was compiled for another version of Node than this ${process.version}; npm start or npm test in `,
    );
    const installed = loadFault(otherNode, false)?.message ?? '';
    expect(installed).toMatch(/; to compile it again: cd \/\S+ && npm rebuild better-sqlite3$/);
    for (const message of [clone, installed]) expect(message).not.toMatch(/\n|NODE_MODULE_VERSION/);
  });

  it('was never compiled, or is cut', () => {
    const missing = new Error('Could not locate the bindings file. Tried:\n → /srv/x/build/better_sqlite3.node');
    expect(loadFault(missing, true)?.message).toMatch(
      /^better-sqlite3 was not compiled when it was installed; to compile it again: cd /,
    );
    const cut = Object.assign(new Error('/srv/x/better_sqlite3.node: file too short\nmore'), {
      code: 'ERR_DLOPEN_FAILED',
    });
    expect(loadFault(cut, true)?.message).toMatch(
      /cannot be loaded \(\/srv\/x\/better_sqlite3.node: file too short\);/,
    );
  });

  it('is no fault of the store; what the store says stays what it was', () => {
    expect(storeError('open', '/srv/x.db', otherNode)).toBeInstanceOf(UnsupportedError);
    expect(loadFault(Object.assign(new Error('disk full'), { code: 'SQLITE_FULL' }))).toBeNull();
    expect(loadFault('a word')).toBeNull();
  });
});
