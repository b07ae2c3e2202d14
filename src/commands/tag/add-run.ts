// The work of ctwhy tag add.

import { planTag } from '../../changes/plan-tag.js';
import type { TagTable } from '../../changes/rules/nft-table-script.js';
import { type CommandInput, hasSwitch, optionValue, optionValues } from '../../cli/command.js';
import type { ExitCode } from '../../cli/exit-codes.js';
import { PACKET_FILTER_OPTIONS } from '../../cli/global-options.js';
import { type ConsoleFacts, readConsoles, slowConsolesReached } from '../../survey/console.js';
import { type FoundRule, findRule } from '../../survey/find-rule.js';
import { isTracking, readFirewall } from '../../survey/firewall.js';
import { loggerModule } from '../../survey/logger-module.js';
import { readLogging } from '../../survey/logging.js';
import { readEntries } from '../../survey/matching-entries.js';
import { UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { type ChangeRequest, forMs, makeChange, type Refusal } from '../make-change.js';
import {
  familyOption,
  filterRefusals,
  filterText,
  packetFilter,
  START_TRACKING,
  withStartOfTracking,
} from '../packet-filter-words.js';
import { chooseBackend, rateOption } from '../trace/add-run.js';

const DEFAULT_MS = 5 * 60_000;
const STATES = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];
/** By number, as printk counts; LOG takes the names. */
const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
const ALIASES: Readonly<Record<string, string>> = { panic: 'emerg', error: 'err', warning: 'warn' };
const INFO = 6;

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const at = optionValue(input, 'at');
  const table = optionValue(input, 'table');
  const filter = packetFilter(input, world);
  checkPlace(input, { at, table });
  const states = statesOption(input);
  const rate = rateOption(input);
  const lastsMs = forMs(input, DEFAULT_MS)!;
  const consoles = readConsoles(world.host);
  const level = levelOption(input, consoles);
  return await makeChange(input, world, async (context): Promise<ChangeRequest> => {
    const firewall = await readFirewall(world.host);
    const backend = chooseBackend(input, firewall);
    const wantedBackend = optionValue(input, 'backend') as 'nft' | 'legacy' | null;
    const rule: FoundRule | null =
      at === null ? null : await findRule(world.host, at, { family: familyOption(input), backend: wantedBackend });
    const wish = {
      filter,
      filterText: filterText(filter),
      states,
      rate,
      options: {
        level: LEVELS[level]!,
        tcpSequence: hasSwitch(input, 'log-tcp-sequence'),
        tcpOptions: hasSwitch(input, 'log-tcp-options'),
        ipOptions: hasSwitch(input, 'log-ip-options'),
        uid: hasSwitch(input, 'log-uid'),
      },
      table: table as TagTable | null,
      at: rule,
      backend,
      forMs: lastsMs,
    };
    const plan = await planTag(context, await readLogging(world.host), wish, (family) =>
      loggerModule(world.host, family),
    );
    const refusals: Refusal[] = [];
    const tracks = isTracking(world.host, firewall);
    if (!tracks) refusals.push(START_TRACKING);
    if (rule === null) refusals.push(...(await filterRefusals(filter, world, await readEntries(world.host))));
    refusals.push(...consoleRefusals(consoles, level));
    return { plan: tracks ? plan : withStartOfTracking(plan), refusals };
  });
}

/** @throws UsageError for words that exclude each other */
function checkPlace(
  input: CommandInput,
  { at, table }: { readonly at: string | null; readonly table: string | null },
): void {
  if (table === 'raw')
    throw new UsageError(
      '--table raw: conntrack comes behind raw, so every packet tests as INVALID there; leave --table out',
    );
  if (at !== null && table !== null) throw new UsageError('--at names its table itself; leave --table out');
  if (at === null) return;
  const given = PACKET_FILTER_OPTIONS.filter(({ name }) => !['ipv4', 'ipv6'].includes(name)).find(
    ({ name, argument }) => (argument === undefined ? hasSwitch(input, name) : optionValue(input, name) !== null),
  );
  if (given !== undefined) throw new UsageError(`--at takes the match of that rule; --${given.name} cannot narrow it`);
}

function statesOption(input: CommandInput): readonly string[] {
  const words = optionValues(input, 'ctstate')
    .flatMap((text) => text.split(','))
    .map((word) => word.trim().toUpperCase())
    .filter((word) => word !== '');
  const odd = words.find((word) => !STATES.includes(word));
  if (odd !== undefined) throw new UsageError(`--ctstate takes ${STATES.join(', ')}, not '${odd}'`);
  return words.length === 0 ? STATES : [...new Set(words)];
}

/** The level asked for; otherwise info, or debug where info would reach a slow console. */
function levelOption(input: CommandInput, consoles: ConsoleFacts): number {
  const text = optionValue(input, 'log-level')?.toLowerCase() ?? null;
  if (text === null) return slowConsolesReached(consoles, INFO).length > 0 ? INFO + 1 : INFO;
  const level = /^[0-7]$/.test(text) ? Number(text) : LEVELS.indexOf(ALIASES[text] ?? text);
  if (level < 0) throw new UsageError(`--log-level: '${text}' is no level; give ${LEVELS.join(', ')} or 0 to 7`);
  return level;
}

function consoleRefusals(consoles: ConsoleFacts, level: number): readonly Refusal[] {
  const slow = slowConsolesReached(consoles, level);
  return slow.length === 0
    ? []
    : [
        {
          word: 'console',
          what: `lines of level ${LEVELS[level]} would be printed on ${slow.join(', ')} too.`,
          why: 'A serial console takes a millisecond a line and the kernel waits for it. Lower the console log level (dmesg -n 4), or give --log-level debug.',
          cheaper: null,
        },
      ];
}
