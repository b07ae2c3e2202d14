// The same of windows: segments beyond and below them, scales that were lost, and offload that hides what passed.

import { describe, expect, it } from 'vitest';
import { explainedFiles } from './explained-files.js';
import { answer, CLIENT, fileOf, type Line, line, SERVER, said } from './packet-lines.js';

describe('segments beyond the window', () => {
  const sent = (seq: number, bound: number, second = 1) =>
    line({
      prefix: `nf_ct_proto_6: SEQ is over upper bound ${bound} (over the window of the receiver) `,
      outIf: '',
      flags: 'ACK PSH',
      seq,
      ack: 5001,
      len: 540,
      second,
    });
  const taken = (ack: number, bound: number, second = 2) =>
    answer({
      prefix: `nf_ct_proto_6: ACK is over upper bound ${bound} (ACKed data not seen yet) `,
      outIf: '',
      flags: 'ACK',
      seq: 5001,
      ack,
      second,
    });

  it('a segment and its acknowledgement, both refused, are one overshoot', async () => {
    expect(await said({ 'kern.log': [sent(2101, 2002), taken(2601, 2002)] })).toEqual(['window-overshoot likely']);
  });

  it('also where the numbers pass 2^32', async () => {
    const wrapped = 2 ** 32 - 200;
    expect(await said({ 'kern.log': [sent(wrapped, wrapped - 10), taken(300, wrapped - 10)] })).toEqual([
      'window-overshoot likely',
    ]);
  });

  it('an acknowledgement of something else proves nothing', async () => {
    const found = await said({ 'kern.log': [sent(2101, 2002), taken(2101, 2002)] });
    expect(found).not.toContain('window-overshoot likely');
  });

  it('a segment far off is of no window: forged, or of another connection', async () => {
    expect(await said({ 'kern.log': [sent(900_000_000, 2002)] })).toEqual(['unresolved possible']);
  });

  it('one that this kernel lets pass is told as no more than a remark', async () => {
    const remark = line({
      prefix: 'nf_ct_proto_6: 600 bytes more than expected ',
      outIf: '',
      flags: 'ACK',
      seq: 2101,
      ack: 5001,
    });
    const { db, findings } = await explainedFiles([
      fileOf('remark.log', ['Nov 21 14:00:00 fw kernel: Linux version 6.12.1 (x@y) (gcc) #1', remark]),
    ]);
    db.close();
    expect(findings.map(({ finding }) => [finding.class, finding.outcome])).toEqual([['window-overshoot', 'OTHER']]);
  });
});

describe('segments below the window', () => {
  const old = (prefix: string) =>
    line({ prefix, inIf: 'eth0', outIf: '', flags: 'ACK PSH', seq: 1001, ack: 5001, len: 540 });

  it('are INVALID by their words until 6.0, whatever the kernel is', async () => {
    const text = 'nf_ct_proto_6: SEQ is under the lower bound (already ACKed data retransmitted) ';
    expect(await said({ 'kern.log': [old(text)] })).toEqual(['old-segment likely']);
  });

  it('are accepted where the line holds the bound', async () => {
    const { db, findings } = await explainedFiles([
      fileOf('old.log', [old('nf_ct_proto_6: SEQ is under lower bound 90001 (already ACKed data retransmitted) ')]),
    ]);
    db.close();
    const [only] = findings;
    expect(only!.finding.class).toBe('old-segment');
    expect(only!.finding.summary).toMatch(/accepts it/);
  });

  it('are not told beside a window that is wrong altogether', async () => {
    const lines = [
      old('nf_ct_proto_6: SEQ is under the lower bound (already ACKed data retransmitted) '),
      line({
        prefix: 'nf_ct_proto_6: SEQ is over upper bound 2002 (over the window of the receiver) ',
        outIf: '',
        flags: 'ACK',
        seq: 2101,
        second: 2,
      }),
    ];
    expect(await said({ 'kern.log': lines })).not.toContain('old-segment likely');
  });
});

describe('lost window scale', () => {
  const scaled = (flags: string, more: Partial<Line>) => ({
    prefix: 'FORWARD NEW: ',
    flags,
    len: 60,
    more: 'OPT (020405B40402080AFC455637911444AA01030307)',
    ...more,
  });
  const ahead = (seq: number, second: number) =>
    line({
      prefix: 'nf_ct_proto_6: SEQ is over upper bound 1502 (over the window of the receiver) ',
      outIf: '',
      flags: 'ACK PSH',
      seq,
      ack: 5001,
      len: 1500,
      window: 501,
      second,
    });
  const handshake = [
    line(scaled('SYN', { seq: 1000 })),
    answer(scaled('ACK SYN', { prefix: 'ACCEPT: ', seq: 5000, ack: 1001 })),
  ];
  const running = [ahead(2901, 3), ahead(4301, 4), ahead(9001, 5)];

  it('the sender runs ahead further and further of a bound that does not move', async () => {
    const found = await said({ 'kern.log': [...handshake, ...running] });
    expect(found).toContain('window-scale-lost likely');
  });

  it('is not that where one SYN offers no scaling', async () => {
    const plain = answer(
      scaled('ACK SYN', { prefix: 'ACCEPT: ', seq: 5000, ack: 1001, more: 'OPT (020405B4)', len: 44 }),
    );
    const found = await said({ 'kern.log': [handshake[0]!, plain, ...running] });
    expect(found.filter((one) => one.startsWith('window-scale-lost'))).toEqual([]);
  });
});

