// Any packet that the kernel's logger can print, for property tests: the field combinations are nf_log_syslog's, the values arbitrary.

import fc from 'fast-check';
import type { Packet } from '../../../src/model/packet.js';
import { emptyPacket, FLAG_WORDS } from '../../../src/parsers/netfilter-log/dump-state.js';
import { canonicalAddress } from '../../../src/text/address.js';

const byte = fc.integer({ min: 0, max: 255 });
const word = fc.integer({ min: 0, max: 65_535 });
const long = fc.integer({ min: 0, max: 0xffff_ffff });
const bool = fc.boolean();
const device = fc.constantFrom('eth0', 'ppp0', 'br-lan.42', 'tap101i0', 'wg0', 'lxc33eaff370fce');
const hexPair = byte.map((value) => value.toString(16).padStart(2, '0'));
const macAddress = fc.array(hexPair, { minLength: 6, maxLength: 6 }).map((pairs) => pairs.join(':'));
const ipv4 = fc.array(byte, { minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'));
const group = fc.oneof(
  fc.constant('0'),
  word.map((value) => value.toString(16)),
);
/** Canonical; mapped addresses (::ffff:a.b.c.d) have another text in a dump and are left out. */
const ipv6 = fc
  .array(group, { minLength: 8, maxLength: 8 })
  .map((groups) => canonicalAddress(groups.join(':')))
  .filter((address) => !address.includes('.'));
const options = fc.array(hexPair, { minLength: 1, maxLength: 40 }).map((pairs) => pairs.join('').toUpperCase());

const tcp = fc
  .record({
    sport: word,
    dport: word,
    hasSeq: bool,
    seq: long,
    ack: long,
    window: word,
    res: byte,
    bits: byte,
    urgp: word,
    tcpOptions: fc.option(options),
  })
  .map(({ hasSeq, bits, seq, ack, ...rest }) => ({
    ...rest,
    proto: 6,
    seq: hasSeq ? seq : null,
    ack: hasSeq ? ack : null,
    flags: FLAG_WORDS.filter((_, index) => (bits >> index) & 1).join(' '),
  }));
const udp = fc.record({ proto: fc.constantFrom(17, 136), sport: word, dport: word, udpLenBytes: word });
const echo = (proto: number, ...types: number[]): fc.Arbitrary<Partial<Packet>> =>
  fc.record({
    proto: fc.constant(proto),
    icmpType: fc.constantFrom(...types),
    icmpCode: byte,
    icmpId: word,
    icmpSeq: word,
  });
const short = fc.record({ proto: fc.constantFrom(6, 17, 136), incompleteBytes: fc.integer({ min: 0, max: 19 }) });
const other = fc.record({ proto: fc.constantFrom(2, 33, 47, 89, 132) });

const withoutPayload: fc.Arbitrary<Partial<Packet>> = fc.oneof(tcp, udp, short, other);

function ipv4Packet(transport: fc.Arbitrary<Partial<Packet>>): fc.Arbitrary<Packet> {
  return fc
    .record({
      head: fc.record({
        src: ipv4,
        dst: ipv4,
        lenBytes: word,
        tos: byte.map((value) => value & 0x1e),
        prec: byte.map((value) => value & 0xe0),
        ttl: byte,
        ipId: word,
        reservedBit: bool,
        dontFragment: bool,
        moreFragments: bool,
        ipOptions: fc.option(options),
      }),
      transport,
    })
    .map((parts) => ({ ...emptyPacket(), family: 'ip' as const, ...parts.head, ...parts.transport }));
}

function ipv6Packet(transport: fc.Arbitrary<Partial<Packet>>): fc.Arbitrary<Packet> {
  return fc
    .record({
      head: fc.record({
        src: ipv6,
        dst: ipv6,
        lenBytes: word,
        trafficClass: byte,
        ttl: byte,
        flowLabel: fc.integer({ min: 0, max: 0xfffff }),
        ipOptions: fc.option(fc.constantFrom('( )', '( ) ( )')),
      }),
      transport,
    })
    .map((parts) => ({ ...emptyPacket(), family: 'ip6' as const, ...parts.head, ...parts.transport }));
}

const error4 = fc
  .record({
    icmp: fc.oneof(
      fc.record({ icmpType: fc.constant(3), icmpCode: fc.constant(4), mtu: word }),
      fc.record({ icmpType: fc.constantFrom(4, 11), icmpCode: byte }),
      fc.record({ icmpType: fc.constant(5), icmpCode: byte, gateway: ipv4 }),
    ),
    quoted: ipv4Packet(withoutPayload),
  })
  .map(({ icmp, quoted }) => ({ ...icmp, proto: 1, quoted }));
const error6 = fc
  .record({
    icmp: fc.oneof(
      fc.record({ icmpType: fc.constant(2), icmpCode: byte, mtu: long }),
      fc.record({ icmpType: fc.constantFrom(1, 3), icmpCode: byte }),
      fc.record({ icmpType: fc.constant(4), icmpCode: byte, parameter: long }),
    ),
    quoted: ipv6Packet(withoutPayload),
  })
  .map(({ icmp, quoted }) => ({ ...icmp, proto: 58, quoted }));

const plainIcmp = fc.record({ proto: fc.constant(1), icmpType: fc.constantFrom(9, 10, 13, 42), icmpCode: byte });
const parameter4 = fc.record({ proto: fc.constant(1), icmpType: fc.constant(12), icmpCode: byte, parameter: byte });
const plainIcmp6 = fc.record({ proto: fc.constant(58), icmpType: fc.constantFrom(130, 135, 136, 137), icmpCode: byte });
const esp4 = fc.record({ proto: fc.constant(50), spi: long });
const ah4 = fc.record({ proto: fc.constant(51), ahSpi: long });
const fragment4 = fc.record({
  proto: fc.constantFrom(6, 17, 1),
  fragmentOffsetBytes: fc.integer({ min: 1, max: 8191 }).map((n) => n * 8),
});

const network = fc.oneof(
  ipv4Packet(fc.oneof(withoutPayload, echo(1, 0, 8), plainIcmp, parameter4, error4, esp4, ah4, fragment4)),
  ipv6Packet(fc.oneof(withoutPayload, echo(58, 128, 129), plainIcmp6, error6)),
);

const link = fc.oneof(
  fc.constant({}),
  fc
    .record({ macSrc: macAddress, macDst: macAddress })
    .map(({ macSrc, macDst }) => ({ macSrc, macDst, macProto: '0800', mac: `${macDst}:${macSrc}:08:00` })),
  fc.record({ macSrc: macAddress, macDst: macAddress, macProto: fc.constant('0800') }),
  fc.record({
    macSrc: macAddress,
    macDst: macAddress,
    macProto: fc.constant('0800'),
    vlanProto: fc.constant('8100'),
    vlanTci: word,
  }),
  fc.constant({ mac: '' }),
);

/** Packets with everything nf_log_syslog can print of IPv4 and IPv6. */
export const arbitraryPacket: fc.Arbitrary<Packet> = fc
  .record({
    network,
    link,
    inIf: fc.oneof(fc.constant(''), device),
    outIf: fc.oneof(fc.constant(''), device),
    physIn: fc.option(device),
    physOut: fc.option(device),
    owner: fc.option(fc.record({ uid: long, gid: long })),
    mark: fc.option(fc.integer({ min: 1, max: 0xffff_ffff })),
  })
  .map(({ network: packet, link: frame, owner, ...rest }) => ({
    ...packet,
    ...frame,
    ...rest,
    uid: owner?.uid ?? null,
    gid: owner?.gid ?? null,
  }));
