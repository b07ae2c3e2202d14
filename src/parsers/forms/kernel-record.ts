// From an envelope and its message to a record: shared by every form that carries kernel messages.

import type { KernelLine, KernelMessage } from '../../model/kernel-line.js';
import type { Packet } from '../../model/packet.js';
import { type MessageCatalogue, parseKernelMessage } from '../kernel-message.js';

const OTHER: KernelMessage = { kind: 'other' };

/** What another program can say that concerns us: ulogd's packets, and the lines that log daemons lost. */
const CONCERNS_US = /IN=|OUT=|SRC=|\blost\b|Missed \d|Suppressed \d|begin to drop|NETFILTER_/;

/**
 * Classifies the message of a line.
 * @returns 'other' for a program's line that is neither a packet logger's nor a log daemon's word about lost lines.
 */
export function classify(envelope: KernelLine, catalogue: MessageCatalogue): KernelMessage {
  if (!envelope.isOtherProgram) return parseKernelMessage(envelope.message, catalogue);
  if (!CONCERNS_US.test(envelope.message)) return OTHER;
  const message = parseKernelMessage(envelope.message, catalogue);
  switch (message.kind) {
    case 'log':
    case 'trace':
    case 'log-invalid':
      // A program that quotes a log line quotes it in other words; a packet logger prints whole tuples.
      return message.packet !== null && message.packet.src !== null && message.packet.dst !== null ? message : OTHER;
    case 'notice':
    case 'audit':
      return message;
    default:
      return OTHER;
  }
}

/** Whether a rule's line ends before or inside its addresses; addresses that somebody hid are there. */
function endsInsideAddresses(packet: Packet, text: string): boolean {
  if (!packet.isCut) return false;
  if (packet.arp !== null) return packet.arp.ipDst === null && packet.arp.macDst === null;
  const isMissing = (address: string | null, key: string): boolean =>
    address === null && !packet.unknown.some((word) => word.startsWith(key) && !text.endsWith(word));
  return isMissing(packet.src, 'SRC=') || isMissing(packet.dst, 'DST=');
}

/**
 * The same for forms whose records have an end of their own, so that no further line can bring what is missing: a rule's line without
 * addresses is about no packet that could be found again, and is unreadable.
 */
export function classifyWhole(envelope: KernelLine, catalogue: MessageCatalogue): KernelMessage {
  const message = classify(envelope, catalogue);
  if (message.kind !== 'log' && message.kind !== 'trace') return message;
  return endsInsideAddresses(message.packet, envelope.message)
    ? { kind: 'unreadable', reason: 'the line ends before the addresses', at: envelope.message.length }
    : message;
}
