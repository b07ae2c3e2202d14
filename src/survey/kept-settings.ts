// Which settings and modules does this host bring back by itself after a reboot?

import type { ReadHost } from '../host/host.js';

const SYSCTL = ['/usr/lib/sysctl.d', '/usr/local/lib/sysctl.d', '/run/sysctl.d', '/etc/sysctl.d'];
const MODULES = ['/usr/lib/modules-load.d', '/run/modules-load.d', '/etc/modules-load.d'];

function textsIn(host: ReadHost, folders: readonly string[], more: string): readonly string[] {
  const files = folders.flatMap((folder) => {
    try {
      return host.list(folder).map((name) => `${folder}/${name}`);
    } catch {
      return [];
    }
  });
  return [...files, more].map((path) => host.readOrNull(path) ?? '');
}

/** 'net.netfilter.nf_conntrack_acct = 1' for each setting, the module's name for each module; what is built in needs no loading. */
export function readKept(host: ReadHost): ReadonlySet<string> {
  const kept = new Set<string>();
  const settings = new Map<string, string>();
  for (const text of textsIn(host, SYSCTL, '/etc/sysctl.conf'))
    for (const [, name, value] of text.matchAll(/^\s*-?([\w./-]+)\s*=\s*(.*?)\s*$/gm))
      settings.set(name!.replaceAll('/', '.'), value!);
  for (const [name, value] of settings) kept.add(`${name} = ${value}`);
  for (const text of textsIn(host, MODULES, '/etc/modules'))
    for (const [, name] of text.matchAll(/^\s*([\w-]+)\s*$/gm)) kept.add(name!.replaceAll('-', '_'));
  const builtIn = host.readOrNull(`/lib/modules/${host.identity().kernelRelease}/modules.builtin`);
  if (host.readOrNull('/proc/modules') === null || builtIn?.includes('/nf_conntrack.ko') === true)
    kept.add('nf_conntrack');
  return kept;
}
