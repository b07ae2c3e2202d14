// Did somebody save the ruleset while a rule of ours was in it? Then the next boot brings it back, with no journal that knows of it.

import type { ReadHost } from '../host/host.js';

/** Where distributions and firewall programs keep rules. */
const FILES = [
  '/etc/iptables/rules.v4',
  '/etc/iptables/rules.v6',
  '/etc/iptables/iptables.rules',
  '/etc/iptables/ip6tables.rules',
  '/etc/iptables/rules-save',
  '/etc/iptables/rules6-save',
  '/etc/iptables.rules',
  '/etc/iptables.up.rules',
  '/var/lib/iptables/rules-save',
  '/var/lib/ip6tables/rules-save',
  '/etc/sysconfig/iptables',
  '/etc/sysconfig/ip6tables',
  '/etc/sysconfig/nftables.conf',
  '/etc/nftables.conf',
  '/etc/nftables.nft',
  '/var/lib/nftables/rules-save',
  '/etc/firewalld/direct.xml',
  '/etc/ufw/before.rules',
  '/etc/ufw/before6.rules',
  '/etc/ufw/after.rules',
  '/etc/ufw/after6.rules',
  '/etc/ufw/user.rules',
  '/etc/ufw/user6.rules',
  '/etc/firewall.user',
] as const;
const FOLDERS = ['/etc/nftables', '/etc/nftables.d', '/etc/iptables.d', '/etc/firewalld/policies'] as const;

/** A table or a comment of ours; our own name in prose is none. */
const OURS = /\btable (?:inet|bridge) ctwhy_\d+\b|ctwhy:C\d+/;

/** Files that hold rules of ours. What may not be read is not told. */
export function savedRulesOfOurs(host: ReadHost): readonly string[] {
  const more = FOLDERS.flatMap((folder) => {
    try {
      return host.list(folder).map((name) => `${folder}/${name}`);
    } catch {
      return [];
    }
  });
  return [...FILES, ...more].filter((path) => OURS.test(host.readOrNull(path) ?? ''));
}
