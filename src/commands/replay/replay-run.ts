// The work of ctwhy replay.

import { flowWords } from '../../analysis/causes/words.js';
import { basesOf } from '../../analysis/replay/numbers.js';
import { isWrong, type Replay, replay } from '../../analysis/replay/replay.js';
import {
  kernelOf,
  onKernel,
  type ReplaySettings,
  STANDING_FOR_ALL,
  settingsOf,
} from '../../analysis/replay/settings.js';
import { type Difference, whatIf } from '../../analysis/replay/what-if.js';
import type { KernelVersion } from '../../catalogue/kernel-version.js';
import { type CommandInput, hasSwitch, optionValue } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { type Line, printDocument, segment, wrap } from '../../presentation/document.js';
import { type ReplayHead, replayDocument, whatIfDocument } from '../../presentation/replay-document.js';
import { printRows } from '../../presentation/rows.js';
import { UsageError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { withEvidenceOfOne } from '../evidence-store.js';
import { againWords } from '../explain/explain-run.js';
import { limited, rowFormat, rowLimit } from '../row-output.js';
import { type ChosenFlow, chooseFlow } from './choose-flow.js';
import { cellsOf, jsonOf, lineOf, REPLAY_COLUMNS } from './replay-rows.js';
import { checkSettings, whatIfSettings } from './what-if-settings.js';
import { changeLines, changesJson, settingWords } from './what-if-words.js';

const WIDEST = 100;
const NARROWEST = 80;

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const set = whatIfSettings(input);
  const given = givenKernel(input);
  const limit = rowLimit(input);
  // What files say of their kernel is the evidence; --kernel stands in where they say nothing, and asks what if where they do.
  const { kernel: _kernel, ...values } = input.values;
  return await withEvidenceOfOne({ ...input, values }, world, async (db, netns) => {
    const chosen = chooseFlow(input, world, db);
    const { records, host } = chosen;
    const atUs = records.packets[0]!.atUs;
    const base = settingsOf(host, atUs, host.kernel === null ? given : null);
    const other = otherSettings(base, given, set);
    const played = replayOnAll(chosen, base);
    const difference = other === null ? null : whatIf(records, played.replay, other);
    if (hasSwitch(input, 'json') || optionValue(input, 'output') === 'json')
      printJson(world, input, chosen, played, difference);
    else if (optionValue(input, 'output') !== null) {
      const bases = basesOf(played.replay, hasSwitch(input, 'absolute'));
      const rows = played.replay.rows.map((row) => cellsOf(played.replay, row, bases));
      const options = { format: rowFormat(input, world), generatedAt: rfc3339(world.clock.nowUs()) };
      printRows(world.streams.out, { columns: REPLAY_COLUMNS, rows: limited(rows, limit) }, options);
    } else printScreen(world, againWords(input, netns), input, chosen, played, difference, limit);
    return EXIT.done;
  });
}

function givenKernel(input: CommandInput): KernelVersion | null {
  const release = optionValue(input, 'kernel');
  if (release === null) return null;
  try {
    return kernelOf(release);
  } catch {
    throw new UsageError(`--kernel takes a release as uname -r prints it, such as 6.1.0-18-amd64, not '${release}'`);
  }
}

/** NULL: nothing else was asked for. @throws UsageError for a setting that the kernel does not have */
function otherSettings(
  base: ReplaySettings,
  given: KernelVersion | null,
  set: Readonly<Record<string, number>>,
): ReplaySettings | null {
  const isOtherKernel = given !== null && given.release !== base.kernel.release;
  if (!isOtherKernel && Object.keys(set).length === 0) return null;
  const kernel = given ?? base.kernel;
  checkSettings(set, kernel);
  const moved = onKernel(base, kernel);
  return { ...moved, sysctls: { ...moved.sysctls, ...set } };
}

interface Played {
  readonly replay: Replay;
  /** Where the kernel is not known: packets that another kernel would have answered otherwise. */
  readonly byKernel: readonly string[];
}

/** Replays on the kernel of the evidence; where it names none, on several: where they differ, the verdict cannot be known. */
function replayOnAll({ records }: ChosenFlow, settings: ReplaySettings): Played {
  const first = replay(records, settings);
  if (settings.kernelIs !== 'assumed') return { replay: first, byKernel: [] };
  const byKernel: string[] = [];
  const rows = [...first.rows];
  for (const release of STANDING_FOR_ALL.slice(1)) {
    const other = replay(records, onKernel(settings, kernelOf(release)));
    other.rows.forEach((row, at) => {
      const own = rows[at]!;
      if (row.verdict === first.rows[at]!.verdict) return;
      const verdicts = [...new Set([...own.verdicts, ...row.verdicts])];
      rows[at] = { ...own, verdicts, verdict: own.packet.observed.verdict };
      byKernel.push(`packet ${row.number} is ${row.verdict ?? 'not decided'} on ${release}`);
    });
  }
  return { replay: { ...first, rows }, byKernel };
}

function startWords({ rows }: Replay): string {
  const atUs = rows[0]?.packet.atUs ?? null;
  return atUs === null ? '' : `; first packet ${rfc3339(atUs).slice(0, 23)}Z`;
}

