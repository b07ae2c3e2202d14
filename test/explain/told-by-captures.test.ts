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
