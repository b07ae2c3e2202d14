// One line of ours in the kernel log: it has a time on both clocks, so that the lines beside it have one too.

import type { WriteHost } from '../host/write-host.js';

/** The line is printed at priority 'info', below what reaches a console. @throws HostError when the log may not be written */
export function markKernelLog(host: WriteHost, text: string): void {
  host.write('/dev/kmsg', `<6>${text}\n`);
}
