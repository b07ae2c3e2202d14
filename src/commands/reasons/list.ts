// ctwhy reasons list and show: every way a packet becomes INVALID or NEW, for a kernel version.

import type { CommandSpec, OptionSpec } from '../../cli/command.js';
import { ROW_OUTPUT_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';

const KERNEL: OptionSpec = {
  name: 'kernel',
  argument: 'RELEASE',
  describe: 'on that kernel: 5.15, or what uname -r prints',
  group: 'What',
};

export const reasonsListCommand: CommandSpec<World> = {
  words: 'reasons list',
  summary: 'every way a packet becomes INVALID or NEW',
  description:
    'The checks of the kernel with what it prints for each. With --kernel only those of that version; with --message those that print a text.',
  effect: 'none',
  isDefaultVerb: true,
  options: [
    KERNEL,
    {
      name: 'proto',
      alias: 'p',
      argument: 'PROTO',
      describe: 'tcp, udp, icmp, icmpv6, sctp, dccp, gre …',
      group: 'Filter',
    },
    { name: 'outcome', argument: 'WORD', describe: 'INVALID, NEW, ACCEPT, DROP …', group: 'Filter' },
    { name: 'message', argument: 'TEXT', describe: 'a message of the kernel log, or a piece of one', group: 'Filter' },
    ...ROW_OUTPUT_OPTIONS,
  ],
  examples: [
    { command: 'ctwhy reasons list -p tcp --kernel 5.10', says: 'what 5.10 knows for TCP' },
    { command: 'ctwhy reasons list --message "invalid new"', says: 'what a line of the log means' },
  ],
  load: () => import('./list-run.js'),
};

export const reasonsShowCommand: CommandSpec<World> = {
  words: 'reasons show',
  summary: 'one reason: condition, message by version, causes, remedies',
  description:
    'Everything the catalogue knows of one check: where in the kernel it is, what it prints on which version, what usually leads to it, what to do.',
  effect: 'none',
  positionals: [
    { name: 'id', describe: 'id of a reason, as reasons list prints it', isOptional: false, takesMany: false },
  ],
  options: [KERNEL, { name: 'json', alias: 'j', describe: 'as JSON', group: 'Output' }],
  examples: [
    { command: 'ctwhy reasons show tcp-invalid-new', says: 'no entry, and a packet that cannot make one' },
    {
      command: 'ctwhy reasons show tcp-seq-under-lower-bound --kernel 6.1',
      says: 'the same words mean something else since 6.1',
    },
  ],
  load: () => import('./show-run.js'),
};
