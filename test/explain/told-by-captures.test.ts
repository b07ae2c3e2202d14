// What captures tell where no packet was logged, and what looks like it.

import { describe, expect, it } from 'vitest';
import { saidOf } from './said-of.js';

async function classes(files: Readonly<Record<string, readonly string[]>>) {
  return (await saidOf(files)).map((one) => `${one.class} ${one.confidence}`);
}

describe('ports that are used again', () => {
  const A = '192.0.2.7.40100';
  const B = '198.51.100.7.8443';
  const OLD = 700_000_001;
  const line = (at: string, from: string, to: string, rest: string) => `${at} IP ${from} > ${to}: ${rest}, length 0`;
  const earlier = (ack = OLD) => [
    line('10:00:00.000000', A, B, `Flags [F.], seq ${ack - 1}, ack 5001, win 501`),
    line('10:00:00.001000', B, A, `Flags [.], ack ${ack}, win 501, options [nop,nop,TS val 90000 ecr 40]`),
  ];
  const syn = (at: string, value: number) =>
    line(at, A, B, `Flags [S], seq 1000, win 64240, options [mss 1460,sackOK,TS val ${value} ecr 0,nop,wscale 7]`);
  const answer = (ack: number) =>
    line('10:00:20.001000', B, A, `Flags [.], ack ${ack}, win 501, options [nop,nop,TS val 110000 ecr 40]`);
  const reset = (seq: number) => line('10:00:20.002000', A, B, `Flags [R], seq ${seq}, win 0`);
  const opened = (value: number) =>
    line(
      '10:00:21.001000',
      B,
      A,
      `Flags [S.], seq 9000, ack 1001, win 65160, options [mss 1460,sackOK,TS val ${value} ecr 1020,nop,wscale 7]`,
    );
  const again = syn('10:00:21.000000', 1020);
  const reuse = [syn('10:00:20.000000', 20), answer(OLD), reset(OLD), again, opened(111_000)];
  const event = (words: string) =>
    `${words} src=10.0.0.7 dst=198.51.100.7 sport=40100 dport=8443 src=198.51.100.7 dst=192.0.2.7 sport=8443 dport=40100`;

  it('are certain where the connection before was captured, too, possible where it was not', async () => {
    expect(await classes({ 'wire.txt': [...earlier(), ...reuse] })).toEqual(['port-reuse certain']);
    expect(await classes({ 'wire.txt': reuse })).toEqual(['port-reuse possible']);
  });

  it('are laid to this host where its entry went in TIME_WAIT first', async () => {
    const [finding] = await saidOf({
      'wire.txt': [...earlier(), ...reuse],
      'E.txt': [event('[DESTROY] tcp      6 TIME_WAIT'), event('    [NEW] tcp      6 120 SYN_SENT')],
      'sysctl.txt': ['net.netfilter.nf_conntrack_tcp_timeout_time_wait = 10'],
    });
    expect(finding).toMatchObject({ class: 'port-reuse', cause: 'forgotten-here-first' });
    expect(finding!.remedies[0]!.undo).toBe('sysctl -w net.netfilter.nf_conntrack_tcp_timeout_time_wait=10');
  });

  it('are not certain where the ACK may be a late copy of the old connection', async () => {
    expect(await classes({ 'wire.txt': [...earlier(), ...reuse.slice(0, -1), opened(131_000)] })).toEqual([
      'port-reuse likely',
    ]);
  });

  it.each([
    ['an ACK of the SYN itself, which answers a copy of it', [reuse[0]!, answer(1001), reset(1001), again]],
    ['an ordinary handshake', [again, opened(111_000), line('10:00:22.000000', A, B, 'Flags [R], seq 1001, win 0')]],
    ['an ACK that nobody resets', [reuse[0]!, answer(OLD), again, opened(111_000)]],
    ['a RST of another number', [reuse[0]!, answer(OLD), reset(OLD + 5), again, opened(111_000)]],
  ])('are not told by %s', async (_, wire) => {
    expect(await classes({ 'wire.txt': wire })).toEqual([]);
  });
});

