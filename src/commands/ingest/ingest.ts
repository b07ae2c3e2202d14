// ctwhy ingest: files into the store.

import type { CommandSpec } from '../../cli/command.js';
import { DOCUMENT_OUTPUT_OPTIONS, FILE_FACT_OPTIONS } from '../../cli/global-options.js';
import type { World } from '../../world.js';

export const ingestCommand: CommandSpec<World> = {
  words: 'ingest',
  summary: 'read logs, listings, rulesets, captures into the store',
  description:
    'Files of any known form (ctwhy help formats), recognised by content: mixed in one file, compressed, in tars and folders, or standard input. Twice is the same as once. Ends with what was read and what is missing for a full answer.',
  effect: 'store',
  positionals: [
    { name: 'file', describe: 'files, folders, tars; - for standard input', isOptional: false, takesMany: true },
  ],
  options: [...FILE_FACT_OPTIONS, ...DOCUMENT_OUTPUT_OPTIONS],
  examples: [
    { command: 'ctwhy ingest kern.log conntrack.txt iptables-save.txt ss.txt', says: 'what somebody sent' },
    { command: 'ctwhy ingest /var/log/kern.log* --tz Europe/Berlin', says: 'rotated and compressed logs' },
    { command: 'journalctl -k -o export | ctwhy ingest -', says: 'from a program' },
  ],
  load: () => import('./ingest-run.js'),
};
