// When did the last packet of an entry pass? Its end less the life that the kernel gives it, where only one life is possible.

/** What an entry and the settings of its namespace tell. */
export interface TimedEntry {
  readonly proto: number;
  readonly state: string | null;
  readonly status: string | null;
  readonly expiresAtUs: number | null;
  readonly timeoutS: number | null;
}

const NF = 'net.netfilter.nf_conntrack_';
const TCP = 6;
const UDP = 17;
/** Lives of the protocols without states: before and after both sides were heard. */
const STATELESS: Readonly<Record<number, readonly [string, string]>> = {
  1: ['icmp_timeout', 'icmp_timeout'],
  17: ['udp_timeout', 'udp_timeout_stream'],
  47: ['gre_timeout', 'gre_timeout_stream'],
  58: ['icmpv6_timeout', 'icmpv6_timeout'],
};
const ACCOUNTED_SLACK_S = 2;

/**
 * Microseconds since the epoch, good to a second; NULL where the settings are not known or the entry may have been given another life.
 * A TCP entry gets a shorter life than its state's when data is unacknowledged, a segment is repeated, or the window is closed
 * (net/netfilter/nf_conntrack_proto_tcp.c: nf_conntrack_tcp_packet(), v6.18): with more seconds left than any of these it had the state's.
 */
export function lastPacketAtUs(entry: TimedEntry, settings: ReadonlyMap<string, string>): number | null {
  const { proto, state, expiresAtUs, timeoutS } = entry;
  if (expiresAtUs === null || timeoutS === null) return null;
  const seconds = (name: string): number | null => {
    const value = settings.get(NF + name);
    return value === undefined || !/^\d+$/.test(value) ? null : Number(value);
  };
  let lifeS: number | null;
  if (proto === TCP) {
    if (state === null) return null;
    lifeS = seconds(`tcp_timeout_${state.toLowerCase()}`);
    const shorter = [seconds('tcp_timeout_unacknowledged'), seconds('tcp_timeout_max_retrans')];
    if (shorter.some((one) => one === null)) return null;
    // A life as short as the shorter ones is the same for all of them.
    if (lifeS !== null && timeoutS <= Math.max(...shorter.map((one) => one!)) && shorter.some((one) => one! < lifeS!))
      return null;
  } else {
    const names = STATELESS[proto];
    if (names === undefined) return null;
    const isAssured = entry.status?.includes('ASSURED') === true;
    lifeS = seconds(names[isAssured ? 1 : 0]);
    // Answered UDP has the longer life only from two seconds of age on (nf_conntrack_proto_udp.c: nf_conntrack_udp_packet(), v5.0).
    if (proto === UDP && isAssured && timeoutS <= (seconds(names[0]) ?? 0)) return null;
  }
  // More left than the setting gives: it was lowered since, or a rule gave a life of its own.
  if (lifeS === null || timeoutS > lifeS + ACCOUNTED_SLACK_S) return null;
  return expiresAtUs - lifeS * 1e6;
}
