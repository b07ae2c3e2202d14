// What can the installed conntrack print? Older ones lack options of -o, and a kernel without conntrack has nothing to list.

import type { ReadHost } from '../host/host.js';
import { RefusedError, UnsupportedError } from '../text/errors.js';

export interface ConntrackProgram {
  /** For -o, the most telling that it takes; '' when it takes none. */
  readonly output: string;
  /** What its lines lack for being too old; NULL: nothing. */
  readonly lacks: string | null;
}

/** Names of labels come from this file; without it the numbers are not printed either. */
const LABEL_NAMES = '/etc/xtables/connlabel.conf';

const OUTPUTS = [
  { output: 'extended,id,ktimestamp,labels', lacks: null, needsLabels: true },
  { output: 'extended,id,ktimestamp', lacks: null, needsLabels: false },
  { output: 'extended,id', lacks: 'no times of birth', needsLabels: false },
  { output: 'extended', lacks: 'no ids and no times of birth', needsLabels: false },
  { output: '', lacks: 'no ids, no times of birth', needsLabels: false },
] as const;

/** Whether conntrack is there in this namespace: asking the program would load it. */
export function isConntrackLoaded(host: ReadHost): boolean {
  return (
    host.readOrNull('/proc/sys/net/netfilter/nf_conntrack_count') !== null ||
    host.readOrNull('/proc/sys/net/ipv4/netfilter/ip_conntrack_count') !== null
  );
}

/**
 * Tries the options of -o on the list that is shortest.
 * @throws UnsupportedError without conntrack, RefusedError without rights: nothing of the tracker can be read then
 */
export async function askConntrack(host: ReadHost): Promise<ConntrackProgram> {
  if (host.find('conntrack') === null)
    throw new UnsupportedError(
      'a snapshot needs the program conntrack, which is not installed; Debian: apt install conntrack, others: conntrack-tools',
    );
  const hasLabels = host.look(LABEL_NAMES) !== null;
  let said = '';
  for (const { output, lacks, needsLabels } of OUTPUTS) {
    if (needsLabels && !hasLabels) continue;
    const options = output === '' ? [] : ['-o', output];
    const tried = await host.run('conntrack', ['-L', 'expect', ...options]);
    if (tried.exitStatus === 0) return { output, lacks };
    said = lastLine(tried.stderr);
    if (/you must be root|CAP_NET_ADMIN|not permitted/i.test(tried.stderr))
      throw new RefusedError(
        'the kernel shows the entries of this host to root only (or with CAP_NET_ADMIN): put sudo before the command',
      );
  }
  throw new UnsupportedError(`conntrack cannot list the entries of this host: ${said}`);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
