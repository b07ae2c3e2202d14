// The work of `ctwhy` alone: three status lines, then what people have and what to type.

import { basename } from 'node:path';
import type { CommandInput } from '../cli/command.js';
import { EXIT, type ExitCode } from '../cli/exit-codes.js';
import { changeId } from '../model/change.js';
import { type Line, printDocument, segment } from '../presentation/document.js';
import { StoreError } from '../text/errors.js';
import { duration, rfc3339 } from '../text/time.js';
import type { World } from '../world.js';
import { readSeen, seenWords } from './capture/seen-so-far.js';
import { hostJournal } from './host-journal.js';
import { storeLocation } from './store-location.js';

/** log_invalid's value as people say it. */
function logInvalidWords(value: string | null): string {
  if (value === null) return 'log_invalid not there (conntrack is not loaded)';
  const number = value.trim();
  if (number === '0') return 'log_invalid off';
  const names: Readonly<Record<string, string>> = {
    '1': 'icmp',
    '6': 'tcp',
    '17': 'udp',
    '33': 'dccp',
    '47': 'gre',
    '58': 'icmpv6',
    '132': 'sctp',
    '136': 'udplite',
    '255': 'all',
  };
  return `log_invalid ${names[number] ?? number}`;
}

function hostLine(world: World): string {
  const { host } = world;
  const read = (name: string) => host.readOrNull(`/proc/sys/net/netfilter/${name}`)?.trim() ?? null;
  const kernel = host.identity().kernelRelease.split('-')[0];
  const count = read('nf_conntrack_count');
  const max = read('nf_conntrack_max') ?? host.readOrNull('/proc/sys/net/nf_conntrack_max')?.trim() ?? null;
  if (count === null) return `kernel ${kernel}, conntrack not loaded`;
  const share = max !== null && Number(max) > 0 ? (Number(count) / Number(max)) * 100 : null;
  const fill = share !== null && share >= 1 ? ` (${Math.round(share)} %)` : '';
  return `kernel ${kernel}, table ${count} of ${max ?? '?'}${fill}, ${logInvalidWords(read('nf_conntrack_log_invalid'))}`;
}

async function evidenceLine(input: CommandInput, world: World): Promise<Line> {
  const location = storeLocation(input, world);
  if (world.host.look(location.path) === null) return '  Evidence    none yet';
  try {
    const [{ openStoreForReading }, { evidenceSummary }] = await Promise.all([
      import('../store/open-store.js'),
      import('../store/evidence-summary.js'),
    ]);
    const db = openStoreForReading(world.host, location, world.clock.nowUs());
    if (db === null) return '  Evidence    none yet';
    try {
      const summary = evidenceSummary(db);
      if (summary === null) return '  Evidence    none yet';
      const age = duration(world.clock.nowUs() - summary.lastIngestAtUs);
      return [
        segment(
          'plain',
          `  Evidence    ${summary.sources} source${summary.sources === 1 ? '' : 's'}, ${summary.packets} packet${summary.packets === 1 ? '' : 's'}, last read ${age} ago   `,
        ),
        segment('cmd', `${world.programName} explain`),
      ];
    } finally {
      db.close();
    }
  } catch (error) {
    if (error instanceof StoreError) return [segment('plain', '  Evidence    '), segment('bad', error.message)];
    throw error;
  }
}

