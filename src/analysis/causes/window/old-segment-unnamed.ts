// Old segments told by lines whose addresses were cut off: the message says all there is to say.

import { inferred, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { HostVerdict } from '../../explain/host-verdict.js';
import { aboutNotices, numbersLeft } from '../../explain/notice-subject.js';
import type { HostCause } from '../cause.js';

const OLD = ['tcp-seq-under-lower-bound', 'tcp-ack-under-lower-bound'];
const BEYOND = ['tcp-seq-over-upper-bound', 'tcp-ack-over-upper-bound'];

export const oldSegmentUnnamed: HostCause = {
  id: 'old-segment',
  title: 'Old segments, told by lines without addresses',
  needs: 'lines of log_invalid about a lower bound',
  decides: 'the message; without a number in it the kernel is 6.0 or older and the segment INVALID',
  looksLike: ['port-reuse'],
  causes: [],
  kernels: 'INVALID until 6.0; since 6.1 the line holds the bound, and the segment is accepted',
  evidence: ['kernel log'],
  argue(picture): readonly HostVerdict[] {
    const rows = picture.notices.filter((row) => row.reasonId !== null && OLD.includes(row.reasonId));
    if (rows.length === 0 || picture.notices.some((row) => row.reasonId !== null && BEYOND.includes(row.reasonId)))
      return [];
    const isInvalid = rows.some((row) => numbersLeft(picture, row).bound === null && !/^ignored /.test(row.text));
    const cited = rows.slice(0, 3).map((row) => picture.cite.notice(row));
    return [
      {
        class: 'old-segment',
        argument: {
          id: 'old-segment',
          steps: [
            shown('the kernel says that data, or an acknowledgement, is older than the window', cited),
            inferred('the rest of its connection is in order', [], false, ASK.wholeLine),
          ],
          lookAlikes: [{ cause: 'port-reuse', ruledOut: null, wouldSettle: ASK.wholeLine }],
        },
        led: null,
        title: isInvalid ? 'Old segments are INVALID' : 'Old segments, accepted',
        summary: isInvalid
          ? 'A segment came late, or was sent again though it was acknowledged. Kernels up to 6.0, which word it so, call that INVALID; nothing is lost by it. The line does not show whose packet it was.'
          : 'A segment came late, or was sent again though it was acknowledged. This kernel says so and accepts it. The line does not show whose packet it was.',
        missing: [ASK.wholeLine],
        remedies: [],
        about: aboutNotices(picture, rows, {
          outcome: isInvalid ? 'INVALID' : 'OTHER',
          fate: 'unknown',
          flowText: 'no packet is named',
        }),
      },
    ];
  },
};
