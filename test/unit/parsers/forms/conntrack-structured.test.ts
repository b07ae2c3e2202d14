// The forms that are not libnetfilter_conntrack's words: XML, options of -o save, Open vSwitch.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onlyEntry, onlyEvent, readTracker, recordsOf } from './conntrack-forms.js';

const FLOW =
  '<flow><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>192.0.2.1</src><dst>198.51.100.2</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>41138</sport><dport>8080</dport></layer4><zone>9</zone><counters><packets>2</packets><bytes>112</bytes></counters></meta><meta direction="reply"><layer3 protonum="2" protoname="ipv4"><src>198.51.100.2</src><dst>192.0.2.1</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>80</sport><dport>41138</dport></layer4><counters><packets>1</packets><bytes>60</bytes></counters></meta><meta direction="independent"><state>ESTABLISHED</state><timeout>431999</timeout><mark>5</mark><labels><label>a&amp;b</label><label>c</label></labels><use>1</use><id>52681533</id><assured/><timestamp><start>1795269347593423472</start></timestamp><deltatime>1</deltatime></meta><helper>ftp</helper></flow>';
const HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n';

describe('conntrack xml', () => {
  it('reads an entry', () => {
    expect(onlyEntry(`${HEAD}${FLOW}\n</conntrack>`)).toMatchObject({
      family: 'ip',
      orig: { proto: 6, src: '192.0.2.1', sport: 41138, dport: 8080 },
      reply: { src: '198.51.100.2', sport: 80, dport: 41138 },
      state: 'ESTABLISHED',
      timeoutS: 431999,
      mark: 5,
      labels: 'a&b,c',
      use: 1,
      id: 52681533,
      status: ['ASSURED'],
      zone: null,
      zoneOrig: 9,
      origCounters: { packets: 2, bytes: 112 },
      replyCounters: { packets: 1, bytes: 60 },
      startedAtUs: 1795269347593423,
      deltaTimeS: 1,
      helper: 'ftp',
      unknown: [],
    });
  });

  it('reads the same however the flow is broken into lines', () => {
    const whole = onlyEntry(FLOW);
    const gaps = FLOW.match(/></g)!.length;
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: gaps, maxLength: gaps }), (breaks) => {
        let at = 0;
        const broken = FLOW.replace(/></g, () => (breaks[at++] === true ? '>\n\t<' : '><'));
        expect(onlyEntry(HEAD + broken)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
    expect(recordsOf(readTracker(`${HEAD}${FLOW}${FLOW} ${FLOW}</conntrack>`), 'ct-entry')).toHaveLength(3);
  });

  it('reads events, when they were printed and who asked', () => {
    const flow = FLOW.replace('<flow>', '<flow type="destroy">').replace(
      '<helper>',
      '<when><hour>13</hour><min>55</min><sec>02</sec><wday>7</wday><day>21</day><month>11</month><year>2026</year></when><helper>',
    );
    expect(onlyEvent(`${flow} [USERSPACE] portid=12837 progname=conntrack`)).toMatchObject({
      kind: 'DESTROY',
      atUs: null,
      stamp: { kind: 'wall', year: 2026, month: 11, day: 21, usOfDay: 50_102_000_000 },
      portId: 12837,
      isUserSpace: true,
      entry: { id: 52681533 },
    });
  });

  it("gives SCTP states their own names, which the library looks up in TCP's table", () => {
    const sctp = FLOW.replaceAll('protonum="6" protoname="tcp"', 'protonum="132" protoname="sctp"');
    expect(onlyEntry(sctp.replace('ESTABLISHED', 'SYN_SENT')).state).toBe('CLOSED');
    expect(onlyEntry(sctp.replace('ESTABLISHED', 'FIN_WAIT')).state).toBe('ESTABLISHED');
    expect(onlyEntry(sctp.replace('ESTABLISHED', 'SHUTDOWN_SENT')).state).toBe('SHUTDOWN_SENT');
  });

  it('reads expectations', () => {
    const read = readTracker(
      '<?xml version="1.0" encoding="utf-8"?>\n<expect>\n<flow type="new"><layer3 protonum="2" protoname="ipv4"><expected><src>192.0.2.1</src><dst>192.0.2.2</dst></expected><mask><src>255.255.255.255</src><dst>255.255.255.255</dst></mask><master><src>192.0.2.1</src><dst>192.0.2.2</dst></master></layer3><layer4 protonum="6" protoname="tcp"><expected><sport>0</sport><dport>41768</dport></expected><mask><sport>0</sport><dport>65535</dport></mask><master><sport>53488</sport><dport>21</dport></master></layer4><meta><helper-name>ftp</helper-name><timeout>299</timeout><class>0</class><permanent/></meta></flow>',
    );
    expect(recordsOf(read, 'ct-event')[0]?.event).toMatchObject({
      kind: 'EXP_NEW',
      entry: null,
      expectation: {
        tuple: { proto: 6, src: '192.0.2.1', dport: 41768 },
        maskDport: 65535,
        master: { sport: 53488, dport: 21 },
        timeoutS: 299,
        class: 0,
        flags: 'PERMANENT',
        helper: 'ftp',
      },
    });
  });

  it('keeps the flows around one that does not end, and says so', () => {
    const broken = FLOW.slice(0, 200);
    const read = readTracker(`${HEAD}${FLOW}\n${broken}\n${FLOW}`);
    expect(recordsOf(read, 'ct-entry')).toHaveLength(2);
    expect(read.unread).toEqual([{ line: 5, reason: 'the flow that begins in line 4 does not end', at: 0 }]);
    const cut = readTracker(`${HEAD}${FLOW}\n${broken}`);
    expect(recordsOf(cut, 'bundle')[0]?.statement).toMatchObject({
      kind: 'coverage',
      what: 'list:main',
      state: 'limited',
    });
  });

  it('never throws on a flow that is cut or garbled', () => {
    for (let length = 0; length < FLOW.length; length += 3) {
      readTracker(`${FLOW.slice(0, length)}</flow>`);
      readTracker(`${FLOW.slice(0, length)}<${FLOW.slice(length + 1)}`);
    }
  });
});

