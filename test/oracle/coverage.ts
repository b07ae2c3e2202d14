// What has been compared, and what not? Lets the model walk through recorded sequences, judges them anew, and counts every way it went:
//   npx tsx test/oracle/run.ts --sequences 2000 --record FILE && npx tsx test/oracle/coverage.ts FILE RELEASE
// mutate.ts says the same of the rules that differ between versions.

import { readFileSync } from 'node:fs';
import { parseKernelVersion } from '../../src/catalogue/kernel-version.js';
import { TCP_INDEX_NAMES, type TcpIndex } from '../../src/catalogue/tcp-flags.js';
import { TCP_STATES, tcpTransition } from '../../src/catalogue/tcp-states.js';
import type { TrackedPacket } from '../../src/tracker/packet.js';
import { indexOf } from '../../src/tracker/tcp.js';
import { createTracker, type Tracker } from '../../src/tracker/tracker.js';
import { type Answered, judgeSequence } from './judge.js';
import { packetOf } from './sequence.js';

const [file = '', release = ''] = process.argv.slice(2);
const kernel = parseKernelVersion(release)!;
const ways = new Map<string, number>();
const cells = new Map<string, number>();

for (const line of readFileSync(file, 'utf8').split('\n')) {
  if (line !== '') walk(JSON.parse(line) as Answered);
}
const kinds = [...new Set([...ways.keys()].map((way) => way.split(': ')[0]!))].sort();
for (const kind of kinds) {
  console.log(`\n${kind}`);
  for (const [way, times] of [...ways].filter(([one]) => one.startsWith(`${kind}: `)).sort((a, b) => b[1] - a[1]))
    console.log(`${String(times).padStart(8)} ${way.slice(kind.length + 2)}`);
}
printCells();

function walk(answered: Answered): void {
  const { settings, sequence, place, answers } = answered;
  const { packets, parting } = judgeSequence(kernel, answered);
  if (parting !== null) console.log(`disagreement at step ${parting.step}: ${parting.found.join('; ')}`);
  count('packets', parting === null ? 'of sequences that agree' : 'up to a disagreement', packets);
  const tracker = createTracker({ kernel, sysctls: settings });
  for (const [n, step] of sequence.steps.slice(0, packets).entries()) {
    const packet = packetOf(step, sequence, place, answers[n]!.atMs);
    const before = retransmissionsOf(tracker, packet);
    const out = tracker.track(packet);
    count('packets', `IPv${sequence.family} ${sequence.proto} ${step.kind}`);
    count('verdict', out.verdict);
    count('reason', out.reasonId ?? 'none');
    count('timeout', `${sequence.proto} ${out.timeoutRule ?? 'kept'}`);
    if (out.followUp !== null) count('second line', out.followUp.replace(/\d+/g, 'N'));
    if (step.kind === 'query' || step.kind === 'error') {
      count('ICMP', `IPv${sequence.family} ${step.kind} type ${step.type}: ${out.verdict}`);
    }
    if (packet.proto !== 'tcp') continue;
    const { check } = out;
    if (check.isRun)
      count('window', check.failed === null ? 'holds' : `${check.failed}${check.isForgiven ? ' forgiven' : ''}`);
    if (check.isRun && check.sack !== check.ack) count('window', 'SACK moves the bound');
    if (out.isReopened) count('window', 'opened anew');
    const after = retransmissionsOf(tracker, packet);
    if (after > before) count('retransmissions', String(after));
    // A packet that opens no entry has no direction.
    const dir = out.dir ?? (out.stateBefore === 'NONE' ? 0 : null);
    if (dir === null || packet.fault !== null || out.reasonId === 'tcp-invalid-flags') continue;
    const cell = `${dir} ${indexOf(packet.flags)} ${out.stateBefore}`;
    cells.set(cell, (cells.get(cell) ?? 0) + 1);
  }
}

function retransmissionsOf(tracker: Tracker, packet: TrackedPacket): number {
  return tracker.peek(packet)?.tcp.retransmissions ?? 0;
}

function count(kind: string, way: string, times = 1): void {
  const key = `${kind}: ${way}`;
  ways.set(key, (ways.get(key) ?? 0) + times);
}

/** The transition table with the number of packets in each cell. */
function printCells(): void {
  let reached = 0;
  const holes: string[] = [];
  for (const dir of [0, 1] as const) {
    console.log(`\n${dir === 0 ? 'original' : 'reply'} direction: ${TCP_STATES.join(' ')}`);
    for (const [index, name] of TCP_INDEX_NAMES.entries()) {
      const row = TCP_STATES.map((state) => cells.get(`${dir} ${index} ${state}`) ?? 0);
      reached += row.filter((times) => times > 0).length;
      for (const [column, times] of row.entries()) {
        const state = TCP_STATES[column]!;
        // A new entry has no reply direction, and flags of no row do not get as far as the table.
        const isReachable = name !== 'none' && (state !== 'NONE' || dir === 0);
        if (times === 0 && isReachable)
          holes.push(
            `${dir} ${name} ${state} -> ${tcpTransition(dir, index as TcpIndex, state, kernel)[0] ?? 'INVALID'}`,
          );
      }
      console.log(`${name.padEnd(8)} ${row.map((times) => String(times).padStart(6)).join('')}`);
    }
  }
  console.log(`\n${reached} of ${reached + holes.length} cells; not reached: ${holes.join(', ')}`);
}
