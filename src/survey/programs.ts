// Which of the firewall's programs are installed, and in which version? iptables says itself whether it writes to nf_tables or to legacy tables.

import type { ReadHost } from '../host/host.js';
import type { ProgramFact } from '../model/host-setup.js';

/** Printing a version opens no socket and loads no module. */
const PROGRAMS = ['iptables', 'nft', 'conntrack', 'ulogd', 'conntrackd'] as const;

/** Those that are installed, in the order people name them. */
export async function readPrograms(host: ReadHost): Promise<readonly ProgramFact[]> {
  const found = await Promise.all(
    PROGRAMS.filter((name) => host.find(name) !== null).map(async (name): Promise<ProgramFact> => {
      // ulogd and conntrackd print theirs with other words on each release; that they are there is what counts.
      if (name === 'ulogd' || name === 'conntrackd') return { name, version: null };
      const said = await host.run(name, ['--version'], { timeoutMs: 5000 }).catch(() => null);
      return { name, version: versionOf(`${said?.stdout ?? ''}${said?.stderr ?? ''}`) };
    }),
  );
  return found;
}

/** 'iptables v1.8.9 (nf_tables)', 'nftables v1.0.6 (Lester Gooch #5)', 'conntrack v1.4.7 (conntrack-tools)'. */
export function versionOf(text: string): string | null {
  const [, number, variant] = /\bv?(\d+\.\d+(?:\.\d+)*)(?: \((nf_tables|legacy)\))?/.exec(text) ?? [];
  return number === undefined ? null : variant === undefined ? number : `${number} (${variant})`;
}
