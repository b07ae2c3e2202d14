// The work of ctwhy check.

import { type CommandInput, hasSwitch, optionValue } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { checkDocument } from '../../presentation/check-document.js';
import { documentWidth, printDocument } from '../../presentation/document.js';
import { type CheckFinding, findIn } from '../../survey/check/find.js';
import { type Observation, observe, type Unseen } from '../../survey/check/observe.js';
import { waitFor } from '../../survey/wait.js';
import { UsageError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { duration, rfc3339, timeOfDay } from '../../text/time.js';
import { parseDuration } from '../../text/time-words.js';
import type { World } from '../../world.js';
import { inAllNetns } from '../all-netns.js';
import { typedHere } from '../typed-here.js';
import { leftovers } from './leftovers.js';

const WATCH_MS = 5000;
/** They mostly wait. */
const CHECKS_AT_ONCE = 8;

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const watchMs = watchOf(input);
  if (hasSwitch(input, 'all-netns')) return await inAllNetns(input, world, { atOnce: CHECKS_AT_ONCE });
  const { err } = world.streams;
  world.stopOnSignals();
  if (err.isTerminal && !hasSwitch(input, 'quiet')) err.write(`looking for ${watchMs / 1000} s ...`);
  const observed = await observe(
    { host: world.host, nowUs: world.clock.nowUs, sleep: (ms) => waitFor(ms, world.signal) },
    watchMs,
  );
  const left = await leftovers(world, observed.rules);
  if (err.isTerminal && !hasSwitch(input, 'quiet')) err.write('\r\u001b[K');
  const findings = [...findIn(observed), ...left.findings].sort((a, b) => Number(b.isTrouble) - Number(a.isTrouble));
  const unseen = byReason([...observed.unseen, ...left.unseen]);
  if (hasSwitch(input, 'json')) printJson(input, world, observed, findings, unseen);
  else print(input, world, observed, findings, unseen);
  return hasSwitch(input, 'exit-code') && findings.some(({ isTrouble }) => isTrouble) ? EXIT.findings : EXIT.done;
}

function watchOf(input: CommandInput): number {
  const text = optionValue(input, 'for');
  if (text === null) return WATCH_MS;
  const us = parseDuration(text);
  if (us === null || us < 1_000_000 || us > 3600e6)
    throw new UsageError(`--for: '${text}' is no time between 1 s and 1 h; give 5s, 1min`);
  return Math.round(us / 1000);
}

function byReason(unseen: readonly Unseen[]): readonly Unseen[] {
  const reasons = [...new Set(unseen.map(({ why }) => why))];
  return reasons.map((why) => ({
    why,
    what: unseen
      .filter((one) => one.why === why)
      .map(({ what }) => what)
      .join(', '),
  }));
}

function commandOf(input: CommandInput, world: World, { next }: CheckFinding): string | null {
  if (next === null) return null;
  return next.isForeign ? next.command : typedHere(next.command, input, world);
}

function printJson(
  input: CommandInput,
  world: World,
  seen: Observation,
  findings: readonly CheckFinding[],
  unseen: readonly Unseen[],
): void {
  const { name, kernelRelease } = world.host.identity();
  const document = {
    schema: 'ctwhy.check/1',
    generatedAt: rfc3339(world.clock.nowUs()),
    lookedAt: {
      host: name,
      kernel: kernelRelease,
      from: rfc3339(seen.startedAtUs),
      to: rfc3339(seen.endedAtUs),
      tracking: seen.isTracking,
      count: seen.count,
      max: seen.max,
      halfOpenSockets: seen.socketCount,
      rules: seen.rules.length,
      statistics: seen.statistics,
    },
    findings: findings.map((one, at) => ({ id: at + 1, ...one, next: commandOf(input, world, one) })),
    unseen,
  };
  world.streams.out.write(`${safeJson(JSON.stringify(document, null, 2))}\n`);
}

function print(
  input: CommandInput,
  world: World,
  seen: Observation,
  findings: readonly CheckFinding[],
  unseen: readonly Unseen[],
): void {
  const { name, kernelRelease } = world.host.identity();
  const sockets = `${seen.socketCount} half-open ${seen.socketCount === 1 ? 'socket' : 'sockets'}`;
  const rules = `${seen.rules.length} ${seen.rules.length === 1 ? 'rule' : 'rules'}`;
  const table =
    seen.count === null
      ? 'conntrack is not loaded'
      : `table ${seen.count} of ${seen.max ?? '?'}${seen.isTracking === false ? ', nothing is tracked here' : ''}`;
  const has = (words: string) => input.knownCommands.some((known) => known === words);
  const further: (readonly [string, string])[] = [];
  if (unseen.some(({ why }) => why === 'needs root')) further.push(['see all of it', typedHere('check', input, world)]);
  if (findings.length === 0 && has('bundle'))
    further.push(['look for longer', typedHere('bundle case.tar --for 60s', input, world)]);
  printDocument(
    world.streams.out,
    checkDocument({
      head: `host ${name}, kernel ${kernelRelease}, ${duration(seen.endedAtUs - seen.startedAtUs)} from ${timeOfDay(seen.startedAtUs, 0)} UTC`,
      counts: `${sockets}, ${rules}, ${table}`,
      findings: findings.map((one) => ({ ...one, next: commandOf(input, world, one) })),
      unseen: unseen.map(({ what, why }) => `${why}: ${what}`),
      further,
      width: documentWidth(world.streams.out),
    }),
  );
}
