// Causes argued from packets, and their twins: the same lines with the one thing changed that makes them another story.

import { describe, expect, it } from 'vitest';
import { answer, CLIENT, type Line, line, SERVER, said } from './packet-lines.js';

describe('asymmetric paths', () => {
  const synAck = answer({ flags: 'ACK SYN' });

  it('a SYN ACK on its way through, without its SYN', async () => {
    expect(await said({ 'kern.log': [synAck, answer({ second: 2, flags: 'ACK SYN' })] })).toEqual([
      'asymmetric-syn-unseen possible',
    ]);
  });

  it('is not that when the SYN was here', async () => {
    const syn = line({ prefix: 'FORWARD NEW: ', flags: 'SYN' });
    expect(await said({ 'kern.log': [syn, synAck] })).not.toContain('asymmetric-syn-unseen possible');
  });

  it('is not that for this host itself: that is the echo of a SYN somebody forged', async () => {
    const echoes = [1, 2, 3].map((n) =>
      answer({ prefix: 'INPUT INVALID: ', outIf: '', src: `203.0.113.${n}`, dport: 50000 + n, flags: 'ACK SYN' }),
    );
    expect(await said({ 'kern.log': echoes })).toEqual(['unresolved possible']);
  });

  const waiting = 'nf_ct_proto_6: packet (index 3) in dir 0 invalid, state SYN_SENT ';
  const ack = line({ prefix: waiting, outIf: '', flags: 'ACK', seq: 1001, ack: 5001 });

  it('an ACK while the entry waits in SYN_SENT', async () => {
    expect(await said({ 'kern.log': [ack] })).toEqual(['asymmetric-reply-unseen likely']);
  });

  it('is told by the entry where the kernel does not name the state', async () => {
    const older = line({ prefix: 'nf_ct_proto_6: invalid state ', outIf: '', flags: 'ACK', seq: 1001, ack: 5001 });
    const entry = `tcp      6 100 SYN_SENT src=${CLIENT} dst=${SERVER} sport=40001 dport=443 [UNREPLIED] src=${SERVER} dst=${CLIENT} sport=443 dport=40001 mark=0 use=1`;
    expect(await said({ 'kern.log': [older] })).toEqual(['unresolved possible']);
    expect((await said({ 'kern.log': [older], 'conntrack-L.txt': [entry] }))[0]).toMatch(/^asymmetric-reply-unseen /);
  });

  it('is not that in another state', async () => {
    const late = ack.replace('SYN_SENT', 'TIME_WAIT').replace('index 3', 'index 1');
    expect(await said({ 'kern.log': [late] })).toEqual(['unresolved possible']);
  });
});

describe('late closing packets', () => {
  const fin = (n: number, more: Partial<Line> = {}) =>
    line({
      prefix: 'Dropped: ',
      outIf: '',
      src: `203.0.113.${n}`,
      sport: 50000 + n,
      flags: 'ACK FIN',
      second: n,
      ...more,
    });

  it('of several peers, where nothing else is stopped', async () => {
    expect(await said({ 'kern.log': [fin(1), fin(2), fin(2, { second: 9, flags: 'RST' })] })).toEqual([
      'late-close possible',
    ]);
  });

  it('are not that where the rule stops SYNs, too', async () => {
    const syn = fin(3, { flags: 'SYN' });
    expect(await said({ 'kern.log': [fin(1), fin(2), syn] })).not.toContain('late-close possible');
  });

  it('are not that from a scanner', async () => {
    const probe = line({
      prefix: 'nf_ct_proto_6: invalid tcp flag combination ',
      outIf: '',
      src: '203.0.113.1',
      flags: 'SYN FIN',
      sport: 61,
    });
    const found = await said({ 'kern.log': [probe, fin(1, { prefix: 'INPUT INVALID: ' })] });
    expect(found.filter((one) => one.startsWith('late-close'))).toEqual([]);
  });

  it('a FIN without ACK, or with URG and PSH, is a probe', async () => {
    for (const flags of ['FIN', 'URG PSH FIN']) {
      const found = await said({
        'kern.log': [1, 2].map((n) => fin(n, { prefix: 'INPUT INVALID: ', flags, src: '203.0.113.9' })),
      });
      expect(found[0]).toMatch(/^malformed /);
    }
  });

  it('a FIN of this host that is tried again is not late: a socket waits', async () => {
    const own = [1, 2, 4].map((second) => line({ prefix: 'OUTPUT INVALID: ', inIf: '', flags: 'ACK FIN', second }));
    const found = await said({ 'kern.log': own });
    expect(found.filter((one) => one.startsWith('late-close'))).toEqual([]);
  });
});

