// What a topic of ctwhy help is.

import type { Line } from '../../presentation/document.js';
import type { World } from '../../world.js';

export interface Topic {
  readonly name: string;
  /** One line for the list of topics. */
  readonly says: string;
  readonly lines: (world: World, knownCommands: readonly string[]) => Promise<readonly Line[]>;
}