/** Loudest first: what should have ended; then what is on. Reads the journal, asks the kernel nothing. */
function changeLines(world: World): readonly Line[] {
  const { bootId } = world.host.identity();
  try {
    const journal = hostJournal(world);
    const { changes, unreadable } = journal.read();
    const on = changes.filter((change) => change.state !== 'ended' && (change.bootId === bootId || change.isStanding));
    const late = on.filter((change) => change.endsAtUs !== null && change.endsAtUs + 2_000_000 < world.clock.nowUs());
    const [first] = late;
    if (first !== undefined) {
      const id = changeId(first);
      const at = rfc3339(first.endsAtUs!).slice(11, 16);
      return [
        [
          segment('bad', `  Changes     ${id} should have ended at ${at} and is still on: `),
          segment('cmd', `sudo ${world.programName} undo ${id}`),
        ],
      ];
    }
    if (unreadable.length > 0) return [[segment('bad', `  Changes     ${unreadable[0]!.path} cannot be read`)]];
    if (on.length === 0) return ["  Changes     none of ctwhy's on this host"];
    const captures = on.filter(({ kind }) => kind === 'capture');
    return [
      ...captures.map((change): Line => {
        const id = changeId(change);
        return [
          segment('warn', `  Running     ${id} ${change.what} since ${rfc3339(change.madeAtUs).slice(11, 16)}   `),
          segment('cmd', `sudo ${world.programName} undo ${id}`),
        ];
      }),
      ...captures.map((change): Line => [segment('plain', `              ${seenWords(readSeen(world, change))}`)]),
      [
        segment('warn', `  Changes     ${on.length} on: ${on.map(changeId).join(', ')}   `),
        segment('cmd', `${world.programName} changes`),
      ],
    ];
  } catch {
    return ['  Changes     the journal can only be read by root'];
  }
}

/** A longer name of this program would wrap every command: it is said once, as a variable of the shell that also sudo takes. */
const LONGEST_NAME = 'ctwhy'.length;

/** What people have and what to type; few enough that the screen fits 24 lines. */
function whatToType(name: string): ReadonlyArray<readonly [have: string, command: string, typed: string]> {
  return [
    ['is something stuck, here and now', 'check', `sudo ${name} check`],
    ['one stuck or reset connection, now', 'capture', `sudo ${name} capture --dport 8080`],
    ['a command that shows the fault', 'capture', `sudo ${name} capture -- ./repeat.sh`],
    ['a packet nobody sent yet, and the rules', 'path', `sudo ${name} path --packet '-p tcp ...'`],
    ['files somebody sent', 'explain', `${name} explain -r case.tar`],
    ['another setting or kernel: what if', 'replay', `${name} replay 1 --set NAME=1`],
    ['a host without ctwhy', 'bundle', `${name} bundle --script > collect.sh`],
    ['a table that fills up', 'snapshot', `sudo ${name} snapshot take --every 10s`],
    ['nothing yet, just looking', 'demo', `${name} demo`],
    ['can this host show the evidence at all', 'doctor', `${name} doctor`],
  ];
}

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const { programName } = world;
  const isLong = programName.length > LONGEST_NAME;
  const name = isLong ? '$c' : programName;
  const version = (JSON.parse(world.host.read(`${world.packageRoot}package.json`)) as { version: string }).version
    .split('.')
    .slice(0, 2)
    .join('.');
  const has = (words: string) => input.knownCommands.some((known) => known === words || known.startsWith(`${words} `));
  const rows = whatToType(name).filter(([, command]) => has(command));
  const lines: Line[] = [
    [
      segment('head', `${basename(programName) === 'ctwhy.js' ? 'ctwhy' : basename(programName)} ${version}`),
      segment('plain', ' - why did conntrack call that packet INVALID, or NEW?'),
    ],
    '',
    `  This host   ${hostLine(world)}`,
    await evidenceLine(input, world),
    ...changeLines(world),
    '',
    [segment('head', '  What you have                             What to type')],
    ...(isLong ? [[segment('plain', '  '), segment('cmd', `c=${programName}`)]] : []),
    ...rows.map(([have, , typed]) => [segment('plain', `  ${have.padEnd(42)}`), segment('cmd', typed)]),
    '',
    '  Reading changes nothing. What changes the host (capture, log-invalid, trace,',
    '  tag, dyndbg) shows its plan, asks, and is taken back exactly. All at once:',
    [segment('plain', '  '), segment('cmd', `sudo ${name} undo --all`)],
    [
      segment('plain', '  All commands: '),
      segment('cmd', `${name} --help`),
      segment('plain', '   Topics: '),
      segment('cmd', `${name} help symptoms|safety|time|formats`),
    ],
  ];
  printDocument(world.streams.out, lines);
  return EXIT.done;
}
