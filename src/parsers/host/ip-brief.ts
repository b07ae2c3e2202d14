// Lines of `ip -br`: a row an interface, addresses or the link layer's address behind its state.

import { isIP } from 'node:net';
import type { HostFact } from '../../model/host-fact.js';

const ROW = /^(\S+?)(?:@(\S+))?\s+(UNKNOWN|UP|DOWN|DORMANT|LOWERLAYERDOWN|NOTPRESENT|TESTING)(?:\s+(\S.*))?\s*$/;

/** NULL for other lines. */
export function readBriefLink(line: string): readonly HostFact[] | null {
  const match = ROW.exec(line);
  if (match === null) return null;
  const [, ifname, link, operstate, rest] = match as unknown as readonly (string | undefined)[];
  const words = (rest ?? '').split(/\s+/).filter((word) => word !== '');
  const isForeign = words.some((word) => !/^[0-9a-fA-F:.]+(?:\/\d+)?$|^<.*>$|^metric$|^peer$/.test(word));
  if (isForeign) return null;
  const data: Record<string, unknown> = { ifname, operstate };
  if (link !== undefined && !/^if\d+$/.test(link)) data['link'] = link;
  const flags = words.find((word) => word.startsWith('<'));
  if (flags !== undefined) data['flags'] = flags.slice(1, -1).split(',');
  const mac = words.find((word) => /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(word));
  if (mac !== undefined) data['address'] = mac;
  const facts: HostFact[] = [{ kind: 'link', data }];
  for (const word of words) {
    const [local, bits] = word.split('/', 2);
    const version = isIP(local ?? '');
    if (version === 0 || bits === undefined) continue;
    facts.push({
      kind: 'address',
      data: { ifname, family: version === 4 ? 'inet' : 'inet6', local, prefixlen: Number(bits) },
    });
  }
  return facts;
}

const NEIGH = /^(\S+)\s+([^\s/]+)\s+((?:[0-9a-f]{2}:){5}[0-9a-f]{2})$/;

/** `ip -br neigh`: address, interface and link layer address without any words; NULL for other lines. */
export function readBriefNeigh(line: string): HostFact | null {
  const match = NEIGH.exec(line);
  if (match === null || isIP(match[1]!) === 0) return null;
  return { kind: 'neigh', data: { dst: match[1], dev: match[2], lladdr: match[3] } };
}
