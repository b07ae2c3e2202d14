// Ethernet frames of the steps, byte by byte, with right checksums unless a step wants them wrong.

import { addressBytes } from '../../src/text/address-bytes.js';
import { tcpFlagBits } from '../../src/tracker/packet.js';
import {
  addressesOf,
  type ErrorStep,
  hopLimitOf,
  isRedirect,
  type Place,
  quotedOf,
  SERVER_PORT,
  type Sequence,
  type Step,
  type TcpStep,
} from './sequence.js';

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;

/** Frame from and to these hardware addresses ('00:00:5e:…'). */
export function frameOf(step: Step, sequence: Sequence, place: Place, macs: { from: string; to: string }): Buffer {
  const { src, dst } = addressesOf(step, place);
  const type = sequence.family === 4 ? 0x0800 : 0x86dd;
  const ethernet = Buffer.from(`${macs.to}${macs.from}`.replaceAll(':', ''), 'hex');
  return Buffer.concat([
    ethernet,
    uint16(type),
    ipPacket(sequence.family, src, dst, ...transportOf(step, sequence, place, src, dst), hopLimitOf(step)),
  ]);
}

function transportOf(step: Step, sequence: Sequence, place: Place, src: string, dst: string): [number, Buffer] {
  const { family } = sequence;
  const [sport, dport] = step.from === 'client' ? [place.port, SERVER_PORT] : [SERVER_PORT, place.port];
  if (step.kind === 'tcp') return [TCP, tcpSegment(step, sport, dport, src, dst)];
  if (step.kind === 'udp') {
    const length = step.fault === 'truncated' ? 200 : 12;
    const datagram = Buffer.concat([uint16(sport), uint16(dport), uint16(length), uint16(0), Buffer.from('data')]);
    return [UDP, damaged(withSum(datagram, 6, UDP, src, dst), 6, step.fault)];
  }
  const proto = family === 4 ? ICMP : ICMPV6;
  if (step.kind === 'query') {
    const message = Buffer.concat([
      Buffer.from([step.type, step.code]),
      uint16(0),
      uint16(place.port),
      uint16(1),
      Buffer.from('data'),
    ]);
    return [proto, damaged(withSum(message, 2, proto, src, dst), 2, step.fault)];
  }
  const quoted = quotedPacket(step, sequence, place);
  const body = isRedirect(step) ? redirectBody(quoted, dst) : quoted;
  const message = Buffer.concat([Buffer.from([step.type, step.code]), Buffer.alloc(6), body]);
  return [proto, withSum(message, 2, proto, src, dst)];
}

function tcpSegment(step: TcpStep, sport: number, dport: number, src: string, dst: string): Buffer {
  const options = Buffer.from(step.options, 'hex');
  const words = step.fault === 'truncated' ? 15 : 5 + options.length / 4;
  const segment = Buffer.concat([
    uint16(sport),
    uint16(dport),
    uint32(step.seq),
    uint32(step.ack),
    Buffer.from([words << 4, tcpFlagBits(step.flags)]),
    uint16(step.window),
    Buffer.alloc(4),
    options,
    Buffer.alloc(step.fault === 'truncated' ? 0 : step.payload, 'x'),
  ]);
  return damaged(withSum(segment, 16, TCP, src, dst), 16, step.fault);
}

function damaged(data: Buffer, sumAt: number, fault: TcpStep['fault']): Buffer {
  if (fault === 'no-ports') return data.subarray(0, 2);
  if (fault === 'short') return data.subarray(0, 6);
  if (fault === 'bad-checksum') data[sumAt] = data[sumAt]! ^ 0x55;
  return data;
}

function quotedPacket(step: ErrorStep, sequence: Sequence, place: Place): Buffer {
  const quoted = quotedOf(step, sequence, place);
  const proto = { tcp: TCP, udp: UDP, icmp: ICMP, icmpv6: ICMPV6 }[quoted.proto];
  const head =
    sequence.proto === 'icmp'
      ? Buffer.concat([Buffer.from([quoted.b >> 8, quoted.b & 0xff]), uint16(0), uint16(quoted.a), uint16(1)])
      : Buffer.concat([uint16(quoted.a), uint16(quoted.b), uint32(1)]);
  return ipPacket(sequence.family, quoted.src, quoted.dst, proto, head.subarray(0, step.quotedBytes));
}

/** RFC 4861: target, destination, and the packet in an option whose length counts eights. */
function redirectBody(quoted: Buffer, destination: string): Buffer {
  const padding = Buffer.alloc(-quoted.length & 7);
  const option = Buffer.from([4, (8 + quoted.length + padding.length) / 8, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([bytesOf('fe80::2'), bytesOf(destination), option, quoted, padding]);
}

function ipPacket(family: 4 | 6, src: string, dst: string, proto: number, content: Buffer, hopLimit = 64): Buffer {
  if (family === 6) {
    const head = Buffer.from([0x60, 0, 0, 0, ...uint16(content.length), proto, hopLimit]);
    return Buffer.concat([head, bytesOf(src), bytesOf(dst), content]);
  }
  const head = Buffer.concat([
    Buffer.from([0x45, 0]),
    uint16(20 + content.length),
    Buffer.from([0, 1, 0x40, 0, 64, proto, 0, 0]),
    bytesOf(src),
    bytesOf(dst),
  ]);
  head.writeUInt16BE(checksum(head), 10);
  return Buffer.concat([head, content]);
}

/** Fills in the checksum at `sumAt`; ICMP of IPv4 has no pseudo header. */
function withSum(data: Buffer, sumAt: number, proto: number, src: string, dst: string): Buffer {
  const pseudo =
    proto === ICMP ? Buffer.alloc(0) : Buffer.concat([bytesOf(src), bytesOf(dst), uint32(data.length), uint32(proto)]);
  const sum = checksum(Buffer.concat([pseudo, data]));
  data.writeUInt16BE(sum === 0 && proto === UDP ? 0xffff : sum, sumAt);
  return data;
}

function checksum(data: Buffer): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) sum += (data[at]! << 8) | (data[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function bytesOf(address: string): Buffer {
  return Buffer.from(addressBytes(address) ?? []);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
