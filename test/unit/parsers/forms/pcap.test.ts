import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CapturedPacket } from '../../../../src/model/capture.js';
import type { BinaryForm } from '../../../../src/parsers/form.js';
import { pcapForm, pcapngForm } from '../../../../src/parsers/forms/pcap.js';
import {
  be16,
  be32,
  ethernet,
  ipv4Packet,
  nflogPacket,
  pcapFile,
  pcapngFile,
  pseudoSum,
  tcpPacket,
} from '../capture/frames.js';

interface ReadBytes {
  readonly packets: readonly CapturedPacket[];
  readonly unread: readonly { readonly line: number; readonly reason: string }[];
}

function readBytes(form: BinaryForm, chunks: readonly Uint8Array[]): ReadBytes {
  const packets: CapturedPacket[] = [];
  const reader = form.open((record) => record.kind === 'captured-packet' && packets.push(record.captured), {
    fileName: 'capture.pcap',
    command: null,
  });
  const unread = chunks.flatMap((chunk) => [...reader.bytes(chunk)]);
  return { packets, unread: [...unread, ...reader.end(), ...reader.end()] };
}

const SYN = {
  src: '192.0.2.1',
  dst: '198.51.100.2',
  sport: 40000,
  dport: 443,
  seq: 4_000_000_001,
  ack: 0,
  flags: 2,
  options: [2, 4, 5, 0xb4, 4, 2, 1, 1, 1, 3, 3, 7],
};

