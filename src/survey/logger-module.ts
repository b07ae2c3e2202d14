// Which kernel module brings the logger that prints into the kernel log? It has moved three times, and vendors carry it back:
// what is installed for the running kernel decides, not its number.

import type { ReadHost } from '../host/host.js';

export interface LoggerModule {
  readonly module: string;
  /**
   * Loggers it registers, by the number of their setting nf_log.N. Each binds itself in every namespace that has none there
   * (net/netfilter/nf_log_syslog.c: nf_log_syslog_net_init(), v5.13 .. v6.18; net/ipv4/netfilter/nf_log_ipv4.c: nf_log_ipv4_net_init(), v5.10).
   */
  readonly binds: readonly (readonly [number: number, logger: string])[];
}

const IPV4 = [2, 'nf_log_ipv4'] as const;
const IPV6 = [10, 'nf_log_ipv6'] as const;
const SYSLOG: LoggerModule = {
  module: 'nf_log_syslog',
  binds: [IPV4, [3, 'nf_log_arp'], [5, 'nf_log_netdev'], [7, 'nf_log_bridge'], IPV6],
};
const XT_LOG: LoggerModule = { module: 'xt_LOG', binds: [IPV4, IPV6] };

/** Newest first: 5.13+, 3.17 to 5.12, 3.4 to 3.16, before. */
const MODULES: ReadonlyArray<Readonly<Record<4 | 6, LoggerModule>>> = [
  { 4: SYSLOG, 6: SYSLOG },
  { 4: { module: 'nf_log_ipv4', binds: [IPV4] }, 6: { module: 'nf_log_ipv6', binds: [IPV6] } },
  { 4: XT_LOG, 6: XT_LOG },
  { 4: { module: 'ipt_LOG', binds: [IPV4] }, 6: { module: 'ip6t_LOG', binds: [IPV6] } },
];

/** The module for a family that can be loaded on this host; NULL when none is installed. */
export function loggerModule(host: ReadHost, family: 4 | 6): LoggerModule | null {
  const known = host.readOrNull(`/lib/modules/${host.identity().kernelRelease}/modules.dep`) ?? '';
  const found = MODULES.map((one) => one[family]).find(({ module }) => known.includes(`/${module}.ko`)) ?? null;
  const hasIpv6 = host.look('/proc/sys/net/ipv6') !== null;
  return found === null || hasIpv6 ? found : { ...found, binds: found.binds.filter((one) => one !== IPV6) };
}

/** How the logger of the kernel log is there; NULL where modules of this kernel cannot be looked at (a container without /lib/modules). */
export function loggerModuleState(
  host: ReadHost,
): { readonly name: string; readonly state: 'loaded' | 'built in' | 'loadable' | 'missing' } | null {
  const newest = MODULES[0]![4].module;
  const loaded = host.readOrNull('/proc/modules');
  for (const name of MODULES.map((one) => one[4].module))
    if (new RegExp(`^${name} `, 'm').test(loaded ?? '')) return { name, state: 'loaded' };
  // Registered although nothing is loaded: it came with the kernel.
  const registered = host.readOrNull('/proc/net/netfilter/nf_log') ?? '';
  const folder = `/lib/modules/${host.identity().kernelRelease}`;
  const builtIn = host.readOrNull(`${folder}/modules.builtin`) ?? '';
  const inside = MODULES.map((one) => one[4].module).find((name) => builtIn.includes(`/${name}.ko`));
  if (inside !== undefined) return { name: inside, state: 'built in' };
  if (/\bnf_log_ipv4\b/.test(registered)) return { name: newest, state: 'built in' };
  const installed = loggerModule(host, 4);
  if (installed !== null) return { name: installed.module, state: 'loadable' };
  return host.readOrNull(`${folder}/modules.dep`) === null ? null : { name: newest, state: 'missing' };
}
