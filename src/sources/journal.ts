// The kernel's lines of the journal in its export form: nothing is lost between the fields and us, and it can be followed.

import type { ReadHost } from '../host/host.js';
import { type ByteChunks, SourceError } from './source.js';

export interface JournalOptions {
  /** A boot as journalctl names it ('0', '-1', a boot id); NULL: all boots. */
  readonly boot: string | null;
  readonly isFollowed: boolean;
  /** As journalctl takes it: '-10min', '2026-01-31 12:00:00'. */
  readonly since?: string;
  /** Entries behind this one, as its __CURSOR names it. */
  readonly afterCursor?: string;
  /** A journal file or folder instead of the host's own. */
  readonly path?: string;
  readonly signal?: AbortSignal;
}

/** @throws HostError when journalctl is not installed; SourceError (by the chunks) when it ends with an error */
export function openJournal(host: ReadHost, options: JournalOptions): ByteChunks {
  const args = ['--no-pager', '--quiet', '-o', 'export', '_TRANSPORT=kernel'];
  if (options.boot !== null) args.push('-b', options.boot);
  if (options.isFollowed) args.push('--follow', '--no-tail');
  if (options.since !== undefined) args.push('--since', options.since);
  if (options.afterCursor !== undefined) args.push('--after-cursor', options.afterCursor);
  if (options.path !== undefined)
    args.push(
      options.path.endsWith('.journal') || options.path.endsWith('.journal~') ? '--file' : '--directory',
      options.path,
    );
  const running = host.pipe('journalctl', args, options.signal === undefined ? {} : { signal: options.signal });
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let isWhole = false;
    try {
      for await (const chunk of running.stdout) yield chunk as Uint8Array;
      isWhole = true;
    } finally {
      if (!isWhole) running.stop();
    }
    const result = await running.ended;
    if (result.exitStatus !== 0 && options.signal?.aborted !== true) {
      throw new SourceError(
        `journalctl ended with status ${result.exitStatus}: ${result.stderr.trim().split('\n')[0] ?? ''}`,
      );
    }
  }
  return chunks();
}
