// A packet as nfnetlink_log handed it out (pcap link type 239): the rule's prefix, hook, interfaces, mark, owner, and the packet itself.
// Attributes: include/uapi/linux/netfilter/nfnetlink_log.h, v6.18. Their heads are in the byte order of the capturing host.

import type { PacketDraft } from '../../model/packet.js';
import { type DecodedIp, decodeIp } from './decode-ip.js';
import { macText, u16, u32 } from './octets.js';

export interface DecodedNflog extends DecodedIp {
  readonly nflog: { readonly prefix: string; readonly hook: number | null; readonly group: number | null };
  /** When the kernel saw the packet, microseconds since the epoch; NULL when it noted none. */
  readonly atUs: number | null;
}

interface Draft {
  prefix: string;
  hook: number | null;
  atUs: number | null;
  decoded: DecodedIp;
}

type Attribute = (packet: PacketDraft, draft: Draft, value: Uint8Array) => void;

const interfaceName = (value: Uint8Array): string => `ifindex:${u32(value, 0)}`;
const utf8 = new TextDecoder();

/** CTA_… are nested in attribute 18; the state of the packet itself is 19. Names as enum ip_conntrack_info orders them. */
const CT_INFO = [
  'ESTABLISHED',
  'RELATED',
  'NEW',
  'ESTABLISHED,REPLY',
  'RELATED,REPLY',
  'NEW,REPLY',
  'UNTRACKED',
] as const;

const ATTRIBUTES: ReadonlyMap<number, readonly [bytes: number, Attribute]> = new Map<
  number,
  readonly [number, Attribute]
>([
  [
    1,
    [
      4,
      (packet, draft, value) => {
        draft.hook = value[2] ?? null;
        packet.macProto ??= u16(value, 0).toString(16).padStart(4, '0');
      },
    ],
  ],
  [
    2,
    [
      4,
      (packet, _draft, value) => {
        packet.mark = u32(value, 0);
      },
    ],
  ],
  [
    3,
    [
      16,
      (_packet, draft, value) => {
        const seconds = u32(value, 0) * 2 ** 32 + u32(value, 4);
        if (seconds > 0 && seconds < 2 ** 34) draft.atUs = seconds * 1e6 + u32(value, 12);
      },
    ],
  ],
  [
    4,
    [
      4,
      (packet, _draft, value) => {
        packet.inIf = interfaceName(value);
      },
    ],
  ],
  [
    5,
    [
      4,
      (packet, _draft, value) => {
        packet.outIf = interfaceName(value);
      },
    ],
  ],
  [
    6,
    [
      4,
      (packet, _draft, value) => {
        packet.physIn = interfaceName(value);
      },
    ],
  ],
  [
    7,
    [
      4,
      (packet, _draft, value) => {
        packet.physOut = interfaceName(value);
      },
    ],
  ],
  [
    8,
    [
      10,
      (packet, _draft, value) => {
        const length = u16(value, 0);
        if (length > 0 && length <= 8) packet.macSrc = macText(value, 4, length);
      },
    ],
  ],
  [
    9,
    [
      0,
      (packet, draft, value) => {
        // The kernel may have copied only the first bytes: the length is in the packet's own header.
        draft.decoded = decodeIp(packet, value, 0, value.length, value.length);
      },
    ],
  ],
  [
    10,
    [
      1,
      (_packet, draft, value) => {
        draft.prefix = utf8.decode(value).replace(/\0.*$/s, '');
      },
    ],
  ],
  [
    11,
    [
      4,
      (packet, _draft, value) => {
        packet.uid = u32(value, 0);
      },
    ],
  ],
  [
    14,
    [
      4,
      (packet, _draft, value) => {
        packet.gid = u32(value, 0);
      },
    ],
  ],
  [
    16,
    [
      0,
      (packet, _draft, value) => {
        packet.mac = macText(value, 0, value.length);
        if (value.length !== 14) return;
        packet.macDst = macText(value, 0);
        packet.macSrc = macText(value, 6);
        packet.macProto = u16(value, 12).toString(16).padStart(4, '0');
      },
    ],
  ],
  [
    19,
    [
      4,
      (packet, _draft, value) => {
        const state = u32(value, 0);
        packet.unknown = [...packet.unknown, `CTINFO=${CT_INFO[state] ?? state}`];
      },
    ],
  ],
]);

/** @returns NULL when the bytes are no NFLOG packet. */
export function decodeNflog(packet: PacketDraft, bytes: Uint8Array, isLittleEndian: boolean): DecodedNflog | null {
  if (bytes.length < 4 || bytes[1] !== 0) return null;
  const draft: Draft = { prefix: '', hook: null, atUs: null, decoded: { payloadBytes: null, checksum: null } };
  const number = (at: number): number =>
    isLittleEndian ? ((bytes[at + 1] ?? 0) << 8) | (bytes[at] ?? 0) : u16(bytes, at);
  for (let at = 4; at + 4 <= bytes.length; ) {
    const length = number(at);
    const type = number(at + 2) & 0x3fff;
    if (length < 4) break;
    const end = Math.min(at + length, bytes.length);
    const value = bytes.subarray(at + 4, end);
    const attribute = ATTRIBUTES.get(type);
    if (attribute !== undefined && value.length >= attribute[0]) attribute[1](packet, draft, value);
    if (end < at + length) packet.isTruncated = true;
    at += length + ((4 - (length % 4)) % 4);
  }
  return {
    ...draft.decoded,
    nflog: { prefix: draft.prefix, hook: draft.hook, group: u16(bytes, 2) },
    atUs: draft.atUs,
  };
}
