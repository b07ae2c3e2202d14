// `conntrack -S` and /proc/net/stat/nf_conntrack: the tracker's counters, by CPU or, in the oldest form, as totals.

import { hintOfPrompt } from '../conntrack/command.js';
import {
  looksLikeCounters,
  readCounters,
  readProcHeader,
  readProcRow,
  readTotal,
} from '../conntrack/statistics-line.js';
import { type Emit, type Form, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';

function openStatistics(emit: Emit): FormReader {
  let header: readonly string[] | null = null;
  let rows = 0;
  let position = 0;
  let totals: Record<string, number> | null = null;
  let totalsLine = 0;

  const endTotals = (): void => {
    if (totals === null) return;
    emit({ kind: 'ct-statistics', line: totalsLine, statistics: { cpu: -1, values: totals } });
    totals = null;
  };

  const counters = (text: string, line: number): LineOutcome => {
    const reading = readCounters(text, position++);
    if ('reason' in reading) return { is: 'unread', reason: reading.reason, at: reading.at };
    emit({ kind: 'ct-statistics', line, statistics: reading.statistics });
    return TAKEN;
  };

  return {
    line(text, line) {
      const total = readTotal(text);
      if (total !== null) {
        if (totals === null || Object.hasOwn(totals, total.name)) {
          endTotals();
          totals = {};
          totalsLine = line;
        }
        totals[total.name] = total.value;
        return TAKEN;
      }
      if (text.trim() === '') return TAKEN;
      endTotals();
      if (looksLikeCounters(text)) return counters(text, line);
      const names = readProcHeader(text);
      if (names !== null) {
        header = names;
        rows = 0;
        return TAKEN;
      }
      const row = header === null ? null : readProcRow(text, header, rows);
      if (row !== null) {
        rows++;
        if ('reason' in row) return { is: 'unread', reason: row.reason, at: row.at };
        const entries = row.statistics.values['entries'];
        // Every CPU's row repeats the namespace's number of entries.
        if (rows === 1 && entries !== undefined) emit({ kind: 'ct-count', line, what: 'count', value: entries });
        emit({ kind: 'ct-statistics', line, statistics: row.statistics });
        return TAKEN;
      }
      if (hintOfPrompt(text)?.subject !== 'statistics') return OTHER;
      position = 0;
      return TAKEN;
    },
    end: endTotals,
  };
}

export const conntrackStatisticsForm: Form = {
  id: 'conntrack -S',
  title: 'counters of the tracker from conntrack -S or /proc/net/stat/nf_conntrack',
  recognise(line) {
    if (looksLikeCounters(line)) return 95;
    if (readProcHeader(line) !== null) return 98;
    if (hintOfPrompt(line)?.subject === 'statistics') return 90;
    // 'entries 41' or 'searched 12' begin the oldest form; other counters' names are words of any language.
    return /^(?:entries|searched)\s+\d+\s*$/.test(line) ? 60 : 0;
  },
  open: openStatistics,
};
