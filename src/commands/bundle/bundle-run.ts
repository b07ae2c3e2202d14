// The work of ctwhy bundle.

import { type CommandInput, hasSwitch, optionValue, positionalOf } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { type NewFile, openNewFile } from '../../host/new-file.js';
import { printDocument, segment, wrap } from '../../presentation/document.js';
import { type Collected, collect } from '../../survey/bundle/collect.js';
import type { ManifestPart } from '../../survey/bundle/manifest.js';
import { assemble } from '../../survey/bundle/member-writer.js';
import { bundleScript } from '../../survey/bundle/script.js';
import { waitFor } from '../../survey/wait.js';
import { FailedError, UsageError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import { parseDuration } from '../../text/time-words.js';
import type { World } from '../../world.js';
import { inAllNetns } from '../all-netns.js';
import { type Redaction, redactionOf, redactionWords } from './redaction.js';

/** What the command line makes of a lone '-', for all commands: where text comes from. Here it is where bytes go. */
const STANDARD_OUTPUT = '/dev/stdin';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const forMs = waitOf(input);
  const file = positionalOf(input, 'file');
  if (hasSwitch(input, 'script')) {
    if (hasSwitch(input, 'redact'))
      throw new UsageError('a shell script cannot redact: --redact works where ctwhy collects itself');
    if (file !== null)
      throw new UsageError('--script prints the script; the tar is named where it runs: sh collect.sh FILE.tar');
    const frame = world.host.read(`${world.packageRoot}src/survey/bundle/frame.sh`);
    const script = bundleScript(frame, { forSeconds: Math.ceil((forMs ?? 0) / 1000), madeBy: madeBy(world) });
    world.streams.out.write(script);
    return EXIT.done;
  }
  if (hasSwitch(input, 'all-netns')) {
    if (file === STANDARD_OUTPUT) throw new UsageError('--all-netns makes a tar for each namespace; name a FILE');
    const path = file ?? defaultName(world, hasSwitch(input, 'redact'));
    return await inAllNetns(input, world, { atOnce: 1, file: (label) => fileOfNetns(path, label) });
  }
  return file === STANDARD_OUTPUT ? await intoPipe(input, world, forMs) : await intoFile(input, world, forMs, file);
}

/** 'case.tar' of the namespace 'blue': 'case-blue.tar'. */
function fileOfNetns(path: string, label: string | null): string {
  if (label === null) return path;
  const slash = path.lastIndexOf('/') + 1;
  const dot = path.indexOf('.', slash + 1);
  const end = dot < 0 ? path.length : dot;
  return `${path.slice(0, end)}-${label.replaceAll(/[^\w.-]/g, '_')}${path.slice(end)}`;
}

async function intoFile(
  input: CommandInput,
  world: World,
  forMs: number | null,
  given: string | null,
): Promise<ExitCode> {
  const path = given ?? defaultName(world, hasSwitch(input, 'redact'));
  const replaces = hasSwitch(input, 'force');
  const there = world.host.look(path);
  if (there?.isDirectory === true) throw new UsageError(`${path} is a folder; name the tar: ${path}/case.tar`);
  if (there !== null && !replaces)
    throw new UsageError(`${path} is there already; --force writes over it, or give another name`);
  const redaction = redactionOf(input, world, path);
  const { collected, archive } = await take(world, forMs, path, redaction);
  try {
    redaction?.keep();
    archive.publish({ replaces });
  } finally {
    archive.discard();
  }
  report(input, world, { path, sizeBytes: archive.sizeBytes(), collected, redaction });
  return EXIT.done;
}

async function intoPipe(input: CommandInput, world: World, forMs: number | null): Promise<ExitCode> {
  const { out } = world.streams;
  if (out.isTerminal) throw new UsageError('a tar is nothing for a terminal; give a FILE, or a pipe');
  if (hasSwitch(input, 'json')) throw new UsageError('--json and - both want standard output; name a FILE');
  const redaction = redactionOf(input, world, null);
  const { collected, archive } = await take(
    world,
    forMs,
    `${world.temporaryFolder}/ctwhy-${world.temporaryName()}.tar`,
    redaction,
  );
  try {
    redaction?.keep();
    for (const piece of archive.pieces()) {
      if (out.isClosed()) throw new FailedError('the reader of the tar has gone');
      out.native?.write(piece);
      await out.flushed();
    }
  } finally {
    archive.discard();
  }
  tellUnread(world, collected.parts);
  for (const text of redaction === null || hasSwitch(input, 'quiet') ? [] : redactionWords(redaction))
    world.streams.err.write(`ctwhy: ${text}\n`);
  return EXIT.done;
}

