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

/** How the logger of the kernel log is there; NULL where modules of this kernel cannot be looked at (a container without /lib/modules). */
export function loggerModuleState(
  host: ReadHost,
): { readonly name: string; readonly state: 'loaded' | 'built in' | 'loadable' | 'missing' } | null {
  const newest = MODULES[0]![4];
  const loaded = host.readOrNull('/proc/modules');
  for (const { 4: name } of MODULES)
    if (new RegExp(`^${name} `, 'm').test(loaded ?? '')) return { name, state: 'loaded' };
  // Registered although nothing is loaded: it came with the kernel.
  const registered = host.readOrNull('/proc/net/netfilter/nf_log') ?? '';
  const folder = `/lib/modules/${host.identity().kernelRelease}`;
  const builtIn = host.readOrNull(`${folder}/modules.builtin`) ?? '';
  const inside = MODULES.map((one) => one[4]).find((name) => builtIn.includes(`/${name}.ko`));
  if (inside !== undefined) return { name: inside, state: 'built in' };
  if (/\bnf_log_ipv4\b/.test(registered)) return { name: newest, state: 'built in' };
  const installed = loggerModule(host, 4);
  if (installed !== null) return { name: installed, state: 'loadable' };
  return host.readOrNull(`${folder}/modules.dep`) === null ? null : { name: newest, state: 'missing' };
}
