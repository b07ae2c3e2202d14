// Which lines of the kernel log are counted against a change, and how many of them its own namespace can have caused.

import type { WriteHost } from '../host/write-host.js';
import { type Change, type ChangeKind, changeComment } from '../model/change.js';
import { protocolName } from '../text/protocols.js';
import { type NetnsPath, readIn } from './change-host.js';

interface Watched {
  readonly pattern: (change: Change) => RegExp;
  /** What is counted, behind "lines". */
  readonly says: (change: Change) => string;
  /** A packet can cause no more lines than this. Lines that name their change need no such bound: NULL. */
  readonly perPacket: number | null;
}

const ALL = 255;

/** The protocol that log_invalid was set to; NULL: all of them. */
function refusedProto({ acts }: Change): number | null {
  const act = acts.find((one) => one.is === 'sysctl' && one.name.endsWith('nf_conntrack_log_invalid'));
  const value = act?.is === 'sysctl' ? Number(act.after) : ALL;
  return value === ALL ? null : value;
}

const own = ({ number }: Pick<Change, 'number'>) => `${changeComment(number)}\\b`;

/** Messages of conntrack name no namespace. */
const WATCHED: Readonly<Record<ChangeKind, Watched>> = {
  'log-invalid': {
    pattern: (change) => new RegExp(`nf_ct_proto_${refusedProto(change) ?? '\\d+'}: |nf_ct_(?!proto_)[a-z0-9]+: `),
    says: (change) => {
      const proto = refusedProto(change);
      return `in which conntrack refuses ${proto === null ? 'a packet' : `a ${protocolName(proto)} packet`}`;
    },
    perPacket: 2,
  },
  dyndbg: {
    pattern: () => /nf_conntrack|nf_ct_|nf_nat|conntrack/,
    says: () => 'of conntrack and NAT',
    perPacket: 8,
  },
  // Each rule, policy and chain's end that the packet meets.
  trace: {
    pattern: (change) => new RegExp(`TRACE: |${own(change)}`),
    says: () => 'of a trace in the kernel log',
    perPacket: 64,
  },
  tag: {
    pattern: (change) => new RegExp(own(change)),
    says: (change) => `that begin with ${changeComment(change.number)}`,
    perPacket: null,
  },
  capture: {
    pattern: (change) => new RegExp(`TRACE: |nf_ct_|${own(change)}`),
    says: () => 'of a trace or of conntrack',
    perPacket: 64,
  },
  'snapshot-schedule': { pattern: () => /(?!)/, says: () => 'none', perPacket: null },
};

/** The lines that count against the change. */
export function watchedLines(change: Change): RegExp {
  return WATCHED[change.kind].pattern(change);
}

/** What the breaker counts, in a sentence's end: 'lines in which conntrack refuses a tcp packet, as many as …'. */
export function watchedWords(change: Change): string {
  const { says, perPacket } = WATCHED[change.kind];
  const bound = perPacket === null ? '' : ', as many as the packets of this network namespace can have caused';
  return `lines ${says(change)}${bound}`;
}

/** How many of `lines` so many packets can have caused; NULL packets: not known, so all of them. */
export function ownLines(change: Change, lines: number, packets: number | null): number {
  const { perPacket } = WATCHED[change.kind];
  return perPacket === null || packets === null ? lines : Math.min(lines, packets * perPacket);
}

/** Packets that the devices of the namespace have taken in and given out so far; NULL when it cannot be told. */
export async function packetsSoFar(host: WriteHost, netns: NetnsPath): Promise<number | null> {
  try {
    return packetsOf(await readIn(host, netns, '/proc/self/net/dev'));
  } catch {
    return null;
  }
}

/** Received packets are the second number behind the name, sent ones the tenth (net/core/net-procfs.c: dev_seq_printf_stats(), v6.1). */
export function packetsOf(text: string): number {
  return text
    .split('\n')
    .flatMap((line) => /^\s*\S+?:\s*(.*)$/.exec(line)?.[1] ?? [])
    .map((numbers) => numbers.trim().split(/\s+/).map(Number))
    .reduce((sum, numbers) => sum + (numbers[1] ?? 0) + (numbers[9] ?? 0), 0);
}
