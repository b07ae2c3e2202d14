// Turns rows into evidence items: where it stands, when, and in whose words. Absence is cited only from a part that was read.

import type { EvidenceItem } from '../../model/finding.js';
import type { Rule } from '../../model/ruleset.js';
import type { CapturedRow } from '../../store/capture-reader.js';
import type { PassageRow, PathStep } from '../../store/case-reader.js';
import type { StoredChange } from '../../store/change-reader.js';
import type {
  CoverageRow,
  EntryRow,
  EventRow,
  HostEventRow,
  HostFactRow,
  NoticeRow,
  SnapshotPartRow,
  SocketRow,
  ValueRow,
} from '../../store/evidence-reader.js';
import { rfc3339 } from '../../text/time.js';

/** What citing needs of the store: names of sources and their text. */
export interface TextSource {
  nameOf(sourceId: number): string;
  /** NULL for sources without text (captures) and unknown lines. */
  textOf(sourceId: number, line: number): string | null;
}

export interface Cite {
  packet(row: PassageRow, steps: readonly PathStep[], step: number): EvidenceItem;
  event(row: EventRow): EvidenceItem;
  entry(row: EntryRow, atUs: number | null): EvidenceItem | null;
  socket(row: SocketRow): EvidenceItem | null;
  rule(
    rule: Rule,
    at: {
      readonly rulesetId: number;
      readonly sourceId: number | null;
      readonly firstLine: number;
      readonly atUs: number | null;
    },
  ): EvidenceItem;
  counter(
    rule: Rule,
    at: {
      readonly ruleId: number;
      readonly snapshotId: number;
      readonly sourceId: number | null;
      readonly line: number;
      readonly atUs: number | null;
    },
    text: string,
  ): EvidenceItem;
  value(row: ValueRow, atUs: number | null): EvidenceItem;
  hostEvent(row: HostEventRow): EvidenceItem;
  hostFact(row: HostFactRow, atUs: number | null): EvidenceItem;
  notice(row: NoticeRow): EvidenceItem;
  /** A packet that a capture saw. */
  wire(row: CapturedRow): EvidenceItem;
  /** What ctwhy itself did, as its journal has it. */
  change(row: StoredChange): EvidenceItem;
  /** Something is not in a part that was read; NULL when the part could not have shown it. @param text what is not there, in words */
  absence(part: SnapshotPartRow | undefined, text: string): EvidenceItem | null;
  /** What a part that was read shows as a whole, a number or its length; NULL when it was not read. */
  reading(part: SnapshotPartRow | undefined, text: string): EvidenceItem | null;
  /** A source was complete over a time; NULL when it was not. */
  coverage(row: CoverageRow | undefined, text: string): EvidenceItem | null;
}

function time(us: number | null): string | null {
  return us === null ? null : rfc3339(us);
}

/** Kind of evidence of a packet's line. */
const KINDS: Readonly<Record<string, string>> = {
  'log-invalid': 'log-invalid',
  helper: 'log-invalid',
  trace: 'trace',
  'nft-trace': 'trace',
  'xtables-trace': 'trace',
};

