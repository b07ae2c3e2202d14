// What tcpdump prints behind 'source > destination:': TCP's flags and numbers, ICMP's words, lengths and checksum verdicts.

import type { PacketDraft } from '../../model/packet.js';
import { emptyPacket } from '../../model/packet.js';
import { canonicalAddress } from '../../text/address.js';
import { protocolNumber } from '../../text/protocols.js';
import { portNumber } from '../../text/service-ports.js';
import { flagWords } from './tcp-flags.js';

export interface TransportWords {
  /** Whether source and destination carry ports behind their last dot. */
  readonly hasPorts: boolean;
  readonly payloadBytes: number | null;
  readonly checksum: 'good' | 'bad' | null;
  /** TCP options as printed, without brackets. */
  readonly options: string | null;
}

const LETTERS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, '.': 16, U: 32, E: 64, W: 128, e: 256 };

function letterFlags(letters: string): number {
  return [...letters].reduce((bits, letter) => bits | (LETTERS[letter] ?? 0), 0);
}

function numberBehind(pattern: RegExp, words: string): number | null {
  const match = pattern.exec(words);
  return match === null ? null : Number(match[1]);
}

function checksumOf(words: string): 'good' | 'bad' | null {
  if (/\((incorrect|wrong) |\[bad \S+ cksum|\(wrong \S+ cksum/.test(words)) return 'bad';
  return /\(correct\)|\[\S+ sum ok\]/.test(words) ? 'good' : null;
}

/** 'Flags [P.], seq 1:100, ack 5, win 502, options [nop,nop,TS val 1 ecr 2], length 99'; also without 'Flags', and the older letters. */
const NEW_TCP = /^(?:Flags )?\[([FSRPUEWe.]*|none)\]/;
const OLD_TCP = /^([FSRPUEW.]{1,6}) (?:\[[^\]]*\] )*(?=\d+:\d+\(\d+\)|ack \d|win \d)/;
const BARE_ACK = /^ack \d+,? win \d/;

function tcpWords(packet: PacketDraft, words: string): TransportWords | null {
  const recent = NEW_TCP.exec(words);
  const old = recent === null ? OLD_TCP.exec(words) : null;
  if (recent === null && old === null && !BARE_ACK.test(words)) return null;
  packet.proto = 6;
  const range = /\b(?:seq )?(\d{1,10}):(\d{1,10})\b/.exec(words.replace(/\{[^}]*\}/g, ''));
  const single = numberBehind(/\bseq (\d{1,10})\b/, words);
  packet.ack = numberBehind(/(?:^|[\s,])ack (\d{1,10})\b/, words);
  packet.seq = range === null ? single : Number(range[1]);
  packet.window = numberBehind(/\bwin (\d{1,5})\b/, words);
  packet.urgp = numberBehind(/\burg (\d{1,5})\b/, words);
  let bits = letterFlags((recent?.[1] ?? old?.[1] ?? '').replace('none', ''));
  // The older form has a dot for 'none of the letters' and names an ACK by its number alone.
  if (recent === null) bits = (old === null ? 0 : bits & ~16) | (packet.ack === null ? 0 : 16);
  packet.flags = flagWords(bits);
  const length = numberBehind(/\blength (\d{1,6})\b/, words) ?? numberBehind(/:\d{1,10}\((\d{1,6})\)/, words);
  const spanned = range === null ? null : (Number(range[2]) - Number(range[1]) + 2 ** 32) % 2 ** 32;
  return {
    hasPorts: true,
    payloadBytes: length ?? spanned,
    checksum: checksumOf(words),
    options: /(?:options \[|<)([^\]>]*)[\]>]/.exec(words)?.[1] ?? null,
  };
}

interface IcmpWords {
  readonly pattern: RegExp;
  readonly type: number;
  readonly code: number | null;
}

