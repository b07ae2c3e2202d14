// A packet was INVALID or NEW and no message says why: which entries of the catalogue are left?
// Every rule is a row: what the packet must look like. What is not known of the packet keeps a row in and marks it as open.

import { reasonById } from './all-reasons.js';
import {
  ICMP_HIGHEST_TYPE,
  ICMP_INVERSE,
  ICMP_QUOTING,
  ICMP_REQUESTS,
  ICMPV6_INVERSE,
  ICMPV6_REDIRECT,
  ICMPV6_REQUESTS,
} from './icmp-types.js';
import type { KernelVersion } from './kernel-version.js';
import { evidenceOf, outcomeOf, type Reason, type ReasonProto } from './reason.js';
import { isValidTcpFlags, tcpIndex } from './tcp-flags.js';

/** What is known of the packet; NULL and 'unknown' where it is not. */
export interface UnexplainedPacket {
  /** IP protocol number; NULL when not told. */
  readonly proto: number | null;
  readonly family?: 'ip' | 'ip6' | null;
  /** TCP flag words, '' for none. */
  readonly flags: string | null;
  readonly icmpType: number | null;
  /** n of 'INCOMPLETE [n bytes]'; NULL when the header was complete. */
  readonly incompleteBytes: number | null;
  readonly isFragment: boolean;
  readonly state: 'INVALID' | 'NEW';
  /** Whether the table had an entry for it in either direction. */
  readonly hasEntry: 'yes' | 'no' | 'unknown';
  /** nf_conntrack_tcp_loose of that namespace. */
  readonly looseSysctl: boolean | null;
  readonly message: null;
  /** Whether a log_invalid line of this protocol would have been seen; 'yes' rules out what prints one. */
  readonly wouldBeLogged?: 'yes' | 'no' | 'unknown';
}

export interface CandidateReason {
  readonly reason: Reason;
  /** Nothing that is known speaks against it, and nothing it needs is unknown. */
  readonly isComplete: boolean;
  /** What it needs and what the packet does not tell: 'flags', 'looseSysctl', … */
  readonly open: readonly string[];
}

type Answer = boolean | null;

interface CandidateRule {
  readonly reasonId: string;
  readonly state: 'INVALID' | 'NEW';
  readonly proto: readonly ReasonProto[];
  /** Higher is more specific: listed first. */
  readonly weight: number;
  /** Named conditions; NULL: the packet does not tell. */
  readonly needs: Readonly<Record<string, (packet: UnexplainedPacket) => Answer>>;
}

const NUMBER_OF: Readonly<Record<string, readonly number[]>> = {
  tcp: [6],
  udp: [17],
  udplite: [136],
  icmp: [1],
  icmpv6: [58],
  sctp: [132],
  dccp: [33],
  gre: [47],
};
const TRACKED = new Set(Object.values(NUMBER_OF).flat());

const noEntry = (packet: UnexplainedPacket): Answer =>
  packet.hasEntry === 'unknown' ? null : packet.hasEntry === 'no';
const entry = (packet: UnexplainedPacket): Answer => (packet.hasEntry === 'unknown' ? null : packet.hasEntry === 'yes');
const loose = (packet: UnexplainedPacket): Answer => packet.looseSysctl;
const strict = (packet: UnexplainedPacket): Answer => (packet.looseSysctl === null ? null : !packet.looseSysctl);
const complete = (packet: UnexplainedPacket): Answer => packet.incompleteBytes === null && !packet.isFragment;
const fragment = (packet: UnexplainedPacket): Answer => packet.isFragment;
const family =
  (wanted: 'ip' | 'ip6') =>
  (packet: UnexplainedPacket): Answer =>
    packet.family === undefined || packet.family === null ? null : packet.family === wanted;
const missing =
  (from: number, to: number) =>
  (packet: UnexplainedPacket): Answer =>
    packet.incompleteBytes !== null && packet.incompleteBytes >= from && packet.incompleteBytes <= to;
const rows =
  (...indices: readonly number[]) =>
  (packet: UnexplainedPacket): Answer =>
    packet.flags === null ? null : isValidTcpFlags(packet.flags) && indices.includes(tcpIndex(packet.flags));
const badFlags = (packet: UnexplainedPacket): Answer => (packet.flags === null ? null : !isValidTcpFlags(packet.flags));
const type =
  (test: (icmpType: number) => boolean) =>
  (packet: UnexplainedPacket): Answer =>
    packet.icmpType === null ? null : test(packet.icmpType);

