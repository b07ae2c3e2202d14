// In which network namespace a finding's commands have to be typed: the one its evidence was read in, where that has a name.

import type { Missing, Remedy } from '../../model/finding.js';
import { inNetns } from '../../text/in-netns.js';
import type { Case, HostContext } from './case.js';

/** The one namespace that all of these are of; NULL: several, the first one, or one without a name. */
function nameOf({ netnsNames }: HostContext, ids: readonly (number | null)[]): string | null {
  const [id, ...others] = new Set(ids.filter((one) => one !== null));
  return id === undefined || others.length > 0 ? null : (netnsNames.get(id) ?? null);
}

/** Of what was read of a host as a whole. */
export function netnsOfHost(host: HostContext): string | null {
  return host.netnsNames.size === 0
    ? null
    : nameOf(
        host,
        host.snapshots.map(({ namespaceId }) => namespaceId),
      );
}

/** Of a connection: its packets and events say it, else the tables it was found in. */
export function netnsOfCase({ host, packets, events, entries, sockets }: Case): string | null {
  if (host.netnsNames.size === 0) return null;
  const own = [...packets.map(({ row }) => row.namespaceId), ...events.map(({ namespaceId }) => namespaceId)];
  if (own.some((id) => id !== null)) return nameOf(host, own);
  const tables = new Set([...entries, ...sockets].map(({ snapshotId }) => snapshotId));
  const snapshots = host.snapshots.filter(({ id }) => tables.has(id));
  return snapshots.length === 0
    ? netnsOfHost(host)
    : nameOf(
        host,
        snapshots.map(({ namespaceId }) => namespaceId),
      );
}

/** What a finding asks to be typed, to be typed there. */
export function askedThere(netns: string | null, missing: readonly Missing[]): readonly Missing[] {
  return netns === null ? missing : missing.map((one) => ({ ...one, ask: inNetns(netns, one.ask) }));
}

export function mendedThere(netns: string | null, remedies: readonly Remedy[]): readonly Remedy[] {
  if (netns === null) return remedies;
  return remedies.map((one) => ({ ...one, command: inNetns(netns, one.command), undo: inNetns(netns, one.undo) }));
}
