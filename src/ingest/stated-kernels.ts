// Which kernel ran, where a pasted uname or somebody's words say it: it holds for the host of the file it stands in, wherever it
// stands there, and for a host that the uname itself names.

import type { BundleStatement } from '../model/record.js';

export interface StatedKernel {
  readonly hostId: number;
  /** The host that uname -a named on the same line; NULL: none. */
  readonly hostName: string | null;
  readonly release: string;
  /** Mentioned in prose. */
  readonly isGuessed: boolean;
}

export interface StatedKernels {
  /** @param hostId of the source that states it */
  add(hostId: number, line: number, statement: BundleStatement): void;
  /** The release of a host; NULL: none was stated, or words mention several. Of several printed ones the last is told as a guess. */
  ofHost(isIts: (stated: StatedKernel) => boolean): { readonly release: string; readonly isGuessed: boolean } | null;
}

export function openStatedKernels(): StatedKernels {
  const stated: StatedKernel[] = [];
  let named: { readonly line: number; readonly name: string } | null = null;
  return {
    add(hostId, line, statement) {
      if (statement.kind !== 'host') return;
      if (statement.key === 'host') named = { line, name: statement.value };
      const isGuessed = statement.key === 'kernel-mention';
      if (statement.key !== 'kernel' && !isGuessed) return;
      const hostName = named?.line === line ? named.name : null;
      stated.push({ hostId, hostName, release: statement.value, isGuessed });
    },
    ofHost(isIts) {
      const its = stated.filter(isIts);
      const printed = [...new Set(its.filter(({ isGuessed }) => !isGuessed).map(({ release }) => release))];
      if (printed.length > 0) return { release: printed.at(-1)!, isGuessed: printed.length > 1 };
      const mentioned = [...new Set(its.map(({ release }) => release))];
      return mentioned.length === 1 ? { release: mentioned[0]!, isGuessed: true } : null;
    },
  };
}
