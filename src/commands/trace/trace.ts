// ctwhy trace: the rules that packets meet, shown by the kernel.

import type { CommandSpec } from '../../cli/command.js';
import { PACKET_FILTER_OPTIONS, RULE_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';
import { listOfKind, undoOfKind } from '../changes/of-kind.js';

export const traceAddCommand: CommandSpec<World> = {
  words: 'trace add',
  summary: 'show the rules that packets of a filter meet',
  description:
    'Puts one nft table of ours in front of raw and just behind conntrack that marks the packets of the filter for tracing, in both directions and through NAT. It ends by itself after 5 minutes, shows at most 20 packets/s of a flow, and says where the lines appear. Without nf_tables: TRACE rules in the legacy table raw.',
  effect: 'system',
  options: [
    ...PACKET_FILTER_OPTIONS,
    { name: 'ctstate', argument: 'STATE', describe: 'only packets of this state: INVALID, NEW …', group: 'Filter' },
    {
      name: 'bpf',
      argument: 'EXPR',
      describe: "a tcpdump expression (iptables' -m bpf; needs --backend legacy)",
      group: 'Filter',
    },
    { name: 'limit', argument: 'RATE', describe: 'packets of one flow: 1/s, 5/min (20/s)', group: 'Safety' },
    ...RULE_OPTIONS,
  ],
  examples: [
    { command: 'ctwhy trace add -p tcp -s 192.0.2.42 --dport 25', says: 'one client and its mail server' },
    { command: 'ctwhy trace add --dport 25 --limit 1/s --for 10min', says: 'a sample for ten minutes' },
  ],
  load: () => import('./add-run.js'),
};

export const traceListCommand = listOfKind('trace', {
  words: 'trace list',
  summary: 'the trace rules of ctwhy that are on, with their counters',
  description:
    'Lists changes of this kind, reads each back, and says how many packets were seen and how many the limit let show.',
  examples: [
    { command: 'ctwhy trace', says: 'what is on' },
    { command: 'ctwhy trace list --json', says: 'for a script' },
  ],
});

export const traceRemoveCommand = undoOfKind('trace', {
  words: 'trace remove',
  summary: 'take trace rules of ctwhy out again',
  description: "The same as undo for changes of this kind. Other people's rules are never touched.",
  examples: [
    { command: 'ctwhy trace remove', says: 'all of them' },
    { command: 'ctwhy trace remove C7', says: 'one' },
  ],
});
