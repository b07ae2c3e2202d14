// Snapshots at an interval, as a standing change: two files of systemd's and a timer that is started with the host.

import { type Change, changeId } from '../model/change.js';
import { THINNING_WORDS } from '../store/prune-snapshots.js';
import { RefusedError, UnsupportedError } from '../text/errors.js';
import type { Plan, PlanContext } from './plan.js';
import {
  cronLine,
  SCHEDULE_SERVICE,
  SCHEDULE_TIMER,
  type Schedule,
  serviceText,
  spanWords,
  timerText,
  UNIT_FOLDER,
} from './schedule-units.js';

/** SQLite grows by pages: the least that can be measured. */
export const PAGE_BYTES = 4096;

/** What two snapshots into a store of their own took. */
export interface Trial {
  /** Of the slower one, with the start of the program. */
  readonly durationMs: number;
  readonly firstBytes: number;
  /** What the second one added. */
  readonly nextBytes: number;
}

/**
 * Plans the schedule.
 * @param trial NULL: none was made
 * @throws UnsupportedError without systemd, with the line for cron; RefusedError where another schedule stands
 */
export function planSchedule(context: PlanContext, schedule: Schedule, trial: Trial | null): Plan {
  const { host, live } = context;
  if (host.look('/run/systemd/system') === null) throw new UnsupportedError(withoutSystemd(schedule));
  const standing = live.find((change) => change.kind === 'snapshot-schedule');
  if (standing !== undefined) throw new RefusedError(alreadyStands(standing));
  const service = `${UNIT_FOLDER}/${SCHEDULE_SERVICE}`;
  const timer = `${UNIT_FOLDER}/${SCHEDULE_TIMER}`;
  const written = (path: string, text: string) => ({
    is: 'unit-file' as const,
    path,
    text,
    before: host.look(path) === null ? null : host.read(path),
  });
  const every = spanWords(schedule.everyS);
  return {
    kind: 'snapshot-schedule',
    what: `snapshot every ${every}, ${SCHEDULE_TIMER}`,
    acts: () => [
      written(service, serviceText(schedule)),
      written(timer, timerText(schedule)),
      { is: 'unit', unit: SCHEDULE_TIMER, paths: [service, timer] },
    ],
    forMs: null,
    isStanding: true,
    stays: [`the store, ${schedule.storePath}`],
    warnings: [
      ...(trial === null
        ? []
        : [
            `a day of it takes up to ${size(trial.firstBytes + (Math.max(trial.nextBytes, PAGE_BYTES) * 86_400) / schedule.everyS)} while the table changes little, more where it does`,
          ]),
      schedule.keep === null
        ? 'nothing is thrown away: --keep 7d limits what it takes'
        : `after ${schedule.keep} they go; before that, of those ${THINNING_WORDS}`,
    ],
    seeAt: [`ctwhy snapshot list; systemctl list-timers ${SCHEDULE_TIMER}; journalctl -u ${SCHEDULE_SERVICE}`],
  };
}

function withoutSystemd(schedule: Schedule): string {
  const line = cronLine(schedule);
  const instead =
    line === null
      ? `ctwhy snapshot take --every ${spanWords(schedule.everyS).replace(' ', '')} does it in the foreground`
      : `with cron, a file in /etc/cron.d with this line does it:\n  ${line}`;
  return `a schedule is kept by systemd, which does not run here; ${instead}`;
}

function alreadyStands(change: Change): string {
  return `a schedule stands already: ${changeId(change)}, ${change.what}. Take it back first: ctwhy snapshot unschedule`;
}

/** '14 MB'. */
export function size(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB'] as const;
  let value = bytes;
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at++;
  }
  return `${at === 0 || value >= 100 ? Math.round(value) : Number(value.toPrecision(2))} ${units[at]}`;
}
