// ctwhy capture: the whole incident in one command.

import type { CommandSpec } from '../../cli/command.js';
import { CHANGE_OPTIONS, DOCUMENT_OUTPUT_OPTIONS, PACKET_FILTER_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';
import { STOP_ON, SYMPTOMS } from './question.js';

export const captureCommand: CommandSpec<World> = {
  words: 'capture',
  summary: 'collect a fault while it happens, and explain it',
  description:
    'Binds its readers, takes a snapshot, switches on only what the question needs, collects while the thing happens (or while the command behind -- runs), settles five seconds, takes another snapshot, puts the host back and explains. It looks for packets that are INVALID and what the rules do to them, so that healthy traffic costs no line; ends by itself after 60 s; Ctrl-C ends it earlier.',
  effect: 'system',
  takesRest: true,
  options: [
    ...PACKET_FILTER_OPTIONS,
    {
      name: 'symptom',
      argument: 'WHAT',
      choices: SYMPTOMS.map(({ id }) => id),
      describe: 'what people have: it chooses which packets are traced',
      group: 'What',
    },
    { name: 'all', describe: 'trace every packet of the filter, not only INVALID ones', group: 'What' },
    { name: 'pid', argument: 'N', describe: 'the sockets that this process holds now', group: 'Filter' },
    {
      name: 'via',
      argument: 'WAY',
      choices: ['log', 'nflog'],
      describe: "how conntrack's lines come (NFLOG where nobody else uses it)",
      group: 'What',
    },
    { name: 'read-only', describe: 'switch nothing on: collect what the host shows anyway', group: 'Safety' },
    {
      name: 'stop-on',
      argument: 'WHAT',
      choices: Object.keys(STOP_ON),
      describe: 'end five seconds after the first one of the filter',
      group: 'What',
    },
    { name: 'detach', describe: 'wait in the background, 12h unless --for, keeping what came last', group: 'What' },
    {
      name: 'every',
      argument: 'TIME',
      describe: 'another snapshot so often, the last three are kept (5min with --detach)',
      group: 'What',
    },
    { name: 'limit', argument: 'RATE', describe: 'traced packets of one flow: 1/s, 5/min (20/s)', group: 'Safety' },
    ...CHANGE_OPTIONS.map((option) =>
      option.name === 'for'
        ? { ...option, describe: 'look so long: 90s, 10min (60s; with a command 10min at most)' }
        : option,
    ),
    { name: 'fix', describe: 'every remedy with its price and what takes it back', group: 'Output' },
    {
      name: 'exit-code',
      describe: 'exit with 10 when there is a finding that is neither normal nor noise',
      group: 'Output',
    },
    ...DOCUMENT_OUTPUT_OPTIONS,
  ],
  examples: [
    { command: 'sudo ctwhy capture -p tcp --dport 8080', says: 'one service, for a minute' },
    { command: 'sudo ctwhy capture --dport 8080 -- ./reproduce.sh', says: 'while a command shows the fault' },
    { command: 'sudo ctwhy capture --symptom reset -s 192.0.2.7', says: 'who resets the connections of one client' },
    { command: 'sudo ctwhy capture --dport 443 --stop-on invalid --detach', says: 'wait for it overnight' },
    { command: 'sudo ctwhy capture --dport 25 --dry-run', says: 'what it would switch on, to read or to paste' },
  ],
  load: () => import('./capture-run.js'),
};
