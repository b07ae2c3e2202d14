// What does conntrack do with a UDP packet, and when does a flow count as a stream?
// net/netfilter/nf_conntrack_proto_udp.c: nf_conntrack_udp_packet(), v6.18.

import { type Context, type Decision, refresh, refuse } from './context.js';
import type { Entry } from './entry.js';
import type { Outcome } from './outcome.js';
import type { UdpPacket } from './packet.js';

const STREAM_AFTER_MS = 2000;

/** Judges a packet on its entry, which for an unknown tuple is a new, unconfirmed one. */
export function handleUdp(context: Context, entry: Entry, packet: UdpPacket, out: Outcome): Decision {
  const { rules, settings } = context;
  if (packet.fault === 'short') return refuse(context, out, 'udp-short-packet');
  if (packet.fault === 'truncated') return refuse(context, out, 'udp-truncated');
  if (packet.fault === 'bad-checksum' && settings.checksChecksums) return refuse(context, out, 'udp-bad-checksum');

  if (!entry.isConfirmed) {
    entry.streamAtMs = packet.atMs + STREAM_AFTER_MS;
    out.reasonId = 'udp-new';
  }
  if (!entry.hasReply) {
    refresh(context, entry, packet.atMs, settings.udpMs, 'unreplied', out);
    return 'accept';
  }
  const isStream = !rules.udpStreamAfterTwoSeconds || packet.atMs > entry.streamAtMs;
  if (isStream) refresh(context, entry, packet.atMs, settings.udpStreamMs, 'stream', out);
  else refresh(context, entry, packet.atMs, settings.udpMs, 'replied', out);
  if (isStream || !rules.udpAssuredAsStream) entry.isAssured = true;
  return 'accept';
}
