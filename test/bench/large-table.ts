// What does a snapshot of a table of a million entries cost, next to `conntrack -L` into a file? Made for real in a namespace, and both taken by
// turns, as speed alone says little on a shared machine. Needs root, conntrack and a built program.
// Usage: tsx test/bench/large-table.ts [--entries N] [--rounds N]

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openLab } from '../lab/lab.js';
import { holdSwitch } from '../lab/shared-switch.js';

const { values } = parseArgs({
  options: { entries: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '3' } },
});
const entries = Number(values.entries);
const program = fileURLToPath(new URL('../../bin/ctwhy.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ctwhy-table-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const store = join(folder, 'store.db');
/** Said by the program itself at its end: without conntrack, which runs beside it. */
const USAGE = `data:text/javascript,process.on("exit",()=>process.stderr.write("usage "+JSON.stringify(process.resourceUsage())+"\\n"))`;

/** Entries as `conntrack -o save` prints them; assured, so that none makes room for others. */
function writeEntries(path: string): void {
  const file = openSync(path, 'w');
  let lines: string[] = [];
  for (let number = 0; number < entries; number++) {
    // 198.18.0.0/15 is for measurements (RFC 2544).
    const client = `198.${18 + ((number >> 16) & 1)}.${(number >> 8) & 255}.${number & 255}`;
    const server = `203.0.113.${(number >> 17) & 255}`;
    const port = 1024 + (number % 60_000);
    lines.push(
      `-A -t ${300_000 + (number % 130_000)} -u SEEN_REPLY,ASSURED -s ${client} -d ${server} -r ${server} -q ${client} -p tcp --sport ${port} --dport 443 --reply-port-src 443 --reply-port-dst ${port} --state ESTABLISHED\n`,
    );
    if (lines.length < 10_000 && number < entries - 1) continue;
    writeSync(file, lines.join(''));
    lines = [];
  }
  closeSync(file);
}

interface Run {
  readonly wallMs: number;
  readonly said: string;
}

function timed(namespace: string, words: readonly string[], output: string): Run {
  const file = openSync(output, 'w');
  const began = performance.now();
  const { status, stderr } = spawnSync('ip', ['netns', 'exec', namespace, ...words], {
    stdio: ['ignore', file, 'pipe'],
    encoding: 'utf8',
  });
  const wallMs = performance.now() - began;
  closeSync(file);
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  return { wallMs, said: stderr };
}

function snapshot(namespace: string): Run & { readonly cpuMs: number; readonly peakMb: number } {
  const take = [program, 'snapshot', 'take', '--db', store, '--quiet'];
  const run = timed(namespace, [process.execPath, '--import', USAGE, ...take], '/dev/null');
  const usage = JSON.parse(/^usage (.*)$/m.exec(run.said)?.[1] ?? '{}') as NodeJS.ResourceUsage;
  return { ...run, cpuMs: (usage.userCPUTime + usage.systemCPUTime) / 1000, peakMb: usage.maxRSS / 1024 };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const lab = openLab();
try {
  const { namespace } = await lab.addHost('table');
  const list = join(folder, 'entries');
  writeEntries(list);
  // The limit is of the whole machine: raised for the filling alone, what is there stays.
  const limit = holdSwitch('/proc/sys/net/nf_conntrack_max', String(entries * 2), '/run/ctwhylab-nf_conntrack_max');
  try {
    timed(namespace, ['conntrack', '-R', list], '/dev/null');
  } finally {
    limit.release();
  }
  writeFileSync(list, '');
  const words = ['conntrack', '-L', '-o', 'extended,id,ktimestamp'];
  const listed = (): Run => timed(namespace, words, join(folder, 'listing'));
  listed();
  const first = snapshot(namespace);
  console.log(
    `first snapshot of ${entries} entries: ${seconds(first.wallMs)}, ${seconds(first.cpuMs)} of CPU without conntrack's, at most ${first.peakMb.toFixed(0)} MiB; store ${(statSync(store).size / 1e6).toFixed(0)} MB`,
  );
  const ratios: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const [before, own, after] = [listed(), snapshot(namespace), listed()];
    const ratio = (own.wallMs * 2) / (before.wallMs + after.wallMs);
    ratios.push(ratio);
    console.log(
      `unchanged: ${seconds(own.wallMs)} between conntrack -L of ${seconds(before.wallMs)} and ${seconds(after.wallMs)}: ${ratio.toFixed(2)} times; ${seconds(own.cpuMs)} of CPU without conntrack's, at most ${own.peakMb.toFixed(0)} MiB; load ${loadavg()[0]!.toFixed(1)}`,
    );
  }
  ratios.sort((a, b) => a - b);
  console.log(
    `median ${ratios[Math.floor(ratios.length / 2)]!.toFixed(2)} times conntrack -L into a file; goal 1.5, 200 MB`,
  );
} finally {
  lab.close();
}
