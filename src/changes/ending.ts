// Sees to it that a change ends also when this process is gone: a systemd timer where there is systemd, and a keeper process that watches
// the volume and ends the change itself where there is not.

import { HostError } from '../host/host.js';
import { type Change, changeId, type Ending } from '../model/change.js';
import { firstNetns } from '../survey/first-netns.js';
import { complaintOf } from './change-host.js';
import type { ChangeSession } from './session.js';

const hasSystemd = (session: ChangeSession) => session.host.look('/run/systemd/system') !== null;

/** Units are told apart by journal: two journals on one machine may count alike. */
function unitName(session: ChangeSession, what: 'end' | 'keep', change: Change): string {
  const own = session.environment['CTWHY_CHANGES'];
  const suffix = own === undefined ? '' : `-${own.replace(/[^A-Za-z0-9]+/g, '_')}`;
  return `ctwhy-${what}-${change.number}${suffix}`;
}

/**
 * Arranges the end of a change, and a keeper that watches it. What was made to stay has neither. Done after the intent is journaled and before the first act.
 * @throws HostError when nothing could be arranged: then the change must not be made
 */
export async function arrangeEnd(session: ChangeSession, change: Change): Promise<Ending | null> {
  if (change.isStanding) return null;
  const id = changeId(change);
  const [program, ...leading] = session.self;
  const withEnvironment = Object.entries(session.environment).map(([name, value]) => `--setenv=${name}=${value}`);
  if (hasSystemd(session)) {
    const timerUnit = `${unitName(session, 'end', change)}.timer`;
    const keeperUnit = `${unitName(session, 'keep', change)}.service`;
    const unit = (name: string) => `--unit=${name.replace(/\.(timer|service)$/, '')}`;
    try {
      if (change.endsAtUs !== null)
        await started(session, [
          unit(timerUnit),
          `--on-active=${Math.max(1, Math.ceil((change.endsAtUs - session.nowUs()) / 1e6))}s`,
          '--timer-property=AccuracySec=1s',
          ...withEnvironment,
          program!,
          ...leading,
          ...['undo', id, '--yes', '--because', 'time'],
        ]);
      await started(session, [unit(keeperUnit), ...withEnvironment, program!, ...leading, 'changes', 'keep', id]);
    } catch (error) {
      // One that gave no answer in time may have made its timer all the same.
      if (change.endsAtUs !== null) await stopTimer(session, timerUnit);
      throw error;
    }
    return { timerUnit: change.endsAtUs === null ? null : timerUnit, keeperUnit, keeperPid: null };
  }
  // The keeper must not hold the namespace of the change alive: it lives in the first one where it can get there.
  const words = [program!, ...leading, 'changes', 'keep', id];
  const first = session.host.find('nsenter') === null ? null : await firstNetns(session.host);
  const keeperPid =
    typeof first === 'string'
      ? session.host.startDetached('nsenter', [`--net=${first}`, '--', ...words], session)
      : session.host.startDetached(program!, words.slice(1), session);
  return { timerUnit: null, keeperUnit: null, keeperPid };
}

async function started(session: ChangeSession, args: readonly string[]): Promise<void> {
  const result = await session.host.runChanging('systemd-run', ['--quiet', '--collect', ...args]);
  if (result.exitStatus !== 0) throw new HostError('failed', 'systemd-run', `systemd-run: ${complaintOf(result)}`);
}

/** Stops what would end the change. Called by the ender itself too: its own unit and process are left to finish. */
export async function cancelEnd(session: ChangeSession, change: Change): Promise<void> {
  const { ending } = change;
  if (ending === null) return;
  if (ending.timerUnit !== null) await stopTimer(session, ending.timerUnit);
  // The keeper sees within a second that the change is ended and goes by itself.
}

/** A timer that is gone, or cannot be stopped, does no harm: what it starts finds the change ended. */
async function stopTimer(session: ChangeSession, unit: string): Promise<void> {
  await session.host.runChanging('systemctl', ['stop', unit]).catch(() => {});
}

/** Whether the process or units that should end the change are still there. */
export async function hasEnder(session: ChangeSession, change: Change): Promise<boolean> {
  const { ending } = change;
  if (ending === null) return false;
  const unit = ending.timerUnit ?? ending.keeperUnit;
  if (unit !== null) {
    const result = await session.host.run('systemctl', ['is-active', unit]).catch(() => null);
    return result?.exitStatus === 0;
  }
  if (ending.keeperPid === null) return false;
  const words = session.host.readOrNull(`/proc/${ending.keeperPid}/cmdline`)?.split('\0') ?? [];
  return words.includes('keep') && words.includes(changeId(change));
}
