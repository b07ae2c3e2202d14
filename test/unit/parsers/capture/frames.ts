// Frames and capture files for tests, put together from their fields, with checksums worked out in the plainest way.

function words(bytes: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) + (bytes[at + 1] ?? 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

export const be16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
export const be32 = (value: number): number[] => [...be16(Math.floor(value / 65536)), ...be16(value % 65536)];
const ipv4 = (text: string): number[] => text.split('.').map(Number);

export function ipv4Packet(
  src: string,
  dst: string,
  proto: number,
  payload: readonly number[],
  fragment = 0x4000,
): number[] {
  return [
    0x45,
    0,
    ...be16(20 + payload.length),
    ...be16(0x1234),
    ...be16(fragment),
    64,
    proto,
    0,
    0,
    ...ipv4(src),
    ...ipv4(dst),
    ...payload,
  ];
}

export interface TcpFields {
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly options?: readonly number[];
  readonly payload?: readonly number[];
  /** Instead of the right one. */
  readonly checksum?: number;
}

function pseudo(src: string, dst: string, proto: number, length: number): number[] {
  return [...ipv4(src), ...ipv4(dst), 0, proto, ...be16(length)];
}

export function pseudoSum(src: string, dst: string, proto: number, length: number): number {
  return words(pseudo(src, dst, proto, length));
}

export function tcpPacket(fields: TcpFields): number[] {
  const options = fields.options ?? [];
  const payload = fields.payload ?? [];
  const build = (checksum: number): number[] => [
    ...be16(fields.sport),
    ...be16(fields.dport),
    ...be32(fields.seq),
    ...be32(fields.ack),
    ((20 + options.length) / 4) << 4,
    fields.flags,
    ...be16(502),
    ...be16(checksum),
    ...be16(0),
    ...options,
    ...payload,
  ];
  const bare = build(0);
  const right = ~words([...pseudo(fields.src, fields.dst, 6, bare.length), ...bare]) & 0xffff;
  return ipv4Packet(fields.src, fields.dst, 6, build(fields.checksum ?? right));
}

export function ethernet(payload: readonly number[], ethertype = 0x0800, tags: readonly number[] = []): number[] {
  return [0, 0, 0x5e, 0, 0x53, 2, 0, 0, 0x5e, 0, 0x53, 1, ...tags, ...be16(ethertype), ...payload];
}

export interface PcapOptions {
  readonly isLittleEndian?: boolean;
  readonly isNano?: boolean;
  readonly linkType?: number;
  /** Bytes kept of every frame. */
  readonly snapLength?: number;
}

export function pcapFile(frames: readonly (readonly number[])[], options: PcapOptions = {}): Uint8Array {
  const { isLittleEndian = true, isNano = false, linkType = 1, snapLength = 65535 } = options;
  const out: number[] = [];
  const u32 = (value: number): void => void out.push(...(isLittleEndian ? be32(value).reverse() : be32(value)));
  const u16 = (value: number): void => void out.push(...(isLittleEndian ? be16(value).reverse() : be16(value)));
  u32(isNano ? 0xa1b23c4d : 0xa1b2c3d4);
  u16(2);
  u16(4);
  u32(0);
  u32(0);
  u32(snapLength);
  u32(linkType);
  frames.forEach((frame, index) => {
    const kept = frame.slice(0, snapLength);
    u32(1_700_000_000 + index);
    u32(isNano ? 123_456_789 : 123_456);
    u32(kept.length);
    u32(frame.length);
    out.push(...kept);
  });
  return Uint8Array.from(out);
}

const padded = (bytes: readonly number[]): number[] => [
  ...bytes,
  ...new Array<number>((4 - (bytes.length % 4)) % 4).fill(0),
];
const le16 = (value: number): number[] => be16(value).reverse();
const le32 = (value: number): number[] => be32(value).reverse();

function block(type: number, body: readonly number[]): number[] {
  const length = 12 + body.length;
  return [...le32(type), ...le32(length), ...body, ...le32(length)];
}

/** A little-endian pcapng file: one interface with a name and nanoseconds, a frame in each kind of packet block. */
/** @param drops packets that were dropped in front of the first one; the statistics at the end count one more */
export function pcapngFile(frame: readonly number[], nanoseconds: bigint, drops = 0): Uint8Array {
  const counted = (code: number, count: number) => [...le16(code), ...le16(8), ...le32(count), ...le32(0)];
  const name = [...'eth7'].map((letter) => letter.charCodeAt(0));
  const options = [...le16(2), ...le16(4), ...name, ...le16(9), ...le16(1), 9, 0, 0, 0, ...le16(0), ...le16(0)];
  const high = Number(nanoseconds >> 32n);
  const low = Number(nanoseconds & 0xffffffffn);
  return Uint8Array.from([
    ...block(0x0a0d0d0a, [...le32(0x1a2b3c4d), ...le16(1), ...le16(0), ...le32(0xffffffff), ...le32(0xffffffff)]),
    ...block(1, [...le16(1), ...le16(0), ...le32(65535), ...options]),
    ...block(6, [
      ...le32(0),
      ...le32(high),
      ...le32(low),
      ...le32(frame.length),
      ...le32(frame.length),
      ...padded(frame),
      ...(drops === 0 ? [] : counted(4, drops)),
    ]),
    ...block(3, [...le32(frame.length), ...padded(frame)]),
    ...block(2, [
      ...le16(0),
      ...le16(0),
      ...le32(high),
      ...le32(low),
      ...le32(frame.length),
      ...le32(frame.length),
      ...padded(frame),
    ]),
    ...block(5, [...le32(0), ...le32(0), ...le32(0), ...(drops === 0 ? [] : counted(5, drops + 1))]),
  ]);
}

/** An NFLOG packet as a little-endian host writes it (link type 239). */
export function nflogPacket(payload: readonly number[], prefix: string): number[] {
  const attribute = (type: number, value: readonly number[]): number[] =>
    padded([...le16(4 + value.length), ...le16(type), ...value]);
  return [
    2,
    0,
    ...be16(5),
    ...attribute(1, [8, 0, 3, 0]),
    ...attribute(10, [...[...prefix].map((letter) => letter.charCodeAt(0)), 0]),
    ...attribute(5, be32(4)),
    ...attribute(2, be32(7)),
    ...attribute(11, be32(1000)),
    ...attribute(3, [0, 0, 0, 0, ...be32(1_700_000_123), 0, 0, 0, 0, ...be32(654_321)]),
    ...attribute(19, be32(2)),
    ...attribute(9, payload),
  ];
}
