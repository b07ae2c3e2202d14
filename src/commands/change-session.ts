// What a command needs to change this host: rights, the journal, the namespace it acts in, and the changes that are on.

import type { PlanContext } from '../changes/plan.js';
import { type ChangeSession, liveChanges } from '../changes/session.js';
import type { CommandInput } from '../cli/command.js';
import { optionValue } from '../cli/command.js';
import { RefusedError } from '../text/errors.js';
import type { World } from '../world.js';
import { hostJournal } from './host-journal.js';

/** The journal and the machine. @throws UsageError for a journal folder that is no absolute path */
export function changeSession(world: World): ChangeSession {
  const folder = world.environment['CTWHY_CHANGES'];
  return {
    host: world.writeHost,
    journal: hostJournal(world),
    nowUs: world.clock.nowUs,
    self: world.self,
    environment: folder === undefined ? {} : { CTWHY_CHANGES: folder },
  };
}

/** @throws RefusedError with the line to type */
export function needRoot(world: World, command: string): void {
  if (world.host.identity().uid !== 0)
    throw new RefusedError(`changing this host needs root: sudo ${world.programName} ${command}`);
}

/** Where we are and what of ours is on. */
export function planContext(input: CommandInput, world: World, session: ChangeSession): PlanContext {
  const { netnsInode } = world.host.identity();
  return {
    host: session.host,
    netns: undefined, // --netns has started this program within the namespace
    place: {
      netnsInode,
      isFirstNetns: world.host.look('/proc/sys/net/netfilter/nf_log_all_netns') !== null,
      label: optionValue(input, 'netns'),
    },
    live: liveChanges(session),
  };
}