const isIcmpReply = (icmpType: number): boolean => ICMP_INVERSE.has(icmpType) && !ICMP_REQUESTS.has(icmpType);
const isIcmpv6Reply = (icmpType: number): boolean => ICMPV6_INVERSE.has(icmpType) && !ICMPV6_REQUESTS.has(icmpType);
const hasNoIcmpInverse = (icmpType: number): boolean =>
  icmpType <= ICMP_HIGHEST_TYPE && !ICMP_INVERSE.has(icmpType) && !ICMP_QUOTING.has(icmpType);
const hasNoIcmpv6Inverse = (icmpType: number): boolean => icmpType >= 128 && !ICMPV6_INVERSE.has(icmpType);

function invalid(
  reasonId: string,
  proto: readonly ReasonProto[],
  weight: number,
  needs: CandidateRule['needs'],
): CandidateRule {
  return { reasonId, state: 'INVALID', proto, weight, needs };
}
function fresh(
  reasonId: string,
  proto: readonly ReasonProto[],
  weight: number,
  needs: CandidateRule['needs'],
): CandidateRule {
  return { reasonId, state: 'NEW', proto, weight, needs };
}

const RULES: readonly CandidateRule[] = [
  invalid('tuple-unreadable', ['tcp', 'udp', 'udplite', 'sctp'], 90, { incompleteBytes: missing(0, 3) }),
  invalid('tcp-short-header', ['tcp'], 90, { incompleteBytes: missing(4, 19) }),
  invalid('udp-short-packet', ['udp'], 90, { incompleteBytes: missing(4, 7) }),
  invalid('udplite-short-packet', ['udplite'], 90, { incompleteBytes: missing(4, 7) }),
  invalid('icmp-short-packet', ['icmp'], 90, { incompleteBytes: missing(0, 7) }),
  invalid('icmpv6-short-packet', ['icmpv6'], 90, { incompleteBytes: missing(0, 7) }),
  invalid('sctp-short-packet', ['sctp'], 80, { incompleteBytes: missing(4, 11) }),
  invalid('dccp-short-packet', ['dccp'], 80, { incompleteBytes: missing(0, 11) }),
  invalid('ipv6-fragment-malformed', ['any'], 85, { isFragment: fragment, family: family('ip6') }),
  invalid('ipv6-exthdr-unparsable', ['any'], 84, { isFragment: fragment, family: family('ip6') }),
  invalid('ipv4-l4proto-unavailable', ['any'], 85, { isFragment: fragment, family: family('ip') }),
  invalid('icmp-family-mismatch', ['icmp'], 36, { family: family('ip6'), complete }),
  invalid('icmp-family-mismatch', ['icmpv6'], 36, { family: family('ip'), complete }),

  invalid('tcp-invalid-flags', ['tcp'], 80, { flags: badFlags, complete }),
  invalid('tcp-invalid-new', ['tcp'], 70, { flags: rows(1, 2, 4), hasEntry: noEntry, complete }),
  invalid('tcp-loose-disabled', ['tcp'], 72, { flags: rows(3), hasEntry: noEntry, looseSysctl: strict, complete }),
  invalid('tcp-invalid-rst', ['tcp'], 60, { flags: rows(4), hasEntry: entry, complete }),
  invalid('tcp-invalid-state', ['tcp'], 58, { flags: rows(0, 1, 2, 3), hasEntry: entry, complete }),
  invalid('tcp-seq-over-upper-bound', ['tcp'], 56, { flags: rows(2, 3, 4), hasEntry: entry, complete }),
  invalid('tcp-ack-over-upper-bound', ['tcp'], 56, { flags: rows(2, 3, 4), hasEntry: entry, complete }),
  invalid('tcp-seq-under-lower-bound', ['tcp'], 54, { flags: rows(2, 3, 4), hasEntry: entry, complete }),
  invalid('tcp-ack-under-lower-bound', ['tcp'], 54, { flags: rows(2, 3, 4), hasEntry: entry, complete }),
  invalid('tcp-bytes-more-than-expected', ['tcp'], 54, { flags: rows(2, 3, 4), hasEntry: entry, complete }),
  invalid('tcp-truncated', ['tcp'], 30, { complete }),
  invalid('tcp-bad-checksum', ['tcp'], 30, { complete }),

  invalid('udp-bad-checksum', ['udp'], 50, { complete }),
  invalid('udp-truncated', ['udp'], 40, { complete }),
  invalid('udplite-bad-checksum', ['udplite'], 50, { complete }),
  invalid('udplite-checksum-missing', ['udplite'], 45, { complete }),
  invalid('udplite-invalid-coverage', ['udplite'], 40, { complete }),

  invalid('icmp-cannot-create-new', ['icmp'], 75, { icmpType: type(isIcmpReply), hasEntry: noEntry, complete }),
  invalid('icmp-no-inverse-type', ['icmp'], 78, { icmpType: type(hasNoIcmpInverse), complete }),
  invalid('icmp-invalid-type', ['icmp'], 80, { icmpType: type((value) => value > ICMP_HIGHEST_TYPE), complete }),
  invalid('icmp-error-no-entry', ['icmp'], 74, { icmpType: type((value) => ICMP_QUOTING.has(value)), complete }),
  invalid('icmp-error-inner-unparsable', ['icmp'], 66, {
    icmpType: type((value) => ICMP_QUOTING.has(value)),
    complete,
  }),
  invalid('icmp-error-outer-daddr-mismatch', ['icmp'], 50, {
    icmpType: type((value) => ICMP_QUOTING.has(value)),
    complete,
  }),
  invalid('icmp-bad-checksum', ['icmp'], 30, { complete }),
  invalid('icmpv6-cannot-create-new', ['icmpv6'], 75, { icmpType: type(isIcmpv6Reply), hasEntry: noEntry, complete }),
  invalid('icmpv6-no-inverse-type', ['icmpv6'], 78, { icmpType: type(hasNoIcmpv6Inverse), complete }),
  invalid('icmpv6-error-no-entry', ['icmpv6'], 74, {
    icmpType: type((value) => value < 128 || value === ICMPV6_REDIRECT),
    complete,
  }),
  invalid('icmpv6-error-outer-daddr-mismatch', ['icmpv6'], 50, {
    icmpType: type((value) => value < 128 || value === ICMPV6_REDIRECT),
    complete,
  }),
  invalid('icmpv6-redirect-bad-source', ['icmpv6'], 60, {
    icmpType: type((value) => value === ICMPV6_REDIRECT),
    complete,
  }),
  invalid('icmpv6-redirect-short', ['icmpv6'], 58, { icmpType: type((value) => value === ICMPV6_REDIRECT), complete }),
  invalid('icmpv6-redirect-no-options', ['icmpv6'], 58, {
    icmpType: type((value) => value === ICMPV6_REDIRECT),
    complete,
  }),
  invalid('icmpv6-bad-checksum', ['icmpv6'], 30, { complete }),

  invalid('sctp-new-refused', ['sctp'], 60, { hasEntry: noEntry, complete }),
  invalid('sctp-ootb-abort', ['sctp'], 58, { hasEntry: noEntry, complete }),
  invalid('sctp-init-vtag', ['sctp'], 40, { complete }),
  invalid('sctp-no-chunks', ['sctp'], 40, { complete }),
  invalid('sctp-vtag-special', ['sctp'], 58, { hasEntry: entry, complete }),
  invalid('sctp-vtag-check-failed', ['sctp'], 56, { hasEntry: entry, complete }),
  invalid('sctp-invalid-state', ['sctp'], 56, { hasEntry: entry, complete }),
  invalid('sctp-bad-crc', ['sctp'], 30, { complete }),
  invalid('sctp-basic-checks', ['sctp'], 30, { complete }),

  invalid('dccp-not-picking-up', ['dccp'], 60, { hasEntry: noEntry, complete }),
  invalid('dccp-invalid-state', ['dccp'], 58, { hasEntry: entry, complete }),
  invalid('dccp-truncated', ['dccp'], 30, { complete }),
  invalid('dccp-bad-checksum', ['dccp'], 30, { complete }),
  invalid('dccp-bad-coverage', ['dccp'], 30, { complete }),
  invalid('dccp-reserved-type', ['dccp'], 30, { complete }),
  invalid('dccp-short-seqnum', ['dccp'], 30, { complete }),

  invalid('gre-ipv6-unsupported', ['gre'], 70, { family: family('ip6'), complete }),
  invalid('gre-unsupported-proto', ['gre'], 60, { complete }),
  invalid('generic-protocol-module-missing', ['sctp', 'dccp', 'gre', 'udplite'], 50, { hasEntry: noEntry, complete }),
  invalid('not-seen-by-conntrack', ['any'], 10, {}),

  fresh('tcp-new-syn', ['tcp'], 60, { flags: rows(0), hasEntry: noEntry }),
  fresh('tcp-new-reopen', ['tcp'], 58, { flags: rows(0), hasEntry: entry }),
  fresh('tcp-new-syn-retransmit', ['tcp'], 62, { flags: rows(0), hasEntry: entry }),
  fresh('tcp-new-after-unreplied-rst', ['tcp'], 40, { flags: rows(0), hasEntry: noEntry }),
  fresh('tcp-new-midstream-loose', ['tcp'], 70, { flags: rows(3), hasEntry: noEntry, looseSysctl: loose }),
  fresh('tcp-new-reversed-direction', ['tcp'], 66, { flags: rows(3), hasEntry: noEntry, looseSysctl: loose }),
  fresh('udp-new', ['udp', 'udplite'], 60, { hasEntry: noEntry }),
  fresh('udp-late-reply-new', ['udp', 'udplite'], 50, { hasEntry: noEntry }),
  fresh('icmp-echo-new', ['icmp'], 60, { icmpType: type((value) => ICMP_REQUESTS.has(value)), hasEntry: noEntry }),
  fresh('icmp-echo-new', ['icmpv6'], 60, { icmpType: type((value) => ICMPV6_REQUESTS.has(value)), hasEntry: noEntry }),
  fresh('sctp-new-init', ['sctp'], 60, { hasEntry: noEntry }),
  fresh('gre-new', ['gre'], 60, { hasEntry: noEntry }),
  fresh('generic-new', ['generic'], 60, { hasEntry: noEntry }),
  fresh('new-unreplied', ['any'], 45, { hasEntry: entry }),
  fresh('helper-not-assigned', ['tcp', 'udp'], 20, { hasEntry: noEntry }),
  fresh('expectation-table-full', ['tcp', 'udp'], 16, { hasEntry: noEntry }),
  fresh('new-zone-mismatch', ['udp', 'udplite', 'icmp', 'icmpv6', 'gre', 'generic', 'tcp'], 15, { hasEntry: noEntry }),
  fresh('new-before-confirm', ['any'], 14, { hasEntry: noEntry }),
  fresh('clash-resolved', ['udp', 'gre', 'generic'], 12, {}),
];

