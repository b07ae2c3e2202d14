// A window overshoot told by lines whose addresses were cut off: the sequence numbers alone show that the one acknowledges what the other sent.

import { distance, plus } from '../../../tracker/serial.js';
import { inferred, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { HostPicture } from '../../explain/host-picture.js';
import type { HostVerdict } from '../../explain/host-verdict.js';
import { aboutNotices, type NumbersLeft, numbersLeft } from '../../explain/notice-subject.js';
import type { HostCause } from '../cause.js';
import { askHandshake } from './overshoot.js';

/** A packet is no longer than this (include/uapi/linux/ip.h: tot_len), so an acknowledgement of it lies no farther beyond its begin. */
const LONGEST_PACKET = 65_535;

interface Matched {
  readonly sent: NumbersLeft;
  readonly taken: NumbersLeft;
  /** Each acknowledges what the other side says: their numbers name one connection. */
  readonly isMirrored: boolean;
}

function matches(sent: NumbersLeft, taken: NumbersLeft): boolean {
  if (sent.seq === null || taken.ack === null) return false;
  const covered = distance(taken.ack, sent.seq);
  return (
    covered > 0 && covered <= LONGEST_PACKET && (taken.bound === null || distance(plus(taken.bound, -1), sent.seq) <= 0)
  );
}

function pairs(picture: HostPicture): readonly Matched[] {
  const of = (id: string) =>
    picture.notices.filter((row) => row.reasonId === id).map((row) => numbersLeft(picture, row));
  const refused = of('tcp-ack-over-upper-bound');
  return of('tcp-seq-over-upper-bound').flatMap((sent): readonly Matched[] => {
    const taken = refused.find((one) => matches(sent, one));
    if (taken === undefined) return [];
    return [{ sent, taken, isMirrored: sent.ack !== null && taken.seq !== null && sent.ack === taken.seq }];
  });
}

export const windowOvershootUnnamed: HostCause = {
  id: 'window-overshoot',
  title: 'Window overshoot, told by lines without addresses',
  needs: 'lines of log_invalid about both bounds, with their sequence numbers',
  decides: 'the ACK that is refused acknowledges the segment that was refused, at a bound just in front of it',
  looksLike: ['window-scale-lost', 'offload-blind-window'],
  causes: [],
  kernels: 'all; until 6.0 no bound is printed for SEQ',
  evidence: ['kernel log'],
  argue(picture): readonly HostVerdict[] {
    const found = pairs(picture);
    const [first] = found;
    if (first === undefined) return [];
    const { sent, taken } = first;
    const cited = [picture.cite.notice(sent.row), picture.cite.notice(taken.row)];
    const rows = [...new Set(found.flatMap((one) => [one.sent.row, one.taken.row]))];
    return [
      {
        class: 'window-overshoot',
        argument: {
          id: 'window-overshoot',
          steps: [
            shown(
              'the kernel refuses a segment beyond the window, and an acknowledgement of data it did not take',
              cited,
            ),
            shown(
              `the one acknowledges the other: SEQ ${sent.seq}, then ACK ${taken.ack}${taken.bound === null ? '' : ` with everything from ${plus(taken.bound, -1)} on not seen`}`,
              cited,
            ),
            // No address says that they are of one connection.
            inferred(
              first.isMirrored
                ? `both are of one connection: each side's number is the one the other acknowledges (${sent.ack})`
                : 'both are of one connection',
              cited,
              true,
              ASK.wholeLine,
            ),
          ],
          lookAlikes: [
            { cause: 'window-scale-lost', ruledOut: null, wouldSettle: askHandshake },
            { cause: 'offload-blind-window', ruledOut: null, wouldSettle: ASK.listing },
          ],
        },
        led: null,
        title: 'A sender goes past the window, and the receiver takes it',
        summary: `A segment (SEQ ${sent.seq}) goes past the window and is INVALID; the receiver takes it and acknowledges ${taken.ack}, which is INVALID as well, as conntrack never took the data. It goes on so to the end of the connection, and the entry is left behind in ESTABLISHED. The lines do not show whose connection it is.`,
        missing: [],
        remedies: [
          {
            when: 'now',
            text: 'have conntrack accept segments outside the window',
            command: 'sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1',
            undo: 'sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=0',
            price: 'for all connections of the namespace: forged segments are no longer told by their numbers',
          },
          {
            when: 'lasting',
            text: 'a kernel of 6.1 or newer lets an overshoot of less than a window pass',
            command: 'uname -r',
            undo: '',
            price: 'an upgrade',
          },
        ],
        about: aboutNotices(picture, rows, { outcome: 'INVALID', fate: 'unknown', flowText: 'no packet is named' }),
      },
    ];
  },
};
