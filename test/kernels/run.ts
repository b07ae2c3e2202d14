// The live tests on stock Debian kernels, one after another:
//   npm run test:kernels [-- --kernel 6.1]… [-- test/live/lab.test.ts]…
// --resume leaves out what has passed there in the present state of program and tests, --guests N lets so many kernels run at once,
// --fetch asks the mirror for newer kernels, --timeout S gives each guest so many seconds, --keep FOLDER keeps what each guest left,
// --name REGEX runs only the tests of such a name, --systemd boots with systemd (the timers that end changes are its), --command 'WORDS'
// runs that in the checkout instead of the tests, --incidents plays incidents there instead and holds against them what ctwhy explain says of
// the recordings. Beside the kernels, results.jsonl keeps what came of each file as soon as it is through, and last-run.txt tells it.
// Exit status 0: every kernel ran and nothing failed.

import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  cachedRelease,
  debianKernel,
  type FetchedKernel,
  kernelFolder,
  Lacking,
  WANTED_KERNELS,
  type WantedKernel,
} from './debian-kernel.js';
import { bestAcceleration, CHECKOUT, type GuestEnd, runInGuest, SHARED_IN_GUEST, sharedFolder } from './guest.js';
import { judgeRecorded, TELLING_INCIDENTS } from './judge-recorded.js';
import { missingPrograms } from './programs.js';
import {
  type Counts,
  commitOf,
  type FileCounts,
  keepResult,
  readLines,
  readResults,
  standing,
  stateReader,
  sum,
  tellCounts,
  tellStanding,
} from './results.js';

/** Emulation makes everything about so many times slower; tests wait longer by it. */
const EMULATION_PATIENCE = 12;
const LOOK_MS = 1000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kernel: { type: 'string', multiple: true },
    timeout: { type: 'string' },
    fetch: { type: 'boolean', default: false },
    keep: { type: 'string' },
    command: { type: 'string' },
    systemd: { type: 'boolean', default: false },
    append: { type: 'string', default: '' },
    name: { type: 'string' },
    incidents: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
    guests: { type: 'string' },
  },
});
const acceleration = bestAcceleration();
const timeoutMs = 1000 * Number(values.timeout ?? (acceleration === 'kvm' ? 900 : 10_800));
// A guest has one processor in emulation; half of the machine's stay free.
const guestCount = Number(values.guests ?? Math.max(1, availableParallelism() >> 1));

const LIVE_FILES = readdirSync(join(CHECKOUT, 'test/live'))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/live/${name}`);
/** As results name it. */
const incidentPart = (name: string): string => `incident ${name}`;
/** What each kernel is asked: test files, or incidents by their names. */
const asked = positionals.length > 0 ? positionals : values.incidents ? TELLING_INCIDENTS : LIVE_FILES;
const RESULTS = join(kernelFolder(), 'results.jsonl');
const stateOf = stateReader();
const commit = commitOf();

/** One line for each kernel, then the sum of them. */
const summary: string[] = [];
process.exitCode = await main();

async function main(): Promise<number> {
  const names = values.kernel ?? WANTED_KERNELS.map(({ name }) => name);
  const unknown = names.find((name) => !WANTED_KERNELS.some((wanted) => wanted.name === name));
  if (unknown !== undefined) {
    console.error(`no kernel ${unknown} here; known: ${WANTED_KERNELS.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  if (!(timeoutMs > 0) || !(guestCount >= 1)) {
    console.error('--timeout takes seconds, --guests a number');
    return 2;
  }
  const missing = missingPrograms();
  if (missing.length > 0) {
    console.error(`no kernel was tried; lacking: ${missing.join(', ')}`);
    return 1;
  }
  const waiting = WANTED_KERNELS.filter(({ name }) => names.includes(name));
  const ends: (Counts | null)[] = [];
  async function goOn(): Promise<void> {
    for (let wanted = waiting.shift(); wanted !== undefined; wanted = waiting.shift())
      ends.push(await tryKernel(wanted));
  }
  await Promise.all(Array.from({ length: Math.min(guestCount, waiting.length) }, goOn));
  const tried = ends.filter((end) => end !== null);
  const notRun = ends.length - tried.length;
  const total = sum(tried);
  if (values.command === undefined) {
    const ending = notRun > 0 ? ` (${notRun} not run)` : '';
    conclude(`${tried.length} ${tried.length === 1 ? 'kernel' : 'kernels'}${ending}: ${tellCounts(total)}`);
  }
  const isIdle = total.passed === 0 && values.command === undefined && !values.resume;
  return total.failed === 0 && notRun === 0 && !isIdle ? 0 : 1;
}

