// From the words on a command line (files, folders, archives, '-') to sources, in a fixed order.

import type { Readable } from 'node:stream';
import { HostError, type ReadHost } from '../host/host.js';
import { archiveMembers, type MemberOpener } from './archive.js';
import { plainText } from './plain-text.js';
import { type ByteChunks, type Found, SANE_LIMITS, SourceError, type SourceLimits } from './source.js';
import { treeFiles } from './tree.js';
import { unpack } from './unpack.js';

/** Files that give each line to one reader only. */
const TAKING = /(^|\/)(kmsg|trace_pipe|trace_pipe_raw)$/;

/** A device may give zeros for ever. */
const MOST_ZEROS_PASSING = 16 << 20;

export interface InputOptions {
  readonly limits?: SourceLimits;
  /** Where '-' reads from. */
  readonly standardInput?: Readable;
  /** What it is called; '-' unless told. */
  readonly standardInputName?: string;
  /** Ends what gives its bytes slowly or never: pipes, terminals, devices. */
  readonly signal?: AbortSignal;
}

/**
 * Everything that lies in the given inputs. Sources that cannot be reopened must be read before the next is asked for.
 * Never throws for one bad input: it yields 'skipped' with the reason.
 */
export async function* openInputs(
  host: ReadHost,
  inputs: readonly string[],
  options: InputOptions = {},
): AsyncGenerator<Found> {
  const limits = options.limits ?? SANE_LIMITS;
  const { signal } = options;
  for (const input of inputs) {
    if (input === '-') {
      if (options.standardInput === undefined)
        yield { is: 'skipped', name: '-', why: 'there is no standard input here' };
      else
        yield* passing(
          host,
          input,
          { name: options.standardInputName ?? '-', path: '-', sizeBytes: null, modifiedAtUs: null },
          until(signal, options.standardInput),
          limits,
          0,
        );
      continue;
    }
    try {
      const facts = host.look(input);
      // What was named by hand may be a link; only links found inside a tree are not followed.
      const isFolder = facts?.isDirectory === true || (facts?.isSymbolicLink === true && isListable(host, input));
      if (facts === null) yield { is: 'skipped', name: input, why: 'no such file or directory' };
      else if (isFolder) yield* tree(host, input, limits, signal);
      else if (TAKING.test(input) && host.isKernelFileSystem(input))
        yield { is: 'skipped', name: input, why: 'reading it takes the lines away from others: kmsg: shows the same' };
      else
        yield* file(
          host,
          input,
          input,
          baseName(input),
          facts.isFile ? facts.sizeBytes : null,
          facts.modifiedAtUs,
          limits,
          signal,
        );
    } catch (error) {
      yield { is: 'skipped', name: input, why: reasonOf(error) };
    }
  }
}

async function* tree(host: ReadHost, root: string, limits: SourceLimits, signal?: AbortSignal): AsyncGenerator<Found> {
  for (const found of treeFiles(host, root, limits)) {
    if (found.is === 'skipped') yield { is: 'skipped', name: found.path, why: found.why };
    else yield* file(host, root, found.path, found.below, found.sizeBytes, found.modifiedAtUs, limits, signal);
  }
}

/** One file on disk: looked into once to see whether it is an archive. */
async function* file(
  host: ReadHost,
  input: string,
  path: string,
  below: string,
  sizeBytes: number | null,
  modifiedAtUs: number | null,
  limits: SourceLimits,
  signal?: AbortSignal,
): AsyncGenerator<Found> {
  const bytes = (): ByteChunks => until(signal, host.stream(path));
  try {
    // A pipe or a device gives its bytes once only.
    if (sizeBytes === null) {
      yield* passing(host, input, { name: path, path: below, sizeBytes, modifiedAtUs: null }, bytes(), limits, 0);
      return;
    }
    const first = await unpack(host, path, bytes(), limits.maxBytes);
    if (first.isTar) {
      yield* archiveMembers(path, first.chunks, limits, memberOpener(host, input, limits, 1));
      return;
    }
    await discard(first.chunks);
    const isPlain = first.layers.length === 0;
    yield {
      is: 'source',
      item: {
        name: path,
        path: below,
        input,
        sizeBytes,
        modifiedAtUs,
        canReopen: true,
        open: async function* () {
          yield* plainText(
            isPlain
              ? untilAborted(signal, host.chunks(path))
              : (await unpack(host, path, bytes(), limits.maxBytes)).chunks,
          );
        },
      },
    };
  } catch (error) {
    yield { is: 'skipped', name: path, why: reasonOf(error) };
  }
}

interface PassingItem {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number | null;
  readonly modifiedAtUs: number | null;
}

/** A stream that passes by once: standard input, a pipe, a member of an archive. */
async function* passing(
  host: ReadHost,
  input: string,
  item: PassingItem,
  chunks: ByteChunks,
  limits: SourceLimits,
  depth: number,
): AsyncGenerator<Found> {
  try {
    const plain = await unpack(host, item.name, chunks, limits.maxBytes);
    if (plain.isTar) {
      if (depth >= 4) yield { is: 'skipped', name: item.name, why: 'an archive within four archives' };
      else
        yield* archiveMembers(item.name, plain.chunks, limits, memberOpener(host, input, limits, depth + 1, item.path));
      return;
    }
    const mostZeros = item.sizeBytes === null ? MOST_ZEROS_PASSING : undefined;
    yield { is: 'source', item: { ...item, input, canReopen: false, open: () => plainText(plain.chunks, mostZeros) } };
  } catch (error) {
    yield { is: 'skipped', name: item.name, why: reasonOf(error) };
  }
}

function memberOpener(host: ReadHost, input: string, limits: SourceLimits, depth: number, within = ''): MemberOpener {
  return (member, chunks) =>
    passing(
      host,
      input,
      { ...member, path: within === '' ? member.path : `${within}/${member.path}` },
      chunks,
      limits,
      depth,
    );
}

/** What a stream gives until it ends or the signal is aborted: it may be waiting for bytes that never come. */
async function* until(signal: AbortSignal | undefined, stream: Readable): AsyncGenerator<Uint8Array> {
  const stop = (): void => void stream.destroy();
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** The same for what never waits. */
async function* untilAborted(signal: AbortSignal | undefined, chunks: ByteChunks): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (signal?.aborted === true) return;
    yield chunk;
  }
}

async function discard(chunks: ByteChunks): Promise<void> {
  await chunks[Symbol.asyncIterator]().return?.();
}

function isListable(host: ReadHost, path: string): boolean {
  try {
    host.list(path);
    return true;
  } catch {
    return false;
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function reasonOf(error: unknown): string {
  if (error instanceof SourceError || error instanceof HostError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
