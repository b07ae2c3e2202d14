// The way of every command that changes the host: plan, refuse, ask, journal, act, verify, print what undoes it.

import { kindOf } from '../changes/acts/index.js';
import { applyChange } from '../changes/apply.js';
import { isHeld, type Plan, type PlanContext, planCommands } from '../changes/plan.js';
import { whileAlone } from '../changes/session.js';
import { firstFreeNumber } from '../changes/strays.js';
import { type CommandInput, hasSwitch, optionValue, optionValues } from '../cli/command.js';
import { EXIT, type ExitCode } from '../cli/exit-codes.js';
import type { AllowWord } from '../cli/global-options.js';
import { type Act, type Change, changeId } from '../model/change.js';
import { type Line, printDocument, segment, wrap } from '../presentation/document.js';
import { RefusedError, UsageError } from '../text/errors.js';
import { safeJson } from '../text/terminal-safe.js';
import { duration, rfc3339 } from '../text/time.js';
import { parseDuration } from '../text/time-words.js';
import type { World } from '../world.js';
import { changeSession, needRoot, planContext } from './change-session.js';
import { copyChanges } from './copy-changes.js';

/** Why something is not done, in UX.md's four lines: what, why, the cheaper way, the word that overrides it. */
export interface Refusal {
  readonly word: AllowWord;
  readonly what: string;
  readonly why: string;
  readonly cheaper: string | null;
}

export interface ChangeRequest {
  readonly plan: Plan;
  /** What stands against it; each can be allowed by its word. */
  readonly refusals: readonly Refusal[];
}

/** How long a change lasts: --for, or the default of its command. @throws UsageError */
export function forMs(input: CommandInput, defaultMs: number | null): number | null {
  const text = optionValue(input, 'for');
  if (text === null) return defaultMs;
  const us = parseDuration(text);
  if (us === null || us < 1_000_000 || us > 7 * 86_400e6)
    throw new UsageError(`--for: '${text}' is no time between 1 s and 7 days; give 90s, 10min, 2h`);
  return Math.round(us / 1000);
}

export type PlanOf = (context: PlanContext) => Promise<ChangeRequest>;

/** What was shown and agreed to. */
export interface Agreed {
  readonly plan: Plan;
  readonly planOf: PlanOf;
  readonly command: string;
}

/**
 * Makes the change that planOf plans, the way PRODUCT section 5 has it. planOf is asked twice: for the person, and again when no other
 * ctwhy can change the host any more; if the two differ, nothing is done.
 */
export async function makeChange(input: CommandInput, world: World, planOf: PlanOf): Promise<ExitCode> {
  const agreed = await agreeOn(input, world, planOf);
  if (typeof agreed === 'number') return agreed;
  world.stopOnSignals();
  const change = await carryOut(input, world, agreed);
  if (hasSwitch(input, 'json'))
    world.streams.out.write(`${safeJson(JSON.stringify({ ...change, id: changeId(change) }, null, 2))}\n`);
  else if (!hasSwitch(input, 'quiet')) printDocument(world.streams.out, madeDocument(agreed.plan, change, world));
  return EXIT.done;
}

/**
 * Plans, refuses, shows and asks. Changes nothing.
 * @returns what was agreed to, or how the command ends without it: a dry run, nothing to do, a no
 * @throws RefusedError, UsageError
 */
export async function agreeOn(input: CommandInput, world: World, planOf: PlanOf): Promise<Agreed | ExitCode> {
  const isDry = hasSwitch(input, 'dry-run');
  const command = typedWords(input);
  if (!isDry) needRoot(world, command);
  const session = changeSession(world);
  const { plan, refusals } = await planOf(planContext(input, world, session));
  const acts = plan.acts(await firstFreeNumber(session));
  const label = optionValue(input, 'netns');
  if (acts.length === 0 && plan.kind !== 'capture') {
    world.streams.out.write(`Nothing to do: ${plan.what} already.\n`);
    return EXIT.done;
  }
  refuse(input, world, refusals, optionValues(input, 'allow'));
  if (isDry) {
    for (const line of [...planCommands(acts, label), ...notes(plan).map((note) => `# ${note}`)])
      world.streams.out.write(`${line}\n`);
    return EXIT.done;
  }
  if (!hasSwitch(input, 'yes')) {
    if (world.ask === null)
      throw new UsageError(
        `${plan.what}: this changes the host and nobody is there to ask; add --yes, or --dry-run to see the commands`,
      );
    printDocument(world.streams.err, planDocument(plan, planCommands(acts, label)));
    if (!(await world.ask('Do this?'))) {
      world.streams.err.write('Nothing was changed.\n');
      return EXIT.failed;
    }
  }
  return { plan, planOf, command };
}

