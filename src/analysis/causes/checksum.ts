// The checksum is wrong when the packet arrives: a tunnel or an offload that computes none, padding that was counted in, or a device that
// changes packets. Conntrack checks it on arrival only, so a sender never sees it.

import { inferred, type LookAlike, ruledOutBy, type Step, shown, type Verdict } from '../explain/argument.js';
import type { Case } from '../explain/case.js';
import { othersOf } from '../explain/crowd.js';
import { citePacket, firstPacket } from '../explain/flow-facts.js';
import { roadOf } from '../explain/segment-facts.js';
import type { Cause } from './cause.js';
import { droppedWords, invalidStep } from './message-step.js';
import { flowWords, ruleWords } from './words.js';

/** Reasons that name a wrong checksum (net/netfilter: nf_ip_checksum() and the trackers' own, PREROUTING only, nf_conntrack_checksum=1). */
export const CHECKSUM_REASONS = [
  'tcp-bad-checksum',
  'udp-bad-checksum',
  'udplite-bad-checksum',
  'icmp-bad-checksum',
  'icmpv6-bad-checksum',
  'sctp-bad-crc',
  'dccp-bad-checksum',
];

/** An Ethernet frame has no less payload: shorter packets are padded, and a device may count the padding in. */
const SHORTEST_FRAME = 46;

export const askOffload = {
  what: 'the offloads of the interfaces on both ends, and a capture on the receiver',
  command: 'ctwhy ingest ethtool.txt wire.pcap',
  ask: 'ethtool -k DEV > ethtool.txt; tcpdump -ni DEV -vv -w wire.pcap   # on the receiving side; a sender shows sums that its card fills in later',
};

/** Checksums spoiled on the way meet packets of whoever sends; forged ones come from one stranger. */
function notForged(subject: Case): LookAlike {
  const others = othersOf(subject).filter((one) => one.reasonId !== null && CHECKSUM_REASONS.includes(one.reasonId));
  const sources = new Set([subject.flow.src, ...others.map((one) => one.tuple.src)]);
  const other = others.find((one) => one.tuple.src !== subject.flow.src);
  return ruledOutBy(
    'malformed',
    `packets of ${sources.size} senders have it: not one forger`,
    sources.size > 2 && other !== undefined ? [subject.crowd.cite(other)] : [],
    askOffload,
  );
}

export const checksum: Cause = {
  id: 'checksum',
  title: 'Wrong checksum on arrival',
  needs: 'the line of log_invalid that names the checksum',
  decides:
    '"bad checksum", "bad TCP checksum", "bad hw icmp checksum", "bad CRC": the kernel computed it and it does not fit',
  looksLike: ['malformed'],
  causes: [],
  kernels: 'all; the words differ; checked in PREROUTING only, and not at all with nf_conntrack_checksum=0',
  evidence: ['kernel log', 'offloads', 'captures'],
  argue(subject): Verdict | null {
    const { reason } = subject;
    if (subject.outcome !== 'INVALID' || reason?.by !== 'message' || !CHECKSUM_REASONS.includes(reason.id)) return null;
    const packet = firstPacket(subject);
    const cited = citePacket(subject, packet, packet.reasonStep ?? 0);
    const { inIf } = roadOf(packet);
    const lengths = subject.packets.map((one) => one.row.len).filter((len): len is number => len !== null);
    const isShort = lengths.length > 0 && lengths.every((len) => len < SHORTEST_FRAME);
    const steps: Step[] = [
      invalidStep(subject),
      shown('its checksum does not fit its content when it arrives', [cited]),
      isShort
        ? shown('it is shorter than the shortest Ethernet frame: padding may have been counted in', [cited], false)
        : inferred('an offload, a tunnel or a device on the way spoils it', [], false, askOffload),
    ];
    return {
      class: 'checksum',
      argument: { id: 'checksum', steps, lookAlikes: [notForged(subject)] },
      led: null,
      title: `Wrong checksum: ${flowWords(packet.tuples[0] ?? subject.flow)}`,
      summary: `The packet arrives${inIf === null ? '' : ` by ${inIf}`} with a checksum that does not fit, so conntrack gives it no entry: INVALID, whatever the table holds. The receiver would refuse it as well.${droppedWords(subject, ruleWords)}`,
      missing: [askOffload],
      remedies: [
        {
          when: 'now',
          text: 'switch off the checksum offload of the sending tunnel or card, one at a time, and see whether it ends',
          command: 'ethtool -K DEV tx-checksum-ip-generic off',
          undo: 'ethtool -K DEV tx-checksum-ip-generic on',
          price: 'processor time for each packet that the host sends there',
        },
        {
          when: 'lasting',
          text: 'have conntrack not check, where the sums are right and only this host reads them wrong',
          command: 'sysctl -w net.netfilter.nf_conntrack_checksum=0',
          undo: 'sysctl -w net.netfilter.nf_conntrack_checksum=1',
          price: 'packets with really wrong sums are tracked and forwarded; the receiver still drops them',
        },
      ],
    };
  },
};
