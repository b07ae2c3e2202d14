// ctwhy path: a packet's way through tables, chains and rules.

import type { CommandSpec } from '../../cli/command.js';
import { DOCUMENT_OUTPUT_OPTIONS, FILE_FACT_OPTIONS, FILTER_OPTIONS, READ_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';
import { EVIDENCE_NETNS_OPTION } from '../choose-namespace.js';
import { isOfThisHost } from './of-this-host.js';

export const pathCommand: CommandSpec<World> = {
  words: 'path',
  summary: 'the way of a packet through rules, and where it ended',
  description:
    'Of a finding (its number), or of a filter: what each trace line says with the rule it names, what changed on the way, and where the packet ended. Without a trace the way is worked out from rules, counters and LOG lines, and says so. --expect says why it missed the rule one expected. --packet works a packet that nobody has seen, described in the words of iptables, through the rules of -r, of a store named by --db or, with neither, of this host (root; its rules are read, nothing is changed): every end it can have, and on what that depends.',
  effect: 'none',
  positionals: [
    { name: 'finding', describe: 'number of a finding, as explain counts them', isOptional: true, takesMany: false },
  ],
  options: [
    {
      name: 'expect',
      argument: 'WHAT',
      describe: "STATE, VERDICT, a piece of rule text, or 'TABLE CHAIN N'",
      group: 'What',
    },
    {
      name: 'packet',
      argument: 'WORDS',
      describe: "a packet in iptables' words: '-p tcp -s 192.0.2.5 --dport 25 -i eth0 --ctstate NEW'",
      group: 'What',
    },
    {
      ...EVIDENCE_NETNS_OPTION,
      describe: `${EVIDENCE_NETNS_OPTION.describe}; with --packet and no files its rules as they are now`,
    },
    ...DOCUMENT_OUTPUT_OPTIONS,
    ...READ_OPTIONS,
    ...FILE_FACT_OPTIONS,
    ...FILTER_OPTIONS,
  ],
  examples: [
    { command: 'ctwhy path 1', says: 'the packet of the first finding' },
    { command: "ctwhy path -r case.tar --dport 25 --expect 'dport 25'", says: 'why it missed that rule' },
    { command: "ctwhy path 1 --expect 'filter FORWARD 3'", says: 'the same, by number' },
    {
      command: "sudo ctwhy path --packet '-p tcp -s 192.0.2.5 --dport 25 -i eth0 --ctstate NEW'",
      says: 'where it would end on this host',
    },
  ],
  entersNetns: isOfThisHost,
  load: () => import('./path-run.js'),
};
