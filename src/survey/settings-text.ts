// The settings that steer conntrack and its surroundings, as `sysctl` prints them, read from /proc without running it.

import type { ReadHost } from '../host/host.js';

const SINGLE = [
  'net/nf_conntrack_max',
  'net/ipv4/ip_forward',
  'net/ipv4/ip_local_port_range',
  'net/ipv4/ip_no_pmtu_disc',
  'net/ipv4/tcp_keepalive_time',
  'net/ipv4/tcp_keepalive_intvl',
  'net/ipv4/tcp_keepalive_probes',
  'net/ipv4/tcp_retries1',
  'net/ipv4/tcp_retries2',
  'net/ipv4/tcp_orphan_retries',
  'net/ipv4/tcp_max_orphans',
  'net/ipv4/tcp_fin_timeout',
  'net/ipv4/tcp_timestamps',
  'net/ipv4/tcp_sack',
  'net/ipv4/tcp_tw_reuse',
];
const FOLDERS = ['net/netfilter', 'net/netfilter/nf_log', 'net/ipv4/netfilter', 'net/bridge'];
const OF_INTERFACE = [
  { folder: 'net/ipv4/conf', names: ['rp_filter', 'forwarding', 'accept_local', 'route_localnet', 'src_valid_mark'] },
  { folder: 'net/ipv6/conf', names: ['forwarding'] },
];
/** A host of containers has thousands of interfaces. */
const MOST_INTERFACES = 256;
const ROOT = '/proc/sys/';

/** Text of the settings, one a line; '' where none can be read. */
export function settingsText(host: ReadHost): string {
  const lines: string[] = [];
  const add = (path: string): void => {
    const value = host.readOrNull(`${ROOT}${path}`);
    // sysctl(8) writes a dot within the name of an interface as a slash.
    const name = path
      .split('/')
      .map((step) => step.replaceAll('.', '/'))
      .join('.');
    if (value !== null) lines.push(`${name} = ${value.trim().replaceAll(/\s+/g, '\t')}`);
  };
  for (const path of SINGLE) add(path);
  for (const folder of FOLDERS) for (const name of namesIn(host, folder)) add(`${folder}/${name}`);
  for (const { folder, names } of OF_INTERFACE)
    for (const ifname of namesIn(host, folder).slice(0, MOST_INTERFACES))
      for (const name of names) add(`${folder}/${ifname}/${name}`);
  return lines.map((line) => `${line}\n`).join('');
}

function namesIn(host: ReadHost, folder: string): readonly string[] {
  try {
    return host.list(`${ROOT}${folder}`);
  } catch {
    return [];
  }
}
