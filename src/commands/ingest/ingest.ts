// ctwhy ingest: files into the store.

import type { CommandSpec } from '../../cli/command.js';
import { DOCUMENT_OUTPUT_OPTIONS, FILE_FACT_OPTIONS, NETNS_OPTION } from '../../cli/global-options.js';
import type { World } from '../../world.js';

export const ingestCommand: CommandSpec<World> = {
  words: 'ingest',
  summary: 'read logs, listings, rulesets, captures into the store',
  description:
    'Files of any known form (ctwhy help formats), recognised by content: mixed in one file, compressed, in tars and folders, or standard input. Twice is the same as once. The words kmsg: and journal: are the ring buffer of the running kernel and the journal of this host; with --follow they, and files, go on until Ctrl-C or --for. events: is what the tracker tells of its entries and expectations as it happens (with --follow only); events that were lost are counted. Ends with what was read and what is missing for a full answer.',
  effect: 'store',
  positionals: [
    {
      name: 'file',
      describe: 'files, folders, tars; - for standard input; kmsg:, journal:, events: for this host',
      isOptional: false,
      takesMany: true,
    },
  ],
  options: [
    {
      name: 'follow',
      alias: 'f',
      describe: 'go on as the files grow, also through rotation, until Ctrl-C; kept every second',
      group: 'Input',
    },
    { name: 'for', argument: 'TIME', describe: 'stop following after this time: 30s, 5min', group: 'Input' },
    NETNS_OPTION,
    ...FILE_FACT_OPTIONS,
    ...DOCUMENT_OUTPUT_OPTIONS,
  ],
  examples: [
    { command: 'ctwhy ingest kern.log conntrack.txt iptables-save.txt ss.txt', says: 'what somebody sent' },
    { command: 'ctwhy ingest /var/log/kern.log* --tz Europe/Berlin', says: 'rotated and compressed logs' },
    { command: 'journalctl -k -o export | ctwhy ingest -', says: 'from a program' },
    { command: 'sudo ctwhy ingest -f events: kmsg: --for 10min', says: 'who makes and removes entries, from now on' },
    { command: 'ctwhy ingest -f kmsg: /var/log/ulog/syslogemu.log --for 10min', says: 'this host, as it happens' },
  ],
  load: () => import('./ingest-run.js'),
};