function conclude(line: string): void {
  console.log(line);
  summary.push(line);
  keepSummary();
}

/** What this run has concluded, and all that is known by now. */
function keepSummary(): void {
  const releases = WANTED_KERNELS.flatMap((wanted) => cachedRelease(wanted) ?? []);
  const parts = [...LIVE_FILES, ...TELLING_INCIDENTS.map(incidentPart)];
  const known = tellStanding(readResults(RESULTS), releases, parts, stateOf);
  const last = `${new Date().toISOString()}\n${[...summary, ''].join('\n')}\nAll that is known, also from earlier runs:\n\n${known}`;
  writeFileSync(join(kernelFolder(), 'last-run.txt'), last);
}

/** Prints what came of it; null when the tests did not come to an end there. */
async function tryKernel(wanted: WantedKernel): Promise<Counts | null> {
  const begunMs = Date.now();
  const shared = values.keep === undefined ? sharedFolder() : keepFolder(wanted);
  let title = `kernel ${wanted.name} (${wanted.suite})`;
  try {
    const kernel = debianKernel(wanted, values.fetch);
    title = `kernel ${kernel.release} (${wanted.suite}, ${acceleration === 'kvm' ? 'KVM' : 'emulated'})`;
    const parts = values.resume ? notYetGreen(kernel) : asked;
    const leftOut = asked.length - parts.length;
    const resumed = leftOut === 0 ? '' : `${leftOut} left out that passed before, `;
    if (parts.length === 0 && values.command === undefined) {
      conclude(`${title}: ${leftOut} passed before, nothing is left to try`);
      return { passed: 0, failed: 0, skipped: 0 };
    }
    const { end, output, results } = await runOn(kernel, shared, parts);
    const seconds = ((Date.now() - begunMs) / 1000).toFixed(0);
    if (values.command !== undefined) {
      const isGood = end.kind === 'ended' && end.status === 0;
      console.log(`${title}: ${end.kind === 'ended' ? `exit status ${end.status}` : tellEnd(end)} after ${seconds} s`);
      return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
    }
    if (values.incidents) await judgeIncidents(kernel, shared, parts, results, end.kind === 'ended');
    const counts = sum(results);
    const hasEnded = end.kind === 'ended' && results.length > 0;
    // A run that vitest itself calls bad has failed, also where no test has.
    const isBad = hasEnded && end.status !== 0 && counts.failed === 0;
    if (!hasEnded || isBad || counts.failed > 0) console.log(output);
    const told = tellCounts(isBad ? { ...counts, failed: 1 } : counts);
    conclude(`${title}, ${seconds} s: ${resumed}${hasEnded ? told : `${tellEnd(end)}, until then ${told}`}`);
    if (!hasEnded) return null;
    return isBad ? { ...counts, failed: 1 } : counts;
  } catch (error) {
    if (!(error instanceof Lacking)) throw error;
    conclude(`${title}: not run: ${error.message}`);
    return null;
  } finally {
    if (values.keep === undefined) rmSync(shared, { recursive: true, force: true });
  }
}

/** What is asked but has not passed on this kernel as program and tests are now. */
function notYetGreen(kernel: FetchedKernel): readonly string[] {
  const known = standing(readResults(RESULTS), kernel.release);
  return asked.filter((part) => {
    const name = values.incidents ? incidentPart(part) : part;
    const result = known.get(name);
    return result === undefined || result.failed > 0 || result.passed === 0 || result.state !== stateOf(name);
  });
}

interface Run {
  readonly end: GuestEnd;
  readonly output: string;
  /** Of the files that came to an end; grows with what the caller finds out later. */
  readonly results: FileCounts[];
}

