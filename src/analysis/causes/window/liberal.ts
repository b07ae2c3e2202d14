// The setting that ends every quarrel about windows, and what it costs.

import type { Remedy } from '../../../model/finding.js';
import type { Case } from '../../explain/case.js';
import { sysctlOf } from '../../explain/flow-facts.js';

const BE_LIBERAL = 'net.netfilter.nf_conntrack_tcp_be_liberal';

/** Since 6.1 an overshoot by less than a window passes with a remark (net/netfilter/nf_conntrack_proto_tcp.c: tcp_in_window()). */
export function isOvershootForgiven({ host }: Case): boolean | null {
  if (host.kernel === null) return null;
  return host.kernel.major > 6 || (host.kernel.major === 6 && host.kernel.minor >= 1);
}

/** Where it is on already it need not be said. */
export function beLiberal(subject: Case): readonly Remedy[] {
  const setting = sysctlOf(subject, BE_LIBERAL, null);
  if (setting !== null && Number(setting.value) !== 0) return [];
  return [
    {
      when: 'now',
      text: 'have conntrack accept segments outside the window: in the network namespace that tracks them',
      command: `sysctl -w ${BE_LIBERAL}=1`,
      undo: `sysctl -w ${BE_LIBERAL}=0`,
      price:
        'for all connections of the namespace: forged segments are no longer told by their numbers; RSTs are checked all the same',
    },
  ];
}
