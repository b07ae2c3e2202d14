// ctwhy help time: the words for times, with what each means right now.

import { rfc3339 } from '../../text/time.js';
import { parseDuration, parseTime } from '../../text/time-words.js';
import type { Topic } from './topic.js';

const MOMENTS = [
  'now',
  'today',
  'yesterday',
  'yesterday 14:05',
  '14:05',
  '14:05:30.250',
  '-90s',
  '10 min ago',
  '2 h 30 min ago',
  '2026-11-21',
  '2026-11-21 10:15',
  '2026-11-21T10:15:03Z',
  '2026-11-21 10:15 +02:00',
  '2026-11-21 10:15 Europe/Berlin',
  '@1795267151.5',
] as const;
const LENGTHS = ['90', '500ms', '5 min', '1h30m', '2 days', '1 w'] as const;

/** Lengths as plain seconds: what a script would write. */
const seconds = (text: string): string => `${(parseDuration(text) ?? 0) / 1e6} s`;

export const timeTopic: Topic = {
  name: 'time',
  says: 'how to write times: --since, --until, --boot-time',
  async lines(world) {
    const context = { nowUs: world.clock.nowUs(), zone: world.environment['TZ'] || 'UTC' };
    return [
      'Times are written in the words of systemd.time(7).',
      '',
      `  you write                         means, at ${rfc3339(context.nowUs).slice(0, 19)}Z`,
      ...MOMENTS.map((text) => `  ${`"${text}"`.padEnd(33)} ${rfc3339(parseTime(text, context))}`),
      '',
      '  A length of time',
      ...LENGTHS.map((text) => `  ${`"${text}"`.padEnd(33)} ${seconds(text)}`),
      '',
      `Times without a zone are in ${context.zone} (TZ). What is printed is UTC.`,
      'What a log lacks is told with --year, --tz and --boot-time.',
    ];
  },
};
