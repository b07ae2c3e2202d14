// ctwhy alone: this host, evidence, changes, and what to type for what one has.

import type { CommandSpec } from '../cli/command.js';
import type { World } from '../world.js';

export const statusCommand: CommandSpec<World> = {
  words: 'status',
  summary: 'this host, the evidence, and what to type; ctwhy alone',
  description: 'Reads /proc and its own store, nothing else. Needs no root and touches nothing.',
  effect: 'none',
  examples: [
    { command: 'ctwhy', says: 'where to start' },
    { command: 'ctwhy status --db case.db', says: 'the same for another store' },
  ],
  load: () => import('./status-run.js'),
};
