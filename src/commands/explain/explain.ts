// ctwhy explain: the findings, their proof and what to do.

import type { CommandSpec } from '../../cli/command.js';
import { DOCUMENT_OUTPUT_OPTIONS, FILE_FACT_OPTIONS, FILTER_OPTIONS, READ_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';
import { EVIDENCE_NETNS_OPTION } from '../choose-namespace.js';

export const explainCommand: CommandSpec<World> = {
  words: 'explain',
  summary: 'why packets were INVALID or NEW: cause, proof, fix',
  description:
    'Looks at the files of -r, or at the packets of the last ingest and all that is known of its hosts (when that brought none, a listing taken today, at those of the last ingest that did), and says what happened: the finding that matters most in full, the others one line each. Give numbers to open others, --all for all.',
  effect: 'none',
  positionals: [{ name: 'finding', describe: 'numbers of findings to open', isOptional: true, takesMany: true }],
  options: [
    { name: 'all', describe: 'open every finding', group: 'What' },
    { name: 'fix', describe: 'every remedy with its price and what takes it back', group: 'What' },
    {
      name: 'exit-code',
      describe: 'exit with 10 when there is a finding that is neither normal nor noise',
      group: 'Output',
    },
    EVIDENCE_NETNS_OPTION,
    ...DOCUMENT_OUTPUT_OPTIONS,
    ...READ_OPTIONS,
    ...FILE_FACT_OPTIONS,
    ...FILTER_OPTIONS,
  ],
  examples: [
    { command: 'ctwhy explain -r case.tar', says: 'files somebody sent' },
    { command: 'ctwhy explain 2 --fix', says: 'the second finding, with every remedy' },
    { command: 'ctwhy explain -p tcp --dport 8080 --since "10 min ago"', says: 'one service, lately' },
    { command: 'ctwhy explain --json -r case.tar', says: 'for scripts' },
  ],
  entersNetns: () => false,
  load: () => import('./explain-run.js'),
};
