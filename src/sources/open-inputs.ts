// From the words on a command line (files, folders, archives, '-') to sources, in a fixed order.

import type { Readable } from 'node:stream';
import { HostError, type ReadHost } from '../host/host.js';
import { archiveMembers, type MemberOpener } from './archive.js';
import { type ByteChunks, type Found, SANE_LIMITS, SourceError, type SourceLimits } from './source.js';
import { treeFiles } from './tree.js';
import { unpack } from './unpack.js';

/** Files that give each line to one reader only. */
const TAKING = /(^|\/)(kmsg|trace_pipe|trace_pipe_raw)$/;

export interface InputOptions {
  readonly limits?: SourceLimits;
  /** Where '-' reads from. */
  readonly standardInput?: Readable;
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
  for (const input of inputs) {
    if (input === '-') {
      if (options.standardInput === undefined)
        yield { is: 'skipped', name: '-', why: 'there is no standard input here' };
      else
        yield* passing(
          host,
          input,
          { name: '-', path: '-', sizeBytes: null, modifiedAtUs: null },
          options.standardInput as ByteChunks,
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
      else if (isFolder) yield* tree(host, input, limits);
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
        );
    } catch (error) {
      yield { is: 'skipped', name: input, why: reasonOf(error) };
    }
  }
}

async function* tree(host: ReadHost, root: string, limits: SourceLimits): AsyncGenerator<Found> {
  for (const found of treeFiles(host, root, limits)) {
    if (found.is === 'skipped') yield { is: 'skipped', name: found.path, why: found.why };
    else yield* file(host, root, found.path, found.below, found.sizeBytes, found.modifiedAtUs, limits);
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
): AsyncGenerator<Found> {
  try {
    // A pipe or a device gives its bytes once only.
    if (sizeBytes === null) {
      yield* passing(
        host,
        input,
        { name: path, path: below, sizeBytes, modifiedAtUs: null },
        host.stream(path),
        limits,
        0,
      );
      return;
    }
    const first = await unpack(host, path, host.stream(path), limits.maxBytes);
    if (first.isTar) {
      yield* archiveMembers(path, first.chunks, limits, memberOpener(host, input, limits, 1));
      return;
    }
    await discard(first.chunks);
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
          yield* (await unpack(host, path, host.stream(path), limits.maxBytes)).chunks;
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
    yield { is: 'source', item: { ...item, input, canReopen: false, open: () => plain.chunks } };
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
