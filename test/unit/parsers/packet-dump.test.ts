// Packet dumps: every field of nf_log_syslog's layout, the layouts of other loggers, and lines that were cut, edited or garbled.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Packet } from '../../../src/model/packet.js';
import { canonicalDumpAddress } from '../../../src/parsers/netfilter-log/addresses.js';
import { parsePacketDump } from '../../../src/parsers/netfilter-log/parse-packet-dump.js';
import { canonicalAddress } from '../../../src/text/address.js';
import { arbitraryPacket } from './arbitrary-packet.js';
import { writeDump } from './dump-writer.js';

const read = (text: string): Packet => parsePacketDump(text, 0).packet;

/** The fields that are told, without those that are null, false or empty. */
function told(packet: Packet): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(packet).filter(
      ([, value]) => value !== null && value !== false && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

const V4 = 'SRC=192.0.2.7 DST=198.51.100.9 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=4711 DF ';
const TCP = 'PROTO=TCP SPT=40001 DPT=443 SEQ=1000 ACK=2000 WINDOW=64240 RES=0x00 ACK PSH URGP=0 ';
const V6 =
  'SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0001:0000:0000:0000:0000:0002 LEN=72 TC=3 HOPLIMIT=64 FLOWLBL=77 ';

describe('what the kernel prints', () => {
  it('is read back whole, whatever the packet', () => {
    fc.assert(
      fc.property(arbitraryPacket, (packet) => {
        const text = writeDump(packet);
        const dump = parsePacketDump(text, 0);
        expect(dump.packet).toEqual(packet);
        expect(dump.cutAt).toBeNull();
        expect(text.slice(dump.end).trim()).toBe('');
      }),
      { numRuns: 1000 },
    );
  });

  it('is read back whole without its trailing blank', () => {
    fc.assert(
      fc.property(arbitraryPacket, (packet) => {
        expect(read(writeDump(packet).trimEnd())).toEqual(packet);
      }),
    );
  });

  it.each<[string, Record<string, unknown>]>([
    [`${V4}CE MF FRAG:100 PROTO=UDP `, { reservedBit: true, moreFragments: true, fragmentOffsetBytes: 800, proto: 17 }],
    [
      `${V6}FRAG:64 INCOMPLETE ID:0000007b PROTO=UDP `,
      { fragmentOffsetBytes: 64, moreFragments: true, fragmentId: '0000007b' },
    ],
    [
      `${V6}OPT ( FRAG:0 INCOMPLETE ID:0000007c ) PROTO=TCP INCOMPLETE [8 bytes] `,
      { fragmentOffsetBytes: 0, moreFragments: true, incompleteBytes: 8 },
    ],
    [`${V6}OPT ( AH SPI=0xdeadbeef ) PROTO=UDP SPT=1 DPT=2 LEN=13 `, { ahSpi: 0xdeadbeef, sport: 1, udpLenBytes: 13 }],
    [`${V6}OPT ( ESP SPI=0xcafe )`, { spi: 0xcafe, proto: 50 }],
    [`${V6}OPT ( AH INCOMPLETE [4294967256 bytes] )`, { incompleteBytes: 4294967256 }],
    [`${V6}Unknown Ext Hdr 140`, { unknown: ['Unknown Ext Hdr 140'] }],
    [V6, { flowLabel: 77, trafficClass: 3, ttl: 64 }],
    [`${V4}PROTO=ICMP INCOMPLETE [4 bytes] `, { proto: 1, incompleteBytes: 4 }],
    [`${V4}PROTO=58 `, { proto: 58, family: 'ip' }],
    [
      `${V4}PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x38 AE CWR ECE URG SYN URGP=77 `,
      { res: 0x38, flags: 'SYN URG ECE CWR AE', urgp: 77 },
    ],
    [`${V4}PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x00 URGP=0 OPT (TRUNCATED)`, { flags: '', isTruncated: true }],
    ['SRC=192.0.2.7 DST=198.51.100.9 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=4711 TRUNCATED', { isTruncated: true }],
    [
      `IN=sit0 OUT= MAC=45:00 TUNNEL=192.0.2.1->192.0.2.2 ${V6}PROTO=59 `,
      { tunnelSrc: '192.0.2.1', tunnelDst: '192.0.2.2', mac: '45:00' },
    ],
    [`IN=tun0 OUT= MAC= ${V4}PROTO=2 `, { mac: '', inIf: 'tun0', outIf: '' }],
    [
      'IN=eth0 OUT= MACSRC=02:00:00:00:0a:02 MACDST=02:00:00:00:0a:01 MACPROTO=88b5 ',
      { family: 'other', macProto: '88b5' },
    ],
    [
      'IN=eth0 OUT= MACSRC=02:00:00:00:0a:02 MACDST=ff:ff:ff:ff:ff:ff VPROTO=8100 VID=24618 MACPROTO=0806 ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=02:00:00:00:0a:02 IPSRC=192.0.2.1 MACDST=00:00:00:00:00:00 IPDST=192.0.2.2',
      {
        family: 'arp',
        vlanTci: 24618,
        macSrc: '02:00:00:00:0a:02',
        arp: {
          htype: 1,
          ptype: '0x0800',
          opcode: 1,
          macSrc: '02:00:00:00:0a:02',
          ipSrc: '192.0.2.1',
          macDst: '00:00:00:00:00:00',
          ipDst: '192.0.2.2',
        },
      },
    ],
    ['IN=eth0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 INCOMPLETE [8 bytes]', { family: 'arp' }],
    ['IN= OUT=br0 ARP HTYPE=6 PTYPE=0x0800 OPCODE=2', { family: 'arp' }],
  ])('%s', (text, fields) => {
    const packet = read(text);
    expect(packet).toMatchObject(fields);
    expect(packet.isCut).toBe(false);
  });

  it('reads the packet in brackets apart from the one around it', () => {
    const packet = read(
      `IN=eth0 OUT= ${V4}PROTO=ICMP TYPE=3 CODE=4 [SRC=203.0.113.5 DST=192.0.2.7 LEN=1500 TOS=0x00 PREC=0xC0 TTL=9 ID=12 DF PROTO=UDP SPT=53 DPT=5353 LEN=1480 ] MTU=1492 MARK=0x2a `,
    );
    expect(packet).toMatchObject({
      src: '192.0.2.7',
      ttl: 63,
      ipId: 4711,
      icmpType: 3,
      mtu: 1492,
      mark: 42,
      sport: null,
      isCut: false,
    });
    expect(packet.quoted).toMatchObject({
      src: '203.0.113.5',
      ttl: 9,
      ipId: 12,
      prec: 0xc0,
      sport: 53,
      udpLenBytes: 1480,
      isCut: false,
    });
  });
});

describe('other loggers', () => {
  it('reads LOGEMU: TOS without 0x, no RES, MARK in hexadecimal', () => {
    expect(
      read(
        'IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=198.51.100.9 LEN=40 TOS=10 PREC=0x00 TTL=127 ID=41 DF PROTO=TCP SPT=5 DPT=22 SEQ=1 ACK=2 WINDOW=1024 ACK URGP=0 UID=0 GID=0 MARK=40000',
      ),
    ).toMatchObject({
      tos: 0x10,
      flags: 'ACK',
      mark: 0x40000,
      res: null,
      isCut: false,
    });
  });

  it('reads the Proxmox layout, which ends with the flags and leaves empty interfaces away', () => {
    expect(
      read(
        'OUT=vmbr0 SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x10 PREC=0x00 TTL=64 ID=5 DF PROTO=TCP SPT=4 DPT=22 SEQ=7 ACK=0 WINDOW=64240 SYN ',
      ),
    ).toMatchObject({
      inIf: null,
      outIf: 'vmbr0',
      flags: 'SYN',
      urgp: null,
      isCut: false,
    });
  });

  it('reads MARK without 0x in a kernel layout as decimal, and its letters as hexadecimal', () => {
    expect(read(`${V4}PROTO=2 MARK=10`).mark).toBe(10);
    expect(read(`${V4}PROTO=2 MARK=ff`).mark).toBe(255);
  });

  it.each<[string, Record<string, unknown>]>([
    [
      'IN=eth0 OUT= MAC source = 02:00:00:00:0a:02 MAC dest = 02:00:00:00:0a:01 proto = 0x0800 IP SRC=192.0.2.1 IP DST=198.51.100.2, IP tos=0xB8, IP proto=17 SPT=67 DPT=68',
      {
        family: 'ip',
        src: '192.0.2.1',
        tos: 0x18,
        prec: 0xa0,
        proto: 17,
        dport: 68,
        macSrc: '02:00:00:00:0a:02',
        isCut: false,
      },
    ],
    [
      'IN= OUT=eth1 MAC source = 02:00:00:00:0a:02 MAC dest = 33:33:00:00:00:01 proto = 0x86dd IPv6 SRC=2001:0db8:0000:0000:0000:0000:0000:0001 IPv6 DST=ff02:0000:0000:0000:0000:0000:0000:0001, IPv6 priority=0x0, Next Header=58',
      { family: 'ip6', src: '2001:db8::1', dst: 'ff02::1', proto: 58, isCut: false },
    ],
    [
      'IN=eth0 OUT= MAC source = 02:00:00:00:0a:02 MAC dest = ff:ff:ff:ff:ff:ff proto = 0x0806 ARP HTYPE=1, PTYPE=0x0800, OPCODE=1 ARP MAC SRC=02:00:00:00:0a:02 ARP IP SRC=192.0.2.1 ARP MAC DST=00:00:00:00:00:00 ARP IP DST=192.0.2.2',
      { family: 'arp', isCut: false },
    ],
    [
      'IN=eth0 OUT= MAC source = 02:00:00:00:0a:02 MAC dest = 02:00:00:00:0a:01 proto = 0x0800 IP SRC=192.0.2.1 IP DS',
      { isCut: true, src: null },
    ],
    ['IN=eth0 OUT= MAC source = 02:00:00', { isCut: true, inIf: 'eth0' }],
  ])('reads ebtables: %s', (text, fields) => {
    expect(read(text)).toMatchObject(fields);
  });
});

describe('damaged lines', () => {
  /** Fields of a cut dump that say something else than the whole dump. */
  function lies(cut: Packet, whole: Packet): string[] {
    return Object.entries(cut).flatMap(([key, value]) => {
      if (value === null || value === false || key === 'unknown' || key === 'isCut' || key === 'family') return [];
      const right = (whole as unknown as Record<string, unknown>)[key];
      if (key === 'quoted') return lies(value as Packet, right as Packet).map((inner) => `quoted.${inner}`);
      if (key === 'ipOptions') return String(right).startsWith(String(value)) ? [] : [key];
      return value === right ? [] : [`${key}: ${String(value)}, not ${String(right)}`];
    });
  }

  it('cut anywhere: believes no field that the cut changed, and says that it is cut', () => {
    fc.assert(
      fc.property(arbitraryPacket, (packet) => {
        const text = writeDump(packet);
        for (let end = 1; end < text.trimEnd().length; end++) {
          const cut = parsePacketDump(text.slice(0, end), 0);
          // A whole dump whose last number lost digits looks like a whole dump.
          const endsInNumber = /[\da-fA-F]$/.test(text.slice(0, end)) && /^[\da-fA-F]/.test(text.slice(end));
          if (!cut.packet.isCut && endsInNumber) continue;
          expect(lies(cut.packet, packet), text.slice(0, end)).toEqual([]);
          if (cut.packet.isCut) expect(cut.cutAt).toBeLessThanOrEqual(end);
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    `IN=eth0 OUT=eth1 ${V4}PROTO=TCP SPT=40001 DPT=443 WINDOW=64240 RES=0x00 ACK`,
    `IN=eth0 OUT=eth1 ${V4}PROTO=TCP SPT=40001 DPT=443 WINDOW=64240 RES=0x00 `,
    `IN=eth0 OUT=eth1 ${V4}PROTO=UDP SPT=1 DPT=2`,
    `IN=eth0 OUT=eth1 ${V4}PROTO=ICMP TYPE=8 CODE=0 ID=7`,
    `IN=eth0 OUT=eth1 ${V4}PROTO=ICMP TYPE=3 CODE=1 [${V4}PROTO=UDP SPT=1 DPT=2 LEN=3 `,
    `IN=eth0 OUT=eth1 ${V4}PROTO=ICMP TYPE=3 CODE=4 [${V4}PROTO=UDP SPT=1 DPT=2 LEN=3 ] `,
    `IN=eth0 OUT=eth1 ${V4}${TCP}OPT (0101080A`,
    `IN=eth0 OUT=eth1 ${V4}${TCP}UID=0 GID`,
    `IN=eth0 OUT=eth1 ${V4}${TCP}MARK=0x`,
    `IN=eth0 OUT=eth1 ${V4}`,
    'IN=eth0 OUT=eth1 MAC=02:00:00:00:0a:01:02:00:00:00:0a:02:08:00 SR',
    'IN=eth0 O',
    '',
  ])('is cut: %s', (text) => {
    expect(read(text).isCut).toBe(true);
  });

  it('leaves flags open that may have gone on, but not those in front of a cut URGP=', () => {
    const head = `${V4}PROTO=TCP SPT=1 DPT=2 SEQ=3 ACK=4 WINDOW=5 RES=0x00 `;
    expect(read(`${head}ACK`).flags).toBeNull();
    expect(read(`${head}ACK SY`).flags).toBeNull();
    expect(read(`${head}ACK SYN UR`).flags).toBe('SYN ACK');
    expect(read(`${head}ACK URG`).flags).toBe('ACK');
    expect(read(`${head}URG`).flags).toBeNull();
  });

  it('reads words whose blank was lost', () => {
    expect(
      read(
        'IN=tap0OUT=eth1 SRC=192.0.2.1DST=198.51.100.2 LEN=84TOS=0x00PREC=0x00 TTL=64ID=7 DFPROTO=TCPSPT=1 DPT=2 WINDOW=3RES=0x00ACKPSH URGP=0 ',
      ),
    ).toMatchObject({
      inIf: 'tap0',
      outIf: 'eth1',
      src: '192.0.2.1',
      dst: '198.51.100.2',
      lenBytes: 84,
      tos: 0,
      ttl: 64,
      ipId: 7,
      dontFragment: true,
      proto: 6,
      sport: 1,
      window: 3,
      res: 0,
      flags: 'PSH ACK',
      isCut: false,
    });
    expect(read('SRC=2001:0db8:0000:0000:0000:0000:0000:0001DST=2001:0db8::2 LEN=1')).toMatchObject({
      src: '2001:db8::1',
      dst: '2001:db8::2',
    });
  });

  it('stops where the line of another CPU runs in, and keeps that text', () => {
    const second = 'DROP2 IN=eth7 OUT= SRC=203.0.113.9 DST=203.0.113.1 LEN=99 ';
    for (const at of [20, 40, 60, 75, 90, 110]) {
      const first = `IN=eth0 OUT=eth1 ${V4}${TCP}`;
      const text = first.slice(0, at) + second;
      const { packet, cutAt } = parsePacketDump(text, 0);
      expect(packet.isCut, text).toBe(true);
      expect(packet.inIf).toBe('eth0');
      expect([null, '192.0.2.7'], text).toContain(packet.src);
      expect([null, '198.51.100.9'], text).toContain(packet.dst);
      expect(packet.lenBytes === null || packet.lenBytes === 60, text).toBe(true);
      expect(cutAt, text).toBeLessThanOrEqual(at + second.indexOf('IN='));
      expect(packet.unknown.join(' '), text).toContain('203.0.113.9');
    }
  });

  it('stops at an envelope in the middle, and is whole if the dump was', () => {
    expect(read(`IN=eth0 OUT= ${V4}PROTO=TCP SPT=1 [12345.678901] usb 1-1: new device`)).toMatchObject({
      isCut: true,
      sport: 1,
      dport: null,
    });
    const whole = parsePacketDump(`IN=eth0 OUT= ${V4}${TCP}[12345.678901] usb 1-1: new device`, 0);
    expect(whole.packet).toMatchObject({ isCut: false, urgp: 0, unknown: ['[12345.678901] usb 1-1: new device'] });
    expect(whole.cutAt).toBeNull();
  });

  it('keeps masked and unknown words, and believes the fields around them', () => {
    const packet = read(
      'IN=eth0 OUT= MAC=xx SRC=X.X.X.X DST=<server> LEN=xx TOS=0x00 PREC=0x00 TTL=64 ID=* DF PROTO=TCP SPT=? DPT=22 WINDOW=5 RES=0x00 SYN URGP=0 VENDOR=7',
    );
    expect(told(packet)).toEqual({
      inIf: 'eth0',
      outIf: '',
      family: 'ip',
      src: 'X.X.X.X',
      dst: '<server>',
      tos: 0,
      prec: 0,
      ttl: 64,
      dontFragment: true,
      proto: 6,
      dport: 22,
      window: 5,
      res: 0,
      flags: 'SYN',
      urgp: 0,
      unknown: ['MAC=xx', 'LEN=xx', 'ID=*', 'SPT=?', 'VENDOR=7'],
    });
  });

  it('reads lines shortened by hand, and says that they are not whole', () => {
    expect(told(read('IN=.. SEQ=1 ACK=4162510 WINDOW=257 ACK PSHR'))).toEqual({
      seq: 1,
      ack: 4162510,
      window: 257,
      flags: 'PSH ACK',
      unknown: ['IN=..', 'R'],
      isCut: true,
    });
    expect(told(read('SRC=192.0.2.1 DST=192.0.2.2 PROTO=TCP SPT=12345 DPT=443'))).toMatchObject({
      sport: 12345,
      dport: 443,
      isCut: true,
    });
    expect(
      read('IN= OUT=eth0 SRC=192.0.2.1 DST=192.0.2.2 LEN=68 PROTO=UDP SPT=1 DPT=53 LEN=48 UID=1 GID=2').isCut,
    ).toBe(false);
  });

  it('never throws and never reads beyond its text', () => {
    const words = fc.constantFrom(
      'IN=',
      'OUT=',
      'SRC=',
      'DST=1.2',
      'LEN=',
      '[',
      ']',
      ' ',
      'PROTO=',
      'TCP',
      'ICMP',
      'TYPE=3',
      'OPT (',
      ')',
      'INCOMPLETE',
      'FRAG:',
      'ACK',
      '=',
      '..',
      '\u0000',
      'é',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(words).map((parts) => parts.join('')),
        ),
        fc.nat(20),
        (text, from) => {
          const dump = parsePacketDump(text, from);
          expect(dump.end).toBeLessThanOrEqual(Math.max(text.length, from));
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('canonicalDumpAddress', () => {
  it('agrees with canonicalAddress on the form that the kernel prints', () => {
    const group = fc.oneof(fc.constantFrom(0, 0, 0, 0xffff, 1), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const text = groups.map((value) => value.toString(16).padStart(4, '0')).join(':');
        expect(canonicalDumpAddress(text)).toBe(canonicalAddress(text));
      }),
      { numRuns: 3000 },
    );
  });
});
