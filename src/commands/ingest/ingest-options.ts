// What people state about files that do not say it themselves, from the command line to the ingest.

import { type CommandInput, optionValue } from '../../cli/command.js';
import type { IngestOptions } from '../../ingest/options.js';
import { UsageError } from '../../text/errors.js';
import { parseTime, zoneOffsetUs } from '../../text/time-words.js';
import type { World } from '../../world.js';
import { kernelOption } from '../reasons/kernel-option.js';

/** @throws UsageError for a time, year or zone nobody understands */
export function ingestOptions(input: CommandInput, world: World): IngestOptions {
  const value = (name: string) => optionValue(input, name);
  const nowUs = world.clock.nowUs();
  const zone = value('tz');
  if (zone !== null) zoneOffsetUs(zone, nowUs);
  const year = value('year');
  if (year !== null && !/^(19|20)\d{2}$/.test(year))
    throw new UsageError(`--year takes a year such as 2026, not '${year}'`);
  const boot = value('boot-time');
  const host = value('host');
  const kernel = value('kernel');
  // Throws for what is no release; the text is kept as it was given.
  kernelOption(input);
  return {
    ...(zone === null ? {} : { timeZone: zone }),
    ...(year === null ? {} : { year: Number(year) }),
    ...(boot === null ? {} : { bootAtUs: parseTime(boot, { nowUs, zone: zone ?? 'UTC' }), bootErrorUs: 1_000_000 }),
    ...(host === null ? {} : { hostName: host }),
    ...(kernel === null ? {} : { kernelRelease: kernel }),
  };
}
