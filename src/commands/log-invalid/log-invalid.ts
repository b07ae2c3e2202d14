// ctwhy log-invalid: conntrack says why it refuses a packet.

import type { CommandSpec } from '../../cli/command.js';
import { CHANGE_OPTIONS, NETNS_OPTION } from '../../cli/global-options.js';
import type { World } from '../../world.js';
import { undoOfKind } from '../changes/of-kind.js';

export const logInvalidShowCommand: CommandSpec<World> = {
  words: 'log-invalid show',
  summary: 'would conntrack say why a packet is INVALID, and where',
  description:
    'Reads nf_conntrack_log_invalid, the loggers it needs and whether this namespace reaches the kernel log, and says for each protocol whether a line would appear and where.',
  effect: 'none',
  options: [NETNS_OPTION, { name: 'json', alias: 'j', describe: 'as JSON, stable for scripts', group: 'Output' }],
  examples: [
    { command: 'ctwhy log-invalid', says: 'would a line appear?' },
    { command: 'ctwhy log-invalid show --json', says: 'the same for a script' },
  ],
  isDefaultVerb: true,
  load: () => import('./show-run.js'),
};

export const logInvalidEnableCommand: CommandSpec<World> = {
  words: 'log-invalid enable',
  summary: 'have conntrack say why it refuses packets',
  description:
    'Sets nf_conntrack_log_invalid and what it needs to be seen: a logger for the family, nf_log_all_netns for a namespace. One protocol or all: two, or one beside one that is set, become 255. It stands until it is taken back, unless --for; above 1,000 lines/s it is switched off.',
  effect: 'system',
  options: [
    {
      name: 'proto',
      alias: 'p',
      argument: 'PROTO',
      isRepeatable: true,
      describe: 'tcp, udp, icmp, icmpv6, sctp …, a number, or all (the default)',
      group: 'What',
    },
    { name: 'ipv4', alias: '4', describe: 'loggers of IPv4 only', group: 'What' },
    { name: 'ipv6', alias: '6', describe: 'loggers of IPv6 only', group: 'What' },
    ...CHANGE_OPTIONS,
    { name: 'json', alias: 'j', describe: 'as JSON, stable for scripts', group: 'Output' },
  ],
  examples: [
    { command: 'ctwhy log-invalid enable -p tcp', says: 'why TCP packets are INVALID' },
    { command: 'ctwhy log-invalid enable -p all --for 10min', says: 'all protocols, for ten minutes' },
  ],
  load: () => import('./enable-run.js'),
};

export const logInvalidDisableCommand = undoOfKind('log-invalid', {
  words: 'log-invalid disable',
  summary: 'put back what log-invalid enable set',
  description: 'The same as undo for changes of this kind. What somebody else set is never touched.',
  examples: [
    { command: 'ctwhy log-invalid disable', says: 'as it was before' },
    { command: 'ctwhy log-invalid disable C7', says: 'this one only' },
  ],
});
