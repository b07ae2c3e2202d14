// What does this kernel do differently from others? Every change of behaviour between releases that the model follows, by name.

import { between, holds, type KernelVersion, since, until, type VersionRange } from '../catalogue/kernel-version.js';

export interface TrackerRule {
  readonly versions: VersionRange;
  /** Function of the kernel that it was read in; net/netfilter/nf_conntrack_proto_tcp.c unless another file is named. */
  readonly source: string;
  readonly meaning: string;
}

function rule(versions: VersionRange, source: string, meaning: string): TrackerRule {
  return { versions, source, meaning };
}

export const TRACKER_RULES = {
  emptySegmentsSkipSequence: rule(
    until('3.2', { maybeUntil: '3.7' }),
    'tcp_in_window(), v3.2',
    'Of a segment without payload only the acknowledgement is checked, except an RST',
  ),
  firstWindowScaled: rule(
    since('3.8', { maybeSince: '3.3' }),
    'tcp_in_window(), v6.18',
    'The first window seen of a side in mid-stream is scaled like all others',
  ),
  silentPeerLearnsAck: rule(
    since('3.2', { maybeSince: '2.6.33' }),
    'tcp_in_window(), v6.18',
    'A side that was never seen is taken to have sent what the other acknowledges',
  ),
  keepaliveReplyAdvances: rule(
    since('5.9'),
    'tcp_in_window(), v5.10',
    'The first answer of a side may acknowledge one byte more than was seen: it answers a keep-alive',
  ),
  unseenWindowPasses: rule(
    since('3.16', { maybeSince: '3.11' }),
    'tcp_in_window(), v6.18',
    'The lower bound of the sequence is not checked while the window of the receiver is unknown',
  ),
  rawWindowInRetransmission: rule(
    since('5.4', { maybeSince: '5.3' }),
    'tcp_in_window(), v5.10',
    'Retransmissions are recognised by the window as sent, not as scaled',
  ),
  onlySynStartsAnew: rule(
    since('5.19', { maybeSince: '5.18' }),
    'tcp_in_window(), v6.18',
    'Only a SYN (from either side) with a higher sequence learns a side anew during the handshake',
  ),
  newStartClearsScale: rule(
    since('5.17'),
    'tcp_init_sender(), v6.18',
    'A side that is learnt anew has its scaling matched with the other side again',
  ),
  onlyReplyClearsScale: rule(
    since('6.8', { blurredIn: ['6.1', '6.6'] }),
    'tcp_init_sender(), v6.18',
    'Scaling is switched off only when the answering side did not offer it, no longer by a retransmitted first SYN',
  ),
  liberalSurvivesSyn: rule(
    // Debian's 5.10.0-32 has it.
    since('5.17', { blurredIn: ['5.10', '5.15'] }),
    'tcp_options(), nf_ct_tcp_state_reset(), v6.18',
    'The liberal mark of a side stays when its options are read anew',
  ),
  synAckResynchronises: rule(
    since('3.2', { maybeSince: '2.6.33' }),
    'tcp_packet(), v3.2',
    'A SYN ACK that answers an ignored SYN starts the entry anew; before, it killed the entry and was dropped',
  ),
  indexInIgnored: rule(
    since('5.12'),
    'nf_conntrack_tcp_packet(), v6.18',
    'The line about an ignored segment names row and direction in front of the state',
  ),
  challengeAck: rule(
    since('4.1'),
    'nf_conntrack_tcp_packet(), v6.18',
    'In LAST_ACK an ACK that answers an ignored SYN is not taken for the last one',
  ),
  challengeAckReset: rule(
    since('6.2', { blurredIn: ['6.1'] }),
    'nf_conntrack_tcp_packet(), v6.18',
    'In SYN_SENT an RST whose sequence is what a challenge ACK asked for closes the entry unchecked',
  ),
  simultaneousOpen: rule(
    since('4.17'),
    'nf_conntrack_tcp_packet(), v6.18',
    'After SYNs of both sides an ACK of the second one completes the handshake',
  ),
  exactRst: rule(
    since('5.1'),
    'nf_conntrack_tcp_packet(), v5.10',
    'On an assured ESTABLISHED entry only an RST of the exact sequence closes',
  ),
  closingTakesAnyRst: rule(
    since('5.14'),
    'nf_conntrack_tcp_packet(), v6.18',
    'An entry that is closing already takes every RST without a check',
  ),
  rstAfterIgnoredSyn: rule(
    since('5.14'),
    'nf_conntrack_tcp_packet(), v6.18',
    'An RST is not compared with the highest ACK after an ignored SYN, nor one of sequence 0 outside of ESTABLISHED',
  ),
  invalidRstCanBeIgnored: rule(
    since('5.14'),
    'nf_conntrack_tcp_packet(), v6.18',
    'nf_conntrack_tcp_ignore_invalid_rst exists',
  ),
  ignoredSynFromOtherSide: rule(
    since('7.1', {
      blurredIn: ['5.10', '5.15', '6.1', '6.6', '6.12', '6.18'],
      lackedBy: ['5.10.0-32-amd64 (Debian 5.10.223-1)'],
    }),
    'nf_conntrack_tcp_packet(), v7.1',
    'An RST answers an ignored SYN only when the SYN came from the other side',
  ),
  rstGetsCloseTimeout: rule(
    between('5.1', '7.2'),
    'nf_conntrack_tcp_packet(), v6.18',
    'Any RST brings the timeout of CLOSE, also one that did not close',
  ),
  inexactRstUnacknowledged: rule(
    since('7.3'),
    'nf_conntrack_tcp_packet(), v7.3',
    'An RST that did not close brings the timeout of unacknowledged data',
  ),
  zeroWindowTimeout: rule(
    since('4.15', { maybeSince: '4.14' }),
    'nf_conntrack_tcp_packet(), v6.18',
    'A window of zero brings the timeout of retransmissions',
  ),
  unrepliedCapped: rule(
    since('3.12', { maybeSince: '3.11' }),
    'nf_conntrack_tcp_packet(), v6.18',
    'ESTABLISHED without any reply lives no longer than unacknowledged data',
  ),
  synRepeatKeepsTimeout: rule(
    since('5.14', { blurredIn: ['5.10'] }),
    'nf_conntrack_tcp_packet(), v6.18',
    'A repeated SYN that was never answered does not extend the life of the entry',
  ),
  overshoot: rule(
    since('6.0', { blurredIn: ['5.15', '5.19'] }),
    'tcp_in_window(), v6.1',
    'Data that overshoots the window a little is remembered, so that its ACK is known',
  ),
  numberedBounds: rule(
    since('6.1'),
    'tcp_in_window(), v6.1',
    'Packets below a lower bound, and small overshoots, keep their entry; check III comes before II',
  ),
  closingInvalidsLowerTimeout: rule(
    since('6.1'),
    'nf_tcp_handle_invalid(), v6.18',
    'Out-of-window FIN or RST from both sides shorten the life of an assured entry',
  ),
  lowersToUnack: rule(
    // 6.12.107 has it, 6.18.44 has not.
    since('7.2', { blurredIn: ['6.12'] }),
    'nf_tcp_handle_invalid(), v7.2',
    'The line about a lowered timeout names neither rows nor ticks any more',
  ),
  refreshBySecond: rule(
    until('4.8'),
    'net/netfilter/nf_conntrack_core.c: __nf_ct_refresh_acct(), v4.4',
    'The timer is moved only when that gains a second or shortens it',
  ),
  udpStreamAfterTwoSeconds: rule(
    since('5.0', { maybeSince: '4.20' }),
    'net/netfilter/nf_conntrack_proto_udp.c: nf_conntrack_udp_packet(), v6.18',
    'An answered UDP flow counts as a stream only two seconds after it began',
  ),
  udpAssuredAsStream: rule(
    // Debian's 5.10.0-32 has it.
    since('5.17', { maybeSince: '5.16', blurredIn: ['5.10', '5.15'] }),
    'net/netfilter/nf_conntrack_proto_udp.c: nf_conntrack_udp_packet(), v6.18',
    'An answered UDP flow becomes assured only as a stream',
  ),
  icmpOuterAddress: rule(
    since('5.1'),
    'net/netfilter/nf_conntrack_proto_icmp.c: nf_conntrack_inet_error(), v6.18',
    'An ICMP error must be addressed to the sender of the packet that it quotes',
  ),
} as const satisfies Readonly<Record<string, TrackerRule>>;

export type RuleName = keyof typeof TRACKER_RULES;
export type Rules = Readonly<Record<RuleName, boolean>>;

/**
 * Whether a range holds where it must be decided. What the version leaves open (a vendor's backports, stable series that took a fix, a release
 * that was not pinned down) goes with the newer behaviour: those trees take fixes.
 */
export function holdsHere(range: VersionRange, version: KernelVersion): boolean {
  const answer = holds(range, version);
  if (answer !== 'unknown') return answer === 'yes';
  if (range.until === null) return true;
  if (range.since === null) return false;
  const newest = { ...version, from: version.to, isBackported: false };
  return holds({ since: range.since, until: range.until }, newest) === 'yes';
}

/** All rules settled for one kernel, and the names of those that its version number leaves open. */
export function settleRules(version: KernelVersion): { readonly rules: Rules; readonly open: readonly RuleName[] } {
  const names = Object.keys(TRACKER_RULES) as RuleName[];
  const settled = names.map((name) => [name, holdsHere(TRACKER_RULES[name].versions, version)] as const);
  return {
    rules: Object.fromEntries(settled) as Record<RuleName, boolean>,
    open: names.filter((name) => holds(TRACKER_RULES[name].versions, version) === 'unknown'),
  };
}