describe('pcap', () => {
  it.each([
    [true, false],
    [false, false],
    [true, true],
    [false, true],
  ])('reads a SYN whatever the byte order (%s) and the clock (%s)', (isLittleEndian, isNano) => {
    const file = pcapFile([ethernet(tcpPacket(SYN))], { isLittleEndian, isNano });
    expect(pcapForm.recognise(file)).toBe(true);
    const { packets, unread } = readBytes(pcapForm, [file]);
    expect(unread).toEqual([]);
    expect(packets).toHaveLength(1);
    expect(packets[0]).toMatchObject({ atUs: 1_700_000_000_123_456, checksum: 'good', payloadBytes: 0, nflog: null });
    expect(packets[0]!.packet).toMatchObject({
      family: 'ip',
      macSrc: '00:00:5e:00:53:01',
      macDst: '00:00:5e:00:53:02',
      src: '192.0.2.1',
      dst: '198.51.100.2',
      lenBytes: 52,
      ttl: 64,
      ipId: 0x1234,
      dontFragment: true,
      proto: 6,
      sport: 40000,
      dport: 443,
      seq: 4_000_000_001,
      ack: 0,
      flags: 'SYN',
      window: 502,
      tcpOptions: '020405B40402010101030307',
      isTruncated: false,
    });
  });

  it('tells a wrong checksum from one that the network card had still to finish', () => {
    const bad = ethernet(tcpPacket({ ...SYN, checksum: 0x1111 }));
    const unfinished = ethernet(tcpPacket({ ...SYN, checksum: pseudoSum(SYN.src, SYN.dst, 6, 32) }));
    const { packets } = readBytes(pcapForm, [pcapFile([bad, unfinished])]);
    expect(packets.map(({ checksum }) => checksum)).toEqual(['bad', null]);
  });

  it('counts the payload by the header, not by the bytes that a short snapshot length kept', () => {
    const frame = ethernet(tcpPacket({ ...SYN, flags: 0x18, options: [], payload: new Array<number>(100).fill(65) }));
    const { packets } = readBytes(pcapForm, [pcapFile([frame], { snapLength: 60 })]);
    expect(packets[0]).toMatchObject({ payloadBytes: 100, checksum: null });
    expect(packets[0]!.packet).toMatchObject({ flags: 'PSH ACK', lenBytes: 140, isTruncated: false });
  });

  it('says of a header that was not captured whole that it is truncated, and keeps what is there', () => {
    const { packets } = readBytes(pcapForm, [pcapFile([ethernet(tcpPacket(SYN))], { snapLength: 14 + 20 + 8 })]);
    expect(packets[0]!.packet).toMatchObject({
      sport: 40000,
      dport: 443,
      seq: 4_000_000_001,
      ack: null,
      flags: null,
      isTruncated: true,
    });
  });

  it('reads through VLAN tags and gives the inner one', () => {
    const tagged = ethernet(tcpPacket(SYN), 0x0800, [...be16(0x88a8), ...be16(100), ...be16(0x8100), ...be16(0x2005)]);
    const { packets } = readBytes(pcapForm, [pcapFile([tagged])]);
    expect(packets[0]!.packet).toMatchObject({ vlanTci: 0x2005, vlanProto: '8100', sport: 40000 });
  });

  it.each([
    [113, [0, 0, 0, 1, 0, 6, 0, 0, 0x5e, 0, 0x53, 1, 0, 0, 8, 0]],
    [276, [8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 0, 0, 0x5e, 0, 0x53, 1, 0, 0]],
    [101, []],
    [228, []],
    [12, []],
    [0, [2, 0, 0, 0]],
  ])('reads link type %i', (linkType, head) => {
    const { packets, unread } = readBytes(pcapForm, [pcapFile([[...head, ...tcpPacket(SYN)]], { linkType })]);
    expect(unread).toEqual([]);
    expect(packets[0]!.packet).toMatchObject({ src: '192.0.2.1', dport: 443, flags: 'SYN' });
    if (linkType === 276) expect(packets[0]!.packet.outIf).toBe('ifindex:3');
  });

  it('gives ports of the first fragment only', () => {
    const payload = tcpPacket(SYN).slice(20);
    const first = ipv4Packet('192.0.2.1', '198.51.100.2', 6, payload, 0x2000);
    const second = ipv4Packet('192.0.2.1', '198.51.100.2', 6, payload, 0x0004);
    const { packets } = readBytes(pcapForm, [pcapFile([ethernet(first), ethernet(second)])]);
    expect(packets.map(({ packet }) => [packet.fragmentOffsetBytes, packet.moreFragments, packet.sport])).toEqual([
      [0, true, 40000],
      [32, false, null],
    ]);
    expect(packets.map(({ checksum, payloadBytes }) => [checksum, payloadBytes])).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  it('reads the packet that an ICMP error quotes', () => {
    const quoted = ipv4Packet('198.51.100.2', '192.0.2.1', 17, [...be16(53), ...be16(40001), ...be16(40), 0, 0]);
    const error = ipv4Packet('192.0.2.1', '198.51.100.2', 1, [3, 4, 0, 0, 0, 0, ...be16(1400), ...quoted]);
    const { packets } = readBytes(pcapForm, [pcapFile([ethernet(error)])]);
    expect(packets[0]!.packet).toMatchObject({ icmpType: 3, icmpCode: 4, mtu: 1400 });
    expect(packets[0]!.packet.quoted).toMatchObject({ src: '198.51.100.2', proto: 17, sport: 53, dport: 40001 });
  });

  it.each([
    [4, []],
    [47, [0, 0, 8, 0]],
    [47, [0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1]],
  ])('reads the packet inside a tunnel (protocol %i)', (proto, head) => {
    const outer = ipv4Packet('203.0.113.1', '203.0.113.2', proto, [...head, ...tcpPacket(SYN)]);
    const { packets } = readBytes(pcapForm, [pcapFile([ethernet(outer)])]);
    expect(packets[0]!.packet).toMatchObject({ src: '203.0.113.1', proto, sport: null });
    expect(packets[0]!.packet.quoted).toMatchObject({ src: '192.0.2.1', sport: 40000, flags: 'SYN', seq: SYN.seq });
  });

  it('reads IPv6 behind extension headers', () => {
    const tcp = tcpPacket(SYN).slice(20);
    const address = (last: number): number[] => [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), last];
    const hopByHop = [44, 0, 1, 4, 0, 0, 0, 0];
    const fragment = [6, 0, ...be16(1), ...be32(0xabcdef01)];
    const payload = [...hopByHop, ...fragment, ...tcp];
    const packet = [...be32(0x60012345), ...be16(payload.length), 0, 61, ...address(1), ...address(2), ...payload];
    const { packets } = readBytes(pcapForm, [pcapFile([ethernet(packet, 0x86dd)])]);
    expect(packets[0]!.packet).toMatchObject({
      family: 'ip6',
      src: '2001:db8::1',
      dst: '2001:db8::2',
      ttl: 61,
      flowLabel: 0x12345,
      fragmentId: 'abcdef01',
      fragmentOffsetBytes: 0,
      moreFragments: true,
      proto: 6,
      dport: 443,
    });
  });

  it('reads what NFLOG says beside the packet', () => {
    const file = pcapFile([nflogPacket(tcpPacket(SYN), 'nf_ct_proto_6: invalid new ')], { linkType: 239 });
    const { packets, unread } = readBytes(pcapForm, [file]);
    expect(unread).toEqual([]);
    expect(packets[0]).toMatchObject({
      atUs: 1_700_000_123_654_321,
      nflog: { prefix: 'nf_ct_proto_6: invalid new ', hook: 3, group: 5 },
    });
    expect(packets[0]!.packet).toMatchObject({
      outIf: 'ifindex:4',
      mark: 7,
      uid: 1000,
      sport: 40000,
      unknown: ['CTINFO=NEW'],
    });
  });

  it('says where a file breaks off, where it is damaged, and which link type it does not read', () => {
    const file = pcapFile([ethernet(tcpPacket(SYN)), ethernet(tcpPacket(SYN))]);
    const cut = readBytes(pcapForm, [file.slice(0, file.length - 10)]);
    expect(cut.packets).toHaveLength(1);
    expect(cut.unread).toEqual([{ line: 2, reason: 'the file ends within this packet (72 bytes of it are there)' }]);
    const damaged = file.slice();
    damaged[24 + 11] = 0xff;
    expect(readBytes(pcapForm, [damaged]).unread).toEqual([
      { line: 1, reason: expect.stringContaining('damaged') as string },
    ]);
    const wireless = readBytes(pcapForm, [pcapFile([[1], [2]], { linkType: 105 })]);
    expect(wireless.unread).toEqual([{ line: 1, reason: 'link type 105 is not read' }]);
  });

  it('gives the same packets however the bytes arrive', () => {
    const file = pcapFile([
      ethernet(tcpPacket(SYN)),
      nflogPacket([1], ''),
      ethernet(tcpPacket({ ...SYN, flags: 0x11 })),
    ]);
    const whole = readBytes(pcapForm, [file]);
    fc.assert(
      fc.property(fc.array(fc.nat(file.length), { maxLength: 12 }), (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), file.length];
        const chunks = edges.slice(1).map((edge, index) => file.slice(edges[index], edge));
        expect(readBytes(pcapForm, chunks)).toEqual(whole);
      }),
    );
  });

  it('never throws, whatever the bytes of a frame or of the file are', () => {
    const valid = [ethernet(tcpPacket(SYN)), nflogPacket(tcpPacket(SYN), 'x')];
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 9, 12, 101, 113, 228, 239, 276),
        fc.constantFrom(...valid),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 8 }),
        fc.nat(120),
        (linkType, frame, changes, length) => {
          const changed = frame.slice(0, length);
          for (const [at, value] of changes) if (at < changed.length) changed[at] = value;
          readBytes(pcapForm, [pcapFile([changed], { linkType })]);
        },
      ),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readBytes(pcapForm, [bytes])));
  });
});

