// The first packet of a TCP connection, and how long after it another one is of the same connection.

/**
 * nf_conntrack_tcp_timeout_syn_sent, net/netfilter/nf_conntrack_proto_tcp.c: tcp_timeouts[], v6.1: an entry that saw nothing but SYNs is
 * gone after it. A client that repeats its SYN waits TCP_RTO_MAX (include/net/tcp.h, v6.1: 120 s) at the longest, so that a shorter
 * setting does not make the repeated SYN another connection.
 */
export const SYN_QUIET_US = 120_000_000;

/** Flags as the store keeps them: SYN alone, or with the offer of ECN. */
export function isFirstSyn(flags: string | null): boolean {
  return flags === 'SYN' || flags === 'SYN ECE CWR';
}
