// `ovs-appctl dpctl/dump-conntrack`: the entries that Open vSwitch sees, the kernel's or its own.

import { hintOfPrompt } from '../conntrack/command.js';
import { looksLikeOvs, readOvsLine } from '../conntrack/ovs-line.js';
import { type Form, OTHER, TAKEN } from '../form.js';

export const ovsConntrackForm: Form = {
  id: 'ovs conntrack',
  title: 'entries dumped by Open vSwitch (dpctl/dump-conntrack)',
  recognise(line) {
    if (looksLikeOvs(line)) return 97;
    return hintOfPrompt(line)?.subject === 'ovs' ? 90 : 0;
  },
  open: (emit) => ({
    line(text, line) {
      if (looksLikeOvs(text)) {
        const reading = readOvsLine(text);
        if ('reason' in reading) return { is: 'unread', reason: reading.reason, at: reading.at };
        emit({ kind: 'ct-entry', line, list: 'ovs', entry: reading.entry });
        return TAKEN;
      }
      if (text.trim() === '' || hintOfPrompt(text)?.subject === 'ovs') return TAKEN;
      return OTHER;
    },
    end() {},
  }),
};
