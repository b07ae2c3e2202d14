// What readings of a host say in numbers: how full its table was, how far counters moved, how often the kernel said something.

import type { EvidenceItem, StoryLine } from '../../model/finding.js';
import type { NoticeRow, SnapshotRow, ValueRow } from '../../store/evidence-reader.js';
import { readEntryVersions } from '../../store/evidence-reader.js';
import { timeOfDay } from '../../text/time.js';
import { citeValue, type HostPicture, partsRead, settingsNamed, snapshotOf } from './host-picture.js';
import { joinSources } from './join-sources.js';
import type { CounterMove } from './statistics.js';

export interface TableLevel {
  readonly snapshot: SnapshotRow;
  readonly count: number;
  /** NULL: the limit was not read. */
  readonly max: number | null;
  readonly evidence: readonly EvidenceItem[];
}

function numberOf(row: ValueRow | undefined): number | null {
  return typeof row?.value === 'number' ? row.value : row?.value == null ? null : Number(row.value);
}

/** The limit as last read, from wherever it was read; NULL: never. */
export function tableLimit(picture: HostPicture): { readonly max: number; readonly evidence: EvidenceItem } | null {
  const row = settingsNamed(picture, 'nf_conntrack_max').at(-1) ?? settingsNamed(picture, 'ip_conntrack_max').at(-1);
  const max = numberOf(row);
  if (row !== undefined && max !== null) return { max, evidence: citeValue(picture, row) };
  const snapshot = picture.host.snapshots.filter((one) => one.entryMax !== null).at(-1);
  const part = picture.host.parts.find((one) => one.snapshotId === snapshot?.id && one.part === 'count');
  const cited = picture.cite.reading(part, `nf_conntrack_max = ${snapshot?.entryMax}`);
  return snapshot === undefined || cited === null ? null : { max: snapshot.entryMax!, evidence: cited };
}

/** Each reading of the number of entries, the oldest first. */
export function tableLevels(picture: HostPicture): readonly TableLevel[] {
  const limit = tableLimit(picture);
  return picture.host.snapshots.flatMap((snapshot): readonly TableLevel[] => {
    const row = settingsNamed(picture, 'nf_conntrack_count').find((one) => one.snapshotId === snapshot.id);
    const count = snapshot.entryCount ?? numberOf(row);
    if (count === null) return [];
    const part = picture.host.parts.find((one) => one.snapshotId === snapshot.id && one.part === 'count');
    const cited =
      row !== undefined ? citeValue(picture, row) : picture.cite.reading(part, `nf_conntrack_count = ${count}`);
    if (cited === null) return [];
    return [
      {
        snapshot,
        count,
        max: snapshot.entryMax ?? limit?.max ?? null,
        evidence: [cited, ...(limit === null ? [] : [limit.evidence])],
      },
    ];
  });
}

/** Rows of counters as evidence. */
export function citeMove(picture: HostPicture, move: CounterMove): readonly EvidenceItem[] {
  return move.rows.map((row) => citeValue(picture, row));
}

/** When things were said first and last; NULL where no time is known. */
export function spanOf(rows: readonly NoticeRow[]): {
  readonly firstAtUs: number | null;
  readonly lastAtUs: number | null;
} {
  const times = rows.map((row) => row.atUs).filter((at): at is number => at !== null);
  return {
    firstAtUs: times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b)),
    lastAtUs: times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b)),
  };
}

/** The limit of network messages is one for all of them, so what it held back may be of another kind (net/core/utils.c: net_ratelimit()). */
const HELD_BACK_WITHIN_US = 60_000_000;

/** Messages that were held back about when these were said: the line that counts them, and how many. */
export function heldBack(
  { notices }: HostPicture,
  rows: readonly NoticeRow[],
): { readonly count: number; readonly rows: readonly NoticeRow[] } {
  const { firstAtUs, lastAtUs } = spanOf(rows);
  const lines = new Set(rows.map((row) => `${row.sourceId}`));
  const near = notices.filter(
    (row) =>
      row.kind === 'suppressed' &&
      (row.count ?? 0) > 0 &&
      (/^(?!.*net_ratelimit|.*__nf_conntrack)\w+:/.test(row.text) ? /nf_|net_/.test(row.text) : true) &&
      (row.atUs === null || firstAtUs === null || lastAtUs === null
        ? lines.has(`${row.sourceId}`)
        : row.atUs >= firstAtUs - HELD_BACK_WITHIN_US && row.atUs <= lastAtUs + HELD_BACK_WITHIN_US),
  );
  return { count: near.reduce((sum, row) => sum + (row.count ?? 0), 0), rows: near };
}

const MOST_CITED = 20;

/** Messages as evidence: the first ones and the last. */
export function citeNotices({ cite }: HostPicture, rows: readonly NoticeRow[]): readonly EvidenceItem[] {
  const chosen = rows.length <= MOST_CITED ? rows : [...rows.slice(0, MOST_CITED - 1), rows.at(-1)!];
  return chosen.map((row) => cite.notice(row));
}

/** A line of the story, where the evidence for it stands. */
export function storyLine(label: string, says: string, evidence: readonly (EvidenceItem | null)[]): StoryLine {
  const cited = evidence.filter((item): item is EvidenceItem => item !== null);
  return {
    label,
    says,
    source: joinSources(cited.map((item) => item.source)),
    raw: cited.map((item) => item.text),
  };
}

export function timeLabel(atUs: number | null): string {
  return atUs === null ? '' : timeOfDay(atUs);
}

/** Entries named by their version, as evidence. */
export function citeVersions(picture: HostPicture, versionIds: readonly number[]): readonly EvidenceItem[] {
  return picture
    .read((db) => readEntryVersions(db, versionIds))
    .map((row) => picture.cite.entry(row, timeOfList(picture, row.snapshotId)))
    .filter((item): item is EvidenceItem => item !== null);
}

/** When a snapshot's list of entries was read; NULL: not known. */
export function timeOfList(picture: HostPicture, snapshotId: number): number | null {
  const part = partsRead(picture, 'list:main').find((one) => one.snapshotId === snapshotId);
  return part?.atUs ?? snapshotOf(picture, snapshotId)?.takenAtUs ?? null;
}
