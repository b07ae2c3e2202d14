// Fills a store of its own from the files of -r, for one command.

import type { CommandInput } from '../cli/command.js';
import type { Db } from '../store/open-store.js';
import { FailedError } from '../text/errors.js';
import type { World } from '../world.js';

export interface TemporaryEvidence {
  readonly db: Db;
  close(): void;
}

/** @throws FailedError when a file cannot be read */
export async function openTemporaryEvidence(
  _input: CommandInput,
  _world: World,
  files: readonly string[],
): Promise<TemporaryEvidence> {
  throw new FailedError(`cannot read ${files.join(', ')} yet`);
}