/** Weight that one open condition costs: less than the distance between specific and general rules. */
const OPEN_COSTS = 5;

/**
 * The entries that can explain the packet, most specific first; each open condition counts a little against one. Entries that do not
 * exist, or do not have this outcome, on the given kernel are left out; an unknown kernel keeps them in.
 */
export function reasonsForPacket(packet: UnexplainedPacket, version: KernelVersion | null): readonly CandidateReason[] {
  const found: { readonly candidate: CandidateReason; readonly weight: number }[] = [];
  for (const rule of RULES) {
    if (rule.state !== packet.state || !isForProto(rule.proto, packet.proto)) continue;
    const answers = Object.entries(rule.needs).map(([name, test]) => [name, test(packet)] as const);
    if (answers.some(([, answer]) => answer === false)) continue;
    const reason = reasonById(rule.reasonId);
    if (reason === null || !isPossible(reason, packet, version)) continue;
    const open = [
      ...(packet.proto === null ? ['proto'] : []),
      ...answers.filter(([, answer]) => answer === null).map(([name]) => name),
    ];
    found.push({ candidate: { reason, isComplete: open.length === 0, open }, weight: rule.weight });
  }
  const rank = ({ candidate, weight }: (typeof found)[number]): number => weight - OPEN_COSTS * candidate.open.length;
  found.sort((a, b) => rank(b) - rank(a));
  return found.map(({ candidate }) => candidate);
}

function isForProto(protos: readonly ReasonProto[], number: number | null): boolean {
  if (number === null || protos.includes('any')) return true;
  if (protos.includes('generic') && !TRACKED.has(number)) return true;
  return protos.some((proto) => NUMBER_OF[proto]?.includes(number) === true);
}

/** On this kernel the entry exists with this outcome, and would not have printed the message that is missing. */
function isPossible(reason: Reason, packet: UnexplainedPacket, version: KernelVersion | null): boolean {
  const outcomes = outcomeOf(reason, version);
  if (packet.state === 'INVALID' && !outcomes.includes('INVALID')) return false;
  if (packet.state === 'NEW' && outcomes.length === 0) return false;
  if (packet.wouldBeLogged !== 'yes') return true;
  return evidenceOf(reason, version).some((evidence) => evidence !== 'log-invalid');
}
