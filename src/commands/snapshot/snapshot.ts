// ctwhy snapshot: what the tracker, its rules and its sockets looked like at a moment, and what changed between two.

import type { CommandSpec, OptionSpec } from '../../cli/command.js';
import {
  ALL_NETNS_OPTION,
  CHANGE_OPTIONS,
  DOCUMENT_OUTPUT_OPTIONS,
  FILE_FACT_OPTIONS,
  NETNS_OPTION,
  READ_OPTIONS,
  ROW_OUTPUT_OPTIONS,
} from '../../cli/global-options.js';
import type { World } from '../../world.js';
import { undoOfKind } from '../changes/of-kind.js';
import { EVIDENCE_NETNS_OPTION } from '../choose-namespace.js';

const ROWS_OPTION: OptionSpec = { name: 'rows', describe: 'every entry, not ten of a group', group: 'Output' };

export const snapshotListCommand: CommandSpec<World> = {
  words: 'snapshot list',
  summary: 'the snapshots in the store',
  description:
    'One row a snapshot, the oldest first: taken here, by capture, or put together from listings in files that were read.',
  effect: 'none',
  options: [EVIDENCE_NETNS_OPTION, ...ROW_OUTPUT_OPTIONS, ...READ_OPTIONS, ...FILE_FACT_OPTIONS],
  entersNetns: () => false,
  examples: [
    { command: 'ctwhy snapshot', says: 'what there is to compare' },
    { command: 'ctwhy snapshot list -n 20 -o json', says: 'for a script' },
  ],
  isDefaultVerb: true,
  load: () => import('./list-run.js'),
};

export const snapshotTakeCommand: CommandSpec<World> = {
  words: 'snapshot take',
  summary: 'record entries, rules, sockets and settings of this host',
  description:
    'Reads the lists of conntrack, its statistics, the sysctls, the rules of every backend with their counters, stuck sockets, addresses, routes and counters of the stack of one network namespace into the store. Changes nothing on the host. All of it is one transaction: a snapshot that was stopped is not there. Entries that did not change take no room. With --keep old ones go, and those that stand close are thinned: older than 48 hours one an hour stays, older than 7 days one in six hours; what has a name, what findings cite and what lies in an incident stays.',
  effect: 'store',
  options: [
    NETNS_OPTION,
    ALL_NETNS_OPTION,
    { name: 'name', argument: 'NAME', describe: 'what to call it: before, after …', group: 'What' },
    {
      name: 'sockets',
      argument: 'WHICH',
      choices: ['stuck', 'all'],
      describe: 'FIN-WAIT-1, LAST-ACK, CLOSING, CLOSE-WAIT, SYN-SENT only (the default), or all',
      group: 'What',
    },
    { name: 'every', argument: 'TIME', describe: 'one after another until Ctrl-C: 30s, 1min', group: 'Time' },
    { name: 'for', argument: 'TIME', describe: 'with --every: stop after this time', group: 'Time' },
    {
      name: 'keep',
      argument: 'TIME',
      describe: 'older ones go, but for what findings cite: 7d',
      group: 'Time',
    },
    ...DOCUMENT_OUTPUT_OPTIONS,
  ],
  examples: [
    { command: 'sudo ctwhy snapshot take --name before', says: 'now; then repeat the fault and take another' },
    { command: 'sudo ctwhy snapshot take --all-netns', says: 'this host and its containers, a snapshot each' },
    { command: 'sudo ctwhy snapshot take --every 30s --keep 7d', says: 'in the foreground, with a line each time' },
  ],
  load: () => import('./take-run.js'),
};

