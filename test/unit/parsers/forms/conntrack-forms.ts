// All forms of conntrack's outputs, as the ingest would hold them.

import type { CtEntry, CtEvent } from '../../../../src/model/conntrack.js';
import type { EvidenceRecord } from '../../../../src/model/record.js';
import type { Form, FormContext } from '../../../../src/parsers/form.js';
import { conntrackdCacheForm } from '../../../../src/parsers/forms/conntrack-cache.js';
import { conntrackCountForm } from '../../../../src/parsers/forms/conntrack-count.js';
import { conntrackEventsForm } from '../../../../src/parsers/forms/conntrack-events.js';
import { conntrackExpectationsForm } from '../../../../src/parsers/forms/conntrack-expectations.js';
import { conntrackListForm } from '../../../../src/parsers/forms/conntrack-list.js';
import { ovsConntrackForm } from '../../../../src/parsers/forms/conntrack-ovs.js';
import { procConntrackForm } from '../../../../src/parsers/forms/conntrack-proc.js';
import { conntrackSaveForm } from '../../../../src/parsers/forms/conntrack-save.js';
import { conntrackStatisticsForm } from '../../../../src/parsers/forms/conntrack-statistics.js';
import { conntrackXmlForm } from '../../../../src/parsers/forms/conntrack-xml.js';
import { type ReadText, readWith } from './read-with.js';

export const CONNTRACK_FORMS: readonly Form[] = [
  conntrackListForm,
  conntrackEventsForm,
  conntrackStatisticsForm,
  conntrackXmlForm,
  procConntrackForm,
  conntrackSaveForm,
  ovsConntrackForm,
  conntrackdCacheForm,
  conntrackExpectationsForm,
  conntrackCountForm,
];

export function readTracker(text: string, context: Partial<FormContext> = {}): ReadText {
  return readWith(CONNTRACK_FORMS, text, context);
}

type RecordOf<K extends EvidenceRecord['kind']> = Extract<EvidenceRecord, { readonly kind: K }>;

export function recordsOf<K extends EvidenceRecord['kind']>(read: ReadText, kind: K): readonly RecordOf<K>[] {
  return read.records.filter((record): record is RecordOf<K> => record.kind === kind);
}

/** The one entry of a text that has nothing else. */
export function onlyEntry(text: string, context: Partial<FormContext> = {}): CtEntry {
  const [record, ...more] = recordsOf(readTracker(text, context), 'ct-entry');
  if (record === undefined || more.length > 0)
    throw new Error(`${more.length + (record === undefined ? 0 : 1)} entries`);
  return record.entry;
}

export function onlyEvent(text: string, context: Partial<FormContext> = {}): CtEvent {
  const [record, ...more] = recordsOf(readTracker(text, context), 'ct-event');
  if (record === undefined || more.length > 0)
    throw new Error(`${more.length + (record === undefined ? 0 : 1)} events`);
  return record.event;
}
