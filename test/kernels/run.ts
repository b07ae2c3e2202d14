// The live tests on stock Debian kernels, one after another:
//   npm run test:kernels [-- --kernel 6.1]… [-- test/live/lab.test.ts]…
// --fetch asks the mirror for newer kernels, --timeout S gives each guest so many seconds, --keep FOLDER keeps what each guest left,
// --name REGEX runs only the tests of such a name, --systemd boots with systemd (the timers that end changes are its), --command 'WORDS'
// runs that in the checkout instead of the tests, --incidents plays incidents there instead and holds against them what ctwhy explain says of
// the recordings. last-run.txt beside the kernels keeps what came of it. Exit status 0: every kernel ran and nothing failed.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
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

/** Emulation makes everything about so many times slower; tests wait longer by it. */
const EMULATION_PATIENCE = 12;

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
  },
});
const incidents = positionals.length > 0 ? positionals : TELLING_INCIDENTS;
const acceleration = bestAcceleration();
const timeoutMs = 1000 * Number(values.timeout ?? (acceleration === 'kvm' ? 900 : 10_800));

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** One line for each kernel, then the sum of them. */
const summary: string[] = [];
process.exitCode = await main();

async function main(): Promise<number> {
  const names = values.kernel ?? WANTED_KERNELS.map(({ name }) => name);
  const unknown = names.find((name) => !WANTED_KERNELS.some((wanted) => wanted.name === name));
  if (unknown !== undefined || Number.isNaN(timeoutMs)) {
    const known = WANTED_KERNELS.map(({ name }) => name).join(', ');
    console.error(unknown === undefined ? '--timeout takes seconds' : `no kernel ${unknown} here; known: ${known}`);
    return 2;
  }
  const missing = missingPrograms();
  if (missing.length > 0) {
    console.error(`no kernel was tried; lacking: ${missing.join(', ')}`);
    return 1;
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  let notRun = 0;
  for (const wanted of WANTED_KERNELS.filter(({ name }) => names.includes(name))) {
    const counts = await tryKernel(wanted);
    if (counts === null) notRun += 1;
    else for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += counts[key];
  }
  const tried = names.length - notRun;
  if (values.command === undefined) {
    const ending = notRun > 0 ? ` (${notRun} not run)` : '';
    conclude(`${tried} ${tried === 1 ? 'kernel' : 'kernels'}${ending}: ${tell(total)}`);
    writeFileSync(join(kernelFolder(), 'last-run.txt'), `${new Date().toISOString()}\n${summary.join('\n')}\n`);
  }
  return total.failed === 0 && notRun === 0 && (total.passed > 0 || values.command !== undefined) ? 0 : 1;
}

function conclude(line: string): void {
  console.log(line);
  summary.push(line);
}

/** Prints what came of it; null when the tests did not come to an end there. */
async function tryKernel(wanted: WantedKernel): Promise<Counts | null> {
  const begunMs = Date.now();
  const shared = values.keep === undefined ? sharedFolder() : keepFolder(wanted);
  let title = `kernel ${wanted.name} (${wanted.suite})`;
  try {
    const kernel = debianKernel(wanted, values.fetch);
    title = `kernel ${kernel.release} (${wanted.suite}, ${acceleration === 'kvm' ? 'KVM' : 'emulated'})`;
    const { end, output } = await runOn(kernel, shared);
    const seconds = ((Date.now() - begunMs) / 1000).toFixed(0);
    if (values.command !== undefined) {
      const isGood = end.kind === 'ended' && end.status === 0;
      console.log(`${title}: ${end.kind === 'ended' ? `exit status ${end.status}` : tellEnd(end)} after ${seconds} s`);
      return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
    }
    const counts = values.incidents
      ? await judgeIncidents(join(shared, 'recorded'), end)
      : readReport(join(shared, 'report.json'), end);
    if (counts === null || counts.failed > 0) console.log(output);
    const told = counts === null ? `${tellEnd(end)}, until then ${tell(countLines(output))}` : tell(counts);
    conclude(`${title}, ${seconds} s: ${told}`);
    return counts;
  } catch (error) {
    if (!(error instanceof Lacking)) throw error;
    conclude(`${title}: not run: ${error.message}`);
    return null;
  } finally {
    if (values.keep === undefined) rmSync(shared, { recursive: true, force: true });
  }
}

async function runOn(kernel: FetchedKernel, shared: string): Promise<{ end: GuestEnd; output: string }> {
  const record = `exec node --import tsx test/record/record.ts --into ${SHARED_IN_GUEST}/recorded ${incidents.join(' ')}`;
  const tests = [
    ...['exec node node_modules/vitest/vitest.mjs run --config test/vitest.config.ts --no-file-parallelism'],
    ...['--reporter=verbose', '--reporter=json', `--outputFile.json=${SHARED_IN_GUEST}/report.json`],
    ...(values.name === undefined ? [] : [`-t '${values.name.replaceAll("'", '.')}'`]),
    ...(positionals.length > 0 ? positionals : ['test/live']),
  ];
  const emulated = acceleration === 'kvm' ? '' : ` CTWHY_TEST_PATIENCE=${EMULATION_PATIENCE} CTWHY_TEST_RESIDENT=1`;
  const environment = `export CTWHY_TEST_THROWAWAY=1${emulated}\n`;
  // A lab sets sysctls of conntrack before it has rules that would load it.
  const modules = 'modprobe -a nf_conntrack nf_conntrack_netlink nfnetlink_log\n';
  let output = '';
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
  return { end, output };
}

function keepFolder(wanted: WantedKernel): string {
  const folder = resolve(values.keep!, wanted.name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** What vitest counted; a file that could not be loaded, or a run that broke off, is a failure too. */
function readReport(path: string, end: GuestEnd): Counts | null {
  if (end.kind !== 'ended' || !existsSync(path)) return null;
  const report = JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>;
  const failed = report['numFailedTests'] ?? 0;
  return {
    passed: report['numPassedTests'] ?? 0,
    failed: failed === 0 && end.status !== 0 ? 1 : failed,
    skipped: (report['numPendingTests'] ?? 0) + (report['numTodoTests'] ?? 0),
  };
}

/** Each recording counts twice, from all evidence and from little; one that could not be made has failed. */
async function judgeIncidents(recorded: string, end: GuestEnd): Promise<Counts | null> {
  if (end.kind !== 'ended' || !existsSync(recorded)) return null;
  const judged = await judgeRecorded(recorded);
  for (const { name, evidence, said, faults } of judged)
    console.log(`${faults.length === 0 ? '✓' : '×'} ${name}, ${evidence}: ${[said, ...faults].join('\n    ')}`);
  const failed = judged.filter(({ faults }) => faults.length > 0).length + 2 * incidents.length - judged.length;
  return { passed: 2 * incidents.length - failed, failed, skipped: 0 };
}

/** What the lines of a run that broke off tell; skipped ones count only where they were named. */
function countLines(output: string): Counts {
  const count = (sign: string) =>
    output.split('\n').filter((line) => line.includes(sign) && line.includes('.test.ts')).length;
  return { passed: count('✓'), failed: count('×'), skipped: count('↓') };
}

function tell({ passed, failed, skipped }: Counts): string {
  return `${skipped} skipped, ${passed} passed, ${failed} failed`;
}

function tellEnd(end: GuestEnd): string {
  if (end.kind === 'ended') return `the tests did not run (exit status ${end.status})`;
  const stage = end.hasStarted ? 'the tests had not ended' : 'the kernel had not started';
  if (end.kind === 'timed out') return `timed out: ${stage} after ${timeoutMs / 1000} s`;
  return `the guest went away, ${stage}: ${end.lastWords}`;
}
