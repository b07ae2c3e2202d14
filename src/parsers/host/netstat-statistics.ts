// What `netstat -s` says in sentences, as the counter names that the kernel and nstat use. The sentences are net-tools' own
// (statistics.c, 2.10); counters it has no sentence for are printed as 'Name: 5' already.

/** Section -> sentence with %u for the number -> name within the section's prefix. */
type Sentences = Readonly<Record<string, string>>;

const IP: Sentences = {
  'Default TTL is %u': 'DefaultTTL',
  '%u forwarded': 'ForwDatagrams',
  '%u fragments created': 'FragCreates',
  '%u outgoing packets failed fragmentation': 'FragFails',
  '%u outgoing packets fragmented ok': 'FragOKs',
  '%u with invalid addresses': 'InAddrErrors',
  '%u incoming packets delivered': 'InDelivers',
  '%u incoming packets discarded': 'InDiscards',
  '%u with invalid headers': 'InHdrErrors',
  '%u total packets received': 'InReceives',
  '%u with unknown protocol': 'InUnknownProtos',
  '%u outgoing packets dropped': 'OutDiscards',
  '%u dropped because of missing route': 'OutNoRoutes',
  '%u requests sent out': 'OutRequests',
  '%u packet reassemblies failed': 'ReasmFails',
  '%u packet reassembles failed': 'ReasmFails',
  '%u packets reassembled ok': 'ReasmOKs',
  '%u reassemblies required': 'ReasmReqds',
  '%u fragments dropped after timeout': 'ReasmTimeout',
  '%u incoming packets with no route': 'InNoRoutes',
  '%u with packets too big': 'InTooBigErrors',
  '%u with truncated packets': 'InTruncatedPkts',
  '%u incoming multicast packets': 'InMcastPkts',
  '%u outgoing multicast packets': 'OutMcastPkts',
};

const ICMP: Sentences = {
  '%u ICMP messages received': 'InMsgs',
  '%u input ICMP message failed': 'InErrors',
  '%u input ICMP message failed.': 'InErrors',
  '%u ICMP messages sent': 'OutMsgs',
  '%u ICMP messages failed': 'OutErrors',
};

/** Lines of the two histograms; the same words under both, with the heading's direction before them. */
const ICMP_HISTOGRAM: Sentences = {
  'address mask replies': 'AddrMaskReps',
  'address mask request': 'AddrMasks',
  'address mask requests': 'AddrMasks',
  'destination unreachable': 'DestUnreachs',
  'echo replies': 'EchoReps',
  'echo requests': 'Echos',
  'echo request': 'Echos',
  'wrong parameters': 'ParmProbs',
  redirects: 'Redirects',
  redirect: 'Redirects',
  'source quenches': 'SrcQuenchs',
  'source quench': 'SrcQuenchs',
  'timeout in transit': 'TimeExcds',
  'time exceeded': 'TimeExcds',
  'timestamp reply': 'TimestampReps',
  'timestamp replies': 'TimestampReps',
  'timestamp request': 'Timestamps',
  'timestamp requests': 'Timestamps',
};
const ICMP6_HISTOGRAM: Sentences = {
  'destination unreachable': 'DestUnreachs',
  'echo replies': 'EchoReplies',
  'echo requests': 'Echos',
  'group member queries': 'GroupMembQueries',
  'group member reductions': 'GroupMembReductions',
  'group member responses': 'GroupMembResponses',
  'neighbour advertisement': 'NeighborAdvertisements',
  'neighbor advertisements': 'NeighborAdvertisements',
  'neighbour solicits': 'NeighborSolicits',
  'neighbor solicits': 'NeighborSolicits',
  'parameter problem': 'ParmProblems',
  'packets too big': 'PktTooBigs',
  redirects: 'Redirects',
  'router advertisement': 'RouterAdvertisements',
  'router solicits': 'RouterSolicits',
  'received ICMPv6 time exceeded': 'TimeExcds',
  'sent ICMPv6 time exceeded': 'TimeExcds',
};

const TCP: Sentences = {
  '%u active connection openings': 'ActiveOpens',
  '%u active connections openings': 'ActiveOpens',
  '%u failed connection attempts': 'AttemptFails',
  '%u connections established': 'CurrEstab',
  '%u connection resets received': 'EstabResets',
  '%u bad segments received': 'InErrs',
  '%u bad segments received.': 'InErrs',
  '%u segments received': 'InSegs',
  '%u resets sent': 'OutRsts',
  '%u segments sent out': 'OutSegs',
  '%u segments send out': 'OutSegs',
  '%u passive connection openings': 'PassiveOpens',
  '%u segments retransmitted': 'RetransSegs',
  '%u segments retransmited': 'RetransSegs',
};

