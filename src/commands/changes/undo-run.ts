// The work of undoing: which changes are meant, in which order, what became of each, and one exit code.

import { sharedName } from '../../changes/acts/index.js';
import { pastedUndoing } from '../../changes/pasted.js';
import { whileAlone } from '../../changes/session.js';
import { findStrays, removeStray } from '../../changes/strays.js';
import { type UndoOutcome, undoChange } from '../../changes/undo.js';
import { type CommandInput, hasSwitch, optionValue, optionValues } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { type Change, type ChangeKind, changeId, changeNumber } from '../../model/change.js';
import { type Line, printDocument, segment, wrap } from '../../presentation/document.js';
import { FailedError, UsageError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { changeSession, needRoot } from '../change-session.js';
import { copyChanges } from '../copy-changes.js';

export function run(input: CommandInput, world: World): Promise<ExitCode> {
  if (hasSwitch(input, 'strays')) return undoStrays(input, world);
  return undo(input, world, null);
}

/**
 * Takes back the changes that are named, or all of a kind.
 * @param kind NULL: any
 */
export async function undo(input: CommandInput, world: World, kind: ChangeKind | null): Promise<ExitCode> {
  const session = changeSession(world);
  const { changes, unreadable } = session.journal.read();
  const live = changes.filter((change) => change.state !== 'ended');
  const chosen = chosenChanges(input, kind, changes, live);
  const isDry = hasSwitch(input, 'dry-run');
  if (isDry) {
    const staying = live.filter((change) => !chosen.includes(change));
    const isNeeded = (name: string | null) =>
      name !== null &&
      staying.some((other) => other.acts.some((act) => sharedName(act, other.place.netnsInode) === name));
    const lines = chosen.flatMap((change) =>
      [...change.acts]
        .reverse()
        .filter((act) => !isNeeded(sharedName(act, change.place.netnsInode)))
        .flatMap((act) => pastedUndoing(act, change.place.label)),
    );
    for (const line of new Set(lines)) world.streams.out.write(`${line}\n`);
    return EXIT.done;
  }
  if (chosen.length > 0) needRoot(world, `undo ${chosen.map(changeId).join(' ')}`);
  const how = optionValue(input, 'because') === 'time' ? ('time ran out' as const) : ('undone' as const);
  const evenIfChanged = optionValues(input, 'allow').includes('changed');
  world.stopOnSignals(); // Ctrl-C between two changes; never in the middle of one
  const outcomes: UndoOutcome[] = [];
  for (const change of chosen) {
    if (world.signal.aborted) break;
    outcomes.push(
      await whileAlone(session, async () => {
        // Somebody else may have ended or renewed it since it was listed.
        const now = session.journal.read().changes.find((one) => one.number === change.number) ?? change;
        return now.state === 'ended'
          ? { change: now, done: [], gone: [], kept: [], left: [] }
          : await undoChange(session, now, { how, evenIfChanged });
      }),
    );
  }
  if (outcomes.length > 0) await copyChanges(input, world);
  if (hasSwitch(input, 'json'))
    world.streams.out.write(
      `${safeJson(JSON.stringify({ schema: 'ctwhy.undo/1', undone: outcomes.map(({ change, ...rest }) => ({ id: changeId(change), what: change.what, result: change.result, ...rest })), unreadable }, null, 2))}\n`,
    );
  else printDocument(world.streams.out, undoDocument(outcomes, world, live.length - chosen.length));
  for (const { path, why } of unreadable)
    world.streams.err.write(
      `ctwhy: ${path} cannot be read (${why}); what it stood for is found with: sudo ${world.programName} undo --strays\n`,
    );
  if (outcomes.some(({ left }) => left.length > 0)) return EXIT.partlyChanged;
  return unreadable.length > 0 ? EXIT.failed : EXIT.done;
}

/** Newest first. @throws UsageError, FailedError for a number that was never given */
function chosenChanges(
  input: CommandInput,
  kind: ChangeKind | null,
  changes: readonly Change[],
  live: readonly Change[],
): readonly Change[] {
  const ids = input.positionals['id'] ?? [];
  const isAll = hasSwitch(input, 'all') || kind !== null;
  if (ids.length === 0 && !isAll)
    throw new UsageError(
      live.length === 0
        ? 'undo needs to know what: a change (C7), --all or --strays; none of ctwhy is on here'
        : `undo needs to know what: ${live.map(changeId).join(', ')} or --all`,
    );
  if (ids.length === 0) {
    const withStanding = hasSwitch(input, 'standing');
    return live
      .filter((change) => (kind === null ? withStanding || !change.isStanding : change.kind === kind))
      .reverse();
  }
  return ids
    .map((id) => {
      const number = changeNumber(id);
      if (number === null) throw new UsageError(`'${id}' is no change; they are called C1, C2 … (ctwhy changes)`);
      const change = changes.find((one) => one.number === number);
      if (change === undefined)
        throw new FailedError(`there is no change ${id.toUpperCase()} in the journal of this host`);
      if (kind !== null && change.kind !== kind)
        throw new UsageError(`${id} is a change of ${change.kind}, not of ${kind}`);
      return change;
    })
    .sort((a, b) => b.number - a.number);
}

function undoDocument(outcomes: readonly UndoOutcome[], world: World, others: number): readonly Line[] {
  if (outcomes.length === 0)
    return [
      others === 0
        ? 'Nothing of ctwhy is on here.'
        : `Nothing temporary is on here. What was made to stay is left: ${world.programName} undo --all --standing`,
    ];
  const lines: Line[] = [];
  const said = (label: string, texts: readonly string[], role: 'plain' | 'warn' | 'bad' | 'good') => {
    for (const text of texts)
      for (const [index, line] of wrap(text, 80, ' '.repeat(12)).entries())
        lines.push([
          segment('plain', index === 0 ? `  ${label.padEnd(10)}` : ' '.repeat(12)),
          segment(role, line.slice(12)),
        ]);
  };
  for (const { change, done, gone, kept, left } of outcomes) {
    const wasEnded = [done, gone, kept, left].every((texts) => texts.length === 0) && change.result !== null;
    const word = wasEnded
      ? segment(
          'plain',
          `was ended already: ${change.result!.how}, ${rfc3339(change.result!.endedAtUs).slice(0, 19)} UTC`,
        )
      : left.length > 0
        ? segment('bad', 'put back only in part')
        : segment('good', 'put back');
    lines.push([segment('head', `${changeId(change)}  ${change.what}   `), word]);
    said('Back', done, 'plain');
    said('Was gone', gone, 'plain');
    said('Kept', kept, 'plain');
    said(
      'Left',
      left.map(({ what, why }) => `${what}: ${why}`),
      'bad',
    );
    said('Stays', change.stays, 'plain');
    if (change.result?.note != null) said('Note', [change.result.note], 'plain');
  }
  for (const { change, left } of outcomes) {
    if (left.length === 0) continue;
    const isRetryable = left.some((one) => one.isRetryable);
    lines.push([
      segment(
        'plain',
        isRetryable ? '  The host refused; try again: ' : '  What is left can be put back all the same: ',
      ),
      segment('cmd', `sudo ${world.programName} undo ${changeId(change)}${isRetryable ? '' : ' --allow changed'}`),
    ]);
  }
  if (others > 0) lines.push(`${others} more on: ${world.programName} changes`);
  return lines;
}

async function undoStrays(input: CommandInput, world: World): Promise<ExitCode> {
  const session = changeSession(world);
  const strays = await findStrays(session);
  if (strays.length === 0) {
    world.streams.out.write('No rules of ctwhy that its journal does not know.\n');
    return EXIT.done;
  }
  if (hasSwitch(input, 'dry-run')) {
    for (const stray of strays) world.streams.out.write(`${stray.undoing}\n`);
    return EXIT.done;
  }
  needRoot(world, 'undo --strays');
  if (!hasSwitch(input, 'yes')) {
    for (const stray of strays) world.streams.err.write(`  ${stray.what}\n`);
    if (world.ask === null) throw new UsageError('nobody is there to ask; add --yes, or --dry-run to see the commands');
    if (!(await world.ask('Remove these?'))) return EXIT.failed;
  }
  await whileAlone(session, async () => {
    for (const stray of strays) {
      await removeStray(session, stray);
      world.streams.out.write(`removed ${stray.what}\n`);
    }
  });
  return EXIT.done;
}
