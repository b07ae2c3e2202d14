// Plays incidents on this machine's kernel and records each as a folder in fixtures/hosts.
//
//   npx tsx test/record/record.ts [NAME…]        all incidents, or the named ones
//   npx tsx test/record/record.ts --list
//   npx tsx test/record/record.ts --into FOLDER [NAME…]   on another kernel: FOLDER/hosts/NAME-6.1, and what is true of it
//   npx tsx test/record/record.ts --adopt FOLDER          takes what was recorded so into the fixtures

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nowUs, secondsText } from '../lab/clock.js';
import { type ClockSample, type KernelLog, openKernelLog } from '../lab/kernel-log.js';
import { type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { type Bundle, openBundle } from './bundle.js';
import type { Incident } from './incident.js';
import { INCIDENTS } from './incidents.js';
import { KERNEL_LOG_FILES, writeKernelLog } from './kernel-log-forms.js';
import { kernelSeries, kernelVersion } from './kernel-release.js';
import { type Provenance, readProvenance, writeProvenance } from './provenance.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const ATTEMPTS = 3;

/** Plays one incident into `folder` and says how it went about; throws when the recording does not prove its story. */
async function record(incident: Incident, folder: string): Promise<Provenance> {
  const lab = openLab();
  let kernelLog: KernelLog | null = null;
  try {
    kernelLog = openKernelLog();
    const startedAtUs = nowUs();
    const samples: ClockSample[] = [kernelLog.sampleClock()];
    const observed: { host: LabHost; bundle: Bundle }[] = [];
    await incident.play({
      lab,
      kernelLog,
      observe(host) {
        const bundle = openBundle(folder, host);
        observed.push({ host, bundle });
        return bundle;
      },
    });
    samples.push(kernelLog.sampleClock());
    const [seen] = observed;
    if (seen === undefined || observed.length > 1) throw new Error('an incident observes exactly one host');
    finishBundle(incident, seen.bundle, seen.host, kernelLog, samples, startedAtUs);
    if (kernelLog.wasMuted()) throw new Error('nf_log_all_netns was switched by somebody else meanwhile');
    if (kernelLog.lost() > 0) throw new Error(`${kernelLog.lost()} kernel-log records were overwritten unread`);
    prove(incident, seen.bundle);
    return {
      truth: incident.truth,
      story: incident.story,
      kernel: kernelVersion(),
      recorded: new Date(startedAtUs / 1000).toISOString().slice(0, 10),
      observed: seen.host.role,
      played: lab.played.map(({ role, command }) => `${role}: ${command}`),
    };
  } finally {
    kernelLog?.close();
    lab.close();
  }
}

/** Adds the kernel log and what the manifest says of host and clocks. */
function finishBundle(
  incident: Incident,
  bundle: Bundle,
  host: LabHost,
  kernelLog: KernelLog,
  samples: readonly ClockSample[],
  startedAtUs: number,
): void {
  const boots = samples.map((sample) => sample.epochUs - sample.uptimeUs);
  const bootAtUs = boots.reduce((sum, one) => sum + one, 0) / boots.length;
  const errorUs =
    Math.max(...boots.map((one) => Math.abs(one - bootAtUs))) + Math.max(...samples.map((s) => s.errorUs));
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  bundle.say('host', host.role);
  bundle.say('kernel', kernelVersion());
  bundle.say('boot-id', bootId);
  bundle.say('boot-time', `${secondsText(bootAtUs)} ${secondsText(errorUs)}`);
  bundle.say('timezone', '+0000');
  bundle.say('netns', `init ${host.inode}`);
  for (const sample of samples)
    bundle.say('uptime', `${secondsText(sample.uptimeUs)} at ${secondsText(sample.epochUs)}`);
  bundle.say('note', 'played in network namespaces of one machine; kernel-log lines of other namespaces are left out');

  const { file, command } = KERNEL_LOG_FILES[incident.kernelLogForm];
  const ours = kernelLog.records((text) => isOurs(text, incident, host));
  const text = writeKernelLog(incident.kernelLogForm, ours, { host: host.role, bootId, bootAtUs });
  bundle.keep(file, text, command);
  bundle.state({ what: 'log', state: 'complete', fromUs: startedAtUs });
  bundle.finish(nowUs(), incident.statesCoverage !== false);
}

function isOurs(text: string, incident: Incident, host: LabHost): boolean {
  const words = text.split(/[ =]/);
  return (
    incident.addresses.some((address) => words.includes(address)) ||
    text.includes(`netns ${host.inode}`) ||
    incident.kernelWords?.test(text) === true
  );
}

function prove(incident: Incident, bundle: Bundle): void {
  for (const { file, pattern, atLeast = 1, atMost = Number.POSITIVE_INFINITY } of incident.proofs) {
    const count = bundle.text(file).match(new RegExp(pattern, 'gm'))?.length ?? 0;
    if (count < atLeast || count > atMost) {
      throw new Error(`${file} has ${count} of ${pattern}, wanted ${atLeast} to ${atMost}`);
    }
  }
}

/** Tries a few times, since others share the kernel, and replaces the old folder only with a proven one. */
async function recordUntilProven(incident: Incident, fixtures: string, name: string): Promise<Provenance> {
  const target = join(fixtures, 'hosts', name);
  for (let attempt = 1; ; attempt++) {
    const draft = mkdtempSync(join(fixtures, 'hosts', '.draft-'));
    try {
      const provenance = await record(incident, draft);
      rmSync(target, { recursive: true, force: true });
      renameSync(draft, target);
      return provenance;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      console.error(`${incident.name}: attempt ${attempt}: ${why}`);
      if (attempt === ATTEMPTS) throw error;
    } finally {
      if (process.env['KEEP_DRAFTS'] === undefined) rmSync(draft, { recursive: true, force: true });
    }
  }
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}

/** Names of all fixtures in the order of the incidents, each followed by what was recorded of it on other kernels. */
function namesOf(all: Readonly<Record<string, Provenance>>): readonly string[] {
  return INCIDENTS.flatMap(({ name }) => {
    const others = Object.keys(all).filter(
      (one) => one.startsWith(`${name}-`) && /^\d+\.\d+$/.test(one.slice(name.length + 1)),
    );
    return [name, ...others.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))];
  });
}

