// Did a counter of the network stack move while this happened? Asked of two readings of nstat, netstat -s or /proc/net/snmp.

import type { EvidenceItem } from '../../model/finding.js';
import type { HostContext } from './case.js';
import type { Cite } from './cite.js';

export interface CounterMoved {
  readonly name: string;
  readonly delta: number;
  readonly evidence: readonly EvidenceItem[];
}

/**
 * How far a counter moved between the first and the last reading; NULL without two readings, or after a reset. A counter that a reading
 * leaves out was 0 there: nstat prints no zeros unless asked to.
 * @param names what the tools call it, the first that any reading has is taken: ['TcpExtIPReversePathFilter']
 */
export function counterMoved(host: HostContext, cite: Cite, names: readonly string[]): CounterMoved | null {
  const order = new Map(host.snapshots.map((one, index) => [one.id, index]));
  const read = host.parts
    .filter((part) => part.part === 'counters' && part.state === 'read')
    .sort((a, b) => (order.get(a.snapshotId) ?? 0) - (order.get(b.snapshotId) ?? 0));
  const [first, last] = [read[0], read.at(-1)];
  if (first === undefined || last === undefined || first.snapshotId === last.snapshotId) return null;
  const name = names.find((one) => host.stackCounters.some((row) => row.name === one)) ?? names[0]!;
  const rows = host.stackCounters.filter((row) => row.name === name);
  const before = rows.find((row) => row.snapshotId === first.snapshotId);
  const after = rows.at(-1);
  const delta = Number(after?.value ?? 0) - Number(before?.value ?? 0);
  if (delta < 0) return null;
  const citeAt = (row: (typeof rows)[number] | undefined, part: typeof first) =>
    row === undefined ? cite.absence(part, `${name} is not among the counters: it was 0`) : cite.value(row, part.atUs);
  const evidence = [citeAt(before, first), citeAt(after, last)].filter((item): item is EvidenceItem => item !== null);
  return { name, delta, evidence };
}
