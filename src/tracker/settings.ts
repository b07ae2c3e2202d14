// Which sysctls steer the model, and what are they when nobody set them?

import { holds, type KernelVersion } from '../catalogue/kernel-version.js';
import { sysctlByName } from '../catalogue/sysctls.js';
import { TCP_STATES, TCP_TIMEOUTS_S, type TcpTimeoutName } from '../catalogue/tcp-states.js';
import { holdsHere } from './rules.js';

export interface TrackerSettings {
  readonly isLiberal: boolean;
  readonly isLoose: boolean;
  readonly maxRetrans: number;
  readonly ignoresInvalidRst: boolean;
  readonly checksChecksums: boolean;
  /** By number of the TCP state. */
  readonly tcpTimeoutsMs: readonly number[];
  readonly maxRetransMs: number;
  readonly unacknowledgedMs: number;
  readonly udpMs: number;
  readonly udpStreamMs: number;
  readonly icmpMs: number;
  readonly icmpv6Ms: number;
}

const SWITCHES = [
  'nf_conntrack_tcp_be_liberal',
  'nf_conntrack_tcp_loose',
  'nf_conntrack_tcp_max_retrans',
  'nf_conntrack_tcp_ignore_invalid_rst',
  'nf_conntrack_checksum',
] as const;
const OTHER_TIMEOUTS = [
  'nf_conntrack_udp_timeout',
  'nf_conntrack_udp_timeout_stream',
  'nf_conntrack_icmp_timeout',
  'nf_conntrack_icmpv6_timeout',
] as const;
const TCP_TIMEOUTS = (Object.keys(TCP_TIMEOUTS_S) as TcpTimeoutName[]).filter((name) => name !== 'syn_sent2');

/** Short names of all settings that the model obeys. */
export const TRACKER_SYSCTLS: readonly string[] = [
  ...SWITCHES,
  ...TCP_TIMEOUTS.map((name) => `nf_conntrack_tcp_timeout_${name}`),
  ...OTHER_TIMEOUTS,
];

/** 'net.netfilter.nf_conntrack_tcp_loose', 'nf_conntrack_tcp_loose' or the path below /proc/sys as the short name; NULL: not obeyed. */
export function trackerSysctl(name: string): string | null {
  const short = sysctlByName(name)?.name.replace(/^net\.netfilter\./, '');
  return short !== undefined && TRACKER_SYSCTLS.includes(short) ? short : null;
}

/**
 * Settings from values by name (any spelling that `trackerSysctl` takes; timeouts in seconds), the kernel's defaults for the rest.
 * Throws RangeError for a name that the model does not obey or this kernel does not have, and for a value that is no whole number from 0 up.
 */
export function readSettings(values: Readonly<Record<string, number>>, version: KernelVersion): TrackerSettings {
  const given = new Map<string, number>();
  for (const [name, value] of Object.entries(values)) {
    const short = trackerSysctl(name);
    if (short === null) throw new RangeError(`${name} is not a setting that the tracker obeys`);
    if (holds(sysctlByName(short)!.versions, version) === 'no') {
      throw new RangeError(`${name} does not exist on kernel ${version.release}`);
    }
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${name}: ${value} is no whole number from 0 up`);
    given.set(short, value);
  }
  const value = (name: string): number => given.get(name) ?? defaultOf(name, version);
  const timeoutMs = (name: TcpTimeoutName): number =>
    1000 * (name === 'syn_sent2' ? TCP_TIMEOUTS_S.syn_sent2 : value(`nf_conntrack_tcp_timeout_${name}`));
  return {
    isLiberal: value('nf_conntrack_tcp_be_liberal') !== 0,
    isLoose: value('nf_conntrack_tcp_loose') !== 0,
    maxRetrans: value('nf_conntrack_tcp_max_retrans'),
    ignoresInvalidRst: value('nf_conntrack_tcp_ignore_invalid_rst') !== 0,
    checksChecksums: value('nf_conntrack_checksum') !== 0,
    tcpTimeoutsMs: TCP_STATES.map((state) =>
      timeoutMs(state === 'NONE' ? 'syn_sent' : (state.toLowerCase() as TcpTimeoutName)),
    ),
    maxRetransMs: timeoutMs('max_retrans'),
    unacknowledgedMs: timeoutMs('unacknowledged'),
    udpMs: 1000 * value('nf_conntrack_udp_timeout'),
    udpStreamMs: 1000 * value('nf_conntrack_udp_timeout_stream'),
    icmpMs: 1000 * value('nf_conntrack_icmp_timeout'),
    icmpv6Ms: 1000 * value('nf_conntrack_icmpv6_timeout'),
  };
}

function defaultOf(name: string, version: KernelVersion): number {
  const defaults = sysctlByName(name)?.defaults ?? [];
  const chosen = defaults.find((entry) => holdsHere(entry.versions, version)) ?? defaults[0];
  return Number(chosen?.value ?? 0);
}