/** What was recorded on another kernel becomes a part of the fixtures. */
function adopt(folder: string): void {
  const theirs = readProvenance(folder);
  for (const name of Object.keys(theirs)) {
    rmSync(join(FIXTURES, 'hosts', name), { recursive: true, force: true });
    cpSync(join(folder, 'hosts', name), join(FIXTURES, 'hosts', name), { recursive: true });
  }
  const all = { ...readProvenance(FIXTURES), ...theirs };
  writeProvenance(FIXTURES, all, namesOf(all));
}

async function main(words: readonly string[]): Promise<void> {
  const [option, folder] = words;
  if (option === '--adopt' && folder !== undefined) {
    adopt(folder);
    return;
  }
  const isElsewhere = option === '--into' && folder !== undefined;
  const fixtures = isElsewhere ? folder : FIXTURES;
  const names = isElsewhere ? words.slice(2) : words;
  mkdirSync(join(fixtures, 'hosts'), { recursive: true });
  const obstacle = whyNoLab();
  if (obstacle !== null) throw new Error(obstacle);
  if (names.includes('--list')) {
    for (const incident of INCIDENTS) console.log(`${incident.name}\t${incident.story}`);
    return;
  }
  const unknown = names.filter((name) => !INCIDENTS.some((incident) => incident.name === name));
  if (unknown.length > 0) throw new Error(`no such incident: ${unknown.join(', ')} (--list shows them)`);
  const failed: string[] = [];
  for (const incident of INCIDENTS) {
    if (names.length > 0 && !names.includes(incident.name)) continue;
    const name = isElsewhere ? `${incident.name}-${kernelSeries()}` : incident.name;
    try {
      const provenance = await recordUntilProven(incident, fixtures, name);
      const all = { ...readProvenance(fixtures), [name]: provenance };
      writeProvenance(fixtures, all, namesOf(all));
      console.log(`${name}: ${folderBytes(join(fixtures, 'hosts', name))} bytes`);
    } catch {
      failed.push(incident.name);
    }
  }
  if (failed.length > 0) throw new Error(`not recorded: ${failed.join(', ')}`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
