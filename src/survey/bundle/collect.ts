// Runs the commands of a bundle on this host, keeps what they print, and writes down when and how each ended.

import type { CommandResult, ReadHost } from '../../host/host.js';
import type { ScratchFile } from '../../host/new-file.js';
import { netnsFacts } from '../netns-facts.js';
import { coverageOfEvents, listen } from './listen.js';
import { type ManifestPart, manifestText, secondsText } from './manifest.js';
import { beginMember, type LineChange } from './member-writer.js';
import { isMet } from './needs.js';
import {
  BUNDLE_PARTS,
  type BundlePart,
  fileOf,
  HOST_STATEMENTS,
  MOST_INTERFACES,
  type Moment,
  type Words,
} from './parts.js';

/** No program of the list needs so long; one that hangs must not keep the bundle from being written. */
const LONGEST_MS = 120_000;

/** A program that found nothing it may show. */
const SILENCE = 'nothing printed';

export interface CollectDeps {
  readonly host: ReadHost;
  readonly nowUs: () => number;
  /** Waits, or less when the signal aborts. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
  /** What is being read, for a person who waits. */
  readonly onPart?: (file: string) => void;
}

export interface CollectWish {
  /** Between two readings of what moves; NULL: one reading. */
  readonly forMs: number | null;
  readonly change: LineChange | null;
  /** 'ctwhy 0.1.0'. */
  readonly madeBy: string;
  /** Further lines of the manifest: 'note …'. */
  readonly says: readonly string[];
}

export interface Collected {
  readonly manifest: string;
  readonly parts: readonly ManifestPart[];
  readonly endedAtUs: number;
}

/**
 * Collects into the body of an archive.
 * @param events where events are kept while they come; used only with forMs
 * @throws HostError when the body cannot be written, or the signal's reason when it aborts
 */
export async function collect(
  deps: CollectDeps,
  body: ScratchFile,
  events: ScratchFile | null,
  wish: CollectWish,
): Promise<Collected> {
  const parts: ManifestPart[] = [];
  const says = [...(await hostLines(deps)), `made-by ${wish.madeBy}`, ...wish.says];
  const readAll = async (wanted: readonly BundlePart[], moment: Moment): Promise<void> => {
    parts.push(...(await readParts(deps, body, wanted, { moment, change: wish.change })));
  };
  const coverage: string[] = [];
  if (wish.forMs === null || events === null) await readAll(BUNDLE_PARTS, null);
  else {
    const listener = await listen(deps, events);
    try {
      await readAll(
        BUNDLE_PARTS.filter((one) => one.isMoving),
        'before',
      );
      deps.onPart?.('');
      await deps.sleep(wish.forMs);
      await readAll(BUNDLE_PARTS, 'after');
    } finally {
      await listener?.stop();
    }
    if (listener !== null) {
      const heard = listener.heard();
      const member = beginMember(body, heard.file, wish.change);
      for (const piece of events.pieces()) member.append(piece);
      member.keep(heard.endedAtUs);
      parts.push(heard);
      coverage.push(coverageOfEvents(heard));
    }
  }
  const text = manifestText(says, parts, coverage);
  const asBytes = Buffer.from(text, 'utf8').toString('latin1');
  return { manifest: wish.change?.(asBytes) ?? asBytes, parts, endedAtUs: deps.nowUs() };
}

/** Reads parts one after another into the body. @throws HostError when the body cannot be written, or the signal's reason when it aborts */
export async function readParts(
  deps: CollectDeps,
  body: ScratchFile,
  wanted: readonly BundlePart[],
  { moment, change }: { readonly moment: Moment; readonly change: LineChange | null },
): Promise<readonly ManifestPart[]> {
  const parts: ManifestPart[] = [];
  for (const one of wanted) {
    deps.signal.throwIfAborted();
    const file = fileOf(one, moment);
    deps.onPart?.(file);
    const read = await readPart(deps, body, one, { file, moment, change });
    if (read !== null) parts.push(read);
  }
  return parts;
}

interface Place {
  readonly file: string;
  readonly moment: Moment;
  readonly change: LineChange | null;
}

