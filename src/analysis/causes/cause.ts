// The shape of a cause: a class of explanation with its own file. Adding one is adding a file and a line in index.ts.

import type { Verdict } from '../explain/argument.js';
import type { Case } from '../explain/case.js';
import type { HostPicture } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';

/** What the generated table of causes says of one. */
export interface CauseWords {
  /** Class id as in the contract: 'entry-gone'. */
  readonly id: string;
  readonly title: string;
  /** What it needs to see, what decides, what looks like it: a sentence each. */
  readonly needs: string;
  readonly decides: string;
  readonly looksLike: readonly string[];
  /** Finer causes it can tell apart. */
  readonly causes: readonly string[];
  /** On which kernels it can happen, and what differs between them in the evidence: 'all; since 6.17 the line names the namespace'. */
  readonly kernels: string;
  /** Kinds of evidence it can argue from, the most telling first: 'kernel log', 'entries', 'events', 'statistics' … */
  readonly evidence: readonly string[];
}

/** A cause that is argued from the packets of one flow. */
export interface Cause extends CauseWords {
  /** NULL: this class does not apply to the case at all. Otherwise the argument; whether it holds is computed from it. */
  argue(subject: Case): Verdict | null;
}

/** A cause that no packet tells: argued from what the table, the statistics, the settings and the messages of a host show together. */
export interface HostCause extends CauseWords {
  /** Every story of this class on the host; empty when it does not apply. Whether one holds is computed from its argument. */
  argue(picture: HostPicture): readonly HostVerdict[];
}
