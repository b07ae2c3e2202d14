// tcpdump's text, in all its levels of detail and with every time stamp it can print; also typed off and numbered by people.

import type { CapturedPacket } from '../../model/capture.js';
import type { PacketDraft } from '../../model/packet.js';
import { addressBytes } from '../../text/address-bytes.js';
import { openSequenceBases } from '../capture/sequence-bases.js';
import { optionBytes } from '../capture/tcp-option-words.js';
import { readAddressed, readQuotedHeader, readTcpdumpLine } from '../capture/tcpdump-line.js';
import { type LineStamp, readStamp, showsSpans } from '../capture/tcpdump-stamp.js';
import type { TransportWords } from '../capture/tcpdump-transport.js';
import { type Emit, type Form, type FormReader, OTHER, TAKEN } from '../form.js';

const ABOUT =
  /^(tcpdump: |listening on \S+|reading from (file|PCAP)|dropped privs|\d+ packets? (captured|received by filter)|\d+ packets? dropped by (kernel|interface)|\^C|Got \d+|Warning: interface names might)/;
const DROPPED = /^(\d+) packets? dropped by (kernel|interface)/;
const HEX_LINE = /^\s+0x[0-9a-f]{4}:\s/;
const CONTINUED = /^\s{2,}\S|^\t/;
/** -A prints the packet's bytes as they are, from the version of IP on, dots for what cannot be printed; their line ends are the packet's. */
const ASCII = { ip: /^E(?:[^.]*\.){3}|^E.{0,8}$/, ip6: /^`(?:[^.]*\.){3}|^`.{0,8}$/, arp: /^\.{2}.*\.$/ };
/** Headers of IP and TCP together are no longer. */
const MOST_HEADER_BYTES = 140;
/** A packet of which the line tells no length. */
const USUAL_PACKET_BYTES = 1600;

interface Held {
  readonly line: number;
  readonly stamp: LineStamp;
  readonly interface: string | null;
  readonly packet: PacketDraft;
  words: TransportWords | null;
  quoted: PacketDraft | null;
  /** The header of a quoted packet has come, its addresses have not. */
  isQuoteOpen: boolean;
  isHeaderOnly: boolean;
  isVxlan: boolean;
  /** The last 'length N' of the line. */
  readonly toldBytes: number | null;
  /** Bytes that -A may still print; NULL: it has printed none. */
  asciiLeft: number | null;
}

const VXLAN = /: (?:\[[^\]]*\] )?VXLAN, /;
const GRE = 47;
const GENEVE_PORT = 6081;

/** The words name a packet within the packet, of which more is to come. */
function isTunnel({ packet, isVxlan, words }: Held): boolean {
  return isVxlan || packet.proto === GRE || (words !== null && packet.dport === GENEVE_PORT);
}

/** -v ends a line with the inner packet's header; its addresses follow on the next. */
function openInner(held: Held): void {
  const inner = held.packet.quoted;
  if (inner === null || inner.src !== null || inner.ttl === null) return;
  held.quoted = { ...inner };
  held.isQuoteOpen = true;
}

function lengthTold(text: string): number | null {
  const told = /^length (\d{1,6})/.exec(text.slice(Math.max(0, text.lastIndexOf('length '))));
  return told === null ? null : Number(told[1]);
}