const UDP: Sentences = {
  '%u packets received': 'InDatagrams',
  '%u packet receive errors': 'InErrors',
  '%u packets to unknown port received': 'NoPorts',
  '%u packets to unknown port received.': 'NoPorts',
  '%u packets sent': 'OutDatagrams',
  '%u receive buffer errors': 'RcvbufErrors',
  '%u send buffer errors': 'SndbufErrors',
};

const TCP_EXT: Sentences = {
  '%u delayed acks further delayed because of locked socket': 'DelayedACKLocked',
  'Quick ack mode was activated %u times': 'DelayedACKLost',
  '%u delayed acks sent': 'DelayedACKs',
  '%u resets received for embryonic SYN_RECV sockets': 'EmbryonicRsts',
  '%u SYNs to LISTEN sockets dropped': 'ListenDrops',
  '%u SYNs to LISTEN sockets ignored': 'ListenDrops',
  '%u times the listen queue of a socket overflowed': 'ListenOverflows',
  '%u ICMP packets dropped because socket was locked': 'LockDroppedIcmps',
  '%u packets dropped from out-of-order queue because of socket buffer overrun': 'OfoPruned',
  '%u ICMP packets dropped because they were out-of-window': 'OutOfWindowIcmps',
  '%u active connections rejected because of time stamp': 'PAWSActive',
  '%u packetes rejected in established connections because of timestamp': 'PAWSEstab',
  '%u packets rejected in established connections because of timestamp': 'PAWSEstab',
  '%u packets rejects in established connections because of timestamp': 'PAWSEstab',
  '%u passive connections rejected because of time stamp': 'PAWSPassive',
  '%u packets pruned from receive queue because of socket buffer overrun': 'PruneCalled',
  '%u packets pruned from receive queue': 'RcvPruned',
  'Ran %u times out of system memory during packet sending': 'SockMallocOOM',
  '%u invalid SYN cookies received': 'SyncookiesFailed',
  '%u SYN cookies received': 'SyncookiesRecv',
  '%u SYN cookies sent': 'SyncookiesSent',
  '%u times unable to send RST due to no memory': 'TCPAbortFailed',
  '%u connections reset due to early user close': 'TCPAbortOnClose',
  '%u connections reset due to unexpected data': 'TCPAbortOnData',
  '%u connections aborted after user close in linger timeout': 'TCPAbortOnLinger',
  '%u connections aborted due to memory pressure': 'TCPAbortOnMemory',
  '%u connections reset due to unexpected SYN': 'TCPAbortOnSyn',
  '%u connections aborted due to timeout': 'TCPAbortOnTimeout',
  '%u DSACKs for out of order packets received': 'TCPDSACKOfoRecv',
  '%u DSACKs sent for out of order packets': 'TCPDSACKOfoSent',
  '%u DSACKs sent for old packets': 'TCPDSACKOldSent',
  '%u DSACKs received': 'TCPDSACKRecv',
  '%u congestion windows recovered without slow start by DSACK': 'TCPDSACKUndo',
  '%u fast retransmits': 'TCPFastRetrans',
  '%u forward retransmits': 'TCPForwardRetrans',
  '%u congestion windows fully recovered without slow start': 'TCPFullUndo',
  '%u predicted acknowledgments': 'TCPHPAcks',
  '%u packet headers predicted': 'TCPHPHits',
  '%u timeouts in loss state': 'TCPLossFailures',
  '%u congestion windows recovered without slow start after partial ack': 'TCPLossUndo',
  '%u retransmits lost': 'TCPLostRetransmits',
  'TCP ran low on memory %u times': 'TCPMemoryPressures',
  '%u congestion windows partially recovered using Hoe heuristic': 'TCPPartialUndo',
  '%u acknowledgments not containing data payload received': 'TCPPureAcks',
  '%u acknowledgments not containing data received': 'TCPPureAcks',
  '%u packets collapsed in receive queue due to low socket buffer': 'TCPRcvCollapsed',
  '%u timeouts after reno fast retransmit': 'TCPRenoFailures',
  '%u classic Reno fast retransmits failed': 'TCPRenoRecoveryFail',
  '%u times recovered from packet loss due to fast retransmit': 'TCPRenoRecovery',
  'Detected reordering %u times using reno fast retransmit': 'TCPRenoReorder',
  '%u timeouts after SACK recovery': 'TCPSackFailures',
  '%u SACK retransmits failed': 'TCPSackRecoveryFail',
  '%u times recovered from packet loss by selective acknowledgements': 'TCPSackRecovery',
  '%u bad SACK blocks received': 'TCPSACKReneging',
  'Detected reordering %u times using SACK': 'TCPSACKReorder',
  '%u retransmits in slow start': 'TCPSlowStartRetrans',
  '%u other TCP timeouts': 'TCPTimeouts',
  'Detected reordering %u times using time stamp': 'TCPTSReorder',
  '%u TCP sockets finished time wait in fast timer': 'TW',
  '%u TCP sockets finished time wait in slow timer': 'TWKilled',
  '%u time wait sockets recycled by time stamp': 'TWRecycled',
};