function notesOf({ others, finding, records }: ChosenFlow, { replay: played, byKernel }: Played): readonly string[] {
  const { settings } = played;
  const kernel =
    settings.kernelIs === 'assumed'
      ? `kernel not known, shown as ${settings.kernel.release} (--kernel RELEASE)`
      : `kernel ${settings.kernel.release}`;
  const assumed =
    settings.assumed.length === 0
      ? 'settings from the evidence'
      : Object.keys(settings.sysctls).length === 0
        ? 'no sysctls in the evidence: defaults'
        : `settings from the evidence, ${settings.assumed.length} not read: defaults`;
  return [
    `${finding === null ? '' : `finding ${finding}, `}${kernel}, ${assumed}${startWords(played)}`,
    ...(others > 0 ? [`${others} more connection${others === 1 ? '' : 's'} fit: name one with --flow`] : []),
    ...(byKernel.length > 0 ? [byKernel.slice(0, 5).join('; ')] : []),
    ...records.ownDoing,
    ...played.assumptions.map((text) => `taken: ${text}`),
    ...(played.isCut ? [`only the first packets of a long connection: narrow it with --since and --until`] : []),
  ];
}

function summaryOf(replay_: Replay): ReplayHead['summary'] {
  const { rows, wrongAt } = replay_;
  const count = (is: (row: Replay['rows'][number]) => boolean) => rows.filter(is).length;
  const known = count((row) => row.verdicts.length === 1);
  const compared = count((row) => row.agreement !== null);
  const agrees = count((row) => row.agreement === 'agrees');
  const narrows = count((row) => row.agreement === 'narrows');
  const disagrees = count((row) => row.agreement === 'disagrees');
  const filled = count((row) => row.agreement === null && row.verdict === 'INVALID');
  const open = count((row) => row.verdict === null);
  const first = wrongAt === null ? null : rows[wrongAt]!;
  const joined = (parts: readonly string[]) => parts.filter((text) => text !== '').join('; ');
  return [
    first === null
      ? { label: 'Wrong', says: `nothing in ${rows.length} packets${open > 0 ? ', as far as it can be known' : ''}` }
      : {
          label: 'Wrong first',
          says: `packet ${first.number}${first.verdict === null ? '' : `, ${first.verdict}`}${first.reasonId === null ? '' : ` (${first.reasonId})`}`,
        },
    {
      label: 'The model',
      says: joined([
        `knows ${known} of ${rows.length} packets by itself`,
        open > 0 ? `${open} cannot be known` : '',
        filled > 0 ? `it fills in ${filled} INVALID that no record shows` : '',
      ]),
    },
    ...(compared === 0
      ? []
      : [
          {
            label: 'The kernel',
            says: `answered ${compared} on record: ${joined([
              agrees > 0 ? `${agrees} agree` : '',
              narrows > 0 ? `${narrows} decide what the model leaves open` : '',
              disagrees > 0 ? `${disagrees} DISAGREE` : '',
            ])}`,
          },
        ]),
  ];
}

function printScreen(
  world: World,
  again: string,
  input: CommandInput,
  chosen: ChosenFlow,
  played: Played,
  difference: Difference | null,
  limit: number | null,
): void {
  const { replay: one } = played;
  const bases = basesOf(one, hasSwitch(input, 'absolute'));
  const width = Math.max(NARROWEST, Math.min(WIDEST, world.streams.out.width));
  const flow = flowWords(one.flow);
  const see =
    chosen.finding === null ? [] : [`${world.programName} explain ${chosen.finding}${again === '' ? '' : ` ${again}`}`];
  if (difference === null) {
    const rows = [...limited(one.rows, limit)];
    printDocument(
      world.streams.out,
      replayDocument(
        rows.map((row) => lineOf(one, row, bases)),
        {
          flow,
          notes: notesOf(chosen, played),
          width,
          isVerbose: hasSwitch(input, 'verbose'),
          summary: summaryOf(one),
          see,
        },
      ),
    );
    return;
  }
  const lines: readonly Line[] = [
    [segment('head', flow)],
    ...notesOf(chosen, played).flatMap((note) => wrap(note, width).map((text) => [segment('dim', text)])),
    '',
  ];
  printDocument(world.streams.out, [
    ...lines,
    ...whatIfDocument(changeLines(one, difference, bases), {
      title: `With ${settingWords(one.settings, difference.settings)}`,
      notes: differenceNotes(difference),
      width,
    }),
  ]);
}

function differenceNotes({ changed, same, unknown, isEachByItself }: Difference): readonly string[] {
  const some = (count: number) => `${count} packet${count === 1 ? '' : 's'}`;
  return [
    changed.length === 0 ? 'Nothing would have been otherwise.' : `Changed: ${some(changed.length)}.`,
    `The same: ${some(same)}.`,
    ...(unknown > 0 ? [`Open: ${some(unknown)}, of which not enough was seen.`] : []),
    ...(isEachByItself
      ? [
          'Packets were not seen, so each is judged on the entry as it was in front of it, not on what the change would have made of it.',
        ]
      : []),
  ];
}

function printJson(
  world: World,
  input: CommandInput,
  chosen: ChosenFlow,
  played: Played,
  difference: Difference | null,
): void {
  const { replay: one } = played;
  const bases = basesOf(one, hasSwitch(input, 'absolute'));
  const { settings, wrongAt } = one;
  const document = {
    schema: 'ctwhy.replay/1',
    generatedAt: rfc3339(world.clock.nowUs()),
    finding: chosen.finding,
    flow: { proto: one.flow.proto, src: one.flow.src, sport: one.flow.sport, dst: one.flow.dst, dport: one.flow.dport },
    kernel: { release: settings.kernel.release, is: settings.kernelIs },
    sysctls: settings.sysctls,
    assumedSysctls: settings.assumed,
    assumptions: one.assumptions,
    otherConnections: chosen.others,
    firstWrong: wrongAt === null ? null : one.rows[wrongAt]!.number,
    packets: one.rows.map((row) => jsonOf(one, row, bases)),
    wrong: one.rows.filter(isWrong).map((row) => row.number),
    byKernel: played.byKernel,
    whatIf: difference === null ? null : changesJson(one, difference),
  };
  world.streams.out.write(`${safeJson(JSON.stringify(document, null, 2))}\n`);
}
