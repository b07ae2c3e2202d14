// ctwhy help environment: the variables that are read, and no other is.

import type { Topic } from './topic.js';

/** A test compares these names with those that the program really reads. */
export const VARIABLES: ReadonlyArray<readonly [name: string, says: string]> = [
  ['CTWHY_DB', 'the store, where --db is not given'],
  ['CTWHY_CHANGES', 'folder of the journal of changes (absolute)'],
  ['CTWHY_NETNS', 'set by ctwhy for itself, inside of --netns'],
  ['CTWHY_IN_BACKGROUND', 'set by capture --detach for the process it starts'],
  ['XDG_STATE_HOME', 'where the store is, if you are not root (~/.local/state)'],
  ['HOME', 'where ~ is, for that'],
  ['TMPDIR', 'folder for the temporary store of -r (absolute; default /tmp)'],
  ['TZ', 'zone of times you type (default UTC); what is printed is UTC'],
  ['NO_COLOR', 'not empty: no colour'],
  ['FORCE_COLOR', 'colour into a pipe too; 0: none. --color and NO_COLOR win'],
  ['TERM', 'dumb: no colour'],
  ['COLUMNS', 'width where output is no terminal (at least 20; default 80)'],
  ['PATH', 'where programs are looked for; /usr/sbin and /sbin are added'],
];

export const environmentTopic: Topic = {
  name: 'environment',
  says: 'variables that are read',
  lines: async () => [
    'Environment variables',
    '',
    ...VARIABLES.map(([name, says]) => `  ${name.padEnd(19)} ${says}`),
    '',
    'Programs that ctwhy starts get PATH, LC_ALL=C and TZ=UTC, nothing else; the',
    'command behind capture -- gets your environment.',
  ],
};
