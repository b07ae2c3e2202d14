import { describe, expect, it } from 'vitest';
import { onlyEvent, readTracker, recordsOf } from './conntrack-forms.js';

const BODY =
  'tcp      6 60 SYN_RECV src=192.0.2.1 dst=198.51.100.2 sport=48880 dport=80 src=198.51.100.2 dst=192.0.2.1 sport=80 dport=48880';
const EXPECTATION =
  '300 proto=6 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=41768 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=192.0.2.1 master-dst=192.0.2.2 sport=53488 dport=21 PERMANENT,INACTIVE class=1 helper=ftp';

describe('conntrack -E', () => {
  it('reads NEW, UPDATE and DESTROY', () => {
    const read = readTracker(
      [
        `    [NEW] ${BODY.replace('src=198', '[UNREPLIED] src=198')}`,
        ` [UPDATE] ${BODY} [ASSURED]`,
        '[DESTROY] tcp      6 TIME_WAIT src=192.0.2.1 dst=198.51.100.2 sport=48880 dport=80 packets=15 bytes=1750 src=198.51.100.2 dst=192.0.2.1 sport=80 dport=48880 packets=13 bytes=6905 [ASSURED] mark=16777216 delta-time=120',
      ].join('\n'),
    );
    const events = recordsOf(read, 'ct-event').map(({ event }) => event);
    expect(events.map(({ kind, entry }) => [kind, entry?.state, entry?.status.join()])).toEqual([
      ['NEW', 'SYN_RECV', 'UNREPLIED'],
      ['UPDATE', 'SYN_RECV', 'ASSURED'],
      ['DESTROY', 'TIME_WAIT', 'ASSURED'],
    ]);
    expect(events[2]?.entry).toMatchObject({
      timeoutS: null,
      origCounters: { packets: 15, bytes: 1750 },
      replyCounters: { packets: 13, bytes: 6905 },
      mark: 16777216,
      deltaTimeS: 120,
    });
  });

  it.each([
    ['[1795269347.593169]\t ', { kind: 'epoch', us: 1795269347593169 }],
    ['[1795269347.42    ]\t ', { kind: 'epoch', us: 1795269347000042 }],
    ['1795269347.5 ', null],
    ['1795269347.500000 ', { kind: 'epoch', us: 1795269347500000 }],
    ['--- 2026-11-21 15:00:44.857 --- ', { kind: 'wall', year: 2026, month: 11, day: 21, usOfDay: 54_044_857_000 }],
    ['2026-11-21T15:00:44+01:00 fw1 ', { kind: 'epoch', us: Date.UTC(2026, 10, 21, 14, 0, 44) * 1000 }],
    ['2026-11-21 15:00:44,5Z ', { kind: 'epoch', us: Date.UTC(2026, 10, 21, 15, 0, 44, 500) * 1000 }],
    ['Nov 21 08:00:00 fw1 ', { kind: 'wall', year: null, month: 11, day: 21, usOfDay: 28_800_000_000 }],
    ['Sat Nov 21 08:00:00 CET 2026: ', { kind: 'wall', year: 2026, month: 11, day: 21, usOfDay: 28_800_000_000 }],
    ['fw1 says ', null],
    ['Nov 41 08:00:00 ', null],
    ['', null],
  ])('reads the stamp of "%s"', (prefix, stamp) => {
    const event = onlyEvent(`${prefix}[UPDATE] ${BODY}`);
    expect(event.stamp).toEqual(stamp);
    expect(event.atUs).toBe(stamp?.kind === 'epoch' ? (stamp as { us: number }).us : null);
    expect(event.entry?.reply?.dport).toBe(48880);
  });

  it('says who asked for a change, and that nobody did only where the output could have shown it', () => {
    const asked = `[DESTROY] ${BODY} id=7 [USERSPACE] portid=3991152833 progname=conntrack`;
    const plain = `[DESTROY] ${BODY} id=7`;
    const said = (text: string, command: string | null = null) =>
      recordsOf(readTracker(text, { command }), 'ct-event').map(({ event }) => [event.isUserSpace, event.portId]);
    expect(said(plain)).toEqual([[null, null]]);
    expect(said(plain, 'conntrack -E -o id,userspace')).toEqual([[false, null]]);
    expect(said(`${plain}\n${asked}\n${plain}`)).toEqual([
      [null, null],
      [true, 3991152833],
      [false, null],
    ]);
    expect(onlyEvent(asked).entry?.id).toBe(7);
  });

  it('reports lost events as coverage', () => {
    const read = readTracker(`[UPDATE] ${BODY}\nWARNING: We have hit ENOBUFS! We are losing events.\n[UPDATE] ${BODY}`);
    expect(read.forms).toEqual(['conntrack -E']);
    expect(recordsOf(read, 'bundle')[0]).toMatchObject({ line: 2, statement: { what: 'events', state: 'lost' } });
  });

  it('takes back a reply that was cut, and says why a shorter line is not read', () => {
    const cut = (length: number) => readTracker(`[UPDATE] ${BODY}`.slice(0, length), { command: 'conntrack -E' });
    const whole = `[UPDATE] ${BODY}`.length;
    expect(recordsOf(cut(whole - 2), 'ct-event')[0]?.event.entry?.reply).toMatchObject({ sport: 80, dport: null });
    expect(recordsOf(cut(whole - 20), 'ct-event')[0]?.event.entry?.reply).toBeNull();
    expect(cut(30).unread[0]?.reason).toMatch(/cut before both addresses/);
  });

  it('reads other protocols', () => {
    const event = onlyEvent(
      '    [NEW] unknown  2 600 src=192.0.2.17 dst=224.0.0.22 [UNREPLIED] src=224.0.0.22 dst=192.0.2.17',
    );
    expect(event.entry).toMatchObject({ orig: { proto: 2, sport: null }, reply: { src: '224.0.0.22' }, timeoutS: 600 });
  });
});