/**
 * Does what was agreed to, while no other ctwhy changes the host.
 * @param onMade hears of each act before the next one
 * @throws RefusedError when the host is another by now, PartlyChangedError when it was done in part
 */
export async function carryOut(
  input: CommandInput,
  world: World,
  { plan, planOf, command }: Agreed,
  onMade: (act: Act) => Promise<void> = async () => {},
): Promise<Change> {
  const session = changeSession(world);
  const change = await whileAlone(session, async () => {
    const context = planContext(input, world, session);
    const again = await planOf(context);
    refuse(input, world, again.refusals, optionValues(input, 'allow'));
    if (planCommands(again.plan.acts(1)).join('\n') !== planCommands(plan.acts(1)).join('\n'))
      throw new RefusedError(
        `${plan.what}: something else changed this host between the plan and the act; nothing was done, try again`,
      );
    return await applyChange(session, {
      plan: again.plan,
      place: context.place,
      netns: context.netns,
      command,
      onMade,
    });
  });
  await copyChanges(input, world);
  return change;
}

function refuse(input: CommandInput, world: World, refusals: readonly Refusal[], allowed: readonly string[]): void {
  const known = refusals.filter((refusal) => !allowed.includes(refusal.word));
  const [first] = known;
  if (first === undefined) return;
  const anyway = known.map(({ word }) => `--allow ${word}`).join(' ');
  const netns = optionValue(input, 'netns');
  const there = netns === null ? '' : ` --netns ${netns}`;
  const cheaper = first.cheaper === null ? '' : `Cheaper: ${world.programName} ${first.cheaper}${there}     `;
  throw new RefusedError(
    [`refused: ${first.what}`, ...wrap(first.why, 78, '  '), `  ${cheaper}Anyway: ${anyway}`].join('\n'),
  );
}

/** The words as they were typed, for the journal and for sudo. */
function typedWords(input: CommandInput): string {
  const options = Object.entries(input.values).flatMap(([name, values]) => values.map((value) => `--${name}=${value}`));
  const switches = [...input.switches].map((name) => `--${name}`);
  const positionals = Object.values(input.positionals).flat();
  const rest = input.rest.length === 0 ? [] : ['--', ...input.rest];
  return [input.words, ...positionals, ...options, ...switches, ...rest].join(' ');
}

function notes(plan: Plan): readonly string[] {
  return [
    ...plan.warnings,
    ...plan.seeAt,
    ...plan.stays.map((what) => `stays after undo: ${what}`),
    ...(plan.forMs === null ? [] : [`ends by itself after ${duration(plan.forMs * 1000)}`]),
  ];
}

function planDocument(plan: Plan, commands: readonly string[]): readonly Line[] {
  return [
    [segment('head', `This would be done: ${plan.what}`)],
    ...commands.flatMap((command) => command.split('\n').map((line) => [segment('cmd', `  ${line}`)])),
    ...notes(plan).flatMap((note) => wrap(note, 78, '  ')),
  ];
}

function madeDocument(plan: Plan, change: Change, world: World): readonly Line[] {
  const id = changeId(change);
  const ends =
    change.endsAtUs === null
      ? 'stands until it is taken back'
      : `ends ${rfc3339(change.endsAtUs).slice(11, 19)} UTC, in ${duration(change.endsAtUs - world.clock.nowUs())}`;
  const said = (label: string, texts: readonly string[], role: 'plain' | 'warn' = 'plain') =>
    texts.flatMap((text) =>
      wrap(text, 80, ' '.repeat(12)).map((line, index) => [
        segment('plain', index === 0 ? `  ${label.padEnd(10)}` : ' '.repeat(12)),
        segment(role, line.slice(12)),
      ]),
    );
  const head = `${id}  ${plan.what}`;
  const isShort = head.length + 3 + ends.length <= 80;
  return [
    [segment('head', head), ...(isShort ? [segment('plain', `   ${ends}`)] : [])],
    ...(isShort ? [] : said('Time', [ends])),
    ...said(
      'Done',
      change.acts.filter((act) => !isHeld(act)).map((act) => `${kindOf(act).says(act)}`),
    ),
    ...said('See it', plan.seeAt),
    ...said('Mind', plan.warnings, 'warn'),
    ...said('Stays', plan.stays),
    [segment('plain', '  Take back '), segment('cmd', `sudo ${world.programName} undo ${id}`)],
  ];
}