function openReader(emit: Emit, command: string | null): FormReader {
  const bases = openSequenceBases();
  let held: Held | null = null;
  let hasSpans: boolean | null = null;

  const flush = (): void => {
    if (held === null) return;
    const { packet, words, stamp, line } = held;
    if (held.quoted !== null) packet.quoted = held.quoted;
    const restored = packet.proto === 6 ? bases.restore(packet) : { isRelative: false, peerBase: 0 };
    if (words?.options != null) {
      const options = optionBytes(words.options, restored.peerBase);
      packet.tcpOptions = options.bytes;
      if (options.unknown.length > 0) packet.unknown = [...packet.unknown, `options [${options.unknown.join(',')}]`];
    }
    const captured: CapturedPacket = {
      atUs: stamp.atUs,
      stamp: stamp.stamp,
      usOfDay: stamp.usOfDay,
      interface: held.interface,
      payloadBytes: words?.payloadBytes ?? null,
      hasRelativeNumbers: restored.isRelative,
      checksum: words?.checksum ?? null,
      packet,
      nflog: null,
    };
    held = null;
    emit({ kind: 'captured-packet', line, captured });
  };

  const readVxlanInner = (text: string): boolean => {
    if (held === null || held.quoted !== null) return false;
    const inner = /^(?:IP6? |(?:[0-9a-f]{2}:){5})/.test(text) ? readTcpdumpLine(text, 0) : null;
    if (inner === null) return false;
    held.quoted = inner.packet;
    held.isQuoteOpen = inner.isHeaderOnly;
    return true;
  };

  /** A line of -A: bytes of the packet, whatever they spell. */
  const isAscii = (text: string): boolean => {
    if (held === null || held.isHeaderOnly) return false;
    if (held.asciiLeft === null) {
      const { family, lenBytes } = held.packet;
      if (family === null || family === 'other' || !ASCII[family].test(text)) return false;
      held.asciiLeft = lenBytes ?? (held.toldBytes === null ? USUAL_PACKET_BYTES : MOST_HEADER_BYTES + held.toldBytes);
    }
    if (held.asciiLeft <= 0) return false;
    const stamp = readStamp(text, hasSpans === true);
    if ((stamp.hasTime || /^(IP6?|ARP)[ ,]/.test(text)) && readTcpdumpLine(text, stamp.at) !== null) return false;
    held.asciiLeft -= text.length + 1;
    return true;
  };

  /** A line that belongs to the packet before it: addresses of -v, the packet an ICMP error quotes, hex, decoded protocols. */
  const continues = (text: string): boolean => {
    if (held === null) return false;
    // VXLAN's inner packet stands at the start of a line (print-vxlan.c), as no packet with a time does.
    if (held.isVxlan && readVxlanInner(text)) return true;
    if (!CONTINUED.test(text)) return false;
    if (HEX_LINE.test(text)) return true;
    if (held.isHeaderOnly) {
      const words = readAddressed(held.packet, text.trim());
      if (words !== null) {
        held.words = words;
        held.isHeaderOnly = false;
        held.isVxlan = VXLAN.test(text);
        openInner(held);
      }
      return words !== null;
    }
    const quoted = held.packet.icmpType === null && !isTunnel(held) ? null : readQuotedHeader(text);
    if (quoted !== null) {
      held.quoted = quoted;
      held.isQuoteOpen = quoted.src === null;
      return true;
    }
    if (held.isQuoteOpen && held.quoted !== null) {
      held.isQuoteOpen = readAddressed(held.quoted, text.trim()) === null;
      return true;
    }
    // A pasted block may be indented as a whole: a line with a time of its own is a packet.
    const stamp = readStamp(text, hasSpans === true);
    return !(stamp.hasTime && readTcpdumpLine(text, stamp.at) !== null);
  };

  return {
    line(text, line) {
      if (isAscii(text)) return TAKEN;
      if (text.trim() === '' || ABOUT.test(text)) {
        const dropped = DROPPED.exec(text);
        if (dropped !== null && Number(dropped[1]) > 0) {
          const why = `tcpdump: ${dropped[1]} packets dropped by ${dropped[2]}`;
          emit({
            kind: 'bundle',
            line,
            statement: { kind: 'coverage', what: 'capture', fromUs: null, toUs: null, state: 'lost', why },
          });
        }
        return TAKEN;
      }
      if (continues(text)) return TAKEN;
      flush();
      hasSpans ??= showsSpans(text, command);
      const stamp = readStamp(text, hasSpans);
      const read = readTcpdumpLine(text, stamp.at);
      if (read !== null) {
        const { packet, words, isHeaderOnly } = read;
        held = {
          line,
          stamp,
          interface: read.interface,
          packet,
          words,
          isHeaderOnly,
          quoted: null,
          isQuoteOpen: false,
          isVxlan: VXLAN.test(text),
          toldBytes: lengthTold(text),
          asciiLeft: null,
        };
        openInner(held);
        return TAKEN;
      }
      if (!stamp.hasTime) return OTHER;
      const rest = text.slice(stamp.at);
      if (/^(IP6?|ARP)[ ,]|> \S+: (Flags )?\[/.test(rest))
        return { is: 'unread', reason: 'a packet that breaks off', at: stamp.at };
      // Spanning tree, LLDP and other frames that carry no packet of ours.
      return /^(STP|LLDP|CDPv|MPLS|PPPoE|LACPv|EAPOL|802\.|Loopback|[0-9a-f:]{17}) ?/i.test(rest) ? TAKEN : OTHER;
    },
    end: flush,
  };
}

export const tcpdumpTextForm: Form = {
  id: 'tcpdump',
  title: 'tcpdump text, with or without -n -e -v -x and any -t',
  recognise(line, context) {
    if (/^tcpdump: (verbose output|listening on|data link)/.test(line) || /^listening on \S+, link-type/.test(line))
      return 95;
    const stamp = readStamp(line, showsSpans(line, context.command));
    const read = readTcpdumpLine(line, stamp.at);
    if (read === null) return 0;
    const { packet, words } = read;
    if (packet.family === 'other') return 20;
    if (packet.arp !== null)
      return stamp.hasTime || /(?:^|(?:In|Out|B|M|P) +)ARP, (Request|Reply) /.test(line) ? 80 : 40;
    if (read.isHeaderOnly) return packet.ttl === null ? 0 : 90;
    const isTcp = packet.proto === 6 && packet.flags !== null && (packet.window !== null || packet.seq !== null);
    if (isTcp) return 90;
    if (words === null || !/ (IP6?|ethertype)\b/.test(` ${line}`)) return 30;
    // Without a time (-t) it takes addresses, and words that only tcpdump has.
    const hasAddresses = addressBytes(packet.src ?? '') !== null && addressBytes(packet.dst ?? '') !== null;
    return stamp.hasTime ? 80 : hasAddresses && (/^IP6? /.test(line) || read.interface !== null) ? 70 : 30;
  },
  open: (emit, context) => openReader(emit, context.command),
};