describe('conntrack expect', () => {
  it('reads a listing, events and their stamps', () => {
    const read = readTracker(
      `${EXPECTATION}\n[1795269347.794226]\t    [NEW] ${EXPECTATION}\n[1795269348.1     ]\t[DESTROY] ${EXPECTATION}\nconntrack v1.4.7 (conntrack-tools): 2 expectation events have been shown.`,
    );
    expect(read).toMatchObject({ forms: ['conntrack expect'], unread: [], others: [] });
    expect(recordsOf(read, 'expectation')[0]?.expectation).toEqual({
      tuple: { proto: 6, src: '192.0.2.1', dst: '192.0.2.2', sport: 0, dport: 41768, extra: null },
      maskSrc: '255.255.255.255',
      maskDst: '255.255.255.255',
      maskSport: 0,
      maskDport: 65535,
      master: { proto: 6, src: '192.0.2.1', dst: '192.0.2.2', sport: 53488, dport: 21, extra: null },
      timeoutS: 300,
      zone: null,
      class: 1,
      flags: 'PERMANENT,INACTIVE',
      helper: 'ftp',
      unknown: [],
    });
    expect(recordsOf(read, 'ct-event').map(({ event }) => [event.kind, event.atUs])).toEqual([
      ['EXP_NEW', 1795269347794226],
      ['EXP_DESTROY', 1795269348000001],
    ]);
  });

  it('reads flags that old libraries printed without a blank behind them', () => {
    const glued = EXPECTATION.replace('PERMANENT,INACTIVE class=1', 'zone=3 PERMANENTclass=0');
    expect(recordsOf(readTracker(glued), 'expectation')[0]?.expectation).toMatchObject({
      zone: 3,
      flags: 'PERMANENT',
      class: 0,
      helper: 'ftp',
    });
  });

  it('reads /proc/net/nf_conntrack_expect', () => {
    const read = readTracker(
      '299 l3proto = 2 proto=6 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=41768 ftp\n- l3proto = 10 proto=17 src=2001:0db8:0000:0000:0000:0000:0000:0001 dst=2001:db8::2 sport=0 dport=5060 PERMANENT sip/signalling',
    );
    expect(read.unread).toEqual([]);
    const [ftp, sip] = recordsOf(read, 'expectation').map(({ expectation }) => expectation);
    expect(ftp).toMatchObject({ timeoutS: 299, helper: 'ftp', flags: null, master: null });
    expect(sip).toMatchObject({
      timeoutS: null,
      tuple: { src: '2001:db8::1' },
      flags: 'PERMANENT',
      helper: 'sip',
      unknown: ['/signalling'],
    });
  });

  it('is read inside a stream of events, too', () => {
    const read = readTracker(`[UPDATE] ${BODY}\n    [NEW] ${EXPECTATION}\n[UPDATE] ${BODY}`);
    expect(read.forms).toEqual(['conntrack -E']);
    expect(recordsOf(read, 'ct-event').map(({ event }) => event.kind)).toEqual(['UPDATE', 'EXP_NEW', 'UPDATE']);
  });
});