describe('a silence, told by captures whose date is not known', () => {
  const A = '192.0.2.40.40040';
  const B = '198.51.100.40.443';
  const packet = (at: string, ttl: number, from: string, to: string, rest: string) => [
    `${at} IP (tos 0x0, ttl ${ttl}, id 7, offset 0, flags [DF], proto TCP (6), length 52)`,
    `    ${from} > ${to}: ${rest}`,
  ];
  const asked = packet('10:00:00.000000', 64, A, B, 'Flags [P.], seq 7001:7007, ack 9001, win 502, length 6');
  const answered = packet('10:00:00.010000', 52, B, A, 'Flags [.], ack 7007, win 502, length 0');
  const later = packet('10:07:10.000000', 64, A, B, 'Flags [P.], seq 7007:7013, ack 9001, win 502, length 6');
  const reset = (ttl: number) => packet('10:07:10.001000', ttl, B, A, 'Flags [R], seq 9001, win 0, length 0');
  const entry = (left: number) => [
    `tcp      6 ${left} ESTABLISHED src=192.0.2.40 dst=198.51.100.40 sport=40040 dport=443 src=198.51.100.40 dst=192.0.2.40 sport=443 dport=40040 [ASSURED] mark=0 use=1`,
  ];

  it('is not conntrack where the RST has not come from the peer and the entry lives', async () => {
    expect(
      await classes({ 'wire.txt': [...asked, ...answered, ...later, ...reset(254)], 'L.txt': entry(431_600) }),
    ).toEqual(['not-conntrack likely']);
    // Without a packet of the peer its TTL is a guess.
    expect(await classes({ 'wire.txt': [...asked, ...later, ...reset(254)], 'L.txt': entry(431_600) })).toEqual([
      'not-conntrack possible',
    ]);
  });

  it.each([
    ['the RST comes as far as the peer does', reset(52), entry(431_600)],
    ['the entry may have run out in the meantime', reset(254), entry(300)],
    ['no entry is listed', reset(254), []],
  ])('is not said to be where %s', async (_, end, listing) => {
    const files = { 'wire.txt': [...asked, ...answered, ...later, ...end] };
    expect(await classes(listing.length === 0 ? files : { ...files, 'L.txt': listing })).toEqual([]);
  });

  it('is told by the time left of the entry where only its end was captured', async () => {
    const files = (left: number) => ({
      'wire.txt': [...later, ...reset(64)],
      'L.txt': entry(left),
      'sysctl.txt': ['net.netfilter.nf_conntrack_tcp_timeout_established = 86400'],
    });
    expect(await classes(files(86_400 - 905))).toEqual(['not-conntrack likely']);
    expect(await classes(files(86_400 - 20))).toEqual([]);
    expect(await classes(files(86_400 - 500))).toEqual([]);
  });
});

describe('an answer that this host resets', () => {
  const SERVER = '198.51.100.50.443';
  const HERE = '203.0.113.50.31000';
  const packet = (us: number, ttl: number, from: string, to: string, rest: string) => [
    `10:00:00.${String(us).padStart(6, '0')} IP (tos 0x0, ttl ${ttl}, id 7, offset 0, flags [DF], proto TCP (6), length 52)`,
    `    ${from} > ${to}: ${rest}`,
  ];
  const answer = packet(
    100,
    55,
    SERVER,
    HERE,
    'Flags [.], seq 3000005001:3000006461, ack 2000007001, win 488, length 1460',
  );
  const reset = (ttl: number, us = 140, seq = 2_000_007_001) =>
    packet(us, ttl, HERE, SERVER, `Flags [R], seq ${seq}, win 0, length 0`);
  const entry = (to = '203.0.113.50 sport=443 dport=31000', state = 'ESTABLISHED') => [
    `tcp      6 86390 ${state} src=192.0.2.50 dst=198.51.100.50 sport=47000 dport=443 src=198.51.100.50 dst=${to} [ASSURED] mark=0 use=1`,
  ];

  it('though it is of a translated connection that lives was not translated back', async () => {
    const [finding] = await saidOf({ 'wan.txt': [...answer, ...reset(64)], 'L.txt': entry() });
    expect(finding).toMatchObject({ class: 'invalid-skips-nat', confidence: 'possible', cause: 'reset-downstream' });
    const inside = packet(
      0,
      54,
      SERVER,
      '192.0.2.50.47000',
      'Flags [.], seq 3000095001:3000096461, ack 2000007001, win 488, length 1460',
    );
    const [surer] = await saidOf({ 'wan.txt': [...answer, ...reset(64)], 'lan.txt': inside, 'L.txt': entry() });
    expect(surer!.evidence.filter((one) => one.kind === 'capture')).toHaveLength(3);
  });

  it.each([
    ['by the inner host, a router away', reset(63), entry()],
    ['much later', reset(64, 90_000), entry()],
    ['with another number', reset(64, 140, 2_000_007_002), entry()],
    ['where the connection is closing', reset(64), entry(undefined, 'LAST_ACK')],
  ])('is not said to be that %s', async (_, end, listing) => {
    expect(await classes({ 'wan.txt': [...answer, ...end], 'L.txt': listing })).toEqual([]);
  });
});