/** print-icmp.c: icmp_print() and its tables, tcpdump 4.99. The first that fits counts. */
const ICMP: readonly IcmpWords[] = [
  { pattern: /echo request/, type: 8, code: 0 },
  { pattern: /echo reply/, type: 0, code: 0 },
  { pattern: /need to frag|unreachable - frag/, type: 3, code: 4 },
  { pattern: /\S+ (?:tcp|udp|\S+) port \S+ unreachable/, type: 3, code: 3 },
  { pattern: /protocol \S+ unreachable/, type: 3, code: 2 },
  { pattern: /host \S+ unreachable - admin prohibited/, type: 3, code: 10 },
  { pattern: /net \S+ unreachable - admin prohibited/, type: 3, code: 9 },
  { pattern: /unreachable - admin prohibited filter/, type: 3, code: 13 },
  { pattern: /host \S+ unreachable/, type: 3, code: 1 },
  { pattern: /net \S+ unreachable/, type: 3, code: 0 },
  { pattern: /unreachable - source route failed/, type: 3, code: 5 },
  { pattern: /unreachable/, type: 3, code: null },
  { pattern: /time exceeded in-transit/, type: 11, code: 0 },
  { pattern: /reassembly time exceeded/, type: 11, code: 1 },
  { pattern: /redirect \S+ to host/, type: 5, code: 1 },
  { pattern: /redirect \S+ to net/, type: 5, code: 0 },
  { pattern: /source quench/, type: 4, code: 0 },
  { pattern: /router solicitation/, type: 10, code: 0 },
  { pattern: /router advertisement/, type: 9, code: 0 },
  { pattern: /parameter problem/, type: 12, code: null },
  { pattern: /time stamp query/, type: 13, code: 0 },
  { pattern: /time stamp reply/, type: 14, code: 0 },
];

/** print-icmp6.c: icmp6_print(). */
const ICMPV6: readonly IcmpWords[] = [
  { pattern: /echo request/, type: 128, code: 0 },
  { pattern: /echo reply/, type: 129, code: 0 },
  { pattern: /unreachable route|unreachable prohibited no route/, type: 1, code: 0 },
  { pattern: /unreachable prohibited/, type: 1, code: 1 },
  { pattern: /beyond scope/, type: 1, code: 2 },
  { pattern: /unreachable address/, type: 1, code: 3 },
  { pattern: /unreachable port/, type: 1, code: 4 },
  { pattern: /destination unreachable/, type: 1, code: null },
  { pattern: /packet too big/, type: 2, code: 0 },
  { pattern: /time exceeded in-transit/, type: 3, code: 0 },
  { pattern: /time exceeded/, type: 3, code: null },
  { pattern: /parameter problem/, type: 4, code: null },
  { pattern: /multicast listener query/, type: 130, code: 0 },
  { pattern: /multicast listener report v2/, type: 143, code: 0 },
  { pattern: /multicast listener report/, type: 131, code: 0 },
  { pattern: /multicast listener done/, type: 132, code: 0 },
  { pattern: /router solicitation/, type: 133, code: 0 },
  { pattern: /router advertisement/, type: 134, code: 0 },
  { pattern: /neighbor solicitation/, type: 135, code: 0 },
  { pattern: /neighbor advertisement/, type: 136, code: 0 },
  { pattern: /redirect/, type: 137, code: 0 },
];