/** Reads one part with the first of its commands that works; NULL when there is nothing to read. */
async function readPart(
  deps: CollectDeps,
  body: ScratchFile,
  one: BundlePart,
  place: Place,
): Promise<ManifestPart | null> {
  const met = isMet(deps.host, one.need);
  if (met === 'no') return null;
  const installed = one.commands.filter(([program]) => deps.host.find(program) !== null);
  const failed = (command: Words, exitStatus: number, error: string): ManifestPart => {
    const at = deps.nowUs();
    beginMember(body, place.file, null).keep(at);
    return { ...place, startedAtUs: at, endedAtUs: at, exitStatus, error, command: command.join(' ') };
  };
  if (met === 'denied') return failed(one.commands[0]!, 1, `${one.need?.is === 'lists' ? one.need.path : ''}: denied`);
  const [first] = one.commands;
  if (installed.length === 0) return failed(first!, 127, `${first![0]}: not installed`);
  let firstFailure: ManifestPart | null = null;
  for (const command of installed) {
    const member = beginMember(body, place.file, place.change);
    const startedAtUs = deps.nowUs();
    const ran = one.isPerInterface
      ? await runPerInterface(deps, command, member.append)
      : await runCommand(deps, command, member.append);
    const part: ManifestPart = {
      ...place,
      startedAtUs,
      endedAtUs: deps.nowUs(),
      exitStatus: ran.exitStatus,
      error: ran.exitStatus === 0 ? '' : ran.stderr,
      command: ran.command,
    };
    const isGood = ran.exitStatus === 0 && (one.mayBeEmpty || member.sizeBytes() > 0);
    // What a program printed before it failed is kept where no other does better.
    if (isGood || (command === installed.at(-1) && member.sizeBytes() > 0)) {
      member.keep(part.endedAtUs);
      return part;
    }
    member.drop();
    const isSilent = part.exitStatus === 0;
    if (firstFailure === null || (firstFailure.error === SILENCE && !isSilent))
      firstFailure = isSilent ? { ...part, exitStatus: 1, error: SILENCE } : part;
  }
  beginMember(body, place.file, null).keep(deps.nowUs());
  return firstFailure;
}

type Ran = Pick<CommandResult, 'exitStatus' | 'stderr' | 'command'>;

/** Runs a program and hands on what it prints. A program that does not end is ended. */
async function runCommand(
  { host, signal }: CollectDeps,
  [program, ...args]: Words,
  write: (bytes: Uint8Array) => void,
): Promise<Ran> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), LONGEST_MS);
  const stop = (): void => late.abort();
  signal.addEventListener('abort', stop, { once: true });
  const output = host.pipe(program, args, { signal: late.signal });
  try {
    for await (const chunk of output.stdout) write(chunk as Uint8Array);
    const { exitStatus, stderr, command } = await output.ended;
    signal.throwIfAborted();
    return { exitStatus, command, stderr: late.signal.aborted ? `ended after ${LONGEST_MS / 1000} s` : stderr };
  } finally {
    output.stop();
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function runPerInterface(deps: CollectDeps, words: Words, write: (bytes: Uint8Array) => void): Promise<Ran> {
  // Not /sys/class/net: nsenter leaves that of another network namespace mounted.
  const devices = deps.host.readOrNull('/proc/net/dev') ?? '';
  const names = [...devices.matchAll(/^ *([\w.@-]+):/gm)].map(([, name]) => name!);
  const ran: Ran[] = [];
  for (const name of names.slice(0, MOST_INTERFACES))
    ran.push(await runCommand(deps, [...words, name] as Words, write));
  const bad = ran.find(({ exitStatus }) => exitStatus !== 0);
  return {
    command: ran.map(({ command }) => command).join('; ') || words.join(' '),
    exitStatus: bad === undefined ? 0 : bad.exitStatus,
    stderr: bad?.stderr ?? '',
  };
}

/** Who and where this host is, as lines of a manifest, and how its uptime stands to its clock. */
export async function hostLines(deps: CollectDeps): Promise<readonly string[]> {
  const { host, nowUs } = deps;
  const lines: string[] = [];
  for (const { key, command } of HOST_STATEMENTS) {
    const [program, ...args] = command;
    if (host.find(program) === null) continue;
    const said = await host.run(program, args, { timeoutMs: 5000 }).catch(() => null);
    const value = said?.exitStatus === 0 ? said.stdout.split('\n')[0]!.trim() : '';
    if (value !== '') lines.push(`${key} ${value}`);
  }
  const { inode, name, isInitial } = await netnsFacts(host);
  const called = isInitial === true ? 'init ' : name === null ? '' : `${name} `;
  if (inode !== null) lines.push(`netns ${called}${inode}`);
  // The programs run with TZ=UTC, so every stamp they print is UTC.
  lines.push('timezone +0000');
  const uptime = /^(\d+\.\d+)/.exec(host.readOrNull('/proc/uptime') ?? '')?.[1];
  if (uptime !== undefined) lines.push(`uptime ${uptime} at ${secondsText(nowUs())}`);
  return lines;
}