describe('RSTs and reused ports', () => {
  it('an RST whose number is below what was acknowledged', async () => {
    const rst = answer({ prefix: 'nf_ct_proto_6: invalid rst ', outIf: '', flags: 'RST', seq: 0, ack: 0 });
    expect(await said({ 'kern.log': [rst] })).toEqual(['rst-rejected likely']);
  });

  it('an RST below the window is one that is not believed, not an old segment', async () => {
    const text = 'nf_ct_proto_6: SEQ is under the lower bound (already ACKed data retransmitted) ';
    const rst = answer({ prefix: text, outIf: '', flags: 'ACK RST', seq: 0, ack: 1001 });
    expect(await said({ 'kern.log': [rst] })).toEqual(['rst-rejected likely']);
  });

  it('an RST without an entry is not that', async () => {
    const rst = answer({ prefix: 'nf_ct_proto_6: invalid new ', outIf: '', flags: 'RST', seq: 0, ack: 0 });
    const found = await said({ 'kern.log': [rst] });
    expect(found.filter((one) => one.startsWith('rst-rejected'))).toEqual([]);
  });

  const ignored = (state: string, flags: string, index: number, dir: number) =>
    (dir === 0 ? line : answer)({
      prefix: `nf_ct_proto_6: packet (index ${index}) in dir ${dir} ignored, state ${state} `,
      outIf: '',
      flags,
      seq: 77_001,
      ack: dir === 0 ? 0 : 1001,
    });

  it('a SYN on an entry that is not done, and an ACK in place of a SYN ACK', async () => {
    expect(await said({ 'kern.log': [ignored('ESTABLISHED', 'SYN', 0, 0)] })).toEqual(['port-reuse likely']);
    expect(await said({ 'kern.log': [ignored('SYN_SENT', 'ACK', 3, 1)] })).toEqual(['port-reuse likely']);
  });

  it('a SYN or SYN ACK that is only repeated is not that', async () => {
    expect(await said({ 'kern.log': [ignored('SYN_RECV', 'SYN', 0, 0)] })).toEqual([]);
    expect(await said({ 'kern.log': [ignored('ESTABLISHED', 'ACK SYN', 1, 1)] })).toEqual([]);
  });
});

describe('taken up in the middle', () => {
  const data = (n: number, second: number) =>
    line({ prefix: 'FORWARD NEW: ', src: `192.0.2.${n}`, sport: 40000 + n, flags: 'ACK PSH', second, len: 90 });

  it('several connections within seconds', async () => {
    const found = await said({ 'kern.log': [data(1, 1), data(2, 1), data(3, 2)] });
    expect(found[0]).toMatch(/^midstream-pickup /);
  });

  it('one alone is not that', async () => {
    const found = await said({ 'kern.log': [data(1, 1)] });
    expect(found.filter((one) => one.startsWith('midstream'))).toEqual([]);
  });

  it('first packets are not that', async () => {
    const syns = [1, 2, 3].map((n) => data(n, 1).replace('ACK PSH', 'SYN'));
    const found = await said({ 'kern.log': syns });
    expect(found.filter((one) => one.startsWith('midstream'))).toEqual([]);
  });
});

describe('checksums and what cannot be tracked', () => {
  it('a wrong checksum is never certain of who spoiled it', async () => {
    const bad = line({ prefix: 'nf_ct_proto_6: bad checksum ', outIf: '', flags: 'ACK', seq: 1 });
    expect(await said({ 'kern.log': [bad] })).toEqual(['checksum likely']);
  });

  const icmp = (type: number) =>
    `Nov 21 14:00:01 fw kernel: INPUT INVALID: IN=eth0 OUT= MAC= SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:006a LEN=56 TC=0 HOPLIMIT=1 FLOWLBL=0 PROTO=ICMPv6 TYPE=${type} CODE=0 `;

  it('an ICMPv6 type without an answer', async () => {
    expect((await said({ 'kern.log': [icmp(141)] }))[0]).toMatch(/^untrackable /);
  });

  it('an answer without its question is another story', async () => {
    const found = await said({ 'kern.log': [icmp(129)] });
    expect(found.filter((one) => one.startsWith('untrackable'))).toEqual([]);
  });

  const save = (...rules: readonly string[]) => [
    '# Generated by iptables-save v1.8.9 on Fri Nov 21 14:00:00 2025',
    '*raw',
    ':PREROUTING ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ...rules,
    'COMMIT',
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    '-A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix "FORWARD INVALID: "',
    'COMMIT',
  ];
  const question = '-A PREROUTING -d 198.51.100.7/32 -p tcp -m tcp --dport 443 -j CT --notrack';
  const reply = '-A PREROUTING -s 198.51.100.7/32 -p tcp -m tcp --sport 443 -j CT --notrack';
  const synAck = answer({ flags: 'ACK SYN' });

  it('NOTRACK for the question alone', async () => {
    expect((await said({ 'kern.log': [synAck], 'iptables-save.txt': save(question) }))[0]).toMatch(/^untrackable /);
  });

  it('NOTRACK both ways, or another port, is not that', async () => {
    for (const rules of [[question, reply], [question.replace('443', '444')]]) {
      const found = await said({ 'kern.log': [synAck], 'iptables-save.txt': save(...rules) });
      expect(found.filter((one) => one.startsWith('untrackable'))).toEqual([]);
    }
  });
});
