import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tcpdumpTextForm } from '../../../../src/parsers/forms/tcpdump-text.js';
import { only, readLines } from './read-lines.js';

function captured(text: string, command: string | null = null) {
  const { records, unread, others } = readLines(tcpdumpTextForm, text, command);
  return { packets: only(records, 'captured-packet').map((record) => record.captured), unread, others };
}

const HANDSHAKE = `12:00:00.000001 IP 192.0.2.1.40000 > 198.51.100.2.443: Flags [S], seq 1000000000, win 64240, options [mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7], length 0
12:00:00.000101 IP 198.51.100.2.443 > 192.0.2.1.40000: Flags [S.], seq 2000000000, ack 1000000001, win 65160, options [mss 1460,nop,wscale 8], length 0
12:00:00.000201 IP 192.0.2.1.40000 > 198.51.100.2.443: Flags [.], ack 1, win 502, length 0
12:00:00.000301 IP 192.0.2.1.40000 > 198.51.100.2.443: Flags [P.], seq 1:518, ack 1, win 502, length 517
12:00:00.000401 IP 198.51.100.2.443 > 192.0.2.1.40000: Flags [.], ack 1, win 509, options [nop,nop,sack 1 {519:600}], length 0`;

describe('tcpdump text', () => {
  it('reads a handshake and turns relative numbers back into real ones', () => {
    const { packets, unread, others } = captured(HANDSHAKE);
    expect([unread, others]).toEqual([[], []]);
    expect(packets.map(({ packet }) => [packet.flags, packet.seq, packet.ack])).toEqual([
      ['SYN', 1_000_000_000, null],
      ['SYN ACK', 2_000_000_000, 1_000_000_001],
      ['ACK', null, 2_000_000_001],
      ['PSH ACK', 1_000_000_001, 2_000_000_001],
      ['ACK', null, 1_000_000_001],
    ]);
    expect(packets.every(({ hasRelativeNumbers }) => !hasRelativeNumbers)).toBe(true);
    expect(packets[0]).toMatchObject({ usOfDay: 43_200_000_001, atUs: null, stamp: null, payloadBytes: 0 });
    expect(packets[0]!.packet.tcpOptions).toBe('020405B40402080A000000050000000001030307');
    expect(packets[3]!.payloadBytes).toBe(517);
    // SACK edges are relative to the other side's numbers: 519 + 1000000000.
    expect(packets[4]!.packet.tcpOptions).toBe(
      `0101050A${(1_000_000_519).toString(16).toUpperCase()}${(1_000_000_600).toString(16).toUpperCase()}`,
    );
  });

  it('leaves -S output as it is', () => {
    const absolute = HANDSHAKE.replaceAll('ack 1,', 'ack 2000000001,').replace(
      'seq 1:518',
      'seq 1000000001:1000000518',
    );
    const { packets } = captured(absolute);
    expect(packets[2]!.packet.ack).toBe(2_000_000_001);
    expect(packets[3]!.packet.seq).toBe(1_000_000_001);
  });

  it('says that numbers are relative where their first packet is not in the text', () => {
    const { packets } = captured(HANDSHAKE.split('\n').slice(2).join('\n'));
    expect(packets.map(({ hasRelativeNumbers, packet }) => [hasRelativeNumbers, packet.ack])).toEqual([
      [true, 1],
      [true, 1],
      [true, 1],
    ]);
  });

  it.each([
    [
      '2026-11-21 14:16:09.949376 IP',
      { stamp: { kind: 'wall', year: 2026, month: 11, day: 21, usOfDay: 51_369_949_376 }, atUs: null },
    ],
    ['1795270569.949376 IP', { atUs: 1_795_270_569_949_376, stamp: null }],
    ['   7  14:16:09.949376 IP', { usOfDay: 51_369_949_376 }],
    ['IP', { atUs: null, usOfDay: null, stamp: null }],
  ])('reads the time of %s', (start, time) => {
    const { packets } = captured(`${start} 192.0.2.1.1 > 192.0.2.2.2: UDP, length 3`);
    expect(packets[0]).toMatchObject(time);
    expect(packets[0]!.packet).toMatchObject({ proto: 17, sport: 1, dport: 2, udpLenBytes: 11 });
  });

  it('takes lengths of time (-ttt) for no moment', () => {
    const { packets } = captured(
      ' 00:00:00.000000 IP 192.0.2.1.1 > 192.0.2.2.2: UDP, length 3\n 00:00:05.000000 IP 192.0.2.1.1 > 192.0.2.2.2: UDP, length 3',
    );
    expect(packets.map(({ usOfDay }) => usOfDay)).toEqual([null, null]);
  });

  it('reads -v, -e and -i any, and the packet that an ICMP error quotes', () => {
    const { packets, unread, others } =
      captured(`tcpdump: listening on any, link-type LINUX_SLL2 (Linux cooked v2), snapshot length 262144 bytes
14:16:11.281134 00:00:5e:00:53:01 > 00:00:5e:00:53:02, ethertype 802.1Q (0x8100), length 75: vlan 5, p 3, ethertype IPv4 (0x0800), (tos 0xc0, ttl 63, id 49889, offset 0, flags [none], proto ICMP (1), length 57)
    192.0.2.2 > 192.0.2.1: ICMP 192.0.2.2 udp port 9999 unreachable, length 37
\t(tos 0x0, ttl 64, id 57464, offset 0, flags [DF], proto UDP (17), length 29)
    192.0.2.1.44637 > 192.0.2.2.9999: UDP, length 1
14:16:12.000000 eth0  Out IP (tos 0x0, ttl 64, id 3, offset 0, flags [DF], proto TCP (6), length 40)
    192.0.2.2.80 > 192.0.2.1.4000: Flags [R.], cksum 0x1234 (incorrect -> 0x5678), seq 0, ack 70809016, win 0, length 0
\t0x0000:  4500 0028 0003 4000 4006 0000 c000 0202
14:16:13.000000 eth0  In  IP6 (flowlabel 0x57861, hlim 64, next-header UDP (17) payload length: 9) 2001:db8::1.37104 > 2001:db8::2.9999: [udp sum ok] UDP, length 1
3 packets captured
2 packets dropped by kernel`);
    expect([unread, others]).toEqual([[], []]);
    expect(packets).toHaveLength(3);
    expect(packets[0]!.packet).toMatchObject({
      macSrc: '00:00:5e:00:53:01',
      vlanTci: 0x6005,
      ttl: 63,
      ipId: 49889,
      prec: 0xc0,
      lenBytes: 57,
      proto: 1,
      icmpType: 3,
      icmpCode: 3,
    });
    expect(packets[0]!.packet.quoted).toMatchObject({
      src: '192.0.2.1',
      sport: 44637,
      dport: 9999,
      proto: 17,
      ipId: 57464,
    });
    expect(packets[1]).toMatchObject({ interface: 'eth0', checksum: 'bad' });
    expect(packets[1]!.packet).toMatchObject({
      outIf: 'eth0',
      flags: 'RST ACK',
      seq: 0,
      ack: 70809016,
      dontFragment: true,
    });
    expect(packets[2]!.checksum).toBe('good');
    expect(packets[2]!.packet).toMatchObject({
      family: 'ip6',
      inIf: 'eth0',
      lenBytes: 49,
      flowLabel: 0x57861,
      sport: 37104,
    });
  });

  it('notes packets that tcpdump itself lost', () => {
    const { records } = readLines(
      tcpdumpTextForm,
      'tcpdump: verbose output suppressed\n7 packets dropped by kernel\n0 packets dropped by interface',
    );
    expect(only(records, 'bundle').map(({ statement }) => statement)).toEqual([
      expect.objectContaining({
        kind: 'coverage',
        what: 'capture',
        state: 'lost',
        why: 'tcpdump: 7 packets dropped by kernel',
      }),
    ]);
  });

  it.each([
    [
      '12:00:00.1 IP 192.0.2.1.ssh > 192.0.2.2.40000: P 1:21(20) ack 5 win 1000 <nop,nop,timestamp 1 2>',
      { flags: 'PSH ACK', sport: 22, seq: 1, ack: 5, tcpOptions: '0101080A0000000100000002' },
    ],
    ['12:00:00.1 IP 192.0.2.1.1 > 192.0.2.2.2: . ack 5 win 1000', { flags: 'ACK', ack: 5 }],
    [
      ' 01 client > server: [S], seq 171, win 5840, options [mss 1330,sackOK]',
      { src: 'client', dst: 'server', flags: 'SYN', seq: 171, window: 5840 },
    ],
    [
      '12:00:00.1 IP 192.0.2.1 > 192.0.2.2: ICMP echo request, id 77, seq 3, length 64',
      { proto: 1, icmpType: 8, icmpId: 77, icmpSeq: 3 },
    ],
    [
      '12:00:00.1 IP6 2001:db8::1 > ff02::16: HBH ICMP6, multicast listener report v2, 2 group record(s), length 48',
      { proto: 58, icmpType: 143 },
    ],
    ['12:00:00.1 IP 192.0.2.1 > 192.0.2.2: GREv1, call 7, seq 1, length 20', { proto: 47, greKey: 7 }],
    [
      '12:00:00.1 IP 192.0.2.1.5353 > 192.0.2.2.53: 4711+ A? example.com. (29)',
      { proto: 17, dport: 53, udpLenBytes: 37 },
    ],
    ['12:00:00.1 IP6 2001:db8::1 > 2001:db8::2: frag (1448|600)', { fragmentOffsetBytes: 1448, sport: null }],
    [
      '12:00:00.1 ARP, Request who-has 192.0.2.2 tell 192.0.2.1, length 28',
      { family: 'arp', arp: expect.objectContaining({ opcode: 1, ipSrc: '192.0.2.1', ipDst: '192.0.2.2' }) as unknown },
    ],
  ])('reads %s', (line, packet) => {
    expect(tcpdumpTextForm.recognise(line, { fileName: 'x', command: null })).toBeGreaterThanOrEqual(30);
    const { packets, unread, others } = captured(line);
    expect([unread, others]).toEqual([[], []]);
    expect(packets[0]!.packet).toMatchObject(packet);
  });

  it('leaves a bare RST as printed: only packets with an ACK are relative', () => {
    const { packets } = captured(`${HANDSHAKE}
12:00:00.000501 IP 192.0.2.1.40000 > 198.51.100.2.443: Flags [R], seq 1000000518, win 0, length 0`);
    expect(packets[5]).toMatchObject({ hasRelativeNumbers: false, packet: { flags: 'RST', seq: 1_000_000_518 } });
  });

  it('does not take the SYN for the base when its answer was not captured: the base is a number that was not printed', () => {
    const { packets } = captured(`${HANDSHAKE.split('\n')[0]}
12:00:00.000201 IP 192.0.2.1.40000 > 198.51.100.2.443: Flags [.], ack 2000000001, win 502, length 0
12:00:00.000301 IP 192.0.2.1.40000 > 198.51.100.2.443: Flags [P.], seq 0:517, ack 1, win 502, length 517`);
    expect(packets.map(({ hasRelativeNumbers, packet }) => [hasRelativeNumbers, packet.seq, packet.ack])).toEqual([
      [false, 1_000_000_000, null],
      [false, null, 2_000_000_001],
      [true, 0, 1],
    ]);
  });

  it('keeps the options it knows beside those it does not', () => {
    const { packets } = captured(
      '12:00:00.1 IP 192.0.2.1.1 > 192.0.2.2.2: Flags [S], seq 5, win 9, options [mss 1460,mptcp 4 capable v1 csum,tfo  cookiereq,wscale 7,unknown-254 0xf989,eol], length 0',
    );
    expect(packets[0]!.packet).toMatchObject({
      tcpOptions: '020405B42202030307FE04F98900',
      unknown: ['options [mptcp 4 capable v1 csum]'],
    });
  });

  it('reads on behind what -A prints, even where that looks like a line', () => {
    const { packets, others } = captured(`12:00:00.1 ARP, Request who-has 192.0.2.2 tell 192.0.2.1, length 28
..............E.........E...
12:00:00.1 IP 192.0.2.1.1 > 192.0.2.2.80: Flags [P.], seq 1:30, ack 1, win 63, length 29: HTTP
E..9..@.@..............P.J.H.......?./.....
.....u.mGET /
tcp 6 5 src=192.0.2.1
12:00:00.2 IP6 2001:db8::2.80 > 2001:db8::1.37064: Flags [.], ack 6, win 63, length 0
\`
.....@ ............... ................P...si=_.
12:00:00.3 IP 192.0.2.1.1 > 192.0.2.2.80: Flags [.], ack 1, win 63, length 0
udp 17 29 src=192.0.2.1`);
    expect(packets.map(({ packet }) => packet.family)).toEqual(['arp', 'ip', 'ip6', 'ip']);
    expect(others).toEqual([11]);
  });

  it.each([
    ['IP 127.0.0.1.56616 > 127.0.0.1.9999: UDP, length 1', 'tcpdump -t'],
    ['ARP, Request who-has 192.0.2.2 tell 192.0.2.1, length 28', 'tcpdump -t'],
    ['eth0  Out IP6 fe80::1 > ff02::2: ICMP6, router solicitation, length 16', 'tcpdump -t -i any'],
    [
      '16:31:09.400721 version 0, resource ID 5, family IPv4 (2), length 164: 192.0.2.1.32784 > 192.0.2.2.80: Flags [.], ack 5, win 63, length 0',
      'tcpdump -e -i nflog:5',
    ],
  ])('begins on %s (%s)', (line) => {
    expect(tcpdumpTextForm.recognise(line, { fileName: 'x', command: null })).toBeGreaterThanOrEqual(50);
    const { packets, others } = captured(line);
    expect(others).toEqual([]);
    expect(packets).toHaveLength(1);
  });

  it.each([
    ['IP 203.0.113.1 > 203.0.113.2: IP 192.0.2.1.4 > 198.51.100.2.443: Flags [S], seq 10, win 6, length 0', 4],
    [
      'IP 203.0.113.1 > 203.0.113.2: GREv0, key=0x7, length 48: IP 192.0.2.1.4 > 198.51.100.2.443: Flags [S], seq 10, win 6, length 0',
      47,
    ],
    [
      'IP (tos 0x0, ttl 64, id 7, offset 0, flags [none], proto IPIP (4), length 60)\n    203.0.113.1 > 203.0.113.2: IP (tos 0x0, ttl 64, id 7, offset 0, flags [none], proto TCP (6), length 40)\n    192.0.2.1.4 > 198.51.100.2.443: Flags [S], cksum 0x0000 (incorrect -> 0x2524), seq 10, win 6, length 0',
      4,
    ],
    [
      'IP (tos 0x0, ttl 64, id 7, offset 0, flags [none], proto GRE (47), length 64)\n    203.0.113.1 > 203.0.113.2: GREv0, Flags [none], length 44\n\tIP (tos 0x0, ttl 64, id 7, offset 0, flags [none], proto TCP (6), length 40)\n    192.0.2.1.4 > 198.51.100.2.443: Flags [S], seq 10, win 6, length 0',
      47,
    ],
    [
      'IP 203.0.113.1.4444 > 203.0.113.2.4789: VXLAN, flags [I] (0x08), vni 42\nIP 192.0.2.1.4 > 198.51.100.2.443: Flags [S], seq 10, win 6, length 0',
      17,
    ],
  ])('reads the packet inside a tunnel: %s', (text, proto) => {
    const { packets, unread, others } = captured(`12:00:00.1 ${text}`);
    expect([unread, others]).toEqual([[], []]);
    expect(packets).toHaveLength(1);
    expect(packets[0]).toMatchObject({ checksum: null, packet: { proto, src: '203.0.113.1' } });
    expect(packets[0]!.packet.quoted).toMatchObject({ src: '192.0.2.1', sport: 4, dport: 443, flags: 'SYN', seq: 10 });
  });

  it('never throws, wherever the text is cut or changed, and takes no line for two packets', () => {
    fc.assert(
      fc.property(
        fc.nat(HANDSHAKE.length),
        fc.array(fc.tuple(fc.nat(HANDSHAKE.length - 1), fc.constantFrom(...'[]{}():,.>0 \n\t`E'))),
        (length, changes) => {
          const changed = [...HANDSHAKE];
          for (const [at, letter] of changed.length === 0 ? [] : changes) changed[at] = letter;
          const text = changed.join('').slice(0, length);
          expect(captured(text).packets.length).toBeLessThanOrEqual(text.split('\n').length);
        },
      ),
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void captured(`12:00:00.1 IP ${text}`)));
  });

  it('gives back what is no packet, and does not begin on it', () => {
    for (const line of [
      'total 12',
      '12:00:00 systemd[1]: Started',
      'Chain INPUT (policy DROP)',
      'a > b: something',
      '',
    ]) {
      expect(tcpdumpTextForm.recognise(line, { fileName: 'x', command: null })).toBe(0);
    }
    expect(captured('12:00:00.000001 IP 192.0.2.1.1 > 192.0.2.2.2: UDP, length 3\nthat was it').others).toEqual([2]);
    expect(captured('12:00:00.000001 IP 192.0.2.1.1 > 192.0').unread).toHaveLength(1);
  });
});
