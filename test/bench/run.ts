// How fast is the way from a kernel log to an answer, next to the tools people have? Prints ratios measured in one run, as speed alone says
// little on a shared machine: lnav answering the same question over the same file, and `sqlite3 .import` of rows already parsed.
// Usage: tsx test/bench/run.ts [--lines N] [--rounds N]   (needs a built program, lnav and sqlite3)

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { LNAV_QUESTION, writeLnavFormat } from './lnav-format.js';
import { type LogKind, makeLog } from './make-logs.js';

const { values } = parseArgs({
  options: { lines: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '3' } },
});
const lines = Number(values.lines);
const rounds = Number(values.rounds);
const dist = fileURLToPath(new URL('../../dist', import.meta.url));
if (!existsSync(join(dist, 'main.js'))) throw new Error('the program is not built: npm run build');
const folder = join(tmpdir(), 'ctwhy-bench');
mkdirSync(folder, { recursive: true });
const lnavFolder = join(folder, 'lnav');
writeLnavFormat(lnavFolder);
const driver = join(dist, 'bench', 'ingest-kernel-log.js');
await build({
  entryPoints: [fileURLToPath(new URL('./ingest-kernel-log.ts', import.meta.url))],
  outfile: driver,
  format: 'esm',
  platform: 'node',
});

interface Run {
  readonly loadMs: number;
  readonly answerMs: number;
  /** Of the process, threads included. */
  readonly cpuMs: number;
  readonly peakMb: number;
  readonly rows: readonly { readonly prefix: string; readonly lines: number; readonly flows: number }[];
}

interface Timed {
  readonly ms: number;
  /** Processor time of the program and its threads: what is left to compare on a machine that does other things, too. */
  readonly cpuMs: number;
  readonly out: string;
}

/** Processor time of all programs that were run and waited for so far (proc(5): cutime and cstime, in hundredths). */
function childrenCpuMs(): number {
  const [user = 0, system = 0] = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .slice(13, 15)
    .map(Number);
  return (user + system) * 10;
}

/** Wall and processor milliseconds of a program, and what it printed. @throws Error when it fails */
function timed(command: string, args: readonly string[]): Timed {
  const began = performance.now();
  const cpuBefore = childrenCpuMs();
  const done = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, TERM: 'dumb' },
  });
  const ms = performance.now() - began;
  if (done.status !== 0) throw new Error(`${command} failed: ${done.stderr || String(done.error)}`);
  return { ms, cpuMs: childrenCpuMs() - cpuBefore, out: done.stdout };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function removeStore(store: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(store + suffix, { force: true });
}

function ours(log: string, store: string, how: 'thread' | 'here'): Run & { readonly ms: number } {
  removeStore(store);
  const { ms, cpuMs, out } = timed(process.execPath, [driver, dist, log, store, how]);
  return { ...(JSON.parse(out) as Run), ms, cpuMs };
}

function lnav(log: string): Timed {
  return timed('lnav', ['-n', '-I', lnavFolder, '-c', LNAV_QUESTION, '-c', ':write-csv-to -', log]);
}

/** The flat table of parsed lines as CSV, made once from our own store. */
function flatRows(store: string, csv: string): void {
  if (existsSync(csv)) return;
  timed('sqlite3', [
    store,
    '-csv',
    `.once ${csv}`,
    `SELECT p.clock_us, p.line, h.kind, h.prefix, h.table_name, h.chain, h.rule_kind, h.rule_no, h.in_if, h.out_if, m.text, t.proto, t.src, t.dst, t.sport, t.dport, p.ip_id, p.len, p.ttl - s.ttl_lost, f.flags, p.seq, p.ack, p.window, p.extra
     FROM passages p JOIN path_steps s ON s.path_id = p.path_id JOIN heads h ON h.id = s.head_id JOIN shapes f ON f.id = s.shape_id
       JOIN tuples t ON t.id = CASE s.slot WHEN 0 THEN p.tuple_id ELSE p.tuple2_id END LEFT JOIN macs m ON m.id = p.mac_id`,
  ]);
}

const FLAT_TABLE = `CREATE TABLE flat (us, line, kind, prefix, tab, chain, rule_kind, rule_no, in_if, out_if, mac, proto, src, dst, sport, dport, ip_id, len, ttl, flags, seq, ack, window, extra)`;

