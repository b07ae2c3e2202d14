// Objects of `ip -j` as facts: addresses apart from their link, everything else under ip's own keys.

import type { HostFact, HostFactKind } from '../../model/host-fact.js';

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What changes from one second to the next and says nothing of the configuration: a fact with it would never be the same twice. */
const VOLATILE: ReadonlySet<string> = new Set([
  'valid_life_time',
  'preferred_life_time',
  'stats',
  'stats64',
  'used',
  'confirmed',
  'updated',
  'probes',
  'refcnt',
  'expires',
]);

function lasting(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !VOLATILE.has(key)));
}

/** Which listing an object belongs to, told by keys that only it has. */
function kindOf(fields: Fields): HostFactKind | null {
  if (typeof fields['ifname'] === 'string') return 'link';
  if ('priority' in fields && ('src' in fields || 'table' in fields || 'goto' in fields || 'action' in fields))
    return 'rule';
  if ('dst' in fields && Array.isArray(fields['state'])) return 'neigh';
  if ('dst' in fields && ('lladdr' in fields || 'proxy' in fields)) return 'neigh';
  return 'dst' in fields ? 'route' : null;
}

/** @returns no fact for objects that are none of ip's; `ip -j addr` prints empty objects for what its filter left out */
export function ipJsonFacts(value: unknown): readonly HostFact[] | null {
  if (!isFields(value)) return null;
  if (Object.keys(value).length === 0) return [];
  const kind = kindOf(value);
  if (kind === null) return null;
  if (kind !== 'link') return [{ kind, data: lasting(value) }];
  const { addr_info: addresses, ...link } = value;
  const facts: HostFact[] = [];
  // `ip -j route get` and the like never come here; `ip -br` and `ip -o -4` leave most keys of the link out.
  if (Object.keys(link).some((key) => !['ifindex', 'ifname', 'link'].includes(key)))
    facts.push({ kind: 'link', data: lasting(link) });
  if (Array.isArray(addresses)) {
    for (const address of addresses) {
      if (!isFields(address) || typeof address['local'] !== 'string') continue;
      const { ifindex, ifname } = link;
      facts.push({
        kind: 'address',
        data: { ...(ifindex === undefined ? {} : { ifindex }), ifname, ...lasting(address) },
      });
    }
  }
  return facts;
}