describe('conntrack -o save', () => {
  it('reads options back into an entry', () => {
    expect(
      onlyEntry(
        '-A -t 431999 -u SEEN_REPLY,ASSURED -s 192.0.2.1 -d 192.0.2.2 -g 198.51.100.2 -q 192.0.2.1 -p tcp --sport 41138 --dport 8080 --reply-port-src 80 --reply-port-dst 41138 --state ESTABLISHED',
      ),
    ).toMatchObject({
      family: 'ip',
      orig: { proto: 6, src: '192.0.2.1', dst: '192.0.2.2', sport: 41138, dport: 8080 },
      reply: { src: '198.51.100.2', dst: '192.0.2.1', sport: 80, dport: 41138 },
      timeoutS: 431999,
      state: 'ESTABLISHED',
      status: ['ASSURED'],
    });
  });

  it('works out the ICMP reply, zones, and a protocol without options', () => {
    const icmp = onlyEntry(
      '-A -t 28 -u UNSET -w 7 --orig-zone 9 -s 2001:db8::1 -d 2001:db8::2 -r 2001:db8::2 -q 2001:db8::1 -p icmpv6 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 14397',
    );
    expect(icmp).toMatchObject({
      family: 'ip6',
      zone: 7,
      zoneOrig: 9,
      status: ['UNREPLIED'],
      reply: { extra: 'type=129 code=0 id=14397' },
    });
    expect(onlyEntry('-A -t 600 -u UNSET -s 192.0.2.1 -d 192.0.2.2 -r 192.0.2.2 -q 192.0.2.1 -p 99').orig.proto).toBe(
      99,
    );
    expect(
      onlyEntry(
        '-A -t 30 -u UNSET -s 192.0.2.1 -d 192.0.2.2 -r 192.0.2.2 -q 192.0.2.1 -p gre --srckey 0 --dstkey 31 --reply-key-src 31 --reply-key-dst 0',
      ).orig.extra,
    ).toBe('srckey=0x0 dstkey=0x1f');
  });

  it('takes -U, -D and a program behind the line for events', () => {
    const line =
      '-s 192.0.2.1 -d 192.0.2.2 -r 192.0.2.2 -q 192.0.2.1 -p udp --sport 1 --dport 2 --reply-port-src 2 --reply-port-dst 1';
    const read = readTracker(
      `-U -t 30 -u SEEN_REPLY ${line}\n-D -t 28 -u UNSET ${line} [USERSPACE] portid=9\n-A -t 30 -u UNSET ${line}`,
    );
    expect(recordsOf(read, 'ct-event').map(({ event }) => [event.kind, event.isUserSpace, event.portId])).toEqual([
      ['UPDATE', null, null],
      ['DESTROY', true, 9],
      ['NEW', false, null],
    ]);
  });

  it('does not take iptables rules, nor half a port', () => {
    expect(readTracker('-A INPUT -s 192.0.2.1/32 -d 192.0.2.2/32 -p tcp -j DROP').others).toEqual([1]);
    const cut = onlyEntry('-A -t 30 -u UNSET -s 192.0.2.1 -d 192.0.2.2 -r 192.0.2.2 -q 192.0.2.1 -p udp --sport 411');
    expect(cut).toMatchObject({ orig: { sport: null } });
  });
});

