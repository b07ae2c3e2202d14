// Every command, in the order of the help.

import type { CommandSpec } from '../cli/command.js';
import type { World } from '../world.js';
import { bundleCommand } from './bundle/bundle.js';
import { captureCommand } from './capture/capture.js';
import { changesKeepCommand, changesListCommand, changesShowCommand } from './changes/list.js';
import { changesRevertCommand, undoCommand } from './changes/undo.js';
import { checkCommand } from './check/check.js';
import { completionCommand } from './completion/completion.js';
import { demoCommand } from './demo/demo.js';
import { doctorCommand } from './doctor/doctor.js';
import { dyndbgDisableCommand, dyndbgEnableCommand, dyndbgListCommand } from './dyndbg/dyndbg.js';
import { explainCommand } from './explain/explain.js';
import { helpCommand } from './help/help.js';
import { ingestCommand } from './ingest/ingest.js';
import { logInvalidDisableCommand, logInvalidEnableCommand, logInvalidShowCommand } from './log-invalid/log-invalid.js';
import { pathCommand } from './path/path.js';
import { queryCommand } from './query.js';
import { reasonsListCommand, reasonsShowCommand } from './reasons/list.js';
import { replayCommand } from './replay/replay.js';
import {
  snapshotDiffCommand,
  snapshotListCommand,
  snapshotScheduleCommand,
  snapshotShowCommand,
  snapshotTakeCommand,
  snapshotUnscheduleCommand,
} from './snapshot/snapshot.js';
import { statusCommand } from './status.js';
import { tagAddCommand, tagListCommand, tagRemoveCommand } from './tag/tag.js';
import { timelineCommand } from './timeline/timeline.js';
import { traceAddCommand, traceListCommand, traceRemoveCommand } from './trace/trace.js';

export const COMMANDS: readonly CommandSpec<World>[] = [
  statusCommand,
  doctorCommand,
  captureCommand,
  checkCommand,
  explainCommand,
  pathCommand,
  timelineCommand,
  replayCommand,
  bundleCommand,
  ingestCommand,
  snapshotListCommand,
  snapshotTakeCommand,
  snapshotShowCommand,
  snapshotDiffCommand,
  snapshotScheduleCommand,
  snapshotUnscheduleCommand,
  queryCommand,
  reasonsListCommand,
  reasonsShowCommand,
  logInvalidShowCommand,
  logInvalidEnableCommand,
  logInvalidDisableCommand,
  dyndbgListCommand,
  dyndbgEnableCommand,
  dyndbgDisableCommand,
  traceAddCommand,
  traceListCommand,
  traceRemoveCommand,
  tagAddCommand,
  tagListCommand,
  tagRemoveCommand,
  changesListCommand,
  changesShowCommand,
  changesRevertCommand,
  changesKeepCommand,
  undoCommand,
  demoCommand,
  helpCommand(() => COMMANDS),
  completionCommand(() => COMMANDS),
];
