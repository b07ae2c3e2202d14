// What the name of a file tells where no manifest speaks: the moment it was taken at. A guess, and marked as one.

export interface Moment {
  /** Files with the same key are one snapshot; '' where nothing tells. */
  readonly key: string;
  /** Order among the moments of one call. */
  readonly rank: number;
  /** For people: 'before', 'after', '2'; NULL where nothing tells. */
  readonly name: string | null;
  readonly isGuessed: boolean;
}

export const NO_MOMENT: Moment = { key: '', rank: 100, name: null, isGuessed: true };

/** Words people put into names of files and folders, in order of time. */
const WORDS: readonly (readonly [number, readonly string[]])[] = [
  [10, ['before', 'pre', 'prior', 'old', 'initial', 'start', 'begin', 'baseline', 'healthy', 'good', 'ok', 'working']],
  [200, ['during', 'mid', 'while']],
  [300, ['after', 'post', 'new', 'final', 'end', 'later', 'bad', 'broken', 'failing', 'unhooked']],
];
const RANKS = new Map(WORDS.flatMap(([rank, words]) => words.map((word) => [word, rank] as const)));

/** Order among the moments a manifest names; unknown names keep the middle. */
export function rankOfMoment(name: string): number {
  for (const word of name.toLowerCase().match(/[a-z]+/g) ?? []) {
    const rank = RANKS.get(word);
    if (rank !== undefined) return rank;
  }
  const number = Number(/\d+/.exec(name)?.[0] ?? Number.NaN);
  return Number.isNaN(number) ? 150 : 100 + Math.min(number, 99) / 100;
}

/**
 * @param path below the input: 'after/conntrack-L.txt', 'conntrack-L-2.txt', 'ct-20240131-1200.txt'
 */
export function momentOfPath(path: string): Moment {
  const steps = path.split('/');
  const base = (steps.pop() ?? '').replace(/(\.(txt|log|out|gz|xz|zst|bz2|json|xml|csv))+$/i, '');
  const dated = /(?<!\d)(20\d{2})-?(\d{2})-?(\d{2})(?:[-_T. ]?(\d{2})[-:.h]?(\d{2})(?:[-:.m]?(\d{2}))?)?(?!\d)/.exec(
    `${steps.at(-1) ?? ''}/${base}`,
  );
  if (dated !== null) {
    const name = dated[0];
    const digits = name.replace(/\D/g, '').padEnd(14, '0');
    return { key: `d${digits}`, rank: 100 + Number(digits) / 1e14, name, isGuessed: true };
  }
  for (const step of [base, ...steps.reverse()]) {
    for (const word of step.toLowerCase().match(/[a-z]+/g) ?? []) {
      const rank = RANKS.get(word);
      if (rank !== undefined) return { key: word, rank, name: word, isGuessed: true };
    }
  }
  const numbered = /[-_.#](\d{1,4})$/.exec(base);
  if (numbered !== null) {
    const number = Number(numbered[1]);
    return { key: `n${number}`, rank: 100 + number / 10_000, name: String(number), isGuessed: true };
  }
  return NO_MOMENT;
}

/** The last step of a path, lower case, without the endings of compression: what forms get as a hint. */
export function hintName(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/\.(gz|xz|zst|zstd|bz2|lz4)$/, '');
}
