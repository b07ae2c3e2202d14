// One command in every network namespace of the host: each by this program started anew within, what it says under a heading.

import type { CommandInput } from '../cli/command.js';
import { hasSwitch } from '../cli/command.js';
import { EXIT, type ExitCode } from '../cli/exit-codes.js';
import { printDocument, segment } from '../presentation/document.js';
import { firstNetns } from '../survey/first-netns.js';
import { listNetns, type NetnsPlace } from '../survey/namespaces.js';
import { RefusedError, UsageError } from '../text/errors.js';
import { safeJson } from '../text/terminal-safe.js';
import { rfc3339 } from '../text/time.js';
import type { World } from '../world.js';

export interface AllNetns {
  /** So many run side by side. */
  readonly atOnce: number;
  /** Takes the place of the command's own operand. @param label NULL: the first namespace */
  readonly file?: (label: string | null) => string;
}

interface Answer {
  readonly place: NetnsPlace;
  readonly exitStatus: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command started by us must know of our surroundings. */
const HANDED_ON = /^(CTWHY_(?!NETNS)|XDG_STATE_HOME$|HOME$|NO_COLOR$|TMPDIR$)/;
const LONGEST_MS = 3_600_000;

/**
 * Runs the command in each namespace.
 * @returns the gravest of their exit codes
 * @throws UsageError with --netns beside it, RefusedError without root
 */
export async function inAllNetns(input: CommandInput, world: World, wish: AllNetns): Promise<ExitCode> {
  if (input.values['netns'] !== undefined) throw new UsageError('--netns names one, --all-netns means all: give one');
  if (world.host.identity().uid !== 0)
    throw new RefusedError(
      `entering network namespaces takes root: sudo ${world.programName} ${input.words} --all-netns`,
    );
  world.stopOnSignals();
  const isFirst = (await firstNetns(world.host)) === undefined;
  const places = listNetns(world.host, isFirst);
  const answers: Answer[] = [];
  const isJson = hasSwitch(input, 'json');
  for (let at = 0; at < places.length && !world.signal.aborted; at += wish.atOnce) {
    const some = await Promise.all(places.slice(at, at + wish.atOnce).map((place) => ask(input, world, place, wish)));
    for (const answer of some) {
      // What ended while others were asked is no fault.
      if (answer.exitStatus !== 0 && world.host.netnsInode(answer.place.path) !== answer.place.inode) continue;
      answers.push(answer);
      if (!isJson) print(world, answer);
    }
  }
  if (isJson) printJson(input, world, answers);
  const codes = answers.map(({ exitStatus }) => exitStatus ?? EXIT.failed).filter((code) => code !== EXIT.done);
  return (codes.find((code) => code !== EXIT.findings) ?? codes[0] ?? EXIT.done) as ExitCode;
}

async function ask(input: CommandInput, world: World, place: NetnsPlace, { file }: AllNetns): Promise<Answer> {
  const environment = Object.entries(world.environment)
    .filter(([name, value]) => HANDED_ON.test(name) && value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  const width = `COLUMNS=${world.streams.out.width}`;
  const isOwn = place.inode === world.host.identity().netnsInode;
  const operands = file === undefined ? Object.values(input.positionals).flat() : [file(place.name)];
  const words = [
    ...input.words.split(' '),
    ...operands,
    ...Object.entries(input.values).flatMap(([name, values]) => values.map((value) => `--${name}=${value}`)),
    ...[...input.switches].filter((name) => name !== 'all-netns').map((name) => `--${name}`),
    ...(isOwn ? [] : [`--netns=${place.path}`]),
  ];
  const within = isOwn ? {} : { netns: place.path };
  const ran = await world.host.run(
    'env',
    [...environment, width, ...(isOwn ? [] : [`CTWHY_NETNS=${place.path}`]), ...world.self, ...words],
    { timeoutMs: LONGEST_MS, signal: world.signal, ...within },
  );
  return { place, exitStatus: ran.exitStatus, stdout: ran.stdout, stderr: ran.stderr };
}

function labelOf({ name, inode }: NetnsPlace): string {
  return `${name ?? 'first'} (${inode})`;
}

function print(world: World, { place, stdout, stderr, exitStatus }: Answer): void {
  if (stdout === '' && exitStatus === 0) return;
  printDocument(world.streams.out, [[segment('head', `netns ${labelOf(place)}`)]]);
  if (stdout !== '') world.streams.out.write(`${stdout.trimEnd()}\n\n`);
  if (exitStatus !== 0 && stderr.trim() !== '') world.streams.err.write(`${stderr.trim()}\n`);
}

function printJson(input: CommandInput, world: World, answers: readonly Answer[]): void {
  const document = {
    schema: 'ctwhy.all-netns/1',
    generatedAt: rfc3339(world.clock.nowUs()),
    command: input.words,
    namespaces: answers.map(({ place, exitStatus, stdout, stderr }) => ({
      netns: place.name,
      inode: place.inode,
      exitStatus,
      answer: asJson(stdout),
      error: exitStatus === 0 || stderr.trim() === '' ? null : stderr.trim(),
    })),
  };
  world.streams.out.write(`${safeJson(JSON.stringify(document, null, 2))}\n`);
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
