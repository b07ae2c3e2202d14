// What was concluded and what was changed; in words.

import type { TableWords } from './table-words.js';

export const CONCLUSIONS: readonly TableWords[] = [
  {
    name: 'changes',
    kind: 'table',
    says: "A copy of the host's journal of changes, for reading: undoing uses the journal itself, never this table.",
    columns: [
      ['id', 'TEXT', "key: 'C3'"],
      ['host_id', 'INTEGER', 'hosts.id; NULL: not known'],
      ['state', 'TEXT', 'how far it is: intended, on, undone …'],
      ['intended_at_us', 'INTEGER', 'when it was journalled before it was made, in microseconds since the epoch'],
      ['finished_at_us', 'INTEGER', 'when it was put back, in microseconds since the epoch; NULL: it stands'],
      ['kind', 'TEXT', 'what was changed: a setting, rules, a logger …'],
      ['data', 'TEXT', 'JSON: before, after and what undoes it'],
    ],
  },
  {
    name: 'findings',
    kind: 'table',
    says: 'Findings that were kept. Whole in data, as ctwhy explain --json prints them.',
    columns: [
      ['id', 'INTEGER', 'key'],
      ['key', 'TEXT', 'recognises the same finding when it is found again'],
      ['incident_id', 'INTEGER', 'incidents.id; NULL: belongs to none'],
      ['flow_id', 'INTEGER', 'flows.id; NULL: of no single flow'],
      ['outcome', 'TEXT', "'INVALID', 'NEW', 'DROP' or 'OTHER'"],
      ['class', 'TEXT', "kind of cause: 'entry-gone' …"],
      ['cause', 'TEXT', 'finer cause; NULL: what led to it was not recorded'],
      ['confidence', 'TEXT', "'certain', 'likely' or 'possible'"],
      ['made_at_us', 'INTEGER', 'when it was concluded, in microseconds since the epoch'],
      ['data', 'TEXT', 'JSON: the finding'],
    ],
  },
  {
    name: 'finding_evidence',
    kind: 'table',
    says: 'The rows a kept finding rests on.',
    columns: [
      ['finding_id', 'INTEGER', 'findings.id'],
      ['n', 'INTEGER', 'position in the proof, from 1'],
      ['table_name', 'TEXT', 'table or view of the row'],
      ['row_id', 'INTEGER', 'its key there (packets: journey_id)'],
      ['step', 'INTEGER', 'packets: packets.step; NULL: another table'],
    ],
  },
  {
    name: 'incidents',
    kind: 'table',
    says: 'Named stretches of time whose evidence is not pruned.',
    columns: [
      ['id', 'INTEGER', 'key'],
      ['name', 'TEXT', 'as given'],
      ['from_at_us', 'INTEGER', 'begin, in microseconds since the epoch; NULL: open'],
      ['to_at_us', 'INTEGER', 'end, in microseconds since the epoch; NULL: open'],
      ['note', 'TEXT', 'what somebody wrote; NULL: nothing'],
    ],
  },
  {
    name: 'migrations',
    kind: 'table',
    says: 'Steps that made the tables of this store.',
    columns: [
      ['number', 'INTEGER', 'of the step, from 1'],
      ['name', 'TEXT', 'file in migrations/'],
      ['checksum', 'TEXT', 'SHA-256 of the file'],
      ['applied_at_us', 'INTEGER', 'in microseconds since the epoch'],
    ],
  },
];