describe('ovs conntrack', () => {
  it('reads what dpctl/dump-conntrack prints, also with -m and -s', () => {
    const entry = onlyEntry(
      'tcp,orig=(src=192.0.2.1,dst=192.0.2.2,sport=40000,dport=80,packets=10,bytes=1000),reply=(src=192.0.2.2,dst=192.0.2.1,sport=80,dport=40000,packets=8,bytes=900),zone=6,id=123,mark=0x1,labels=0x2a,status=SEEN_REPLY|ASSURED|CONFIRMED,timeout=86399,protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED,wscale_orig=7),helper=ftp',
    );
    expect(entry).toMatchObject({
      family: 'ip',
      orig: { proto: 6, sport: 40000, dport: 80 },
      reply: { sport: 80 },
      origCounters: { packets: 10, bytes: 1000 },
      zone: 6,
      id: 123,
      mark: 1,
      labels: '0x2a',
      timeoutS: 86399,
      state: 'ESTABLISHED',
      status: ['ASSURED', 'CONFIRMED'],
      helper: 'ftp',
      unknown: ['wscale_orig=7'],
    });
  });

  it('reads ICMP, states that differ, and a reply that was cut', () => {
    const read = readTracker(
      'icmpv6,orig=(src=2001:db8::1,dst=2001:db8::2,id=4,type=128,code=0),reply=(src=2001:db8::2,dst=2001:db8::1,id=4,type=129,code=0),zone=1\ntcp,orig=(src=192.0.2.1,dst=192.0.2.2,sport=1,dport=2),reply=(src=192.0.2.2,dst=192.0.2.1,sport=2,dport=1),protoinfo=(state_orig=SYN_SENT,state_reply=LISTEN)\nudp,orig=(src=192.0.2.1,dst=192.0.2.2,sport=1,dport=2),reply=(src=192.0.2.2,dst=192.',
    );
    const [icmp, tcp, udp] = recordsOf(read, 'ct-entry').map(({ entry }) => entry);
    expect(icmp?.reply?.extra).toBe('type=129 code=0 id=4');
    expect(tcp).toMatchObject({ state: null, unknown: ['state_orig=SYN_SENT', 'state_reply=LISTEN'] });
    expect(udp).toMatchObject({ reply: null, orig: { sport: 1 } });
    expect(recordsOf(read, 'ct-entry')[0]?.list).toBe('ovs');
  });
});
