// Which dynamic-debug callsites does conntrack have on which kernel, what does each tell, and which one printed this line?
// They have no stable line numbers: a callsite is named by function and format.

import { CORE_CALLSITES } from './callsites/core.js';
import { HELPER_CALLSITES } from './callsites/helpers.js';
import { TRACKER_CALLSITES } from './callsites/trackers.js';
import { compileFormat, type FormatPattern, foldBlanks, indexPatterns } from './format-pattern.js';
import { compareReleases, type VersionRange } from './kernel-version.js';
import { withoutModulePrefixes } from './message-prefix.js';

/** function, sampled releases that have it ('2.6.32..6.2', '5.2..5.9,5.11..6.0'), format. */
export type CallsiteRow = readonly [functionName: string, releases: string, format: string];

export interface CallsiteGroup {
  readonly file: string;
  readonly sites: readonly CallsiteRow[];
}

export interface DebugCallsite {
  readonly file: string;
  readonly function: string;
  /** Without the line feed that most formats end in. */
  readonly format: string;
  /** Ranges in which it exists; where the exact release lies between two sampled ones, the range says so. */
  readonly versions: readonly VersionRange[];
  readonly area: 'core' | 'tracker' | 'helper';
  /** What the line tells; NULL where it only accompanies another. */
  readonly tells: string | null;
}

/** Releases whose trees were compared; what a callsite did between two of them is not known. */
const SAMPLED: readonly string[] =
  '2.6.32 3.2 3.8 3.10 3.16 3.19 4.1 4.4 4.9 4.10 4.11 4.13 4.14 4.15 4.16 4.17 4.19 5.0 5.2 5.4 5.7 5.8 5.9 5.10 5.11 5.12 5.14 5.15 5.17 5.19 6.0 6.1 6.2 6.3 6.4 6.6 6.8 6.9 6.12 6.13 6.14 6.17 6.18 6.19 7.1 7.2 7.3'.split(
    ' ',
  );
const FIRST_SAMPLED = '2.6.32';
const LAST_SAMPLED = '7.3';

/** Last release of each major number, for stepping over it. */
const LAST_MINOR: Readonly<Record<number, number>> = { 3: 19, 4: 20, 5: 19, 6: 19 };

/** What a line of this format tells an administrator; the key is the beginning of the format. */
const TELLS: readonly (readonly [start: string, tells: string])[] = [
  ['nf_conntrack_in: new packet for', 'A packet was judged NEW'],
  ['new packet for', 'A packet was judged NEW'],
  ['nf_conntrack_in: normal packet for', 'A packet of the original direction was judged ESTABLISHED'],
  ['normal packet for', 'A packet of the original direction was judged ESTABLISHED'],
  ['nf_conntrack_in: related packet for', 'A packet was judged RELATED'],
  ['related packet for', 'A packet was judged RELATED'],
  ["resolve_normal_ct: Can't get tuple", 'INVALID: the ports or identifiers cannot be read'],
  ["Can't get tuple", 'INVALID: the ports or identifiers cannot be read'],
  ["Can't invert tuple", 'INVALID: an ICMP type without counterpart'],
  ['not prepared to track yet', 'INVALID: no transport protocol found'],
  ["nf_conntrack_in: Can't track with proto module", 'INVALID: some tracker refused; says not why'],
  ["can't track with proto module", 'INVALID: the tracker would not start an entry'],
  ["init conntrack: can't track with proto module", 'INVALID: the tracker would not start an entry'],
  ['expectation arrives', 'A first packet met its expectation: RELATED'],
  ['conntrack: expectation arrives', 'A first packet met its expectation: RELATED'],
  ['Confirming conntrack', 'An entry enters the table'],
  ['clean_from_lists', 'An entry leaves the table'],
  ['destroy_conntrack', 'An entry is destroyed'],
  ['%s(%p)', 'An entry is destroyed'],
  ['bogus IPv4 packet', 'INVALID: the IPv4 header length points past the packet'],
  ['nf_conntrack_ipv4: bogus IPv4 packet', 'INVALID: the IPv4 header length points past the packet'],
  ["can't get nexthdr", 'INVALID: the IPv6 extension headers cannot be read'],
  ["can't find proto in pkt", 'INVALID: no transport protocol behind the IPv6 extension headers'],
  ["ip6_conntrack_core: can't", 'INVALID: no transport protocol behind the IPv6 extension headers'],
  ['tcp_new: sender end=', 'A TCP entry starts; its window values'],
  ['%s: sender end=', 'A TCP entry starts; its window values'],
  ['nf_ct_tcp: invalid new', 'INVALID: SYN ACK, FIN or RST without an entry'],
  ['tcp_in_window: I=', 'Which window check failed: the one printed as 0'],
  ['tcp_in_window: sender end=', 'The window of both sides before the check'],
  ['tcp_in_window: res=', 'The window of both sides after the check'],
  ['seq=%u ack=', 'The numbers of the segment under check'],
  ['nf_ct_tcp: Invalid dir=', 'INVALID: the transition table forbids it; direction, row and state'],
  ['nf_ct_tcp: SYN proxy', 'A keep-alive was accepted in SYN_SENT because of SYNPROXY'],
  ['syn=%i ack=', 'Every TCP transition that was accepted: flags, old and new state'],
  ["icmp: can't create", 'INVALID: an ICMP reply without its request'],
  ["icmpv6: can't create", 'INVALID: an ICMPv6 reply without its request'],
  ['icmp_error_message: no match', 'INVALID: an ICMP error about an unknown flow'],
  ['icmp_error_message: failed', 'INVALID: an ICMP error whose quote cannot be read'],
  ['icmpv6_error:', 'INVALID: an ICMPv6 error about an unknown flow or with an unreadable quote'],
  ['Basic checks failed', 'INVALID: bundling rules of SCTP broken'],
  ['Verification tag check failed', 'INVALID: wrong SCTP verification tag'],
  ['nf_conntrack_sctp: Invalid dir=', 'INVALID: SCTP chunk not allowed in this state'],
  ['nf_conntrack_sctp: invalid new', 'INVALID: SCTP chunk that cannot open an association'],
  ['Unsupported GRE proto', 'INVALID: GRE version 1 that is not PPTP'],
  ['GRE_VERSION_PPTP but', 'INVALID: GRE version 1 that is not PPTP'],
  ['end of fragment not rounded', 'INVALID: malformed IPv6 fragment'],
  ['offset is too large', 'INVALID: malformed IPv6 fragment'],
  ['already received last fragment', 'INVALID: malformed IPv6 fragment'],
  ['last packet already reached', 'INVALID: malformed IPv6 fragment'],
  ['Drop incomplete fragment', 'INVALID: the first IPv6 fragment lacks the upper header'],
  ['nf_conntrack_ftp: wrong seq pos', 'FTP helper: the line does not follow on the last one; it is not looked at'],
  ['conntrack_ftp: partial', 'FTP helper: half a command, the packet is dropped'],
  ['NOT RECORDING', 'FTP helper: the announced address is not the client: no expectation'],
  ['conntrack_ftp: NOT RECORDING', 'FTP helper: the announced address is not the client: no expectation'],
  ['conntrack_ftp: match', 'FTP helper: an address and port were announced'],
  ['unable to parse dcc', 'IRC helper: the DCC command cannot be read'],
  ['Forged DCC', 'IRC helper: the announced address is not the client'],
  ["no full PPTP header, can't track", 'PPTP helper: control message cut short'],
  ['NET_START reply too short', 'SANE helper: answer cut short'],
];

