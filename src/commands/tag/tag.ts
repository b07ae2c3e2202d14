// ctwhy tag: rules that print the state that conntrack gave each packet.

import type { CommandSpec } from '../../cli/command.js';
import { PACKET_FILTER_OPTIONS, RULE_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';
import { listOfKind, undoOfKind } from '../changes/of-kind.js';

export const tagAddCommand: CommandSpec<World> = {
  words: 'tag add',
  summary: 'print the conntrack state of each packet of a filter',
  description:
    "Puts LOG rules in one nft table of ours just behind conntrack (or before another table's chains, or in front of a rule of yours with its own match). Each line begins with ctwhy:, the change and the state. It ends by itself after 5 minutes and prints at most 20 lines/s of a flow.",
  effect: 'system',
  options: [
    ...PACKET_FILTER_OPTIONS,
    {
      name: 'ctstate',
      argument: 'STATES',
      describe: 'states to print, with commas (all: NEW,ESTABLISHED,RELATED,INVALID,UNTRACKED)',
      group: 'Filter',
    },
    {
      name: 'at',
      argument: 'RULE',
      describe: "in front of this rule, with its match: 'filter OUTPUT 2'",
      group: 'What',
    },
    {
      name: 'table',
      argument: 'TABLE',
      choices: ['mangle', 'filter', 'nat', 'raw'],
      describe: "before this table's chains instead of just behind conntrack",
      group: 'What',
    },
    {
      name: 'log-level',
      argument: 'LEVEL',
      describe: 'syslog level of the lines (info, or what stays off a slow console)',
      group: 'What',
    },
    { name: 'log-tcp-sequence', describe: 'SEQ= and ACK= of TCP', group: 'What' },
    { name: 'log-tcp-options', describe: 'options of TCP, in hex', group: 'What' },
    { name: 'log-ip-options', describe: 'options of IP, in hex', group: 'What' },
    { name: 'log-uid', describe: 'UID= and GID= of local sockets', group: 'What' },
    { name: 'limit', argument: 'RATE', describe: 'lines of one flow: 1/s, 5/min (20/s)', group: 'Safety' },
    ...RULE_OPTIONS,
  ],
  examples: [
    { command: 'ctwhy tag add --ctstate NEW,INVALID --dport 8080', says: 'what is not part of a connection' },
    { command: "ctwhy tag add --at 'filter OUTPUT 2'", says: 'what reaches the second rule, with its state' },
  ],
  load: () => import('./add-run.js'),
};

export const tagListCommand = listOfKind('tag', {
  words: 'tag list',
  summary: 'the tag rules of ctwhy that are on, with their counters',
  description:
    'Lists changes of this kind, reads each back, and says how many packets were seen and how many the limit let print.',
  examples: [
    { command: 'ctwhy tag', says: 'what is on' },
    { command: 'ctwhy tag list --json', says: 'for a script' },
  ],
});

export const tagRemoveCommand = undoOfKind('tag', {
  words: 'tag remove',
  summary: 'take tag rules of ctwhy out again',
  description: "The same as undo for changes of this kind. Other people's rules are never touched.",
  examples: [
    { command: 'ctwhy tag remove', says: 'all of them' },
    { command: 'ctwhy tag remove C7', says: 'one' },
  ],
});