describe('pcapng', () => {
  const FRAME = ethernet(tcpPacket(SYN));
  const FILE = pcapngFile(FRAME, 1_700_000_000_987_654_321n, 12);

  it('reads each kind of packet block with the name and the clock of its interface', () => {
    expect(pcapngForm.recognise(FILE)).toBe(true);
    const { packets, unread } = readBytes(pcapngForm, [FILE]);
    expect(unread).toEqual([]);
    expect(packets.map(({ atUs, interface: name }) => [atUs, name])).toEqual([
      [1_700_000_000_987_654, 'eth7'],
      [null, 'eth7'],
      [1_700_000_000_987_654, 'eth7'],
    ]);
    expect(packets.every(({ packet }) => packet.flags === 'SYN' && packet.sport === 40000)).toBe(true);
  });

  it('says what was dropped: where a packet tells of it, and in all', () => {
    const statements: unknown[] = [];
    const reader = pcapngForm.open((record) => void (record.kind === 'bundle' && statements.push(record.statement)), {
      fileName: 'wire.pcapng',
      command: null,
    });
    reader.bytes(FILE);
    reader.end();
    const lost = { kind: 'coverage', what: 'capture', state: 'lost' };
    expect(statements).toEqual([
      { ...lost, fromUs: null, toUs: 1_700_000_000_987_654, why: 'the capture says that 12 packets were dropped' },
      { ...lost, fromUs: null, toUs: null, why: 'the capture says that 1 packet was dropped' },
    ]);
  });

  it('never throws on changed, cut or split files', () => {
    fc.assert(
      fc.property(
        fc.nat(FILE.length),
        fc.nat(FILE.length),
        fc.array(fc.tuple(fc.nat(FILE.length - 1), fc.nat(255)), { maxLength: 6 }),
        (length, cut, changes) => {
          const changed = FILE.slice(0, length);
          for (const [at, value] of changes) if (at < changed.length) changed[at] = value;
          readBytes(pcapngForm, [changed.slice(0, cut), changed.slice(cut)]);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
