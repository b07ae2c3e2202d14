// The settings under which the sequences are played, and whether there are pauses in which entries may run out.

import { holds, type KernelVersion } from '../../src/catalogue/kernel-version.js';
import { sysctlByName } from '../../src/catalogue/sysctls.js';
import type { Settings } from './firewall.js';
import type { Random } from './random.js';

export interface Profile {
  readonly name: string;
  readonly hasPauses: boolean;
  settings(random: Random): Settings;
}

const TCP_TIMEOUTS = [
  'syn_sent',
  'syn_recv',
  'established',
  'fin_wait',
  'close_wait',
  'last_ack',
  'time_wait',
  'close',
  'max_retrans',
  'unacknowledged',
];
const OTHER_TIMEOUTS = ['udp_timeout', 'udp_timeout_stream', 'icmp_timeout', 'icmpv6_timeout'];
const ALL_TIMEOUTS = [...TCP_TIMEOUTS.map((name) => `tcp_timeout_${name}`), ...OTHER_TIMEOUTS];

/** Every timeout different from every other, so that the seconds tell which one was chosen. */
function distinctTimeouts(random: Random): Settings {
  const values = ALL_TIMEOUTS.map((_, at) => 20 + 7 * at);
  return Object.fromEntries(
    ALL_TIMEOUTS.map((name) => [`nf_conntrack_${name}`, values.splice(random.below(values.length), 1)[0]!]),
  );
}

function shortTimeouts(random: Random): Settings {
  return Object.fromEntries(ALL_TIMEOUTS.map((name) => [`nf_conntrack_${name}`, 1 + random.below(4)]));
}

export const PROFILES: readonly Profile[] = [
  { name: 'defaults', hasPauses: false, settings: () => ({}) },
  { name: 'liberal', hasPauses: false, settings: () => ({ nf_conntrack_tcp_be_liberal: 1 }) },
  { name: 'not loose', hasPauses: false, settings: () => ({ nf_conntrack_tcp_loose: 0 }) },
  { name: 'any RST', hasPauses: false, settings: () => ({ nf_conntrack_tcp_ignore_invalid_rst: 1 }) },
  {
    name: 'distinct timeouts',
    hasPauses: false,
    settings: (random) => ({ ...distinctTimeouts(random), nf_conntrack_tcp_max_retrans: 1 + random.below(4) }),
  },
  { name: 'short timeouts', hasPauses: true, settings: shortTimeouts },
  {
    name: 'short timeouts, everything else changed',
    hasPauses: true,
    settings: (random) => ({
      ...shortTimeouts(random),
      nf_conntrack_tcp_be_liberal: random.below(2),
      nf_conntrack_tcp_ignore_invalid_rst: random.below(2),
      nf_conntrack_tcp_max_retrans: random.below(3),
      nf_conntrack_checksum: random.below(2),
    }),
  },
];

/** The settings of a profile that this kernel has. */
export function settingsFor(profile: Profile, random: Random, kernel: KernelVersion): Settings {
  const known = Object.entries(profile.settings(random)).filter(
    ([name]) => holds(sysctlByName(name)?.versions ?? { since: null, until: null }, kernel) !== 'no',
  );
  return Object.fromEntries(known);
}
