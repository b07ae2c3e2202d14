// What came of which test file on which kernel, and is that still so? A file's result hangs on the program, on what the tests share and on
// the file itself; it is kept beside the kernels with a digest of these, so that a run that broke off can be taken up again.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT } from './guest.js';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface FileCounts extends Counts {
  /** Path within the checkout. */
  readonly file: string;
  readonly seconds: number;
  /** A line or a few for each failed test: its name and what it said. */
  readonly failures: readonly string[];
}

export interface FileResult extends FileCounts {
  /** As `uname -r` says it. */
  readonly release: string;
  /** Of what the result hangs on. */
  readonly state: string;
  /** Short, with a + where the checkout differed from it; null outside of git. */
  readonly commit: string | null;
  /** ISO 8601. */
  readonly at: string;
}

/** Beside the test file itself. */
const HANGS_ON = [
  ...['src', 'bin', 'migrations', 'package-lock.json'],
  ...['test/lab', 'test/helpers', 'test/oracle', 'test/record', 'test/vitest.config.ts'],
];

/** A function that gives the digest of what the result of a test file, or of an incident, hangs on. */
export function stateReader(checkout = CHECKOUT): (file: string) => string {
  const shared = createHash('sha256');
  for (const path of HANGS_ON) for (const file of filesIn(checkout, path)) addFile(shared, checkout, file);
  return (part) => {
    const own = shared.copy();
    return (existsSync(join(checkout, part)) ? addFile(own, checkout, part) : own).digest('hex').slice(0, 16);
  };
}

function filesIn(checkout: string, path: string): readonly string[] {
  if (statSync(join(checkout, path)).isFile()) return [path];
  const names = readdirSync(join(checkout, path), { recursive: true, encoding: 'utf8' }).sort();
  return names.map((name) => join(path, name)).filter((name) => statSync(join(checkout, name)).isFile());
}

function addFile(hash: ReturnType<typeof createHash>, checkout: string, file: string): ReturnType<typeof createHash> {
  const content = readFileSync(join(checkout, file));
  return hash.update(`${file} ${content.length}\n`).update(content);
}

/** The commit of the checkout, short, with a + where files differ from it; null where git knows nothing of it. */
export function commitOf(checkout = CHECKOUT): string | null {
  const git = (...words: readonly string[]) =>
    execFileSync('git', ['-C', checkout, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short=10', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+');
  } catch {
    return null;
  }
}

/** The results kept in `path`, one a line, oldest first; a line that a broken run cut short is passed over. */
export function readResults(path: string): readonly FileResult[] {
  return readLines<FileResult>(path);
}

/** One JSON value a line; what is not whole is passed over. */
export function readLines<T>(path: string): readonly T[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as T];
      } catch {
        return [];
      }
    });
}

export function keepResult(path: string, result: FileResult): void {
  appendFileSync(path, `${JSON.stringify(result)}\n`);
}

/**
 * What counts now for each file on one kernel: its last result; one that only skipped (systemd.test.ts without --systemd) does not
 * stand for one that ran in the same state.
 */
export function standing(results: readonly FileResult[], release: string): ReadonlyMap<string, FileResult> {
  const files = new Map<string, FileResult>();
  for (const result of results) {
    if (result.release !== release) continue;
    const before = files.get(result.file);
    if (before === undefined || before.state !== result.state || hasRun(result) || !hasRun(before))
      files.set(result.file, result);
  }
  return files;
}

const hasRun = ({ passed, failed }: Counts): boolean => passed + failed > 0;

/** The sum of counts. */
export function sum(all: Iterable<Counts>): Counts {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of all) for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += counts[key];
  return total;
}

export function tellCounts({ passed, failed, skipped }: Counts): string {
  return `${skipped} skipped, ${passed} passed, ${failed} failed`;
}

/**
 * All that is known of the live tests on some kernels, for people: a line for each kernel with the sum over its files, then the files that
 * failed, were not tried, or were tried in another state of the program.
 */
export function tellStanding(
  results: readonly FileResult[],
  releases: readonly string[],
  files: readonly string[],
  stateOf: (file: string) => string,
): string {
  return releases
    .flatMap((release) => {
      const known = standing(results, release);
      const found = files.flatMap((file) => known.get(file) ?? []);
      const older = found.filter(({ file, state }) => state !== stateOf(file)).length;
      const line = `kernel ${release}: ${found.length} of ${files.length} tried: ${tellCounts(sum(found))}`;
      return [
        older === 0 ? line : `${line}; ${older} of them as the program or the test was before`,
        ...found.flatMap(tellFile),
        ...files.filter((file) => !known.has(file)).map((file) => `  not tried  ${file}`),
        '',
      ];
    })
    .join('\n');
}

function tellFile({ file, passed, failed, skipped, seconds, failures, commit, at }: FileResult): readonly string[] {
  const word = failed > 0 ? 'failed' : passed > 0 ? 'passed' : 'skipped';
  const counts = tellCounts({ passed, failed, skipped });
  const line = `  ${word.padEnd(9)}  ${file}: ${counts}; ${seconds} s, ${commit ?? 'no commit'}, ${at.slice(0, 16)}Z`;
  return [line, ...failures.map((failure) => `    ${failure.split('\n')[0]}`)];
}
