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
      '  Reading changes nothing: no rule, no setting, no module, no table loaded by',
      '  listing it. What changes the host (capture, log-invalid, dyndbg, trace, tag)',
      '  shows its plan and asks; into a pipe it wants --yes; --dry-run prints the',
      '  commands.',
      '  Each change is journaled before it is made, read back after, and taken back',
      '  exactly: undo ID, undo --all. What somebody else changed since is left.',
      '  Nothing is ever flushed; the log is never cleared.',
      '',
      '  rules    in an nft table of our own (inet ctwhy_N), with a limit of 20/s for',
      '           each flow and counters beside it; yours keep their numbers',
      '  ends     trace, tag and dyndbg after 5 min unless --for, also when ctwhy is',
      '           gone; capture after 60 s, and the kernel drops its table should ctwhy',
      '           be killed; all of them above 1,000 lines/s in the kernel log',
      '  refused  without --allow WORD: no filter or one that holds too much, your SSH',
      '           session, what carries the log away, tracking where there is none,',
      '           slow consoles',
      '',
      '  read     the files you name; /proc/sys/net/netfilter for the status screen;',
      '           the kernel log and the journal only when you name them',
      '  written  the store, and the journal of changes, a file for each:',
      `             ${store}`,
      `             ${world.environment['CTWHY_CHANGES'] ?? '/var/lib/ctwhy/changes'}`,
      '           (--db FILE or CTWHY_DB for another store; folders get mode 0700)',
      '           -r answers from a temporary store that goes with the command',
      '  started  journalctl, programs that unpack (xz, zstd …), and for changes nft,',
      '           iptables, conntrack, ss, systemd-run, nsenter; never a shell',
      '           doctor asks nft, the save programs of tables that are there, ip, tc,',
      '           ethtool, bpftool, ovs-dpctl, journalctl: what it asks brings nothing',
      '  capture  runs what stands behind -- as you would, and puts one line of its own',
      '           into the kernel log, which ties its clock to the others',
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
