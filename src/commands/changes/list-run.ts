// The work of ctwhy changes list.

import { whyNoRights } from '../../changes/rights.js';
import { type ChangeStanding, standingOf } from '../../changes/standing.js';
import { type CommandInput, hasSwitch } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { type Change, type ChangeKind, changeId } from '../../model/change.js';
import { type Line, printDocument, segment, wrap } from '../../presentation/document.js';
import { printRows } from '../../presentation/rows.js';
import { duration, rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { changeSession } from '../change-session.js';
import { limited, rowFormat, rowLimit } from '../row-output.js';

const DAY_US = 86_400e6;

export function run(input: CommandInput, world: World): Promise<ExitCode> {
  return listChanges(input, world, null);
}

/** The journal, or one kind of changes in it. */
export async function listChanges(input: CommandInput, world: World, kind: ChangeKind | null): Promise<ExitCode> {
  const session = changeSession(world);
  const { changes, unreadable } = session.journal.read();
  const shown = changes
    .filter(
      (change) => hasSwitch(input, 'ended') || change.state !== 'ended' || wasSwitchedOff(change, world.clock.nowUs()),
    )
    .filter((change) => kind === null || change.kind === kind);
  const standings: ChangeStanding[] = [];
  for (const change of shown) standings.push(await standingOf(session, change));
  const now = world.clock.nowUs();
  // Overdue first, then the newest, then what was made to stay.
  const rank = ({ change, isLate }: ChangeStanding) =>
    isLate ? 0 : change.state === 'ended' ? 3 : change.isStanding ? 2 : 1;
  standings.sort((a, b) => rank(a) - rank(b) || b.change.number - a.change.number);
  const isDocument = world.streams.out.isTerminal && input.values['output'] === undefined && !hasSwitch(input, 'json');
  if (!isDocument) {
    const rows = standings.map(({ change, word, isLate }) => [
      changeId(change),
      rfc3339(change.madeAtUs),
      change.endsAtUs === null ? null : rfc3339(change.endsAtUs),
      change.kind,
      change.what,
      word,
      isLate ? 1 : 0,
      change.place.label ?? change.place.netnsInode,
      change.result?.how ?? null,
    ]);
    printRows(
      world.streams.out,
      {
        columns: ['id', 'made_at', 'ends_at', 'kind', 'what', 'state', 'late', 'netns', 'how_ended'],
        rows: limited(rows, rowLimit(input)),
      },
      { format: rowFormat(input, world), generatedAt: rfc3339(now) },
    );
  } else printDocument(world.streams.out, listDocument(standings, now, world));
  for (const { path, why } of unreadable) world.streams.err.write(`ctwhy: ${path} cannot be read: ${why}\n`);
  const why = whyNoRights(world.host);
  if (why !== null && standings.some(({ word }) => word === 'UNKNOWN')) world.streams.err.write(`ctwhy: ${why}\n`);
  return EXIT.done;
}

/** What went off by itself against the person's will is shown for a day: no line since then means nothing. */
function wasSwitchedOff({ result }: Change, nowUs: number): boolean {
  return result?.how === 'breaker' && nowUs - result.endedAtUs < DAY_US;
}

function clockTime(atUs: number, nowUs: number): string {
  const text = rfc3339(atUs);
  return Math.abs(nowUs - atUs) < DAY_US ? text.slice(11, 19) : text.slice(0, 10);
}

function endsWord({ change, isLate }: ChangeStanding, nowUs: number): string {
  if (change.state === 'ended') return change.result?.how ?? 'ended';
  if (change.endsAtUs === null) return 'stands';
  return isLate ? `${rfc3339(change.endsAtUs).slice(11, 16)} LATE` : `in ${duration(change.endsAtUs - nowUs)}`;
}

function listDocument(standings: readonly ChangeStanding[], nowUs: number, world: World): readonly Line[] {
  const name = world.programName;
  if (standings.length === 0) return ['Nothing of ctwhy is on here.'];
  const width = Math.max(60, world.streams.out.width);
  const whatWidth = width - 4 - 12 - 16 - 9;
  const lines: Line[] = [
    [segment('head', `${'ID'.padEnd(4)}${'MADE'.padEnd(12)}${'ENDS'.padEnd(16)}${'WHAT'.padEnd(whatWidth)}STATE`)],
  ];
  for (const one of standings) {
    const { change, word, isLate } = one;
    const [first, ...more] = wrap(change.what, whatWidth - 2);
    const role = change.state === 'ended' ? 'dim' : 'plain';
    lines.push([
      segment(role, `${changeId(change).padEnd(4)}${clockTime(change.madeAtUs, nowUs).padEnd(12)}`),
      segment(isLate ? 'bad' : role, endsWord(one, nowUs).padEnd(16)),
      segment(role, (first ?? '').padEnd(whatWidth)),
      segment(word === 'on' || word === 'ended' ? role : 'bad', word),
    ]);
    for (const line of more) lines.push(`${' '.repeat(32)}${line}`);
    for (const { standing } of one.acts)
      if (standing?.found.includes('packets seen') === true)
        lines.push([segment('dim', `${' '.repeat(32)}${standing.found.replace(/^there: /, '')}`)]);
  }
  for (const { change, word, isLate, isOrphan, acts } of standings) {
    const id = changeId(change);
    if (isOrphan)
      lines.push(...wrap(`${id} will not end by itself: what should end it is gone. Take it back by hand.`, width));
    if (isLate) lines.push(...wrap(`${id} is overdue: what should have ended it is gone.`, width));
    for (const { act: _act, standing } of acts)
      if (word === 'CHANGED' && standing?.is === 'other')
        lines.push(
          ...wrap(`${id} was changed by somebody else since (${standing.found}): undo will leave that part.`, width),
        );
    if (word === 'GONE' && change.state !== 'ended')
      lines.push(
        ...wrap(
          `${id} is not there any more (a reboot, a flush, a deleted namespace): undo clears the journal.`,
          width,
        ),
      );
  }
  for (const { change } of standings)
    if (wasSwitchedOff(change, nowUs))
      lines.push(
        ...wrap(`${changeId(change)} was switched off: ${change.result!.note}. What it shows is missing since.`, width),
      );
  const on = standings.filter(({ change }) => change.state !== 'ended');
  const first = on[0];
  if (first !== undefined)
    lines.push(
      [segment('plain', 'Take back:      '), segment('cmd', `sudo ${name} undo ${changeId(first.change)}`)],
      [segment('plain', 'All temporary:  '), segment('cmd', `sudo ${name} undo --all`)],
    );
  return lines;
}
