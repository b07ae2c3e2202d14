// Packets on the wire: pcap, pcapng, tcpdump text, NFLOG (link type 239), ulogd.

import type { Packet } from './packet.js';

export interface CapturedPacket {
  /** Microseconds since the epoch; NULL for tcpdump text without times. */
  readonly atUs: number | null;
  /** Seconds of the day only (tcpdump text without -tttt). */
  readonly usOfDay: number | null;
  readonly interface: string | null;
  /** TCP payload in bytes, where it can be told. */
  readonly payloadBytes: number | null;
  /** tcpdump prints relative sequence numbers after the SYN. */
  readonly hasRelativeNumbers: boolean;
  readonly checksum: 'good' | 'bad' | null;
  readonly packet: Packet;
  /** NFLOG: group prefix; such a packet is evidence of a rule (or of log_invalid / trace), like a kernel log line. */
  readonly nflog: { readonly prefix: string; readonly hook: number | null; readonly group: number | null } | null;
}