/** All callsites of conntrack, its trackers and helpers, in the order of the sources. */
export const DEBUG_CALLSITES: readonly DebugCallsite[] = [
  ...callsites(CORE_CALLSITES, 'core'),
  ...callsites(TRACKER_CALLSITES, 'tracker'),
  ...callsites(HELPER_CALLSITES, 'helper'),
];

export interface CallsiteMatch {
  /** Callsites with this format; several where the function was renamed or split over time. */
  readonly callsites: readonly DebugCallsite[];
  readonly numbers: readonly number[];
  readonly words: readonly string[];
}

/** Fewer letters of its own than this and a format would claim foreign lines ('found', 'too short'). */
const TELLING_LETTERS = 12;

/**
 * Which callsites can have printed this line, decorated or not. Formats that say little by themselves are recognised only
 * behind a module prefix ('nf_conntrack_ftp: find_pattern …'). Never throws; NULL for a line that is none of conntrack's.
 */
export function createCallsiteMatcher(): (text: string) => CallsiteMatch | null {
  const byFormat = new Map<string, { pattern: FormatPattern; callsites: DebugCallsite[] }>();
  for (const callsite of DEBUG_CALLSITES) {
    const pattern = compileFormat(callsite.format);
    const known = byFormat.get(pattern.format);
    if (known === undefined) byFormat.set(pattern.format, { pattern, callsites: [callsite] });
    else known.callsites.push(callsite);
  }
  const index = indexPatterns([...byFormat.values()].filter(({ pattern }) => pattern.letters > 0));
  return (text) => {
    const folded = foldBlanks(text);
    const isConntracks = /^(?:\[\d+\] |<intr> )?nf_(?:conntrack|nat|defrag)\w*:/.test(folded);
    for (const candidate of withoutModulePrefixes(folded)) {
      for (const { pattern, callsites: found } of index.candidates(candidate)) {
        if (pattern.letters < TELLING_LETTERS && !isConntracks) continue;
        const match = pattern.match(candidate);
        if (match !== null) return { callsites: found, numbers: match.numbers, words: match.words };
      }
    }
    return null;
  };
}

function callsites(groups: readonly CallsiteGroup[], area: DebugCallsite['area']): readonly DebugCallsite[] {
  return groups.flatMap(({ file, sites }) =>
    sites.map(([name, releases, format]) => ({
      file,
      function: name,
      format,
      versions: releases.split(',').map(sampledRange),
      area,
      tells: TELLS.find(([start]) => format.startsWith(start))?.[1] ?? null,
    })),
  );
}

/** '5.2..6.2' as a range that leaves open what lies between the last sampled release that had it and the next that had not. */
function sampledRange(text: string): VersionRange {
  const [first = FIRST_SAMPLED, last = first] = text.split('..');
  const before = SAMPLED[SAMPLED.indexOf(first) - 1];
  const after = SAMPLED[SAMPLED.indexOf(last) + 1];
  const earliest = before === undefined ? first : successor(before);
  const latest = after === undefined ? last : predecessor(after);
  return {
    since: first === FIRST_SAMPLED ? null : first,
    until: last === LAST_SAMPLED ? null : last,
    ...(compareReleases(earliest, first) < 0 ? { maybeSince: earliest } : {}),
    ...(compareReleases(latest, last) > 0 ? { maybeUntil: latest } : {}),
  };
}

function successor(release: string): string {
  if (release.startsWith('2.')) return '2.6.33';
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return minor === LAST_MINOR[major] ? `${major + 1}.0` : `${major}.${minor + 1}`;
}

function predecessor(release: string): string {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  if (minor > 0) return `${major}.${minor - 1}`;
  const last = LAST_MINOR[major - 1];
  return last === undefined ? '2.6.39' : `${major - 1}.${last}`;
}