function imported(csv: string, store: string): Timed {
  removeStore(store);
  return timed('sqlite3', [store, '-cmd', FLAT_TABLE, `.import --csv ${csv} flat`]);
}

/** PRODUCT's goals: ratio of whole run to lnav, of load to .import, store to raw. */
const GOALS: Readonly<
  Record<LogKind, { readonly lnav: number | null; readonly importing: number | null; readonly size: number }>
> = {
  real: { lnav: 0.85, importing: 0.8, size: 0.2 },
  'log-only': { lnav: 1.5, importing: null, size: 0.5 },
  uniform: { lnav: null, importing: null, size: 0.2 },
};

const hasLnav = spawnSync('lnav', ['-V']).status === 0;
if (!hasLnav) console.log('lnav is not installed: no ratios against it');

for (const kind of ['real', 'log-only', 'uniform'] as const) {
  const log = join(folder, `${kind}-${lines}-v1.log`);
  if (!existsSync(log)) makeLog(kind, lines, log);
  const store = join(folder, `${kind}.db`);
  const csv = join(folder, `${kind}-${lines}-v1.csv`);
  const ratios: Record<string, number[]> = {};
  const note = (name: string, value: number): void => {
    ratios[name] = [...(ratios[name] ?? []), value];
  };
  let answerRows = 0;
  for (let round = 0; round < rounds; round++) {
    const thread = ours(log, store, 'thread');
    const size = statSync(store).size / statSync(log).size;
    flatRows(store, csv);
    const second = timed(process.execPath, [driver, dist, log, store, 'answer']);
    const here = ours(log, store, 'here');
    const flat = imported(csv, join(folder, 'flat.db'));
    answerRows = thread.rows.length;
    note('ours, thread: ms', thread.ms);
    note('ours, one thread: ms', here.ms);
    note('ours, thread: CPU ms', thread.cpuMs);
    note('ours, one thread: CPU ms', here.cpuMs);
    note('ours: answer ms', thread.answerMs);
    note('peak MB, thread', thread.peakMb);
    note('peak MB, one thread', here.peakMb);
    note('store / raw', size);
    note('.import: ms', flat.ms);
    note('load / .import', Math.min(thread.loadMs, here.loadMs) / flat.ms);
    note('whole run / .import, CPU', here.cpuMs / flat.cpuMs);
    if (!hasLnav) continue;
    const theirs = lnav(log);
    const theirRows = theirs.out.trim().split('\n').length - 1;
    if (theirRows !== answerRows && kind !== 'real')
      throw new Error(`lnav answers ${theirRows} rows, we ${answerRows}`);
    note('lnav: ms', theirs.ms);
    note('lnav: CPU ms', theirs.cpuMs);
    note('whole run, thread / lnav', thread.ms / theirs.ms);
    note('whole run, one thread / lnav', here.ms / theirs.ms);
    note('whole run / lnav, CPU', here.cpuMs / theirs.cpuMs);
    note('second answer / lnav', second.ms / theirs.ms);
    note('second answer / lnav, CPU', second.cpuMs / theirs.cpuMs);
  }
  console.log(
    `\n${kind}: ${lines} lines, ${(statSync(log).size / 1e6).toFixed(0)} MB, ${answerRows} prefixes, median of ${rounds}`,
  );
  for (const [name, numbers] of Object.entries(ratios)) {
    const value = median(numbers);
    console.log(`  ${name.padEnd(30)} ${value >= 100 ? value.toFixed(0) : value.toFixed(3)}`);
  }
  const goal = GOALS[kind];
  const goals = [
    goal.lnav === null ? '' : `whole run / lnav ${goal.lnav}`,
    goal.importing === null ? '' : `load / .import ${goal.importing}`,
    `store / raw ${goal.size}`,
    'second answer / lnav 0.1',
    'peak MB 200',
  ];
  console.log(`  goals: ${goals.filter((text) => text !== '').join(' · ')}`);
}
for (const name of readdirSync(folder)) if (/\.db(-wal|-shm)?$/.test(name)) rmSync(join(folder, name));
writeFileSync(join(folder, 'README'), 'Inputs of the bench; remove at will.\n');
