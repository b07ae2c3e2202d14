// Every command, in the order of the help.

import type { CommandSpec } from '../cli/command.js';
import type { World } from '../world.js';
import { completionCommand } from './completion/completion.js';
import { demoCommand } from './demo/demo.js';
import { explainCommand } from './explain/explain.js';
import { helpCommand } from './help/help.js';
import { ingestCommand } from './ingest/ingest.js';
import { pathCommand } from './path/path.js';
import { queryCommand } from './query.js';
import { reasonsListCommand, reasonsShowCommand } from './reasons/list.js';
import { statusCommand } from './status.js';
import { timelineCommand } from './timeline/timeline.js';

export const COMMANDS: readonly CommandSpec<World>[] = [
  statusCommand,
  explainCommand,
  pathCommand,
  timelineCommand,
  ingestCommand,
  queryCommand,
  reasonsListCommand,
  reasonsShowCommand,
  demoCommand,
  helpCommand,
  completionCommand(() => COMMANDS),
];
