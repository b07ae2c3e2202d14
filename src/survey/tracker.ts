// How is conntrack itself set in the namespace we are in?

import type { ReadHost } from '../host/host.js';
import type { TrackerFacts } from '../model/host-setup.js';

const FOLDER = '/proc/sys/net/netfilter';

/** @param isActive whether rules here need conntrack; NULL where they could not be read */
export function readTracker(host: ReadHost, isActive: boolean | null): TrackerFacts {
  const number = (name: string): number | null => {
    const text = host.readOrNull(`${FOLDER}/${name}`)?.trim() ?? '';
    return /^-?\d+$/.test(text) ? Number(text) : null;
  };
  const flag = (name: string): boolean | null => {
    const value = number(name);
    return value === null ? null : value !== 0;
  };
  const count = number('nf_conntrack_count');
  return {
    isLoaded: count !== null,
    // Entries prove it, whatever may be read of the rules.
    isActive: count !== null && (count > 0 || isAlwaysActive(host)) ? true : isActive,
    count,
    max: number('nf_conntrack_max'),
    events: number('nf_conntrack_events'),
    timestamps: flag('nf_conntrack_timestamp'),
    accounting: flag('nf_conntrack_acct'),
    isLoose: flag('nf_conntrack_tcp_loose'),
    isLiberal: flag('nf_conntrack_tcp_be_liberal'),
  };
}

/**
 * Until 4.9 a loaded module saw every packet; since then the hooks are registered for the first rule that needs them, unless the module was
 * told otherwise (net/netfilter/nf_conntrack_standalone.c: enable_hooks, v5.1).
 */
function isAlwaysActive(host: ReadHost): boolean {
  if (host.readOrNull('/sys/module/nf_conntrack/parameters/enable_hooks')?.trim() === 'Y') return true;
  const [major = 0, minor = 0] = host.identity().kernelRelease.split('.').map(Number);
  return major > 0 && (major < 4 || (major === 4 && minor < 10));
}
