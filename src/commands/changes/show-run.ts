// The work of ctwhy changes show.

import { kindOf } from '../../changes/acts/index.js';
import { BREAKER_LINES_PER_S } from '../../changes/keeper.js';
import { pastedUndoing } from '../../changes/pasted.js';
import { isHeld } from '../../changes/plan.js';
import { standingOf } from '../../changes/standing.js';
import { watchedWords } from '../../changes/watched-lines.js';
import { type CommandInput, hasSwitch, positionalOf } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { type Change, changeId, changeNumber } from '../../model/change.js';
import { type Line, printDocument, segment, wrap } from '../../presentation/document.js';
import { FailedError, UsageError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import { wrapText } from '../../text/wrap.js';
import type { World } from '../../world.js';
import { changeSession } from '../change-session.js';

const watched = (change: Change) =>
  `switched off above ${BREAKER_LINES_PER_S.toLocaleString('en')}/s of ${watchedWords(change)}`;

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const id = positionalOf(input, 'id') ?? '';
  const number = changeNumber(id);
  if (number === null) throw new UsageError(`'${id}' is no change; they are called C1, C2 … (ctwhy changes)`);
  const session = changeSession(world);
  const change = session.journal.read().changes.find((one) => one.number === number);
  if (change === undefined) throw new FailedError(`there is no change C${number} in the journal of this host`);
  const { word, isLate, acts } = await standingOf(session, change);
  if (hasSwitch(input, 'json')) {
    const told = { ...change, id: changeId(change), standing: word, isLate, readBack: acts };
    world.streams.out.write(`${safeJson(JSON.stringify(told, null, 2))}\n`);
    return EXIT.done;
  }
  const lines: Line[] = [
    [segment('head', `${changeId(change)}  ${change.what}   `), segment(word === 'on' ? 'good' : 'warn', word)],
    `  Asked by    ${change.command}`,
    `  Made        ${rfc3339(change.madeAtUs)}`,
    `  Ends        ${change.endsAtUs === null ? 'when it is taken back' : rfc3339(change.endsAtUs)}${isLate ? ', overdue' : ''}`,
    `  Where       network namespace ${change.place.label ?? change.place.netnsInode ?? 'not known'}`,
    ...(change.state === 'ended' ? [] : wrapText(watched(change), 80, '  Watched     ')),
  ];
  for (const act of change.acts) {
    const kind = kindOf(act);
    const read = acts.find((one) => one.act === act);
    lines.push('', [segment('head', `  ${kind.says(act)}${isHeld(act) ? ' (kept: another change had made it)' : ''}`)]);
    if (act.is === 'sysctl')
      lines.push(`    before  ${act.before}    after  ${act.after}    goes back to  ${act.original}`);
    if (read !== undefined)
      lines.push(...wrap(`now     ${read.standing?.found ?? `not known: ${read.problem}`}`, 80, '    '));
    for (const line of pastedUndoing(act, change.place.label).flatMap((text) => text.split('\n')))
      lines.push([segment('plain', '    undo    '), segment('cmd', line)]);
  }
  for (const stays of change.stays) lines.push(...wrap(`stays after undo: ${stays}`, 80, '  '));
  if (change.result !== null) {
    lines.push('', `  Ended       ${rfc3339(change.result.endedAtUs)}, ${change.result.how}`);
    if (change.result.note !== null) lines.push(...wrap(change.result.note, 80, '              '));
    for (const { what, why } of change.result.left) lines.push(...wrap(`left: ${what}: ${why}`, 80, '              '));
  }
  printDocument(world.streams.out, lines);
  return EXIT.done;
}