export const snapshotShowCommand: CommandSpec<World> = {
  words: 'snapshot show',
  summary: 'one snapshot: entries by state, pressure, what was not read',
  description:
    'Entries by list, protocol and state, how full the table is, statistics since boot, sockets without an entry, and for each part when it was read or why it was not. Without an operand the newest.',
  effect: 'none',
  positionals: [
    { name: 'snapshot', describe: 'S3, its name, or a time: "10 min ago"', isOptional: true, takesMany: false },
  ],
  options: [EVIDENCE_NETNS_OPTION, ...DOCUMENT_OUTPUT_OPTIONS, ...READ_OPTIONS, ...FILE_FACT_OPTIONS],
  entersNetns: () => false,
  examples: [
    { command: 'ctwhy snapshot show', says: 'the newest' },
    { command: 'ctwhy snapshot show before', says: 'by its name' },
  ],
  load: () => import('./show-run.js'),
};

export const snapshotDiffCommand: CommandSpec<World> = {
  words: 'snapshot diff',
  summary: 'what changed between two snapshots',
  description:
    'Entries gone, new, changed, refreshed or stuck; statistics and counters of rules as differences, a reset told as one; settings, addresses and routes that changed; sockets without entry; and what could not be shown. Without operands the last two; with one, that and the newest.',
  effect: 'none',
  positionals: [
    {
      name: 'snapshot',
      describe: 'S3, a name, a time ("7 days ago"), or a file, folder or tar with listings',
      isOptional: true,
      takesMany: true,
    },
  ],
  entersNetns: () => false,
  options: [ROWS_OPTION, EVIDENCE_NETNS_OPTION, ...DOCUMENT_OUTPUT_OPTIONS, ...READ_OPTIONS, ...FILE_FACT_OPTIONS],
  examples: [
    { command: 'ctwhy snapshot diff', says: 'the last two' },
    { command: 'ctwhy snapshot diff S3 S7 --rows', says: 'by number, every entry' },
    { command: 'ctwhy snapshot diff "1 h ago"', says: 'from then to the newest' },
    { command: 'ctwhy snapshot diff before.txt after.txt', says: 'listings in files' },
  ],
  load: () => import('./diff-run.js'),
};

export const snapshotScheduleCommand: CommandSpec<World> = {
  words: 'snapshot schedule',
  summary: 'take snapshots all the time: a timer of systemd',
  description:
    'Takes two snapshots as a trial, says how long they took and how large they are, and refuses a period under ten times that. Then writes, checks and starts ctwhy-snapshot.service and .timer in /etc/systemd/system, with the rights that reading takes and no more; --dry-run prints them. It stands until snapshot unschedule, also after a reboot: undo --all leaves it unless --standing. Without systemd it ends with 3 and prints a line for cron.',
  effect: 'system',
  options: [
    { name: 'every', argument: 'TIME', describe: 'the period: 30s, 1min, 5min', group: 'Time' },
    { name: 'keep', argument: 'TIME', describe: 'older ones go, but for what findings cite: 7d', group: 'Time' },
    {
      name: 'sockets',
      argument: 'WHICH',
      choices: ['stuck', 'all'],
      describe: 'as of snapshot take',
      group: 'What',
    },
    ALL_NETNS_OPTION,
    ...CHANGE_OPTIONS.filter(({ name }) => name !== 'netns' && name !== 'for'),
    { name: 'json', alias: 'j', describe: 'as JSON, stable for scripts', group: 'Output' },
  ],
  examples: [
    {
      command: 'sudo ctwhy snapshot schedule --every 1min --keep 7d',
      says: 'to know next time what happened last night',
    },
    { command: 'ctwhy snapshot schedule --every 5min --dry-run', says: 'the units, to read or to install by hand' },
  ],
  load: () => import('./schedule-run.js'),
};

export const snapshotUnscheduleCommand = undoOfKind('snapshot-schedule', {
  words: 'snapshot unschedule',
  summary: 'take no more snapshots by themselves',
  description: 'Stops the timer and removes both units. The store keeps what was taken.',
  examples: [
    { command: 'sudo ctwhy snapshot unschedule', says: 'as it was before' },
    { command: 'ctwhy snapshot unschedule --dry-run', says: 'the commands that would do it' },
  ],
});
