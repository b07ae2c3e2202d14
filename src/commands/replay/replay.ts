// ctwhy replay: the flow's packets through the model of the tracker.

import type { CommandSpec } from '../../cli/command.js';
import { FILE_FACT_OPTIONS, FILTER_OPTIONS, READ_OPTIONS, ROW_OUTPUT_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';
import { EVIDENCE_NETNS_OPTION } from '../choose-namespace.js';

export const replayCommand: CommandSpec<World> = {
  words: 'replay',
  summary: 'what conntrack makes of each packet of a connection; what if',
  description:
    'Packet by packet: the state before and after, the windows of both sides, the bounds, the verdict, the message this kernel would print and the timeout; the first packet that went wrong with its arithmetic in words. With --set or --kernel: what would have been otherwise. Packets from logs, traces and captures; where some were not seen, what cannot be known is said.',
  effect: 'none',
  positionals: [
    { name: 'finding', describe: 'number of a finding, as explain counts them', isOptional: true, takesMany: false },
  ],
  options: [
    {
      name: 'set',
      argument: 'NAME=VALUE',
      isRepeatable: true,
      describe: 'what if a sysctl of conntrack had been so: nf_conntrack_tcp_be_liberal=1',
      group: 'What',
    },
    {
      name: 'complete',
      describe: 'the captures lost nothing (0 packets dropped by kernel): bytes that they do not hold went another way',
      group: 'What',
    },
    { name: 'absolute', describe: 'sequence numbers as on the wire, not counted from the first', group: 'Output' },
    EVIDENCE_NETNS_OPTION,
    ...ROW_OUTPUT_OPTIONS,
    ...READ_OPTIONS,
    ...FILE_FACT_OPTIONS.map((option) =>
      option.name === 'kernel'
        ? { ...option, describe: 'its kernel, as uname -r says; another one than the evidence shows: what if' }
        : option,
    ),
    ...FILTER_OPTIONS,
  ],
  examples: [
    { command: 'ctwhy replay 1', says: 'the connection of the first finding' },
    { command: 'ctwhy replay -r fw.pcap kern.log --flow 192.0.2.7:40092', says: 'a capture and the log beside it' },
    { command: 'ctwhy replay 1 --set nf_conntrack_tcp_be_liberal=1', says: 'what would have been otherwise' },
  ],
  entersNetns: () => false,
  load: () => import('./replay-run.js'),
};
