import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BARE_ENTRY } from '../../../helpers/bare-entry.js';
import { onlyEntry, readTracker, recordsOf } from './conntrack-forms.js';

const PLAIN =
  'tcp      6 431999 ESTABLISHED src=192.0.2.1 dst=198.51.100.2 sport=41138 dport=8080 src=203.0.113.9 dst=198.51.100.1 sport=80 dport=41138 [ASSURED] mark=7 use=1';
const EXTENDED =
  'ipv6     10 udp      17 29 src=2001:db8::1 dst=2001:db8::2 sport=36252 dport=5353 packets=1 bytes=29 [UNREPLIED] src=2001:db8::2 dst=2001:db8::1 sport=5353 dport=36252 packets=0 bytes=0 mark=0 secctx=system_u:object_r:unlabeled_t:s0 zone=7 delta-time=1 [start=Sat Nov 21 13:55:47 2026] helper=tftp use=2 id=1639857881 labels=seen,kept';

describe('conntrack -L', () => {
  it('reads both directions, seconds, state, status and mark', () => {
    expect(onlyEntry(PLAIN)).toEqual({
      ...BARE_ENTRY,
      orig: { proto: 6, src: '192.0.2.1', dst: '198.51.100.2', sport: 41138, dport: 8080, extra: null },
      reply: { proto: 6, src: '203.0.113.9', dst: '198.51.100.1', sport: 80, dport: 41138, extra: null },
      timeoutS: 431999,
      mark: 7,
    });
  });

  it('reads what -o extended, id, labels, ktimestamp and accounting add', () => {
    expect(onlyEntry(EXTENDED)).toMatchObject({
      family: 'ip6',
      orig: { proto: 17, src: '2001:db8::1', dst: '2001:db8::2', sport: 36252, dport: 5353 },
      timeoutS: 29,
      state: null,
      status: ['UNREPLIED'],
      zone: 7,
      id: 1639857881,
      helper: 'tftp',
      labels: 'seen,kept',
      secctx: 'system_u:object_r:unlabeled_t:s0',
      origCounters: { packets: 1, bytes: 29 },
      replyCounters: { packets: 0, bytes: 0 },
      deltaTimeS: 1,
      startedLocal: { kind: 'wall', year: 2026, month: 11, day: 21, usOfDay: 50_147_000_000 },
      unknown: [],
    });
  });

  it('tells ICMP ids from entry ids, and keeps GRE keys', () => {
    const icmp = onlyEntry(
      'icmp     1 28 src=192.0.2.1 dst=192.0.2.2 type=8 code=0 id=14396 src=192.0.2.2 dst=192.0.2.1 type=0 code=0 id=14396 mark=0 use=1 id=2256483027',
    );
    expect(icmp.orig.extra).toBe('type=8 code=0 id=14396');
    expect(icmp.reply?.extra).toBe('type=0 code=0 id=14396');
    expect(icmp.id).toBe(2256483027);
    const gre = onlyEntry(
      'gre      47 29 src=192.0.2.1 dst=192.0.2.2 srckey=0x0 dstkey=0x1f [UNREPLIED] src=192.0.2.2 dst=192.0.2.1 srckey=0x1f dstkey=0x0 mark=0 use=1',
    );
    expect(gre.orig).toMatchObject({ proto: 47, sport: null, extra: 'srckey=0x0 dstkey=0x1f' });
  });

  it('reads zones of one direction, offloaded entries without seconds, and unknown protocols by number', () => {
    const zoned = onlyEntry(
      'udp      17 29 src=192.0.2.1 dst=192.0.2.2 sport=1 dport=2 zone-orig=9 [UNREPLIED] src=192.0.2.2 dst=192.0.2.1 sport=2 dport=1 zone-reply=4 mark=0 use=1',
    );
    expect(zoned).toMatchObject({ zone: null, zoneOrig: 9, zoneReply: 4 });
    const offloaded = onlyEntry(
      'tcp      6 src=192.0.2.1 dst=192.0.2.2 sport=1 dport=2 src=192.0.2.2 dst=192.0.2.1 sport=2 dport=1 [HW_OFFLOAD] mark=0 use=2',
    );
    expect(offloaded).toMatchObject({ timeoutS: null, state: null, status: ['HW_OFFLOAD'], isOffloaded: true });
    expect(
      onlyEntry('unknown  99 599 src=192.0.2.1 dst=192.0.2.2 [UNREPLIED] src=192.0.2.2 dst=192.0.2.1 mark=0 use=1')
        .orig,
    ).toEqual({ proto: 99, src: '192.0.2.1', dst: '192.0.2.2', sport: null, dport: null, extra: null });
  });

  it('lives with blanks that were lost', () => {
    const entry = onlyEntry(
      PLAIN.replace('tcp      6 431999', 'tcp 6431999').replace('[ASSURED] mark', '[ASSURED]mark'),
    );
    expect(entry).toMatchObject({ timeoutS: 431999, state: 'ESTABLISHED', status: ['ASSURED'], mark: 7 });
  });

  it('keeps words it does not know, and addresses that were masked', () => {
    const entry = onlyEntry(
      PLAIN.replace('src=192.0.2.1', 'src=x.x.x.1').replace('mark=7', 'secmark=0 colour=blue [SEEN]'),
    );
    expect(entry.orig.src).toBe('x.x.x.1');
    expect(entry.unknown).toEqual(['secmark=0', 'colour=blue']);
    expect(entry.status).toEqual(['ASSURED', 'SEEN']);
  });

  it('reads entries behind a diff mark, a file name or a stamp', () => {
    for (const prefix of ['< ', '+ ', 'fw1.txt:', 'Nov 21 08:00:00 '])
      expect(onlyEntry(prefix + PLAIN).orig.sport).toBe(41138);
  });

  it.each([
    ['conntrack -L', null, 'main'],
    ['conntrack -L dying -o id', null, 'dying'],
    ['/usr/sbin/conntrack --dump unconfirmed', null, 'unconfirmed'],
    [null, 'conntrack-l-dying.txt', 'dying'],
    [null, 'conntrack_-l_unconfirmed', 'unconfirmed'],
  ])('takes the list from command %s or file %s', (command, fileName, list) => {
    const read = readTracker(PLAIN, { command, fileName: fileName ?? 'x.txt' });
    expect(recordsOf(read, 'ct-entry')[0]?.list).toBe(list);
  });

  it('takes the list from the command typed before the output', () => {
    const read = readTracker(`root@fw:~# conntrack -L dying\n${PLAIN}\n$ sudo conntrack -L\n${PLAIN}`);
    expect(recordsOf(read, 'ct-entry').map(({ list }) => list)).toEqual(['dying', 'main']);
    expect(read.others).toEqual([]);
  });

  it('reads how many entries were shown, and says when conntrack failed', () => {
    const read = readTracker(
      `conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.\n${PLAIN}\nconntrack v1.4.7 (conntrack-tools): Operation failed: no such thing`,
    );
    expect(recordsOf(read, 'ct-count')).toEqual([{ kind: 'ct-count', line: 1, what: 'shown', value: 1 }]);
    expect(read.unread).toEqual([{ line: 3, reason: 'conntrack failed: Operation failed: no such thing', at: 0 }]);
  });

  it('does not take lines of other forms', () => {
    const read = readTracker(
      [
        '[ 12.5] nf_ct_proto_6: invalid new IN= OUT= SRC=192.0.2.1 DST=192.0.2.2 PROTO=TCP SPT=1 DPT=2',
        '-A INPUT -s 192.0.2.1/32 -j DROP',
        '263',
        'use conntrack -L to see src=1 entries',
        'ESTAB 0 0 192.0.2.1:22 192.0.2.2:40000',
      ].join('\n'),
    );
    expect(read.others).toEqual([1, 2, 3, 4, 5]);
    expect(read.records).toEqual([]);
  });

  it('says why a garbled line is not read', () => {
    const first = (text: string) => readTracker(text, { command: 'conntrack -L' }).unread[0];
    expect(first(`${PLAIN} ${PLAIN}`)?.reason).toMatch(/two lines run together/);
    expect(first(PLAIN.replace('sport=41138', 'sport=411x8'))).toEqual({
      line: 1,
      reason: 'sport= has no readable value',
      at: PLAIN.indexOf('sport='),
    });
    expect(first(PLAIN.replace('sport=41138', 'sport=99999'))?.reason).toMatch(/sport=/);
    expect(first(PLAIN.replace('tcp      6', 'tcp      17'))?.reason).toMatch(/differ/);
  });

  it('never tells half a value of a line that was cut anywhere', () => {
    for (const whole of [PLAIN, EXTENDED]) {
      const { orig, reply } = onlyEntry(whole);
      for (let length = 0; length < whole.length; length++) {
        const read = readTracker(`${whole}\n${whole.slice(0, length)}`, { command: 'conntrack -L' });
        const cut = recordsOf(read, 'ct-entry')[1]?.entry;
        if (cut === undefined) continue;
        expect(cut.orig).toMatchObject({ src: orig.src, dst: orig.dst });
        expect([orig.sport, null]).toContain(cut.orig.sport);
        expect([orig.dport, null]).toContain(cut.orig.dport);
        if (cut.reply === null) continue;
        expect(cut.reply).toMatchObject({ src: reply!.src, dst: reply!.dst, sport: reply!.sport });
        expect([reply!.dport, null]).toContain(cut.reply.dport);
      }
    }
  });

  it('never throws, and accounts for every line', () => {
    const words = fc.constantFrom(
      ...`${PLAIN} ${EXTENDED}`.split(' '),
      'ipv4 2',
      '[NEW]',
      '[',
      ']',
      '=',
      'src=',
      'proto=6',
      'cpu=0',
      '<flow>',
      '</flow>',
      'orig=(',
      '-A',
      '\t',
    );
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(words).map((parts) => parts.join(' ')),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
        const text = lines.join('\n').replaceAll('\r', '');
        const read = readTracker(text);
        for (const { line: number, reason } of read.unread) {
          expect(number).toBeLessThanOrEqual(text.split('\n').length);
          expect(reason).not.toBe('');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('/proc/net/nf_conntrack', () => {
  it('reads full IPv6 addresses in short form, and the timeouts that GRE prints', () => {
    const read = readTracker(
      [
        'ipv6     10 icmpv6   58 28 src=2001:0db8:0000:0000:0000:0000:0000:0001 dst=2001:0db8:0000:0000:0000:0000:0000:0002 type=128 code=0 id=7 src=2001:0db8:0000:0000:0000:0000:0000:0002 dst=2001:0db8:0000:0000:0000:0000:0000:0001 type=129 code=0 id=7 mark=0 zone=0 use=2',
        'ipv4     2 gre      47 29 timeout=30, stream_timeout=180 src=192.0.2.1 dst=192.0.2.2 srckey=0x0 dstkey=0x0 [UNREPLIED] src=192.0.2.2 dst=192.0.2.1 srckey=0x0 dstkey=0x0 mark=0 zone=0 delta-time=0 use=2',
      ].join('\n'),
    );
    const [icmp, gre] = recordsOf(read, 'ct-entry').map(({ entry }) => entry);
    expect(read.forms).toEqual(['/proc/net/nf_conntrack']);
    expect(icmp).toMatchObject({ family: 'ip6', orig: { src: '2001:db8::1', dst: '2001:db8::2' }, zone: 0 });
    expect(gre).toMatchObject({ timeoutS: 29, orig: { proto: 47 }, unknown: ['timeout=30,', 'stream_timeout=180'] });
  });

  it('is told from conntrack -L by its file name where the lines are alike', () => {
    const old = `${PLAIN.replace(' mark=7', '')}`;
    expect(readTracker(old, { fileName: 'ip_conntrack' }).forms).toEqual(['/proc/net/nf_conntrack']);
    expect(readTracker(old, { fileName: 'anything.txt' }).forms).toEqual(['conntrack -L']);
  });
});

describe('conntrackd -i', () => {
  const cached = `${PLAIN.replace('431999 ', '').replace('mark=7 use=1', 'mark=0')} [active since 536s]`;

  it('keeps the daemon copies apart from the kernel lists', () => {
    const read = readTracker(
      `${cached}\nproto=6 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=41768 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=192.0.2.1 master-dst=192.0.2.2 sport=36419 dport=21 helper=ftp [active since 5s]`,
    );
    expect(read.forms).toEqual(['conntrackd -i']);
    expect(recordsOf(read, 'ct-entry')[0]).toMatchObject({
      list: 'conntrackd',
      entry: { state: 'ESTABLISHED', timeoutS: null, activeSinceS: 536, reply: { dport: 41138 } },
    });
    expect(recordsOf(read, 'expectation')[0]?.expectation).toMatchObject({
      helper: 'ftp',
      unknown: ['[active since 5s]'],
    });
    const external = readTracker(cached, { command: 'conntrackd -e' });
    expect(recordsOf(external, 'ct-entry')[0]?.list).toBe('conntrackd-external');
  });
});
