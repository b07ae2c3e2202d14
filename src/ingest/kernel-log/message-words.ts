// What the store keeps of a message beside its fields: the stations that it decoded, the kind of a notice.

import type { DumpMessage } from './head-table.js';

/** Lines of which a template can be learnt. */
export const PLAIN = /^[\x20-\x7e]*$/;
export const DECODED_MAC = /MACSRC=|MACDST=|TUNNEL=/;

/** MACs of a line that prints them decoded (nft's log, --log-macdecode). */
export function decodedMac(message: DumpMessage): string | null {
  const { macSrc, macDst, macProto } = message.packet;
  if (macSrc === null && macDst === null) return null;
  return [macDst, macSrc, macProto].filter((part) => part !== null).join(' ');
}

/** What a message without a packet is about: lines that were held back, lines that were lost, or something else. */
export function noticeKind(text: string): 'notice' | 'suppressed' | 'lost' {
  if (/callbacks suppressed/.test(text)) return 'suppressed';
  return /Missed \d+ kernel messages|messages? (?:lost|dropped)/i.test(text) ? 'lost' : 'notice';
}
