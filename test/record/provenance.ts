// Where do the fixtures come from, and what is true of each? Keeps fixtures/truths.json and writes fixtures/README.md from it.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Truth } from './incident.js';

export interface Provenance {
  readonly truth: Truth;
  readonly story: string;
  readonly kernel: string;
  readonly recorded: string;
  readonly observed: string;
  readonly played: readonly string[];
}

/** One object in fixtures/truths.json: the truth's fields at the top, for tests; the rest says how it came about. */
type TruthRecord = Truth & Omit<Provenance, 'truth'>;

const TRUTHS = 'truths.json';

const INTRODUCTION = `# Fixtures

\`hosts/<name>/\` are recordings of a real kernel: one host of a played incident, as a bundle that \`ctwhy explain -r\`
reads. Each file is the output of the command that its \`part\` line in MANIFEST names. What really happened is in
\`truths.json\`, outside of the folders, so that no program can peek.

\`npm run record\` (root, Linux, iptables legacy and nft, nft, conntrack, tcpdump) plays and records them again;
\`npm run record -- --list\` names them. Hosts are network namespaces; the traffic never leaves them. Kernel-log lines were read from
/dev/kmsg while the incident ran and written in the form that the file's name says, with the time at which they were read as a
syslog daemon would stamp it. Lines of other namespaces of the same machine are left out. Journal files carry a made-up
machine id; a suffix of the kernel's release (\`uname -r\`) is left out.
`;

/** What is recorded so far, by fixture name. */
export function readProvenance(fixtures: string): Record<string, Provenance> {
  const file = join(fixtures, TRUTHS);
  if (!existsSync(file)) return {};
  const records = JSON.parse(readFileSync(file, 'utf8')) as Record<string, TruthRecord>;
  return Object.fromEntries(
    Object.entries(records).map(([name, { story, kernel, recorded, observed, played, ...truth }]) => [
      name,
      { truth, story, kernel, recorded, observed, played },
    ]),
  );
}

/** Writes truths.json and README.md, in the order of `names`; what is not named any more is dropped. */
export function writeProvenance(
  fixtures: string,
  all: Readonly<Record<string, Provenance>>,
  names: readonly string[],
): void {
  const records: Record<string, TruthRecord> = {};
  const sections: string[] = [];
  for (const name of names) {
    const one = all[name];
    if (one === undefined) continue;
    const { truth, ...rest } = one;
    records[name] = { ...truth, ...rest };
    sections.push(writeSection(name, one));
  }
  writeFileSync(join(fixtures, TRUTHS), `${JSON.stringify(records, null, 2)}\n`);
  writeFileSync(join(fixtures, 'README.md'), `${INTRODUCTION}\n${sections.join('\n')}`);
}

function writeSection(name: string, one: Provenance): string {
  const { truth } = one;
  const sureness = truth.causeConfidenceAtMost === null ? 'cannot be told' : `at most ${truth.causeConfidenceAtMost}`;
  const answer = [`${truth.outcome}, ${truth.class} (at most ${truth.confidenceAtMost})`];
  if (truth.cause !== null) answer.push(`${truth.cause} (${sureness})`);
  const drop = truth.droppedBy;
  const end = drop === null ? '' : ` Dropped by ${drop.family} ${drop.table} ${drop.chain} ${drop.rule}.`;
  return [
    `## ${name}`,
    '',
    `${one.story}`,
    '',
    `Truth: ${answer.join(', ')}.${end} ${truth.note}`,
    '',
    `Linux ${one.kernel}, ${one.recorded}, seen from \`${one.observed}\`. Played:`,
    '',
    '```',
    ...one.played,
    '```',
    '',
  ].join('\n');
}
