// A living connection is suddenly left a few seconds: an RST within the window, not at the exact number, does not close an ASSURED
// connection, yet gives its entry the time of a closed one (net/netfilter/nf_conntrack_proto_tcp.c: nf_conntrack_tcp_packet(), since 5.1).

import { holds, since } from '../../catalogue/kernel-version.js';
import { readEntries } from '../../store/evidence-reader.js';
import { type CutEntry, readCutEntries } from '../../store/one-way-entries.js';
import { inferred, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { citeVersions, storyLine, timeOfList } from '../explain/host-measures.js';
import { type HostPicture, settingsNamed } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import type { HostCause } from './cause.js';
import { flowOfEntry, flowWords } from './words.js';

/** nf_conntrack_tcp_timeout_close, unless a reading says otherwise. */
const CLOSE_S = 10;
/** So much is left to connections that packets keep alive; the timers of retransmission (300 s) are below. */
const ALIVE_S = 1000;
const CHECKED_EXACTLY = since('5.1');
const ASK_CAPTURE = {
  what: 'what both ends sent, captured while it happens',
  command: 'ctwhy ingest rst.pcap',
  ask: "tcpdump -ni any -w rst.pcap 'tcp[tcpflags] & tcp-rst != 0'",
};

function closeTimeoutS(picture: HostPicture): number {
  const set = Number(settingsNamed(picture, 'nf_conntrack_tcp_timeout_close').at(-1)?.value);
  return Number.isFinite(set) && set > 0 && set < ALIVE_S ? set : CLOSE_S;
}

function citeReading(picture: HostPicture, cut: CutEntry, snapshotId: number) {
  const row = picture
    .read((db, hostId) => readEntries(db, hostId, [cut.tupleId]))
    .find((one) => one.snapshotId === snapshotId && one.versionId === cut.versionId);
  return row === undefined ? null : picture.cite.entry(row, timeOfList(picture, snapshotId));
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  if (holds(CHECKED_EXACTLY, picture.kernel) === 'no') return [];
  const closeS = closeTimeoutS(picture);
  const found = picture.read((db, hostId) => readCutEntries(db, hostId, closeS, ALIVE_S));
  const [first] = found;
  if (first === undefined) return [];
  const name = flowWords({ ...first, extra: null });
  const cited = [first.beforeSnapshotId, first.afterSnapshotId].map((id) => citeReading(picture, first, id));
  const witness = first.witnessId === null ? [] : citeVersions(picture, [first.witnessId]);
  const steps: Step[] = [
    shown(
      `${name} had ${first.beforeS} s left at one reading and ${first.afterS} s at the next, ESTABLISHED in both`,
      cited,
    ),
    shown(`it did not run out: another entry lost ${first.witnessLostS} s between the two readings`, witness),
    inferred(
      `an RST within the window, but not at the number that the other side awaits, left it ${closeS} s (nf_conntrack_tcp_timeout_close)`,
      cited,
      true,
      ASK_CAPTURE,
    ),
  ];
  return [
    {
      class: 'rst-rejected',
      argument: {
        id: 'rst-rejected',
        steps,
        lookAlikes: [
          ruledOutBy('flowtable-teardown', `no offload leaves an entry ${first.afterS} s in ESTABLISHED`, cited),
          { cause: 'conntrack -U by a program', ruledOut: null, wouldSettle: ASK.eventsOfPrograms },
        ],
      },
      led: null,
      title: `An RST that was not believed leaves a connection ${closeS} s: ${name}`,
      summary: `${found.length === 1 ? 'A connection that packets kept alive is' : `${found.length} connections that packets kept alive are`} given the time of a closed one while ${found.length === 1 ? 'its' : 'their'} state stays ESTABLISHED. So does an RST that lies in the window but not at its edge: conntrack does not take the connection for closed, and lets its entry run out unless a packet of it follows within ${closeS} s. A connection that is idle just then loses its entry, though both ends hold it open; what comes later is in the middle of nothing.`,
      missing: [],
      remedies: [
        {
          when: 'now',
          text: 'see who sends the RST: the end itself, or a box in between that ends idle connections',
          command: "tcpdump -ni any 'tcp[tcpflags] & tcp-rst != 0'",
          undo: '',
          price: 'looks only',
        },
        {
          when: 'lasting',
          text: 'leave a doubtful RST more time, so that a living connection confirms itself',
          command: 'sysctl -w net.netfilter.nf_conntrack_tcp_timeout_close=60',
          undo: `sysctl -w net.netfilter.nf_conntrack_tcp_timeout_close=${closeS}`,
          price: 'connections that an RST has closed stay in the table as long',
        },
      ],
      about: {
        outcome: 'OTHER',
        fate: 'unknown',
        flow: { ...flowOfEntry(first), zone: first.zone },
        tupleIds: found.flatMap((one) => [one.tupleId, one.replyTupleId]),
        alsoToldAs: ['late-close', 'normal', 'entry-gone', 'port-reuse'],
        flowText: found.length === 1 ? name : `${found.length} connections, e.g. ${name}`,
        packetText: `${found.length} ${found.length === 1 ? 'entry' : 'entries'}`,
        flows: found.length,
        count: 0,
        firstAtUs: null,
        lastAtUs: null,
        reason: null,
        story: [
          storyLine('entry', `${first.beforeS} s left, then ${first.afterS} s, ESTABLISHED in both`, cited),
          storyLine('meanwhile', `another entry lost ${first.witnessLostS} s`, witness),
        ],
        notices: [],
      },
    },
  ];
}

export const rstByTables: HostCause = {
  id: 'rst-rejected',
  title: 'An RST in the window leaves a connection a few seconds',
  needs: 'listings some seconds apart, with an entry that shows how much time passed',
  decides:
    'an ASSURED entry falls from more than 1000 s to nf_conntrack_tcp_timeout_close or less within seconds and is ESTABLISHED still',
  looksLike: ['flowtable-teardown', 'entry-gone'],
  causes: [],
  kernels: 'since 5.1; since 7.3 such an RST leaves 300 s, which retransmissions do as well',
  evidence: ['entries', 'settings'],
  argue,
};
