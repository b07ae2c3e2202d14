// Which kernel module brings the logger that prints into the kernel log? It has moved three times, and vendors carry it back:
// what is installed for the running kernel decides, not its number.

import type { ReadHost } from '../host/host.js';

/** Newest first: 5.13+, 3.17 to 5.12, 3.4 to 3.16, before. */
const MODULES: ReadonlyArray<Readonly<Record<4 | 6, string>>> = [
  { 4: 'nf_log_syslog', 6: 'nf_log_syslog' },
  { 4: 'nf_log_ipv4', 6: 'nf_log_ipv6' },
  { 4: 'xt_LOG', 6: 'xt_LOG' },
  { 4: 'ipt_LOG', 6: 'ip6t_LOG' },
];

/** The module for a family that can be loaded on this host; NULL when none is installed. */
export function loggerModule(host: ReadHost, family: 4 | 6): string | null {
  const known = host.readOrNull(`/lib/modules/${host.identity().kernelRelease}/modules.dep`) ?? '';
  return MODULES.map((one) => one[family]).find((name) => known.includes(`/${name}.ko`)) ?? null;
}
