// What is an incident that can be played and recorded, and what does its author know to be true of it?

import type { KernelLog } from '../lab/kernel-log.js';
import type { Lab, LabHost } from '../lab/lab.js';
import type { Bundle } from './bundle.js';
import type { KernelLogForm } from './kernel-log-forms.js';

export type Confidence = 'certain' | 'likely' | 'possible';

/** What really happened, for tests that check the explanation. Words of `ctwhy explain --json`. */
export interface Truth {
  readonly class: string;
  readonly cause: string | null;
  /** No honest answer from this evidence can be surer than this. */
  readonly confidenceAtMost: Confidence;
  /** Like confidenceAtMost, of the cause; null when no honest answer from this evidence can name it. */
  readonly causeConfidenceAtMost: Confidence | null;
  readonly outcome: 'INVALID' | 'NEW' | 'DROP' | 'OTHER';
  readonly droppedBy: {
    readonly family: 'ip' | 'ip6' | 'inet';
    readonly table: string;
    readonly chain: string;
    readonly rule: number | 'policy';
  } | null;
  readonly note: string;
}

/** A sentence about the recorded files that has to hold, or the recording is thrown away. */
export interface Proof {
  readonly file: string;
  readonly pattern: RegExp;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Stage {
  readonly lab: Lab;
  readonly kernelLog: KernelLog;
  /** Begins the bundle of the one host that the files are from. Call it once, before the traffic. */
  observe(host: LabHost): Bundle;
}

export interface Incident {
  readonly name: string;
  /** What was played, in a sentence or two, for fixtures/README.md. */
  readonly story: string;
  readonly truth: Truth;
  readonly kernelLogForm: KernelLogForm;
  readonly proofs: readonly Proof[];
  /** A kernel-log line that has one of these as a word is this incident's. */
  readonly addresses: readonly string[];
  /** Kernel messages of this incident that name neither an address nor a namespace. */
  readonly kernelWords?: RegExp;
  /** false: the manifest says nothing of what the sources could show, as when a person picked files by hand. */
  readonly statesCoverage?: boolean;
  play(stage: Stage): Promise<void>;
}
