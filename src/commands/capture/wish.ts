// A capture as it was asked for: the words of the command line, checked.

import type { Rate } from '../../changes/rules/nft-table-script.js';
import { type CommandInput, hasSwitch } from '../../cli/command.js';
import type { PacketFilter } from '../../model/packet-filter.js';
import { UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { forMs } from '../make-change.js';
import { filterText, packetFilter } from '../packet-filter-words.js';
import { rateOption } from '../trace/add-run.js';
import { ALL_QUESTION, INVALID_QUESTION, type Question } from './question.js';

export interface CaptureWishes {
  readonly filter: PacketFilter;
  readonly filterText: string;
  readonly question: Question;
  readonly rate: Rate;
  /** How long it looks at most. */
  readonly forMs: number;
  /** The command that shows the fault, a word each; NULL: it just looks. */
  readonly command: readonly string[] | null;
}

const DEFAULT_MS = 60_000;
/** A command of one's own takes as long as it takes, but a forgotten one must not leave the host as it is. */
const DEFAULT_WITH_COMMAND_MS = 10 * 60_000;

/** @throws UsageError */
export function captureWishes(input: CommandInput, world: World): CaptureWishes {
  const filter = packetFilter(input, world);
  const command = input.rest.length === 0 ? null : input.rest;
  if (command?.[0] === '') throw new UsageError('the command behind -- is empty');
  return {
    filter,
    filterText: filterText(filter),
    question: hasSwitch(input, 'all') ? ALL_QUESTION : INVALID_QUESTION,
    rate: rateOption(input),
    forMs: forMs(input, command === null ? DEFAULT_MS : DEFAULT_WITH_COMMAND_MS)!,
    command,
  };
}
