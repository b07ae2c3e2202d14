// Which way would this host send a packet? The longest prefix of its main routing table, as `ip route` listed it.

import type { EvidenceItem } from '../../../model/finding.js';
import type { HostFactRow } from '../../../store/evidence-reader.js';
import { isInPrefix } from '../../../text/address.js';
import type { Case } from '../../explain/case.js';

export interface RouteFound {
  /** NULL: no route leads there. */
  readonly route: HostFactRow | null;
  /** 'unicast', 'blackhole', 'unreachable', 'prohibit', 'local', …; 'none'. */
  readonly type: string;
  readonly dev: string | null;
  readonly gateway: string | null;
  /** false: rules choose among several tables, and only the main one was looked at. */
  readonly isWhole: boolean;
  readonly evidence: EvidenceItem;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Bits of a prefix: 'default' and what cannot be read 0. */
function bitsOf(dst: string): number {
  if (dst === 'default') return 0;
  const slash = dst.indexOf('/');
  return slash < 0 ? 128 : Number(dst.slice(slash + 1));
}

/** Addresses of this host, told by `ip addr`; NULL when it was not read. */
export function isLocal(subject: Case, address: string): boolean | null {
  const told = subject.host.facts.filter((fact) => fact.kind === 'address');
  return told.length === 0 ? null : told.some((fact) => fact.data['local'] === address);
}

/** NULL: no routing table was read, or none of this family. */
export function routeTo(subject: Case, address: string): RouteFound | null {
  const { host, cite } = subject;
  const part = host.parts.findLast((one) => one.part === 'routes' && one.state === 'read');
  if (part === undefined) return null;
  const isSix = address.includes(':');
  const listed = host.facts.filter((fact) => {
    const dst = text(fact.data['dst']);
    const table = text(fact.data['table']) ?? 'main';
    if (fact.kind !== 'route' || fact.snapshotId !== part.snapshotId || dst === null || table !== 'main') return false;
    const gateway = text(fact.data['gateway']);
    return dst === 'default' ? gateway === null || gateway.includes(':') === isSix : dst.includes(':') === isSix;
  });
  // `ip route` without -6 shows one family: of the other nothing is known.
  if (isSix && !listed.some((fact) => text(fact.data['dst'])?.includes(':') === true)) return null;
  const isWhole = host.facts.every(
    (fact) => fact.kind !== 'rule' || ['local', 'main', 'default'].includes(text(fact.data['table']) ?? 'main'),
  );
  const fits = listed
    .filter((fact) => {
      const dst = text(fact.data['dst'])!;
      return dst === 'default' || isInPrefix(address, dst.includes('/') ? dst : `${dst}/${isSix ? 128 : 32}`);
    })
    .sort(
      (a, b) =>
        bitsOf(text(b.data['dst'])!) - bitsOf(text(a.data['dst'])!) ||
        Number(a.data['metric'] ?? 0) - Number(b.data['metric'] ?? 0),
    );
  const [route] = fits;
  if (route === undefined) {
    const evidence = cite.absence(part, `no route leads to ${address}`);
    return evidence === null ? null : { route: null, type: 'none', dev: null, gateway: null, isWhole, evidence };
  }
  return {
    route,
    type: text(route.data['type']) ?? 'unicast',
    dev: text(route.data['dev']),
    gateway: text(route.data['gateway']),
    isWhole,
    evidence: cite.hostFact(route, part.atUs),
  };
}
