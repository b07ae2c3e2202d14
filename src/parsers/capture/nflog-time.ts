// When was a packet that NFLOG handed out seen? The kernel tells its arrival as long as it keeps it; behind the routing it has been cleared
// (net/ipv4/ip_forward.c, net/ipv6/ip6_output.c: skb_clear_tstamp(), v6.1), and only the reader's own clock is left, which is late.

/** A reader that was so late with the packet before is as late with this one when it read both at one go. */
const ONE_GO_US = 100_000;

/**
 * Opens the times of one capture, in the order of its packets.
 * @returns takes the kernel's own time and the reader's, microseconds since the epoch, and tells when the packet was seen; NULL: neither tells
 */
export function openNflogTimes(): (kernelUs: number | null, readUs: number | null) => number | null {
  let lastReadUs = Number.NEGATIVE_INFINITY;
  let lateUs = 0;
  return (kernelUs, readUs) => {
    if (readUs === null) return kernelUs;
    if (kernelUs !== null) {
      lateUs = Math.max(0, readUs - kernelUs);
      lastReadUs = readUs;
      return kernelUs;
    }
    const apartUs = readUs - lastReadUs;
    return apartUs >= 0 && apartUs <= ONE_GO_US ? readUs - lateUs : readUs;
  };
}
