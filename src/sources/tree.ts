// The files of a folder, deep, in sorted order. Symbolic links are not followed: a tree somebody sent must not lead out of itself.

import { HostError, type ReadHost } from '../host/host.js';
import type { SourceLimits } from './source.js';

export type TreeFile =
  | {
      readonly is: 'file';
      readonly path: string;
      readonly below: string;
      readonly sizeBytes: number;
      readonly modifiedAtUs: number;
    }
  | { readonly is: 'skipped'; readonly path: string; readonly why: string };

/** Files before folders, each sorted by name: a manifest on top is read before what it speaks about. */
export function* treeFiles(host: ReadHost, root: string, limits: SourceLimits): Generator<TreeFile> {
  let count = 0;
  function* walk(folder: string, below: string, depth: number): Generator<TreeFile> {
    if (depth > limits.maxDepth) {
      yield { is: 'skipped', path: folder, why: `more than ${limits.maxDepth} folders deep` };
      return;
    }
    // The ring buffer and the tracing pipes give each line once: whoever walks through them takes it from the log daemon.
    if (host.isKernelFileSystem(folder)) {
      yield { is: 'skipped', path: folder, why: 'made by the running kernel: name the file wanted, or kmsg:' };
      return;
    }
    const folders: string[] = [];
    let names: readonly string[];
    try {
      names = host.list(folder);
    } catch (error) {
      yield { is: 'skipped', path: folder, why: reasonOf(error) };
      return;
    }
    for (const name of names) {
      const path = `${folder}/${name}`;
      let facts: ReturnType<ReadHost['look']>;
      try {
        facts = host.look(path);
      } catch (error) {
        yield { is: 'skipped', path, why: reasonOf(error) };
        continue;
      }
      if (facts === null || facts.isSymbolicLink) continue;
      if (facts.isDirectory) folders.push(name);
      else if (facts.isFile) {
        count++;
        if (count > limits.maxItems) return;
        yield {
          is: 'file',
          path,
          below: below === '' ? name : `${below}/${name}`,
          sizeBytes: facts.sizeBytes,
          modifiedAtUs: facts.modifiedAtUs,
        };
      }
    }
    for (const name of folders) yield* walk(`${folder}/${name}`, below === '' ? name : `${below}/${name}`, depth + 1);
  }
  yield* walk(root.replace(/\/+$/, '') || '/', '', 0);
  if (count > limits.maxItems)
    yield { is: 'skipped', path: root, why: `more than ${limits.maxItems} files; the rest was left out` };
}

function reasonOf(error: unknown): string {
  return error instanceof HostError ? error.message : String(error);
}
