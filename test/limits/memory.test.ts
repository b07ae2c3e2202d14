// Reading takes the same memory whatever the size of the input: the built program reads inputs of two sizes, and the kernel says how
// much of it was ever in memory at once (getrusage(2): ru_maxrss, all threads).

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY } from '../helpers/run-command.js';
import { type InputForm, makeInput } from './inputs.js';

/** PRODUCT's bound. */
const MOST_MB = 200;
/**
 * Collectors take their time before they settle: what a run four times as long may take more. A Map entry a record, the cheapest way
 * to forget nothing, is a hundred bytes, so 15 MB more here and past the bound at a million.
 */
const MOST_GROWTH_MB = 45;
const FEW = 40_000;
const MANY = 160_000;
const FORMS: readonly InputForm[] = ['log', 'kmsg', 'listing', 'events', 'pcap'];

let folder: string;
let run: string;
beforeAll(() => {
  const start = join(REPOSITORY, 'dist/start.js');
  if (!existsSync(start)) throw new Error('the program is not built: npm run build');
  folder = mkdtempSync(join(tmpdir(), 'memory-'));
  run = join(folder, 'run.mjs');
  writeFileSync(
    run,
    `import { start } from ${JSON.stringify(pathToFileURL(start).href)};
process.exitCode = await start(process.argv.slice(2));
process.on('exit', () => process.stdout.write(String(process.resourceUsage().maxRSS)));
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Peak resident megabytes of one ingest into a fresh store. */
function peakMb(form: InputForm, records: number): number {
  const input = join(folder, `${form}-${records}`);
  const store = join(folder, 'store.db');
  makeInput(form, records, input);
  const done = spawnSync(process.execPath, [run, 'ingest', '--quiet', '--db', store, input], { encoding: 'utf8' });
  for (const suffix of ['', '-wal', '-shm']) rmSync(store + suffix, { force: true });
  rmSync(input);
  const peak = /(\d+)$/.exec(done.stdout)?.[1];
  if (done.status !== 0 || peak === undefined) throw new Error(`${form}: ${done.stderr}${done.stdout}`);
  return Number(peak) / 1024;
}

describe('memory of an ingest', () => {
  for (const form of FORMS) {
    it(`stays flat and below ${MOST_MB} MB: ${form}`, { timeout: 600_000 }, () => {
      const few = peakMb(form, FEW);
      const many = peakMb(form, MANY);
      expect(many).toBeLessThan(MOST_MB);
      expect(many - few).toBeLessThan(MOST_GROWTH_MB);
    });
  }
});