/** Collects into a file beside the path; the caller publishes or discards it. */
async function take(
  world: World,
  forMs: number | null,
  path: string,
  redaction: Redaction | null,
): Promise<{ collected: Collected; archive: NewFile }> {
  const open: NewFile[] = [];
  const discardAll = (): void => {
    for (const one of open) one.discard();
  };
  const withdraw = world.onExit(discardAll);
  const begin = (what: string): NewFile => {
    const file = openNewFile(path, `${path}.${world.temporaryName()}.${what}`);
    open.push(file);
    return file;
  };
  try {
    const archive = begin('new');
    const body = begin('body');
    const events = forMs === null ? null : begin('events');
    world.stopOnSignals();
    const collected = await collect(
      {
        host: world.host,
        nowUs: world.clock.nowUs,
        signal: world.signal,
        sleep: (ms) => waitFor(ms, world.signal),
        onPart: (file) => progress(world, file, forMs),
      },
      body,
      events,
      {
        forMs,
        change: redaction?.change ?? null,
        madeBy: madeBy(world),
        says: [...notes(world), ...(redaction?.says ?? [])],
      },
    );
    progress(world, null, forMs);
    assemble(archive, collected.manifest, body, collected.endedAtUs);
    body.discard();
    events?.discard();
    return { collected, archive };
  } catch (error) {
    discardAll();
    throw error;
  } finally {
    withdraw();
  }
}

function waitOf(input: CommandInput): number | null {
  const text = optionValue(input, 'for');
  if (text === null) return null;
  const us = parseDuration(text);
  if (us === null || us < 1_000_000 || us > 86_400e6)
    throw new UsageError(`--for: '${text}' is no time between 1 s and 1 day; give 60s, 5min`);
  return Math.round(us / 1000);
}

/** A redacted one does not name the host. */
function defaultName(world: World, isRedacted: boolean): string {
  const name = isRedacted ? 'redacted' : world.host.identity().name.replaceAll(/[^\w.-]/g, '_');
  return `ctwhy-${name}-${rfc3339(world.clock.nowUs()).slice(0, 19).replaceAll(/[-:]/g, '')}Z.tar`;
}

function madeBy(world: World): string {
  const { version } = JSON.parse(world.host.read(`${world.packageRoot}package.json`)) as { version: string };
  return `ctwhy ${version}`;
}

function notes(world: World): readonly string[] {
  const { uid } = world.host.identity();
  const zone = world.environment['TZ'];
  return [
    ...(zone === undefined || zone === '' ? [] : [`note the zone of this host is ${zone.replaceAll(/\s/g, '')}`]),
    ...(uid === 0 ? [] : [`note collected without root, as user ${uid}`]),
  ];
}

/** One line that is drawn again and again, on a terminal only. NULL: done, '': waiting. */
function progress(world: World, file: string | null, forMs: number | null): void {
  const { err } = world.streams;
  if (!err.isTerminal) return;
  const says = file === null ? '' : file === '' ? `waiting ${Math.round((forMs ?? 0) / 1000)} s` : `reading ${file}`;
  err.write(`\r\u001b[K${says}`);
}

interface Made {
  readonly path: string;
  readonly sizeBytes: number;
  readonly collected: Collected;
  readonly redaction: Redaction | null;
}

function report(input: CommandInput, world: World, { path, sizeBytes, collected, redaction }: Made): void {
  const { out } = world.streams;
  const { parts } = collected;
  if (hasSwitch(input, 'json')) {
    const document = {
      schema: 'ctwhy.bundle/1',
      generatedAt: rfc3339(world.clock.nowUs()),
      file: path,
      sizeBytes,
      keyFile: redaction?.keyPath ?? null,
      parts: parts.map((part) => ({
        file: part.file,
        command: part.command,
        startedAt: rfc3339(part.startedAtUs),
        endedAt: rfc3339(part.endedAtUs),
        exitStatus: part.exitStatus,
        moment: part.moment,
        error: part.error.trim() === '' ? null : part.error.trim(),
      })),
    };
    out.write(`${safeJson(JSON.stringify(document, null, 2))}\n`);
    return;
  }
  if (hasSwitch(input, 'quiet')) return;
  const read = parts.filter(({ exitStatus }) => exitStatus === 0).length;
  printDocument(out, [
    `${path}: ${read} ${read === 1 ? 'part' : 'parts'}, ${Math.ceil(sizeBytes / 1024)} kB`,
    ...unreadLines(world, parts, out.width),
    ...(redaction === null ? [] : redactionWords(redaction)).flatMap((text) => wrap(text, out.width, '  ')),
    [segment('plain', '  '), segment('cmd', `${world.programName} explain -r ${path}`)],
  ]);
}

function tellUnread(world: World, parts: readonly ManifestPart[]): void {
  const lines = unreadLines(world, parts, world.streams.err.width);
  if (lines.length > 0) printDocument(world.streams.err, lines);
}

/** What could not be read, by reason: without root that is half of the list. */
function unreadLines(world: World, parts: readonly ManifestPart[], width: number): readonly string[] {
  const byReason = new Map<string, string[]>();
  for (const { exitStatus, error, command } of parts) {
    if (exitStatus === 0) continue;
    const isDenied = /not permitted|denied|must be root/i.test(error);
    const isMissing = exitStatus === 127;
    const why = isDenied ? 'no rights' : isMissing ? 'not installed' : error.trim().split('\n')[0]!.slice(0, 120);
    const what = isMissing ? command.split(' ')[0]! : command;
    const known = byReason.get(why) ?? [];
    if (!known.includes(what)) byReason.set(why, [...known, what]);
  }
  const lines = [...byReason].flatMap(([why, what]) =>
    wrap(`not read (${why}): ${what.join(', ')}`, width, '  ').map((line) => line),
  );
  const isUser = byReason.has('no rights') && world.host.identity().uid !== 0;
  return isUser ? [...lines, `  with root it holds more: sudo ${world.programName} bundle`] : lines;
}
