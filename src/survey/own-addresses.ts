// Which addresses are this host's own, and does it forward? By `ip` and /proc, which are read and not altered.

import type { ReadHost } from '../host/host.js';
import { ipForm } from '../parsers/forms/ip.js';
import { readText } from './read-text.js';

export interface OwnAddresses {
  readonly local: readonly string[];
  readonly broadcast: readonly string[];
}

/** Addresses of the namespace we are in; NULL where ip is not installed or may not ask. */
export async function readOwnAddresses(host: ReadHost): Promise<OwnAddresses | null> {
  const listed = await host.run('ip', ['-j', 'addr', 'show']).catch(() => null);
  if (listed?.exitStatus !== 0) return null;
  const data = readText(ipForm, listed.stdout, 'ip -j addr').flatMap((record) =>
    record.kind === 'host-fact' && record.fact.kind === 'address' ? [record.fact.data] : [],
  );
  return ownAddresses(data);
}

/** @param data of facts of kind 'address', with the key names of ip -j */
export function ownAddresses(data: readonly Readonly<Record<string, unknown>>[]): OwnAddresses {
  const of = (key: string) => [...new Set(data.map((one) => one[key]).filter((text) => typeof text === 'string'))];
  return { local: of('local'), broadcast: of('broadcast') };
}

/** The forwarding switch of a family; NULL where /proc does not tell. */
export function readForwarding(host: ReadHost, family: 'ip' | 'ip6'): boolean | null {
  const path = family === 'ip' ? '/proc/sys/net/ipv4/ip_forward' : '/proc/sys/net/ipv6/conf/all/forwarding';
  const text = host.readOrNull(path)?.trim();
  return text === undefined || text === '' ? null : text !== '0';
}
