// Packets on the wire: pcap, pcapng, tcpdump text, NFLOG (link type 239), ulogd.

import type { Stamp } from './kernel-line.js';
import type { Packet } from './packet.js';

export interface CapturedPacket {
  /** Microseconds since the epoch; NULL for tcpdump text, unless it was made with -tt. */
  readonly atUs: number | null;
  /** Date and time in a zone that the text does not tell (tcpdump -tttt, ulogd); NULL otherwise. */
  readonly stamp: Stamp | null;
  /** Seconds of the day only (tcpdump text without -t options). */
  readonly usOfDay: number | null;
  readonly interface: string | null;
  /** TCP payload in bytes, where it can be told. */
  readonly payloadBytes: number | null;
  /** tcpdump prints sequence numbers relative to the first it saw of a connection; true where that first one is not in the text. */
  readonly hasRelativeNumbers: boolean;
  readonly checksum: 'good' | 'bad' | null;
  readonly packet: Packet;
  /** NFLOG: group prefix; such a packet is evidence of a rule (or of log_invalid / trace), like a kernel log line. */
  readonly nflog: { readonly prefix: string; readonly hook: number | null; readonly group: number | null } | null;
}