interface Section {
  readonly prefix: string;
  readonly sentences: Sentences;
  readonly histogram: Sentences | null;
}

const SECTIONS: Readonly<Record<string, Section>> = {
  Ip: { prefix: 'Ip', sentences: IP, histogram: null },
  Ip6: { prefix: 'Ip6', sentences: IP, histogram: null },
  Icmp: { prefix: 'Icmp', sentences: ICMP, histogram: ICMP_HISTOGRAM },
  Icmp6: { prefix: 'Icmp6', sentences: ICMP, histogram: ICMP6_HISTOGRAM },
  IcmpMsg: { prefix: 'IcmpMsg', sentences: {}, histogram: null },
  Tcp: { prefix: 'Tcp', sentences: TCP, histogram: null },
  Udp: { prefix: 'Udp', sentences: UDP, histogram: null },
  Udp6: { prefix: 'Udp6', sentences: UDP, histogram: null },
  UdpLite: { prefix: 'UdpLite', sentences: UDP, histogram: null },
  UdpLite6: { prefix: 'UdpLite6', sentences: UDP, histogram: null },
  TcpExt: { prefix: 'TcpExt', sentences: TCP_EXT, histogram: null },
  IpExt: { prefix: 'IpExt', sentences: {}, histogram: null },
  MPTcpExt: { prefix: 'MPTcpExt', sentences: {}, histogram: null },
  Sctp: { prefix: 'Sctp', sentences: {}, histogram: null },
};

/** Name of a section's heading line 'TcpExt:'; NULL for other lines. */
export function statisticsSection(line: string): string | null {
  const name = /^([A-Z][A-Za-z0-9]+):\s*$/.exec(line)?.[1];
  return name !== undefined && SECTIONS[name] !== undefined ? name : null;
}

export type HistogramDirection = 'In' | 'Out' | null;

/** 'ICMP input histogram:' of a section; undefined for other lines. */
export function histogramHeading(line: string): 'In' | 'Out' | undefined {
  const word = /^\s+ICMP (input|output) histogram[.:]/.exec(line)?.[1];
  return word === 'input' ? 'In' : word === 'output' ? 'Out' : undefined;
}

/** A counter of a section; NULL when the sentence is not known or holds no number. */
export function statisticsCounter(
  sectionName: string,
  direction: HistogramDirection,
  line: string,
): { readonly name: string; readonly value: number } | null {
  const section = SECTIONS[sectionName];
  const text = line.trim();
  if (section === undefined) return null;
  const named = /^([A-Z][A-Za-z0-9]+): (-?\d+)$/.exec(text);
  if (named !== null) {
    const name = named[1]!;
    // The IPv6 files hold full names already.
    return { name: name.startsWith(section.prefix) ? name : `${section.prefix}${name}`, value: Number(named[2]) };
  }
  const inHistogram = /^(.*?): (\d+)$/.exec(text);
  if (inHistogram !== null && direction !== null) {
    const name = section.histogram?.[inHistogram[1]!];
    return name === undefined ? null : { name: `${section.prefix}${direction}${name}`, value: Number(inHistogram[2]) };
  }
  const number = /\d+/.exec(text);
  if (number === null) return null;
  const name = section.sentences[text.replace(/\d+/, '%u')];
  return name === undefined ? null : { name: `${section.prefix}${name}`, value: Number(number[0]) };
}
