// A listing shows connections in ESTABLISHED that nobody has answered. A handshake is answered before it is established: such entries were
// made by a packet in the middle of a connection (net/netfilter/nf_conntrack_proto_tcp.c: tcp_new(), nf_conntrack_tcp_loose, all versions).

import { readUnansweredEstablished } from '../../store/one-way-entries.js';
import { inferred, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { storyLine, timeOfList } from '../explain/host-measures.js';
import type { HostPicture } from '../explain/host-picture.js';
import { flowOfEntry, type HostVerdict } from '../explain/host-verdict.js';
import { isUntracking } from '../explain/untracked-rules.js';
import type { HostCause } from './cause.js';
import { flowWords } from './words.js';

/** Until it is answered such an entry lives so long at most: the timeouts max_retrans and unacknowledged, unless somebody changed them. */
const LONGEST_S = 300;
/** One may be a stray packet. */
const SOME = 2;
const CITED = 6;

function argue(picture: HostPicture): readonly HostVerdict[] {
  const found = picture
    .read(readUnansweredEstablished)
    .filter((one) => one.timeoutS !== null && one.timeoutS <= LONGEST_S);
  const [first] = found;
  if (first === undefined || found.length < SOME) return [];
  // What a rule hides from the tracker looks unanswered, too.
  if (picture.host.rules.find(isUntracking).length > 0) return [];
  const cited = found.slice(0, CITED).map((one) => picture.cite.entry(one, timeOfList(picture, one.snapshotId)));
  const name = flowWords({ ...first, extra: null });
  const sources = new Set(found.map((one) => one.src)).size;
  const targets = new Set(found.map((one) => one.dst)).size;
  const steps: Step[] = [
    shown(`${found.length} connections are in ESTABLISHED and unanswered: they were taken up in the middle`, cited),
    inferred(
      'they were open before, and the table did not know them: it was lost (restart, fail-over, flush) or began to track late',
      cited,
      true,
      ASK.eventsOfPrograms,
    ),
    ...(sources > 1 || targets > 1
      ? [
          shown(
            `not of one connection's ends alone: ${sources} source${sources === 1 ? '' : 's'}, ${targets} target${targets === 1 ? '' : 's'}`,
            cited,
            false,
          ),
        ]
      : []),
  ];
  return [
    {
      class: 'midstream-pickup',
      argument: {
        id: 'midstream-pickup',
        steps,
        lookAlikes: [
          { cause: 'asymmetric-syn-unseen', ruledOut: null, wouldSettle: ASK.capture },
          { cause: 'entry-gone', ruledOut: null, wouldSettle: ASK.events },
        ],
      },
      led: null,
      title: `${found.length} connections taken up in the middle, unanswered: ${name}`,
      summary: `A connection is answered before it is ESTABLISHED, unless its entry was made by a packet in the middle of it. ${found.length} entries are of that kind: their connections are older than the table, which was lost (restart, fail-over, flush). Behind NAT they cannot go on: the other end knows them by a translation that is gone, and resets them or keeps silent. New connections are not touched.`,
      missing: [],
      remedies: [
        {
          when: 'now',
          text: 'let them run out (5 min), or end the programs that hold the old connections so that they connect anew',
          command: 'conntrack -L -p tcp --state ESTABLISHED -u UNREPLIED',
          undo: '',
          price: 'none, it only lists them',
        },
        {
          when: 'lasting',
          text: 'refuse such packets with a reset instead, so that old connections end at once after a restart',
          command: 'sysctl -w net.netfilter.nf_conntrack_tcp_loose=0',
          undo: 'sysctl -w net.netfilter.nf_conntrack_tcp_loose=1',
          price: 'they are INVALID then: a rule must answer them with a reset, and none survives a fail-over',
        },
      ],
      about: {
        outcome: 'NEW',
        fate: 'unknown',
        flow: flowOfEntry(first),
        tupleIds: found.flatMap((one) => [one.tupleId, one.replyTupleId]),
        alsoToldAs: ['entry-gone', 'asymmetric-syn-unseen', 'asymmetric-reply-unseen', 'flowtable-teardown'],
        flowText: `${found.length} connections, e.g. ${name}`,
        packetText: `${found.length} entries`,
        flows: found.length,
        count: 0,
        firstAtUs: null,
        lastAtUs: null,
        reason: null,
        story: [storyLine('entries', `ESTABLISHED, unanswered, at most ${LONGEST_S} s left`, cited)],
        notices: [],
      },
    },
  ];
}

export const pickedUpByTables: HostCause = {
  id: 'midstream-pickup',
  title: 'Taken up in the middle, told by a listing',
  needs: 'a listing from soon after it happened',
  decides: 'several TCP entries in ESTABLISHED and [UNREPLIED] with at most 300 s left; no rule hides the answers',
  looksLike: ['asymmetric-syn-unseen', 'entry-gone'],
  causes: [],
  kernels: 'all; since 3.10 such an entry lives 300 s until it is answered',
  evidence: ['entries', 'ruleset'],
  argue,
};