function icmpWords(packet: PacketDraft, words: string): TransportWords | null {
  const isV6 = /(?:^|\s)ICMP6, |^icmp6:? /.test(words);
  if (!isV6 && !/(?:^|\s)ICMP |^icmp(?: \d+)?: /.test(words)) return null;
  packet.proto = isV6 ? 58 : 1;
  const found = (isV6 ? ICMPV6 : ICMP).find(({ pattern }) => pattern.test(words));
  packet.icmpType = found?.type ?? numberBehind(/type[- ]#?(\d{1,3})/, words);
  packet.icmpCode = found?.code ?? null;
  packet.icmpId = numberBehind(/\bid (\d{1,5})\b/, words);
  packet.icmpSeq = numberBehind(/\bseq (\d{1,5})\b/, words);
  packet.mtu = numberBehind(/\bmtu (\d{1,6})\b/, words);
  packet.gateway = /redirect \S+ to (?:host|net) ([\d.]+)/.exec(words)?.[1] ?? null;
  packet.quoted = unreachablePort(words);
  return { hasPorts: false, payloadBytes: null, checksum: checksumOf(words), options: null };
}

/** Without -v an error names only address, protocol and port of the packet it quotes. */
function unreachablePort(words: string): PacketDraft | null {
  const match = /(\S+) (tcp|udp) port (\S+?)(?: unreachable|,|$)/.exec(words);
  if (match === null) return null;
  const quoted = emptyPacket();
  quoted.dst = canonicalAddress(match[1] ?? '');
  quoted.family = quoted.dst.includes(':') ? 'ip6' : 'ip';
  quoted.proto = match[2] === 'tcp' ? 6 : 17;
  quoted.dport = portNumber(match[3] ?? '');
  return quoted;
}

const plain = (hasPorts: boolean, words: string, payloadBytes: number | null = null): TransportWords => ({
  hasPorts,
  payloadBytes,
  checksum: checksumOf(words),
  options: null,
});

/** Reads the words behind the addresses into a packet. Ports are read by the caller when the answer says that there are some. */
export function readTransportWords(packet: PacketDraft, words: string): TransportWords {
  const tcp = tcpWords(packet, words) ?? icmpWords(packet, words);
  if (tcp !== null) return tcp;
  const fragment =
    /^(?:frag \((?:0x)?[0-9a-f:]*\|?[\d|]*\)\s*)?(?:ip-proto-(\d{1,3})|(tcp|udp|icmp6?|gre|sctp|esp))(?: \d{1,5})?$/i.exec(
      words.trim(),
    );
  if (fragment !== null) {
    packet.proto ??= protocolNumber(fragment[1] ?? fragment[2] ?? '');
    return plain(false, words);
  }
  const quiet = /^(tcp|udp) (\d{1,5})\b/.exec(words);
  if (quiet !== null) {
    packet.proto = quiet[1] === 'tcp' ? 6 : 17;
    return plain(true, words, Number(quiet[2]));
  }
  if (/^ESP\(|^AH\(/.test(words)) {
    packet.proto ??= words.startsWith('ESP') ? 50 : 51;
    const spi = /spi=(0x[0-9a-f]{1,8})/i.exec(words);
    if (spi !== null && packet.proto === 50) packet.spi = Number(spi[1]);
    else if (spi !== null) packet.ahSpi = Number(spi[1]);
    return plain(false, words);
  }
  if (/^GREv\d/.test(words)) {
    packet.proto ??= 47;
    const key = /\bkey=(0x[0-9a-f]+)/i.exec(words) ?? /\bcall (\d+)/.exec(words);
    if (key !== null) Object.assign(packet, { greKey: Number(key[1]) });
    return plain(false, words);
  }
  if (/^sctp\b/i.test(words)) {
    packet.proto ??= 132;
    return plain(true, words);
  }
  if (/^DCCP\b/.test(words)) {
    packet.proto ??= 33;
    return plain(true, words);
  }
  if (/^(?:igmp|OSPF|VRRP|PIM|EIGRP|CARP)/i.test(words)) {
    packet.proto ??= protocolNumber(/^[a-z]+/i.exec(words)?.[0].replace(/v\d.*/, '') ?? '');
    return plain(false, words);
  }
  // Everything else that tcpdump decodes by name (DNS, NTP, DHCP, VXLAN …) rides on UDP.
  const length = numberBehind(/\blength:? (\d{1,5})\b/, words) ?? numberBehind(/\((\d{1,5})\)\s*$/, words);
  return plain(true, words, length);
}
