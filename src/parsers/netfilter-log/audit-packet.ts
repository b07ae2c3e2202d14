// What does a record of the AUDIT target tell of its packet (net/netfilter/xt_AUDIT.c: audit_tg(), v6.18; many more fields until v4.12)?

import type { KernelMessage } from '../../model/kernel-line.js';
import { canonicalAddress } from '../../text/address.js';
import { protocolNumber } from '../../text/protocols.js';
import { emptyPacket, type PacketDraft } from './dump-state.js';

/** XT_AUDIT_TYPE_*, and the words that ausearch -i prints for them. */
const ACTIONS: ReadonlyMap<string, 'accept' | 'drop' | 'reject'> = new Map([
  ['0', 'accept'],
  ['1', 'drop'],
  ['2', 'reject'],
  ['accept', 'accept'],
  ['drop', 'drop'],
  ['reject', 'reject'],
]);
const HOOKS: ReadonlyMap<string, number> = new Map(
  ['prerouting', 'input', 'forward', 'output', 'postrouting'].map((name, hook) => [name, hook]),
);

function number(value: string): number | null {
  const read = /^(?:0x[0-9a-fA-F]{1,8}|\d{1,10})$/.test(value) ? Number(value) : Number.NaN;
  return Number.isNaN(read) ? null : read;
}

const text = (value: string): string | null => (value === '?' || value === '' ? null : value);

type NumberKey = 'lenBytes' | 'ipId' | 'sport' | 'dport' | 'icmpType' | 'icmpCode';
type TextKey = 'inIf' | 'outIf' | 'macSrc' | 'macDst';
type Put = (packet: PacketDraft, value: string) => void;

function asNumber(key: NumberKey): Put {
  return (packet, value) => {
    packet[key] = number(value);
  };
}

function asText(key: TextKey): Put {
  return (packet, value) => {
    packet[key] = text(value);
  };
}

function asAddress(key: 'src' | 'dst'): Put {
  return (packet, value) => {
    packet[key] = value === '?' ? null : canonicalAddress(value);
  };
}

/** Values that xt_AUDIT printed for "none" in some versions. */
const NO_MARK = '0xffffffff';
const NO_ETHERTYPE = '0xffff';

const FIELDS: ReadonlyMap<string, Put> = new Map<string, Put>([
  ['len', asNumber('lenBytes')],
  ['ipid', asNumber('ipId')],
  ['sport', asNumber('sport')],
  ['dport', asNumber('dport')],
  ['icmptype', asNumber('icmpType')],
  ['icmpcode', asNumber('icmpCode')],
  ['inif', asText('inIf')],
  ['outif', asText('outIf')],
  ['smac', asText('macSrc')],
  ['dmac', asText('macDst')],
  ['saddr', asAddress('src')],
  ['daddr', asAddress('dst')],
  [
    'mark',
    (packet, value) => {
      packet.mark = value === NO_MARK ? null : number(value);
    },
  ],
  [
    'macproto',
    (packet, value) => {
      packet.macProto = value === NO_ETHERTYPE ? null : value.replace(/^0x/, '');
    },
  ],
  [
    'proto',
    (packet, value) => {
      packet.proto = protocolNumber(value);
    },
  ],
  [
    'truncated',
    (packet, value) => {
      packet.isTruncated = value === '1';
    },
  ],
]);

/** Record fields that describe the record, not the packet. */
const RECORD_FIELDS = new Set(['type', 'msg', 'node', 'action', 'hook']);

/**
 * @param line one audit record, raw or as ausearch -i prints it, with or without 'type=…' in front.
 * @returns null when the record names no address and no protocol; src and dst are canonical, hidden ones as printed.
 */
export function parseAuditPacket(line: string): KernelMessage | null {
  const packet = emptyPacket();
  let action: 'accept' | 'drop' | 'reject' | null = null;
  let hook: number | null = null;
  const unknown: string[] = [];
  const behindStamp = line.indexOf(')', line.indexOf('audit('));
  const from = behindStamp < 0 ? 0 : behindStamp + 1;
  for (const match of line.slice(from).matchAll(/([a-z_]+)=("[^"]*"|\S*)/g)) {
    const [word, key, value] = match;
    if (key === undefined || value === undefined) continue;
    if (key === 'action') action = ACTIONS.get(value.toLowerCase()) ?? null;
    else if (key === 'hook') hook = HOOKS.get(value.toLowerCase()) ?? number(value);
    else if (!RECORD_FIELDS.has(key)) {
      const put = FIELDS.get(key);
      put?.(packet, value.replaceAll('"', ''));
      if (put === undefined) unknown.push(word);
    }
  }
  if (packet.src === null && packet.dst === null && packet.proto === null) return null;
  packet.family = packet.src?.includes(':') ? 'ip6' : packet.src !== null && /^[\d.]+$/.test(packet.src) ? 'ip' : null;
  packet.unknown = unknown;
  // Whatever kernel wrote it, the protocol is told behind the addresses.
  packet.isCut = packet.proto === null || packet.dst === null || packet.dst === '';
  return { kind: 'audit', action, hook, packet };
}
