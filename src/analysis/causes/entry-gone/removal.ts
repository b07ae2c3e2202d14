// How the entry went: the shared questions of the finer causes (was time left, who removed it, what else went with it).

import type { EvidenceItem } from '../../../model/finding.js';
import type { EventRow } from '../../../store/evidence-reader.js';
import { duration } from '../../../text/time.js';
import type { Case } from '../../explain/case.js';
import {
  destroyBefore,
  eventMoment,
  firstPacket,
  type Life,
  livesBefore,
  packetMoment,
} from '../../explain/flow-facts.js';
import type { Moment } from '../../explain/order.js';

export interface Removal {
  /** The last that was heard of the living entry; NULL when nothing was. */
  readonly last: Life | null;
  /** Its DESTROY event, where one was recorded. */
  readonly destroy: EventRow | null;
  readonly destroyEvidence: EvidenceItem | null;
  /** By then it was gone: the DESTROY, else the first packet that found no entry. */
  readonly goneBy: Moment;
  /** Microseconds it still had to live when it went: above 0 = removed early; at most 0 = its time had run out; NULL = not known. */
  readonly leftUs: number | null;
  /** true: a program asked for it; false: the stream would have said so; NULL: not told. */
  readonly isByProgram: boolean | null;
}

/** A second of grace: timeouts are printed in whole seconds and the kernel counts in jiffies. */
const GRACE_US = 1_000_000;

export function removalOf(subject: Case): Removal {
  const packet = packetMoment(firstPacket(subject));
  const destroy = destroyBefore(subject, packet);
  // What an event stream shows ends with the DESTROY, even where a packet of the same instant is read as earlier.
  const lives = livesBefore(subject, destroy === null ? packet : eventMoment(destroy));
  const last = lives.filter((life) => life.livesUntilUs !== null).at(-1) ?? lives.at(-1) ?? null;
  const goneBy: Moment = destroy !== null && destroy.atUs !== null ? eventMoment(destroy) : packet;
  let leftUs: number | null = null;
  // Newer kernels say in the DESTROY itself what was left.
  if (destroy !== null && destroy.timeoutS !== null && destroy.timeoutS > 0) leftUs = destroy.timeoutS * 1_000_000;
  else if (last !== null && last.livesUntilUs !== null && goneBy.atUs !== null) {
    const raw = last.livesUntilUs - goneBy.atUs;
    const error = (goneBy.errorUs ?? 0) + (last.moment.errorUs ?? 0) + GRACE_US;
    // Between "surely early" and "surely late" nothing is said.
    leftUs = raw > error ? raw : raw <= GRACE_US ? Math.min(raw, 0) : null;
  }
  return {
    last,
    destroy,
    destroyEvidence: destroy === null ? null : subject.cite.event(destroy),
    goneBy,
    leftUs,
    isByProgram:
      destroy === null
        ? null
        : destroy.isUserSpace === 1 || (destroy.portId ?? 0) > 0
          ? true
          : destroy.isUserSpace === 0
            ? false
            : null,
  };
}

/** 'it had 431999 s left', for sentences. */
export function leftWords(removal: Removal): string {
  return removal.leftUs === null
    ? 'how long it had left is not recorded'
    : removal.leftUs > 0
      ? `${Math.floor(removal.leftUs / 1e6)} s were left`
      : `its time had run out ${duration(-removal.leftUs)} before`;
}
