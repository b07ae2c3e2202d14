// Packets no legitimate stack sends: flag combinations, lengths, truncation. Scans, fuzzing, broken devices.

import { inferred, type LookAlike, ruledOutBy, type Step, shown, type Verdict } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import type { Case } from '../explain/case.js';
import { citePacket, firstPacket } from '../explain/flow-facts.js';
import type { Cause } from './cause.js';
import { ruleWords, stopWords } from './words.js';

/** Reasons that name a malformed packet, with what it is in a sentence. Checksums are a class of their own: offload makes them too. */
const MALFORMED: Readonly<Record<string, string>> = {
  'tcp-invalid-flags': 'its TCP flags are a combination that no connection has',
  'tcp-short-header': 'it is too short to hold a TCP header',
  'tcp-truncated': 'its TCP header says it is longer than the packet',
  'tuple-unreadable': 'it is too short to hold ports',
  'udp-short-packet': 'it is too short to hold a UDP header',
  'udp-truncated': 'its UDP length is longer than the packet',
  'udplite-short-packet': 'it is too short to hold a UDP-Lite header',
  'udplite-invalid-coverage': 'its checksum coverage is impossible',
  'udplite-checksum-missing': 'it lacks the checksum UDP-Lite demands',
  'icmp-short-packet': 'it is too short to hold an ICMP header',
  'icmp-invalid-type': 'its ICMP type does not exist for the tracker',
  'icmp-error-inner-unparsable': 'the packet that the ICMP error quotes cannot be read',
  'icmp-family-mismatch': 'it is ICMP of the other IP family',
  'icmpv6-short-packet': 'it is too short to hold an ICMPv6 header',
  'icmpv6-redirect-short': 'it is a redirect too short to be one',
  'icmpv6-redirect-bad-source': 'it is a redirect from a source that may not send one',
  'icmpv6-redirect-no-options': 'it is a redirect without options',
  'ipv4-l4proto-unavailable': 'its IPv4 header cannot be read to the end',
  'ipv6-exthdr-unparsable': 'its chain of IPv6 extension headers is cut short',
  'ipv6-fragment-malformed': 'it is an IPv6 fragment that cannot be one',
  'sctp-short-packet': 'it is too short to hold an SCTP header',
  'sctp-header-unreadable': 'its SCTP header cannot be read',
  'sctp-basic-checks': 'its SCTP chunks are bundled in a forbidden way',
  'sctp-no-chunks': 'it is SCTP without a chunk',
  'sctp-init-vtag': 'it is an SCTP INIT with a verification tag',
  'dccp-short-packet': 'it is too short to hold a DCCP header',
  'dccp-truncated': 'its DCCP header says it is longer than the packet',
  'dccp-bad-coverage': 'its checksum coverage is impossible',
  'dccp-reserved-type': 'its DCCP type is reserved',
  'dccp-short-seqnum': 'its DCCP type needs long sequence numbers',
};

/** What the dump itself shows of the fault: flags and lengths stand in the line, other faults only in the kernel's message. */
function isVisible(reasonId: string): boolean {
  return [
    'tcp-invalid-flags',
    'tcp-short-header',
    'tuple-unreadable',
    'udp-short-packet',
    'icmp-invalid-type',
    'icmp-short-packet',
    'icmpv6-short-packet',
  ].includes(reasonId);
}

function shape(subject: Case): string {
  const packet = firstPacket(subject);
  const incomplete = packet.row.extra['incomplete'];
  if (typeof incomplete === 'number') return `${incomplete} bytes behind the IP header`;
  if (subject.reason?.id === 'tcp-invalid-flags')
    return packet.flags === ''
      ? 'no flag at all (a NULL scan)'
      : `flags ${packet.flags}${packet.flags === 'FIN PSH URG' ? ' (an XMAS scan)' : ''}`;
  return subject.reason?.message ?? '';
}

export const malformed: Cause = {
  id: 'malformed',
  title: 'Packets no legitimate stack sends',
  needs: 'the message of the kernel, or a dump that shows the fault in a packet known to be INVALID',
  decides: 'the check that failed is one of form, not of state: it fails whatever the table holds',
  looksLike: ['checksum', 'offload-blind-window'],
  causes: [],
  kernels: 'all; the words of the line differ',
  evidence: ['kernel log', 'captures'],
  argue(subject): Verdict | null {
    const { reason } = subject;
    const sentence = reason === null ? undefined : MALFORMED[reason.id];
    if (reason === null || sentence === undefined || subject.outcome !== 'INVALID') return null;
    const packet = firstPacket(subject);
    const isByMessage = reason.by === 'message';
    const cited = citePacket(subject, packet, packet.reasonStep ?? packet.stateStep ?? 0);
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown('the packet is INVALID', [citePacket(subject, packet)])
        : inferred('the packet is INVALID', [citePacket(subject, packet)], true, ASK.logInvalid),
      isByMessage
        ? shown(`${sentence}: the kernel says "${reason.message}"`, [cited])
        : isVisible(reason.id) && reason.by === 'packet'
          ? shown(`${sentence}: ${shape(subject)}`, [cited])
          : inferred(sentence, [cited], true, ASK.logInvalid),
    ];
    // The check looks at the packet alone, so no state of the table, no other path and no offload can produce it: the record that
    // names the check rules them out. A checksum fault has words of its own.
    const lookAlikes: LookAlike[] = [
      ruledOutBy(
        'entry-gone',
        'the check looks at the packet alone, not at the table',
        isByMessage || (isVisible(reason.id) && reason.by === 'packet') ? [cited] : [],
        ASK.logInvalid,
      ),
    ];
    const { fate } = subject;
    const dropped =
      fate.fate !== 'dropped'
        ? ''
        : fate.rule === null
          ? ' They are dropped.'
          : ` ${fate.isPolicy ? `The policy of ${fate.rule.chain}` : ruleWords(fate.rule)} ${stopWords(fate).stops} them.`;
    return {
      class: 'malformed',
      argument: { id: 'malformed', steps, lookAlikes },
      led: null,
      // What a rule lets through may harm whoever gets it.
      isNoise: fate.fate === 'dropped',
      title: `malformed packets: ${shape(subject) || reason.message}`,
      summary: `The packet is INVALID whatever the table holds: ${sentence} (${shape(subject) || `"${reason.message}"`}). A scan, a test, or a broken device sent it; no connection of yours did.${dropped}`,
      missing: [],
      remedies: [
        { when: 'lasting', text: 'nothing to mend; drop such packets silently', command: '', undo: '', price: 'none' },
      ],
    };
  },
};