describe('a bound that is a window unscaled', () => {
  const ACKED = 3_000_000_000;
  const window = (second: number, more: Partial<Line> = {}) =>
    line({ prefix: 'ACCEPT: ', flags: 'ACK', seq: 1001, ack: ACKED, window: 2000, second, ...more });
  const ahead = (bound: number, seq = ACKED + 130_000) =>
    answer({
      prefix: `nf_ct_proto_6: SEQ is over upper bound ${bound} (over the window of the receiver) `,
      outIf: '',
      flags: 'ACK',
      seq,
      ack: 1001,
      len: 1500,
      second: 3,
    });
  const UNSCALED = ACKED + 2001;
  const syn = (scale: string) =>
    line({
      prefix: 'FORWARD NEW: ',
      flags: 'SYN',
      seq: 1000,
      len: 60,
      more: `OPT (020405B40402080AFC4556370000000001${scale})`,
    });
  const answered = answer({
    prefix: 'ACCEPT: ',
    flags: 'ACK SYN',
    seq: 1,
    ack: 1001,
    len: 60,
    second: 1,
    more: 'OPT (020405B40402080AFC455637911444AA01030307)',
  });

  it('tells a lost scale by its number alone, surer with the handshake', async () => {
    expect(await said({ 'kern.log': [window(2), ahead(UNSCALED)] })).toEqual(['window-scale-lost possible']);
    expect(await said({ 'kern.log': [syn('030307'), answered, window(2), ahead(UNSCALED)] })).toContain(
      'window-scale-lost likely',
    );
  });

  it('is told by a capture of the receiver as well', async () => {
    const wire = `14:00:02.000000 IP ${CLIENT}.40001 > ${SERVER}.443: Flags [.], ack ${ACKED}, win 2000, length 0`;
    expect(await said({ 'kern.log': [ahead(UNSCALED)], 'wire.txt': [wire] })).toEqual(['window-scale-lost possible']);
  });

  it.each([
    ['one more', [window(2), ahead(UNSCALED + 1)]],
    ['the window scaled', [window(2), ahead(ACKED + 2000 * 16 + 1)]],
    ['of a receiver that scales nothing', [syn('030300'), answered, window(2), ahead(UNSCALED)]],
    ['passed by less than a plain window', [window(2), ahead(UNSCALED, ACKED + 4000)]],
  ])('is not that where it is %s', async (_, lines) => {
    expect((await said({ 'kern.log': lines })).filter((one) => one.startsWith('window-scale-lost'))).toEqual([]);
  });
});

describe('a sender that is this host itself', () => {
  const own = (seq: number, second: number) =>
    line({
      prefix: 'nf_ct_proto_6: SEQ is over the upper bound (over the window of the receiver) ',
      inIf: '',
      outIf: 'eth0',
      flags: 'ACK PSH',
      seq,
      ack: 5001,
      len: 2928,
      window: 447,
      second,
    });

  it('keeps to its window: conntrack reads that wrong', async () => {
    const found = await said({ 'kern.log': [own(10_000, 1), own(12_856, 2)] });
    expect(found).toEqual(['window-scale-lost possible']);
  });

  it('one that only retransmits shows nothing of the kind', async () => {
    expect(await said({ 'kern.log': [own(10_000, 1), own(10_000, 2)] })).toEqual(['unresolved possible']);
  });
});

describe('offload', () => {
  const taken = answer({
    prefix: 'nf_ct_proto_6: ACK is over upper bound 2002 (ACKed data not seen yet) ',
    outIf: '',
    flags: 'ACK FIN',
    seq: 5001,
    ack: 9_000_000,
  });
  const entry = (status: string) =>
    `tcp      6 431999 ESTABLISHED src=${CLIENT} dst=${SERVER} sport=40001 dport=443 src=${SERVER} dst=${CLIENT} sport=443 dport=40001 [${status}] mark=0 use=1`;

  it('an entry with its mark, and numbers far ahead', async () => {
    expect(await said({ 'kern.log': [taken], 'conntrack-L.txt': [entry('HW_OFFLOAD')] })).toContain(
      'offload-blind-window likely',
    );
  });

  it('without the mark nothing speaks for it', async () => {
    const found = await said({ 'kern.log': [taken], 'conntrack-L.txt': [entry('ASSURED')] });
    expect(found.filter((one) => one.startsWith('offload'))).toEqual([]);
  });
});
