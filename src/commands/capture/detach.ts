// The same capture in the background, where nobody looks and a lost session ends nothing.

import { liveChanges } from '../../changes/session.js';
import type { CommandInput } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { changeId } from '../../model/change.js';
import { FailedError } from '../../text/errors.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { changeSession } from '../change-session.js';

const STEP_MS = 250;
/** Reading the host and its first snapshot take seconds on a busy one. */
const MOST_LOOKS = 480;
/** What is passed on: where the journal, the store and its programs are. */
const ENVIRONMENT = ['CTWHY_CHANGES', 'CTWHY_DB', 'HOME', 'XDG_STATE_HOME', 'TMPDIR', 'PATH'] as const;

/** Whether this process is the one in the background. */
export function isInBackground(world: World): boolean {
  return world.environment['CTWHY_IN_BACKGROUND'] !== undefined;
}

/** Starts it, and waits until it has switched on. @throws FailedError when it has not */
export async function detach(input: CommandInput, world: World): Promise<ExitCode> {
  const session = changeSession(world);
  const before = new Set(liveChanges(session).map(({ number }) => number));
  const words = [...world.self, ...sameWords(input)];
  const environment = Object.fromEntries(
    ENVIRONMENT.flatMap((name) => {
      const value = world.environment[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  const pid = world.writeHost.startDetached(words[0]!, words.slice(1), {
    environment: { ...environment, CTWHY_IN_BACKGROUND: '1' },
  });
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const begun = liveChanges(session).find(
      ({ number, kind, state }) => !before.has(number) && kind === 'capture' && state === 'on',
    );
    if (begun !== undefined) {
      const id = changeId(begun);
      const until = begun.endsAtUs === null ? '' : `, at the latest ${rfc3339(begun.endsAtUs).slice(0, 16)}Z`;
      world.streams.out.write(
        `${id}  ${begun.what}   in the background, process ${pid}${until}\n` +
          `  What it has seen so far: sudo ${world.programName}; when it has ended: ${world.programName} explain\n` +
          `  End it now: sudo ${world.programName} undo ${id}\n`,
      );
      return EXIT.done;
    }
    if (world.host.look(`/proc/${pid}`) === null) break;
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  throw new FailedError('the capture in the background did not begin; the same without --detach tells why');
}

/** The words of this call for another process, which has nobody to ask. */
function sameWords(input: CommandInput): readonly string[] {
  const values = Object.entries(input.values).flatMap(([name, texts]) => texts.map((text) => `--${name}=${text}`));
  const switches = [...new Set([...input.switches, 'yes', 'quiet'])].map((name) => `--${name}`);
  return [input.words, ...values, ...switches];
}
