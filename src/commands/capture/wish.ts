// A capture as it was asked for: the words of the command line, checked.

import { effectiveShare } from '../../changes/rules/effective-filter.js';
import type { Rate } from '../../changes/rules/nft-table-script.js';
import { type CommandInput, hasSwitch, optionValue } from '../../cli/command.js';
import type { PacketFilter } from '../../model/packet-filter.js';
import { UsageError } from '../../text/errors.js';
import { parseDuration } from '../../text/time-words.js';
import type { World } from '../../world.js';
import { forMs } from '../make-change.js';
import { filterText, packetFilter } from '../packet-filter-words.js';
import { rateOption } from '../trace/add-run.js';
import { filterOfProcess } from './process-sockets.js';
import { ALL_QUESTION, INVALID_QUESTION, type Question, STOP_ON, type StopOn, SYMPTOMS, widened } from './question.js';
import type { Via } from './via.js';

export interface CaptureWishes {
  readonly filter: PacketFilter;
  readonly filterText: string;
  readonly question: Question;
  readonly rate: Rate;
  /** How long it looks at most. */
  readonly forMs: number;
  /** The command that shows the fault, a word each; NULL: it just looks. */
  readonly command: readonly string[] | null;
  /** Collects what the host shows anyway. */
  readonly isReadOnly: boolean;
  readonly via: Via | null;
  /** What ends it, five seconds later. */
  readonly stopOn: StopOn | null;
  /** It runs in the background, for hours, and keeps what came last. */
  readonly isDetached: boolean;
  /** Another snapshot so often while it waits, of which the last are kept; NULL: one before and one after. */
  readonly everyMs: number | null;
}

const DEFAULT_MS = 60_000;
/** A command of one's own takes as long as it takes, but a forgotten one must not leave the host as it is. */
const DEFAULT_WITH_COMMAND_MS = 10 * 60_000;

/** Who waits for a moment does not know when it comes. */
/** Reading a large table takes seconds: not more often than that unless asked. */
const DEFAULT_EVERY_MS = 5 * 60_000;
const DEFAULT_DETACHED_MS = 12 * 3_600_000;

/** @throws UsageError; FailedError for a process without sockets */
export async function captureWishes(input: CommandInput, world: World): Promise<CaptureWishes> {
  const pid = optionValue(input, 'pid');
  const isReadOnly = hasSwitch(input, 'read-only');
  const stopOn = optionValue(input, 'stop-on') as StopOn | null;
  const via = optionValue(input, 'via') as Via | null;
  const isDetached = hasSwitch(input, 'detach');
  const asked = packetFilter(input, world);
  if (pid !== null && effectiveShare(asked) < 1)
    throw new UsageError('--pid names the packets; no other filter beside it');
  const filter = pid === null ? asked : await filterOfProcess(world, pid);
  const command = input.rest.length === 0 ? null : input.rest;
  if (command?.[0] === '') throw new UsageError('the command behind -- is empty');
  if (isReadOnly && (via !== null || hasSwitch(input, 'all')))
    throw new UsageError('--read-only switches nothing on: neither --all nor --via');
  if (isDetached && command !== null)
    throw new UsageError('--detach waits for something to happen by itself; a command behind -- runs here');
  if (isDetached && via === 'nflog')
    throw new UsageError('--detach keeps the last lines, and a capture file cannot lose its first ones: --via log');
  const question = questionOf(input);
  if (stopOn !== null && question.conditions === null)
    throw new UsageError(`--symptom ${question.id} traces no packet, so --stop-on would never come`);
  return {
    filter,
    filterText: pid === null ? filterText(filter) : `process ${pid}: ${filterText(filter)}`,
    question: stopOn === null ? question : widened(question, STOP_ON[stopOn]),
    isReadOnly,
    via: isDetached ? 'log' : via,
    stopOn,
    isDetached,
    everyMs: everyMs(input, isDetached),
    rate: rateOption(input),
    forMs: forMs(input, isDetached ? DEFAULT_DETACHED_MS : command === null ? DEFAULT_MS : DEFAULT_WITH_COMMAND_MS)!,
    command,
  };
}

/** @throws UsageError */
function everyMs(input: CommandInput, isDetached: boolean): number | null {
  const text = optionValue(input, 'every');
  if (text === null) return isDetached ? DEFAULT_EVERY_MS : null;
  const us = parseDuration(text);
  if (us === null || us < 5_000_000 || us > 86_400e6)
    throw new UsageError(`--every: '${text}' is no time between 5 s and a day; give 30s, 5min`);
  return Math.round(us / 1000);
}

/** @throws UsageError */
function questionOf(input: CommandInput): Question {
  const symptom = optionValue(input, 'symptom');
  if (symptom !== null && hasSwitch(input, 'all'))
    throw new UsageError('--all and --symptom are two different questions');
  if (hasSwitch(input, 'all')) return ALL_QUESTION;
  return symptom === null ? INVALID_QUESTION : SYMPTOMS.find(({ id }) => id === symptom)!;
}
