// Causes argued from packets, and their twins: the same lines with the one thing changed that makes them another story.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkHonesty, explainedFiles } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-packets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let turn = 0;

type Files = Readonly<Record<string, readonly string[]>>;

/** The classes and confidences of what is said of some files, the weightiest first. */
async function said(files: Files): Promise<readonly string[]> {
  const paths = Object.entries(files).map(([name, lines]) => {
    const path = join(folder, `${turn++}-${name}`);
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  });
  const { db, findings } = await explainedFiles(paths);
  expect(checkHonesty(db, findings)).toEqual([]);
  db.close();
  return findings.map(({ finding }) => `${finding.class} ${finding.confidence}`);
}

const CLIENT = '192.0.2.7';
const SERVER = '198.51.100.7';

interface Line {
  readonly second?: number;
  readonly prefix?: string;
  readonly inIf?: string;
  readonly outIf?: string;
  readonly src?: string;
  readonly dst?: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly len?: number;
  readonly id?: number;
  readonly more?: string;
}

function line(one: Line): string {
  const { second = 1, prefix = 'FORWARD INVALID: ', inIf = 'eth0', outIf = 'eth1', src = CLIENT, dst = SERVER } = one;
  const numbers = one.seq === undefined ? '' : `SEQ=${one.seq} ACK=${one.ack ?? 0} `;
  return (
    `Nov 21 14:00:${String(second).padStart(2, '0')} fw kernel: ${prefix}IN=${inIf} OUT=${outIf} MAC= SRC=${src} DST=${dst} LEN=${one.len ?? 40} ` +
    `TOS=0x00 PREC=0x00 TTL=60 ID=${one.id ?? 100 + second} DF PROTO=TCP SPT=${one.sport ?? 40001} DPT=${one.dport ?? 443} ${numbers}` +
    `WINDOW=${one.window ?? 501} RES=0x00 ${one.flags} URGP=0 ${one.more ?? ''}`
  );
}

/** A line of the server. */
const answer = (one: Line): string =>
  line({ src: SERVER, dst: CLIENT, sport: 443, dport: 40001, inIf: 'eth1', outIf: 'eth0', ...one });

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
      (() => {
        const path = join(folder, `${turn++}-remark.log`);
        writeFileSync(path, `Nov 21 14:00:00 fw kernel: Linux version 6.12.1 (x@y) (gcc) #1\n${remark}\n`);
        return path;
      })(),
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
    const path = join(folder, `${turn++}-old.log`);
    writeFileSync(
      path,
      `${old('nf_ct_proto_6: SEQ is under lower bound 90001 (already ACKed data retransmitted) ')}\n`,
    );
    const { db, findings } = await explainedFiles([path]);
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
