// What belongs to one call of the ingest: where it writes, what it has learned so far.

import type { BinaryForm, Form } from '../parsers/form.js';
import type { FlowMarks } from '../store/flows.js';
import type { Db } from '../store/open-store.js';
import type { CallHosts } from './call-hosts.js';
import type { SourceRef, WriterTable } from './evidence-writer.js';
import type { KernelLogFacts } from './kernel-log/kernel-log-bulk.js';
import type { IngestDeps, IngestOptions } from './options.js';
import type { BulkOpener } from './read-source.js';
import type { SourceReport } from './report.js';
import type { SnapshotKeeper } from './snapshot-keeper.js';
import type { StatedKernels } from './stated-kernels.js';
import type { Statements } from './statements.js';

/** What the ingest can read and write; tests hand in their own. */
export interface IngestTables {
  readonly forms: readonly Form[];
  readonly binaryForms: readonly BinaryForm[];
  readonly writers: WriterTable;
  /** The kernel log's own reader; NULL: it is read like any other form. */
  readonly bulk: ((source: SourceRef, facts: KernelLogFacts) => BulkOpener) | null;
}

export interface LiveSample {
  readonly bootId: number;
  readonly uptimeUs: number;
  readonly epochUs: number;
  readonly errorUs: number;
  readonly how: string;
}

export interface Call {
  readonly db: Db;
  readonly deps: IngestDeps;
  readonly options: IngestOptions;
  readonly tables: IngestTables;
  readonly ingestId: number;
  readonly statements: Statements;
  readonly hosts: CallHosts;
  /** Kernels that the text of sources states. */
  readonly kernels: StatedKernels;
  readonly keeper: SnapshotKeeper;
  readonly reports: SourceReport[];
  /** Rows behind them are not yet worked into connections. */
  marks: FlowMarks;
  /** Sources of calls that never ended, as they were when this one began: their closing work is done with its own. */
  readonly killed: readonly { readonly id: number; readonly hostId: number }[];
  /** Readings of both clocks of the running host, not yet in the store. */
  readonly liveSamples: LiveSample[];
  /** Rows of a live source are in the store, and no transaction is open. */
  onCommitted(): void;
  found: number;
}
