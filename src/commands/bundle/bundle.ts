// ctwhy bundle: one tar that `explain -r` reads, taken from this host, or the shell script that takes it elsewhere.

import type { CommandSpec } from '../../cli/command.js';
import { ALL_NETNS_OPTION, NETNS_OPTION } from '../../cli/global-options.js';
import type { World } from '../../world.js';

export const bundleCommand: CommandSpec<World> = {
  words: 'bundle',
  summary: 'collect into one tar what explain reads best',
  description:
    'Reads entries, counters, rules of every backend that is loaded, sockets, settings, addresses, routes and the kernel log, and writes them into one tar with a MANIFEST: time, exit status and complaint of every command. Changes nothing and loads no table. With --for it reads twice and keeps the events between. Without FILE it is ctwhy-HOST-TIME.tar here; - is standard output. --script prints the same as plain sh for a host without ctwhy.',
  effect: 'none',
  positionals: [
    { name: 'file', describe: 'the tar to write; - for standard output', isOptional: true, takesMany: false },
  ],
  options: [
    {
      name: 'for',
      argument: 'TIME',
      describe: 'read before and after this time, and events: 60s, 5min',
      group: 'What',
    },
    NETNS_OPTION,
    ALL_NETNS_OPTION,
    { name: 'script', describe: 'print a shell script that collects the same', group: 'Output' },
    {
      name: 'redact',
      describe: 'pseudonyms for addresses, link addresses and the host name, in every text',
      group: 'Output',
    },
    {
      name: 'key',
      argument: 'FILE',
      describe: 'where --redact keeps who is who (FILE.tar.key); one that is there is used again',
      group: 'Output',
    },
    { name: 'force', describe: 'write over FILE', group: 'Output' },
    { name: 'json', alias: 'j', describe: 'what was read, as JSON', group: 'Output' },
  ],
  examples: [
    {
      command: 'sudo ctwhy bundle case.tar --for 60s',
      says: 'this host over a minute; then ctwhy explain -r case.tar',
    },
    { command: 'ctwhy bundle --script > collect.sh', says: 'for a host without ctwhy: sudo sh collect.sh' },
    { command: 'sudo ctwhy bundle - > case.tar', says: 'into a pipe' },
  ],
  load: () => import('./bundle-run.js'),
};