export function citer(texts: TextSource): Cite {
  const place = (sourceId: number | null, line: number | null) => {
    if (sourceId === null) return 'the store';
    // What is read as it happens is called 'kmsg:' or 'journal:' when it is asked for.
    const name = texts.nameOf(sourceId).replace(/:$/, '');
    return line === null ? name : `${name}:${line}`;
  };
  const words = (sourceId: number | null, line: number | null, otherwise: string) =>
    sourceId === null || line === null ? otherwise : (texts.textOf(sourceId, line) ?? otherwise);
  return {
    packet(seen, steps, index) {
      const head = steps[index];
      const row = head?.owner ?? seen;
      const step = head?.step ?? index;
      const line = row.line + lineOffset(row, step);
      const offset = row.stepUs[step] ?? 0;
      return {
        kind: KINDS[head?.kind ?? ''] ?? 'log',
        at: row.atUs === null ? null : time(row.atUs + offset),
        atErrorUs: row.errorUs,
        uptimeUs: row.clockKind === 'uptime' ? row.clockUs + offset : null,
        source: place(row.sourceId, line),
        text: words(row.sourceId, line, head?.message ?? head?.prefix ?? ''),
        table: 'packets',
        key: { journeyId: row.id, step },
      };
    },
    event(row) {
      return {
        kind: 'event',
        at: time(row.atUs),
        atErrorUs: row.errorUs,
        uptimeUs: null,
        source: place(row.sourceId, row.line),
        text: words(row.sourceId, row.line, row.kind),
        table: 'ct_events',
        key: { id: row.id },
      };
    },
    entry(row, atUs) {
      return {
        kind: 'entry',
        at: time(atUs),
        atErrorUs: null,
        uptimeUs: null,
        source: place(row.sourceId, row.line),
        text: words(row.sourceId, row.line, row.state ?? ''),
        table: 'ct_entries',
        key: { version_id: row.versionId, snapshot_id: row.snapshotId },
      };
    },
    socket(row) {
      return {
        kind: 'socket',
        at: time(row.atUs),
        atErrorUs: null,
        uptimeUs: null,
        source: place(row.sourceId, row.line),
        text: words(row.sourceId, row.line, row.state),
        table: 'sockets',
        key: { id: row.id, snapshot_id: row.snapshotId },
      };
    },
    rule(rule, at) {
      const line = at.firstLine + rule.line - 1;
      return {
        kind: 'rule',
        at: time(at.atUs),
        atErrorUs: null,
        uptimeUs: null,
        source: place(at.sourceId, line),
        text: rule.text,
        table: 'rules',
        key: {
          ruleset_id: at.rulesetId,
          family: rule.family,
          table_name: rule.table,
          chain: rule.chain,
          number: rule.number,
        },
      };
    },
    counter(_rule, at, text) {
      return {
        kind: 'counter',
        at: time(at.atUs),
        atErrorUs: null,
        uptimeUs: null,
        source: place(at.sourceId, at.line),
        text,
        table: 'rule_counters',
        key: { rule_id: at.ruleId, snapshot_id: at.snapshotId },
      };
    },
    value(row, atUs) {
      return {
        kind: row.what === 'sysctl' ? 'sysctl' : 'counter',
        at: time(atUs),
        atErrorUs: null,
        uptimeUs: null,
        source: place(row.sourceId, row.line),
        text: `${row.name} = ${row.value}`,
        ...valueKey(row),
      };
    },
    hostEvent(row) {
      return {
        kind: row.kind,
        at: time(row.atUs),
        atErrorUs: row.errorUs,
        uptimeUs: null,
        source: place(row.sourceId, row.line),
        text: words(row.sourceId, row.line, JSON.stringify(row.data)),
        table: 'host_events',
        key: { id: row.id },
      };
    },
    hostFact(row, atUs) {
      return {
        kind: row.kind,
        at: time(atUs),
        atErrorUs: null,
        uptimeUs: null,
        source: place(row.sourceId, row.line),
        text: words(row.sourceId, row.line, JSON.stringify(row.data)),
        table: 'host_facts',
        // A fact stands once for all snapshots that saw it.
        key: { id: row.id },
      };
    },
    notice(row) {
      return {
        kind: 'notice',
        at: time(row.atUs),
        atErrorUs: row.errorUs,
        uptimeUs: null,
        source: place(row.sourceId, row.line),
        text: words(row.sourceId, row.line, row.text),
        table: 'kernel_messages',
        key: { id: row.id },
      };
    },
    wire(row) {
      return {
        kind: 'capture',
        at: time(row.atUs),
        atErrorUs: row.errorUs,
        uptimeUs: null,
        source: place(row.sourceId, row.line),
        text: words(row.sourceId, row.line, `packet ${row.line}`),
        table: 'captured_packets',
        key: { id: row.id },
      };
    },
    change({ id, madeAtUs, change }) {
      return {
        kind: 'change',
        at: time(madeAtUs),
        atErrorUs: 0,
        uptimeUs: null,
        source: `changes ${id}`,
        text: change.command,
        table: 'changes',
        key: { id },
      };
    },
    absence(part, text) {
      if (part === undefined || part.state !== 'read') return null;
      return {
        kind: 'absence',
        at: time(part.atUs),
        atErrorUs: null,
        uptimeUs: null,
        source: part.sourceId === null ? 'the store' : texts.nameOf(part.sourceId),
        text,
        table: 'snapshot_parts',
        key: { snapshot_id: part.snapshotId, part: part.part },
      };
    },
    reading(part, text) {
      if (part === undefined || part.state !== 'read') return null;
      return {
        kind: part.part.startsWith('list:') ? 'entry' : part.part === 'expectations' ? 'expectation' : 'counter',
        at: time(part.atUs),
        atErrorUs: null,
        uptimeUs: null,
        source: part.sourceId === null ? 'the store' : texts.nameOf(part.sourceId),
        text,
        table: 'snapshot_parts',
        key: { snapshot_id: part.snapshotId, part: part.part },
      };
    },
    coverage(row, text) {
      if (row === undefined || row.state !== 'complete') return null;
      return {
        kind: 'coverage',
        at: time(row.fromUs),
        atErrorUs: null,
        uptimeUs: null,
        source: row.sourceId === null ? 'the store' : texts.nameOf(row.sourceId),
        text,
        table: 'coverage',
        key: { id: row.id },
      };
    },
  };
}

/** Settings and tracker counters have views by snapshot; a setting is not per CPU, and its view has no such column. */
function valueKey({ what, name, cpu, snapshotId, seriesId, seq }: ValueRow): Pick<EvidenceItem, 'table' | 'key'> {
  if (what === 'sysctl') return { table: 'sysctls', key: { name, snapshot_id: snapshotId } };
  if (what === 'ct-stat') return { table: 'ct_stats', key: { name, cpu, snapshot_id: snapshotId } };
  return { table: 'values_over_time', key: { what, name, cpu, series_id: seriesId, seq } };
}

/** Lines of one packet need not be neighbours in the file: extra.lines holds the distance of each from the first where they are not. */
function lineOffset(row: PassageRow, step: number): number {
  const lines = row.extra['lines'];
  if (Array.isArray(lines)) return Number(lines[step] ?? step);
  return step;
}
