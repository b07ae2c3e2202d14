// ctwhy query: SQL of people, and the named queries they can start from.

import type { CommandSpec } from '../cli/command.js';
import { FILE_FACT_OPTIONS, READ_OPTIONS, ROW_OUTPUT_OPTIONS } from '../cli/global-options.js';
import type { World } from '../world.js';
import { EVIDENCE_NETNS_OPTION } from './choose-namespace.js';

export const queryCommand: CommandSpec<World> = {
  words: 'query',
  summary: 'ask the store in SQL, or by the name of a question',
  description:
    'Runs one statement that only reads. Give SQL, the name of a query (--list), @FILE, or - for standard input. Tables and columns: --schema. Ctrl-C ends it.',
  effect: 'none',
  entersNetns: () => false,
  positionals: [{ name: 'sql', describe: 'SQL, NAME, @FILE or -', isOptional: true, takesMany: false }],
  options: [
    { name: 'param', argument: 'NAME=VALUE', describe: 'value of a :parameter', group: 'What', isRepeatable: true },
    { name: 'list', describe: 'the named queries', group: 'What' },
    { name: 'show', argument: 'NAME', describe: 'the SQL of a named query', group: 'What' },
    { name: 'schema', describe: 'tables and views with a sentence per column', group: 'What' },
    EVIDENCE_NETNS_OPTION,
    { name: 'no-headers', describe: 'without the head line', group: 'Output' },
    ...ROW_OUTPUT_OPTIONS,
    ...READ_OPTIONS,
    ...FILE_FACT_OPTIONS,
  ],
  examples: [
    { command: 'ctwhy query "select reason_id, count(*) from packets group by 1"', says: 'reasons and how often' },
    { command: 'ctwhy query --list', says: 'questions to start from' },
  ],
  load: () => import('./query-run.js'),
};
