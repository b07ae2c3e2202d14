// Where this host would send a packet, and which addresses are its own, as far as a listing of routes and addresses was read.

import type { EvidenceItem } from '../../model/finding.js';
import { compareAddress } from '../ruleset/compare.js';
import type { Case } from './case.js';

export interface RouteFound {
  /** 'default' or a prefix. */
  readonly to: string;
  readonly gateway: string | null;
  readonly device: string | null;
  readonly isDefault: boolean;
  readonly evidence: EvidenceItem;
}

function lengthOf(prefix: string): number {
  const length = /\/(\d+)$/.exec(prefix)?.[1];
  return length === undefined ? (prefix === 'default' ? 0 : 128) : Number(length);
}

/** The most specific route of the main table to an address; NULL when no routes were read, or none leads there. */
export function routeTo(subject: Case, address: string): RouteFound | null {
  const isSix = address.includes(':');
  const fits = subject.host.facts
    .filter(({ kind, data }) => {
      const to = data['dst'];
      if (kind !== 'route' || typeof to !== 'string' || data['type'] === 'local' || data['type'] === 'broadcast')
        return false;
      const table = data['table'];
      if (table !== undefined && table !== 'main' && table !== 254) return false;
      if (to === 'default') {
        const via = data['gateway'] ?? data['prefsrc'];
        return typeof via !== 'string' || via.includes(':') === isSix;
      }
      return to.includes(':') === isSix && compareAddress(to, address) === 'yes';
    })
    .sort((a, b) => lengthOf(String(b.data['dst'])) - lengthOf(String(a.data['dst'])));
  const best = fits[0];
  if (best === undefined) return null;
  const text = (name: string) => (typeof best.data[name] === 'string' ? String(best.data[name]) : null);
  return {
    to: String(best.data['dst']),
    gateway: text('gateway'),
    device: text('dev'),
    isDefault: best.data['dst'] === 'default',
    evidence: subject.cite.hostFact(best, null),
  };
}

/** Whether an address is one of this host's own; NULL when its addresses were not read. */
export function isOwnAddress(subject: Case, address: string): boolean | null {
  const own = subject.host.facts.filter((fact) => fact.kind === 'address').map((fact) => fact.data['local']);
  return own.length === 0 ? null : own.includes(address);
}
