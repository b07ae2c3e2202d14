// Lines of a bundle's MANIFEST, as src/parsers/host/manifest-line.ts reads them.

export const MANIFEST_FIRST_LINE = 'ctwhy-bundle 1';
/** Longer complaints of programs say nothing more. */
const MOST_ERROR_CHARACTERS = 400;

export interface ManifestPart {
  readonly file: string;
  readonly startedAtUs: number;
  readonly endedAtUs: number;
  /** NULL: a signal ended it. */
  readonly exitStatus: number | null;
  readonly moment: string | null;
  /** What the program complained of; '' for nothing. */
  readonly error: string;
  readonly command: string;
}

export function partLine(part: ManifestPart): string {
  return [
    `part ${part.file}`,
    `start=${secondsText(part.startedAtUs)}`,
    `end=${secondsText(part.endedAtUs)}`,
    `exit=${part.exitStatus ?? 'signal'}`,
    ...(part.moment === null ? [] : [`moment=${part.moment}`]),
    ...(part.error.trim() === '' ? [] : [`error=${quoted(part.error)}`]),
    `command=${part.command}`,
  ].join(' ');
}

/** The whole MANIFEST: what is said of the host, the parts in the order of reading, and what they cover. */
export function manifestText(
  says: readonly string[],
  parts: readonly ManifestPart[],
  coverage: readonly string[],
): string {
  const lines = [...parts].sort((a, b) => a.startedAtUs - b.startedAtUs).map(partLine);
  return [MANIFEST_FIRST_LINE, ...says, ...lines, ...coverage, ''].join('\n');
}

/** 1795269922779493 -> '1795269922.779493'. */
export function secondsText(us: number): string {
  const whole = Math.floor(us / 1e6);
  return `${whole}.${String(Math.round(us - whole * 1e6)).padStart(6, '0')}`;
}

/** A text in quotes, on one line. */
export function quoted(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ').slice(0, MOST_ERROR_CHARACTERS);
  return `"${line.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
