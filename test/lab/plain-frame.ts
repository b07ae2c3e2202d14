// Ethernet frames of one packet each, with right checksums: TCP, UDP and ICMP over IPv4 and IPv6.

import { addressBytes } from '../../src/text/address-bytes.js';

export interface PlainPacket {
  readonly src: string;
  readonly dst: string;
  readonly proto: 'tcp' | 'udp' | 'icmp' | 'icmpv6';
  readonly sport: number;
  readonly dport: number;
  /** Of TCP, one bit each from FIN up. */
  readonly flags: number;
  readonly icmpType: number;
}

const NUMBERS = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 } as const;

function uint16(value: number): Buffer {
  return Buffer.from([(value >> 8) & 255, value & 255]);
}

function sumOf(data: Buffer): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) sum += ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** Puts the checksum over the pseudo header and the data at a place. */
function withSum(data: Buffer, at: number, proto: number, src: Buffer, dst: Buffer): Buffer {
  const head = Buffer.concat([src, dst, uint16(0), uint16(data.length), uint16(0), Buffer.from([0, proto])]);
  uint16(sumOf(Buffer.concat([head, data]))).copy(data, at);
  return data;
}

function transport({ proto, sport, dport, flags, icmpType }: PlainPacket, src: Buffer, dst: Buffer): Buffer {
  const number = NUMBERS[proto];
  if (proto === 'tcp') {
    const ack = flags & 0x10 ? Buffer.from([0, 0, 0, 9]) : Buffer.alloc(4);
    const rest = Buffer.concat([Buffer.from([0x50, flags]), uint16(1024), Buffer.alloc(4)]);
    return withSum(
      Buffer.concat([uint16(sport), uint16(dport), Buffer.from([0, 0, 0, 7]), ack, rest]),
      16,
      number,
      src,
      dst,
    );
  }
  if (proto === 'udp')
    return withSum(
      Buffer.concat([uint16(sport), uint16(dport), uint16(12), uint16(0), Buffer.from('data')]),
      6,
      number,
      src,
      dst,
    );
  const message = Buffer.concat([Buffer.from([icmpType, 0]), uint16(0), uint16(sport), uint16(1), Buffer.from('data')]);
  if (proto === 'icmpv6') return withSum(message, 2, number, src, dst);
  uint16(sumOf(message)).copy(message, 2);
  return message;
}

/** The frame of a packet, from and to hardware addresses ('00:00:5e:…'). */
export function plainFrame(packet: PlainPacket, macs: { readonly from: string; readonly to: string }): Buffer {
  const [src, dst] = [Buffer.from(addressBytes(packet.src) ?? []), Buffer.from(addressBytes(packet.dst) ?? [])];
  const data = transport(packet, src, dst);
  const proto = NUMBERS[packet.proto];
  const ethernet = Buffer.from(`${macs.to}${macs.from}`.replaceAll(':', ''), 'hex');
  if (src.length === 16) {
    const head = Buffer.concat([Buffer.from([0x60, 0, 0, 0]), uint16(data.length), Buffer.from([proto, 64]), src, dst]);
    return Buffer.concat([ethernet, uint16(0x86dd), head, data]);
  }
  const head = Buffer.concat([
    Buffer.from([0x45, 0]),
    uint16(20 + data.length),
    uint16(packet.sport),
    uint16(0x4000),
    Buffer.from([64, proto]),
    uint16(0),
    src,
    dst,
  ]);
  uint16(sumOf(head)).copy(head, 10);
  return Buffer.concat([ethernet, uint16(0x0800), head, data]);
}