async function runOn(kernel: FetchedKernel, shared: string, parts: readonly string[]): Promise<Run> {
  const record = `exec node --import tsx test/record/record.ts --into ${SHARED_IN_GUEST}/recorded ${parts.join(' ')}`;
  const tests = [
    ...['exec node node_modules/vitest/vitest.mjs run --config test/kernels/vitest.config.ts'],
    ...(values.name === undefined ? [] : [`-t '${values.name.replaceAll("'", '.')}'`]),
    ...parts,
  ];
  const emulated = acceleration === 'kvm' ? '' : ` CTWHY_TEST_PATIENCE=${EMULATION_PATIENCE} CTWHY_TEST_RESIDENT=1`;
  const environment = `export CTWHY_TEST_THROWAWAY=1 CTWHY_TEST_RESULTS=${SHARED_IN_GUEST}/results${emulated}\n`;
  // A lab sets sysctls of conntrack before it has rules that would load it.
  const modules = 'modprobe -a nf_conntrack nf_conntrack_netlink nfnetlink_log\n';
  let output = '';
  const results: FileCounts[] = [];
  function takeResults(): void {
    for (const counts of readLines<FileCounts>(join(shared, 'results')).slice(results.length)) {
      results.push(counts);
      keep(kernel, counts);
    }
  }
  const looking = setInterval(takeResults, LOOK_MS);
  try {
    const end = await runInGuest({
      kernel,
      acceleration,
      shared,
      timeoutMs,
      append: values.append,
      hasSystemd: values.systemd,
      command: `${environment}${modules}cd '${CHECKOUT}'\n${values.command ?? (values.incidents ? record : tests.join(' '))}\n`,
      onOutput(text) {
        output += text;
        if (values.command !== undefined) process.stdout.write(text);
      },
    });
    takeResults();
    return { end, output, results };
  } finally {
    clearInterval(looking);
  }
}

/** Prints what came of one file and keeps it; a file of which only some tests were asked is not kept. */
function keep({ release }: FetchedKernel, counts: FileCounts): void {
  console.log(`kernel ${release}: ${counts.file}, ${counts.seconds} s: ${tellCounts(counts)}`);
  for (const failure of counts.failures) console.log(`  × ${failure.replaceAll('\n', '\n    ')}`);
  if (values.name !== undefined) return;
  keepResult(RESULTS, { release, ...counts, state: stateOf(counts.file), commit, at: new Date().toISOString() });
  keepSummary();
}

function keepFolder(wanted: WantedKernel): string {
  const folder = resolve(values.keep!, wanted.name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Each recording counts twice, from all evidence and from little; one that could not be made has failed, if there was time for all. */
async function judgeIncidents(
  kernel: FetchedKernel,
  shared: string,
  names: readonly string[],
  results: FileCounts[],
  hasEnded: boolean,
): Promise<void> {
  const recorded = join(shared, 'recorded');
  const all = existsSync(join(recorded, 'truths.json')) ? await judgeRecorded(recorded) : [];
  // A recording made elsewhere ends with the kernel it was made on.
  const judged = all.map((one) => ({ ...one, name: one.name.replace(/-\d+\.\d+$/, '') }));
  for (const { name, evidence, said } of judged) console.log(`${name}, ${evidence}: ${said}`);
  for (const name of names) {
    const found = judged.filter((one) => one.name === name);
    if (found.length === 0 && !hasEnded) continue;
    const failures = found
      .filter(({ faults }) => faults.length > 0)
      .map(({ evidence, faults }) => `${evidence}: ${faults.join('; ')}`);
    const passed = found.length - failures.length;
    if (found.length === 0) failures.push('it could not be recorded');
    const counts = { file: incidentPart(name), passed, failed: failures.length, skipped: 0, seconds: 0, failures };
    results.push(counts);
    keep(kernel, counts);
  }
}

function tellEnd(end: GuestEnd): string {
  if (end.kind === 'ended') return `the tests did not run (exit status ${end.status})`;
  const stage = end.hasStarted ? 'the tests had not ended' : 'the kernel had not started';
  if (end.kind === 'timed out') return `timed out: ${stage} after ${timeoutMs / 1000} s`;
  return `the guest went away, ${stage}: ${end.lastWords}`;
}
