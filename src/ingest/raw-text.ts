// Keeps the lines of a source as they came, so that (source, line) gives any of them back.

import type { Db } from '../store/open-store.js';
import { openRawBlocks } from '../store/raw-blocks.js';
import type { RawKeeper } from './read-source.js';

/** Binary captures are not kept: their packets are rows, and the file is the better copy. */
export function rawKeeperFor(
  db: Db,
  sourceId: number,
  from: { readonly lines: number; readonly bytes: number },
  isBinary: boolean,
): RawKeeper {
  if (isBinary) return { lines: () => {}, cutLine: () => {}, flush: () => {}, end: () => {} };
  const blocks = openRawBlocks(db, sourceId, from);
  return {
    lines: (bytes) => blocks.add(bytes),
    cutLine: () => blocks.cutLine(),
    flush: () => void blocks.flush(),
    end: () => void blocks.end(),
  };
}
