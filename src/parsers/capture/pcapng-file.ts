// Frames of a pcapng file: sections, interfaces with their own link type and clock, packets
// (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html).

import { type FrameReader, MAX_FRAME_BYTES, type NextFrame } from './pcap-file.js';

const SECTION = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const STATISTICS = 5;
const ENHANCED_PACKET = 6;
const OPTION_NAME = 2;
const OPTION_RESOLUTION = 9;
const OPTION_OFFSET = 14;
/** Packets that the interface or the operating system dropped: in front of one packet, or in all. */
const OPTION_PACKET_DROPS = 4;
const OPTION_INTERFACE_DROPS = 5;
const OPTION_SYSTEM_DROPS = 7;
const NOT_COUNTED = 0xffff;

interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly name: string | null;
  /** Microseconds of one tick. */
  readonly tickUs: number;
  readonly offsetUs: number;
}

const WAITING: NextFrame = { is: 'waiting' };
const SKIPPED: NextFrame = { is: 'skipped' };
const utf8 = new TextDecoder();

export function isPcapng(head: Uint8Array): boolean {
  const magic = [0x0a, 0x0d, 0x0d, 0x0a];
  if (!magic.every((byte, at) => head[at] === byte) || head.length < 12) return false;
  const order = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return order.getUint32(8) === BYTE_ORDER || order.getUint32(8, true) === BYTE_ORDER;
}

/** Microseconds of a tick: 10^-n, or 2^-n when the highest bit is set. */
function tickOf(resolution: number): number {
  const exponent = resolution & 0x7f;
  return 1e6 * (resolution & 0x80 ? 2 : 10) ** -exponent;
}

export function openPcapngReader(): FrameReader {
  let isLittleEndian = true;
  let interfaces: Interface[] = [];

  const readInterface = (body: Uint8Array): Interface => {
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    let name: string | null = null;
    let tickUs = 1;
    let offsetUs = 0;
    for (let at = 8; at + 4 <= body.length; ) {
      const code = view.getUint16(at, isLittleEndian);
      const length = view.getUint16(at + 2, isLittleEndian);
      const value = body.subarray(at + 4, at + 4 + length);
      if (code === 0 || value.length < length) break;
      if (code === OPTION_NAME) name = utf8.decode(value).replace(/\0.*$/s, '');
      if (code === OPTION_RESOLUTION && length >= 1) tickUs = tickOf(value[0] ?? 6);
      if (code === OPTION_OFFSET && length >= 8) {
        offsetUs = Number(view.getBigInt64(at + 4, isLittleEndian)) * 1e6;
      }
      at += 4 + length + ((4 - (length % 4)) % 4);
    }
    return {
      linkType: view.getUint16(0, isLittleEndian),
      snapLength: view.getUint32(4, isLittleEndian),
      name,
      tickUs,
      offsetUs,
    };
  };

  /** The sum of counts of 64 bits among the options from `at` on. */
  const countOf = (body: Uint8Array, from: number, codes: readonly number[]): number => {
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    let count = 0;
    for (let at = from; at + 4 <= body.length; ) {
      const code = view.getUint16(at, isLittleEndian);
      const length = view.getUint16(at + 2, isLittleEndian);
      if (code === 0 || at + 4 + length > body.length) break;
      if (codes.includes(code) && length === 8) count += Number(view.getBigUint64(at + 4, isLittleEndian));
      at += 4 + length + ((4 - (length % 4)) % 4);
    }
    return count;
  };

  const droppedBefore = (type: number, body: Uint8Array, captured: number): number => {
    if (type === SIMPLE_PACKET) return 0;
    const count = type === OLD_PACKET ? new DataView(body.buffer, body.byteOffset).getUint16(2, isLittleEndian) : 0;
    if (type === OLD_PACKET) return count === NOT_COUNTED ? 0 : count;
    return countOf(body, 20 + captured + ((4 - (captured % 4)) % 4), [OPTION_PACKET_DROPS]);
  };

  const time = (face: Interface, high: number, low: number): number => {
    const ticks = (BigInt(high) << 32n) | BigInt(low);
    // Whole seconds apart from the fraction: a nanosecond clock of today is beyond what a double holds exactly.
    const perSecond = BigInt(Math.round(1e6 / face.tickUs));
    const seconds = Number(ticks / perSecond);
    const fraction = Number(ticks % perSecond);
    return seconds * 1e6 + Math.floor(fraction * face.tickUs) + face.offsetUs;
  };

  const readPacket = (type: number, body: Uint8Array): NextFrame => {
    const isSimple = type === SIMPLE_PACKET;
    const headBytes = isSimple ? 4 : 20;
    if (body.length < headBytes) return { is: 'broken', reason: 'a packet block that is too short' };
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    const index = isSimple
      ? 0
      : type === OLD_PACKET
        ? view.getUint16(0, isLittleEndian)
        : view.getUint32(0, isLittleEndian);
    const face = interfaces[index];
    if (face === undefined) return { is: 'broken', reason: `interface ${index} was never described` };
    const wireLength = view.getUint32(isSimple ? 0 : 16, isLittleEndian);
    const limit = face.snapLength === 0 ? wireLength : Math.min(wireLength, face.snapLength);
    const captured = isSimple ? limit : view.getUint32(12, isLittleEndian);
    if (headBytes + captured > body.length && !isSimple)
      return { is: 'broken', reason: 'a packet longer than its block' };
    return {
      is: 'frame',
      frame: {
        linkType: face.linkType,
        bytes: body.subarray(headBytes, headBytes + captured),
        wireLength,
        atUs: isSimple ? null : time(face, view.getUint32(4, isLittleEndian), view.getUint32(8, isLittleEndian)),
        interface: face.name,
        isLittleEndian,
      },
      droppedBefore: droppedBefore(type, body, captured),
    };
  };

  return {
    next(queue) {
      const head = queue.peek(12);
      if (head === null) return WAITING;
      const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
      const isSection = view.getUint32(0) === SECTION;
      if (isSection) {
        const isLittle = view.getUint32(8, true) === BYTE_ORDER;
        if (!isLittle && view.getUint32(8) !== BYTE_ORDER)
          return { is: 'broken', reason: 'a section of unknown byte order' };
        isLittleEndian = isLittle;
        interfaces = [];
      }
      const type = view.getUint32(0, isLittleEndian);
      const length = view.getUint32(4, isLittleEndian);
      if (length < 12 || length % 4 !== 0 || length > MAX_FRAME_BYTES)
        return { is: 'broken', reason: `a block of ${length} bytes: the file is damaged` };
      const block = queue.peek(length);
      if (block === null) return WAITING;
      queue.drop(length);
      const body = block.subarray(8, length - 4);
      if (type === INTERFACE && body.length >= 8) {
        interfaces.push(readInterface(body));
        return SKIPPED;
      }
      if (type === STATISTICS) {
        const dropped = countOf(body, 12, [OPTION_INTERFACE_DROPS, OPTION_SYSTEM_DROPS]);
        return dropped > 0 ? { is: 'dropped', count: dropped } : SKIPPED;
      }
      return type === ENHANCED_PACKET || type === OLD_PACKET || type === SIMPLE_PACKET
        ? readPacket(type, body)
        : SKIPPED;
    },
  };
}
