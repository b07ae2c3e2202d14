// What a capture collected, as a bundle: the same tar that `ctwhy bundle` writes and `ingest` reads best.

import type { ScratchFile } from '../../host/new-file.js';
import { type Change, changeId } from '../../model/change.js';
import { type ManifestPart, manifestText, secondsText } from '../../survey/bundle/manifest.js';
import { assemble, beginMember } from '../../survey/bundle/member-writer.js';
import { protocolName } from '../../text/protocols.js';
import { coverageLine, type Read } from './readers.js';
import type { CaptureWishes } from './wish.js';

export interface Collection {
  /** Lines of the manifest on the host, the surest clock first. */
  readonly says: readonly string[];
  /** What was read at one moment is in the body already. */
  readonly body: ScratchFile;
  readonly parts: readonly ManifestPart[];
  /** What was read while it went on. */
  readonly reads: readonly Read[];
  /** More lines on what could be shown. */
  readonly coverage: readonly string[];
}

/** Writes the archive into a file that is there. @throws HostError when the disk is full */
export function pack(archive: ScratchFile, { says, body, parts, reads, coverage }: Collection, atUs: number): void {
  for (const read of reads) {
    const member = beginMember(body, read.file, null);
    for (const piece of read.spool.pieces()) member.append(piece);
    member.keep(read.endedAtUs);
    read.spool.discard();
  }
  const text = manifestText(says, [...parts, ...reads], [...coverage, ...reads.flatMap((read) => read.coverage)]);
  assemble(archive, Buffer.from(text, 'utf8').toString('latin1'), body, atUs);
}

/** A line of ours in the kernel log, on both clocks. */
export interface Mark {
  readonly uptimeUs: number;
  readonly atUs: number;
}

export interface Said {
  readonly wishes: CaptureWishes;
  /** NULL: nothing was switched on. */
  readonly change: Change | null;
  readonly mark: Mark | null;
  /** When the person's command was started. */
  readonly childAtUs: number | null;
  readonly startsTracking: boolean;
}

/** What the manifest says of the capture itself. */
export function captureSays({ wishes, change, mark, childAtUs, startsTracking }: Said): {
  readonly clock: readonly string[];
  readonly more: readonly string[];
} {
  return {
    clock: mark === null ? [] : [`uptime ${secondsText(mark.uptimeUs)} at ${secondsText(mark.atUs)}`],
    more: [
      `made-by ctwhy capture${change === null ? '' : ` ${changeId(change)}`}`,
      `note looked for ${wishes.question.title}: ${wishes.filterText}`,
      ...(startsTracking ? ['note connection tracking began with this capture'] : []),
      ...(childAtUs === null || wishes.command === null
        ? []
        : [`ran ${secondsText(childAtUs)} ${wishes.command.join(' ').replaceAll(/\s+/g, ' ')}`]),
    ],
  };
}

/** For which protocols conntrack would have said why it refuses a packet, while it was switched on. */
export function captureCoverage({ filter }: CaptureWishes, fromUs: number, toUs: number): readonly string[] {
  const [only, ...more] = filter.protos ?? [];
  const what = only === undefined || more.length > 0 ? 'log-invalid:all' : `log-invalid:${protocolName(only)}`;
  return [coverageLine(what, 'complete', fromUs, toUs, null)];
}
