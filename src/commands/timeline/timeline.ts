// ctwhy timeline: everything known of one connection in time order.

import type { CommandSpec } from '../../cli/command.js';
import { DOCUMENT_OUTPUT_OPTIONS, FILE_FACT_OPTIONS, FILTER_OPTIONS, READ_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';
import { EVIDENCE_NETNS_OPTION } from '../choose-namespace.js';

export const timelineCommand: CommandSpec<World> = {
  words: 'timeline',
  summary: 'everything known of one connection, in order of time',
  description:
    'Packets, events, listings, sockets and rules of the flow of a finding (its number) or of a filter, interleaved on one clock. -v adds sequence numbers and the raw lines.',
  effect: 'none',
  positionals: [
    { name: 'finding', describe: 'number of a finding, as explain counts them', isOptional: true, takesMany: false },
  ],
  options: [
    EVIDENCE_NETNS_OPTION,
    ...DOCUMENT_OUTPUT_OPTIONS,
    ...READ_OPTIONS,
    ...FILE_FACT_OPTIONS,
    ...FILTER_OPTIONS,
  ],
  examples: [
    { command: 'ctwhy timeline 1', says: 'the flow of the first finding' },
    { command: 'ctwhy timeline -r case.tar --dport 8080', says: 'a flow in files somebody sent' },
  ],
  entersNetns: () => false,
  load: () => import('./timeline-run.js'),
};
