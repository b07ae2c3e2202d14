// What is known of a host as a whole: the evidence that no packet tells. Settings and messages are rows at hand; tables that may
// hold a million entries are asked by queries that hand back few rows.

import type { KernelVersion } from '../../catalogue/kernel-version.js';
import type { EvidenceItem } from '../../model/finding.js';
import type { NoticeRow, SnapshotPartRow, SnapshotRow, ValueRow } from '../../store/evidence-reader.js';
import type { Db } from '../../store/open-store.js';
import type { HostContext } from './case.js';
import type { Cite } from './cite.js';

export interface HostPicture {
  readonly host: HostContext;
  readonly cite: Cite;
  readonly kernel: KernelVersion | null;
  /** Messages within the time that is looked at. */
  readonly notices: readonly NoticeRow[];
  /** Asks the store about this host; asked twice, it is read once. The query must hand back few rows, whatever the table holds. */
  read<Rows>(query: (db: Db, hostId: number) => Rows): Rows;
}

/**
 * @param fromUs microseconds since the epoch; messages whose time is not known are always within
 */
export function openHostPicture(
  db: Db,
  host: HostContext,
  cite: Cite,
  { fromUs, toUs }: { readonly fromUs: number | null; readonly toUs: number | null },
): HostPicture {
  const known = new Map<unknown, unknown>();
  return {
    host,
    cite,
    kernel: host.kernel,
    notices: host.notices.filter(
      ({ atUs }) => atUs === null || ((fromUs === null || atUs >= fromUs) && (toUs === null || atUs <= toUs)),
    ),
    read<Rows>(query: (db: Db, hostId: number) => Rows): Rows {
      if (!known.has(query)) known.set(query, query(db, host.id));
      return known.get(query) as Rows;
    },
  };
}

/** The snapshot a row belongs to. */
export function snapshotOf({ host }: HostPicture, snapshotId: number): SnapshotRow | undefined {
  return host.snapshots.find((one) => one.id === snapshotId);
}

/** The parts of snapshots that hold something and could be read, the oldest first. @param part 'list:main', 'stats', 'ruleset' … */
export function partsRead({ host }: HostPicture, part: string): readonly SnapshotPartRow[] {
  const order = new Map(host.snapshots.map((one, index) => [one.id, index]));
  return host.parts
    .filter((one) => one.part === part && one.state === 'read')
    .sort((a, b) => (order.get(a.snapshotId) ?? 0) - (order.get(b.snapshotId) ?? 0));
}

/** The readings of a setting, the oldest first: 'nf_conntrack_max' finds 'net.netfilter.nf_conntrack_max' and 'net.nf_conntrack_max'. */
export function settingsNamed({ host }: HostPicture, name: string): readonly ValueRow[] {
  return host.sysctls.filter((row) => row.name === name || row.name.endsWith(`.${name}`));
}

/** A value as evidence, at the time its snapshot was taken. */
export function citeValue(picture: HostPicture, row: ValueRow): EvidenceItem {
  return picture.cite.value(row, snapshotOf(picture, row.snapshotId)?.takenAtUs ?? null);
}
