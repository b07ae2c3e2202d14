// ctwhy help safety: what is read and written, and what is never done.

import { defaultStorePath } from '../../store/default-path.js';
import type { Topic } from './topic.js';

export const safetyTopic: Topic = {
  name: 'safety',
  says: 'what is read, what is written, what is never done',
  async lines(world) {
    const store = world.environment['CTWHY_DB'] || defaultStorePath(world.host.identity().uid, world.environment);
    return [
      'What ctwhy touches',
      '',
      '  This version changes nothing on the host: no rule, no setting, no module.',
      '  It never flushes, never clears the log, never loads a table by listing it.',
      '',
      '  read     the files you name; /proc/sys/net/netfilter for the status screen;',
      '           the kernel log and the journal only when you name them',
      '  written  the store, and nothing else:',
      `             ${store}`,
      '           (--db FILE or CTWHY_DB for another; folders are made with mode 0700)',
      '           -r answers from a temporary store that goes with the command',
      '  started  journalctl, and programs that unpack (xz, zstd …), when needed',
      '  network  nothing is sent, nothing is looked up',
      '',
      '  The store holds what the files hold: addresses, names, and their text.',
      '  Treat it as you treat the logs.',
      '',
      '  Text from packets, logs and rules is hostile: control and reordering',
      '  characters are printed as \\x1b or \\u202e, in JSON as escapes; cells that a',
      "  spreadsheet would take for a formula get a ' in front in CSV.",
      '  SQL of yours runs on a connection that cannot write.',
    ];
  },
};
