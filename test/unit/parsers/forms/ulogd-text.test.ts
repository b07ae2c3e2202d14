// Lines as ulogd 2.0.8 printed them in a network namespace, with documentation addresses put in.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ulogdJsonForm } from '../../../../src/parsers/forms/ulogd-json.js';
import { ulogdTextForm } from '../../../../src/parsers/forms/ulogd-text.js';
import { only, readLines } from './read-lines.js';

const EMU =
  'Nov 21 17:12:36 vm [DESTROY] ORIG: SRC=192.0.2.1 DST=198.51.100.2 PROTO=TCP SPT=60278 DPT=8080 PKTS=3 BYTES=165 , REPLY: SRC=198.51.100.2 DST=192.0.2.1 PROTO=TCP SPT=8080 DPT=60278 PKTS=3 BYTES=164 ';
const EMU_ICMP =
  'Nov 21 17:12:36 vm [DESTROY] ORIG: SRC=192.0.2.1 DST=198.51.100.2 PROTO=ICMP TYPE=0 CODE=8 PKTS=1 BYTES=84 , REPLY: SRC=198.51.100.2 DST=192.0.2.1 PROTO=ICMP TYPE=0 CODE=8 PKTS=1 BYTES=84 ';
const GPRINT_FLOW =
  'timestamp=2026/11/21-17:12:36,orig.ip.saddr=192.0.2.1,orig.ip.daddr=198.51.100.2,orig.ip.protocol=6,orig.l4.sport=60278,orig.l4.dport=8080,orig.raw.pktlen=165,orig.raw.pktcount=3,reply.ip.saddr=198.51.100.2,reply.ip.daddr=192.0.2.1,reply.ip.protocol=6,reply.l4.sport=8080,reply.l4.dport=60278,reply.raw.pktlen=164,reply.raw.pktcount=3,ct.mark=0,ct.id=1088425382,ct.event=4,flow.start.sec=1795281156,flow.start.usec=574241,flow.end.sec=1795281156,flow.end.usec=844496,oob.family=2,oob.protocol=0';
const GPRINT_PACKET =
  'raw.pktlen=60,raw.pktcount=1,oob.prefix=seen, new: ,oob.time.sec=1795281156,oob.time.usec=574063,oob.mark=0,oob.ifindex_in=1,oob.hook=1,raw.mac_len=14,oob.family=2,oob.protocol=2048,ip.saddr=192.0.2.1,ip.daddr=198.51.100.2,ip.protocol=6,ip.tos=0,ip.ttl=64,ip.totlen=60,ip.id=29063,ip.fragoff=16384,tcp.sport=60278,tcp.dport=8080,tcp.seq=1391325093,tcp.ackseq=0,tcp.window=65495,tcp.urg=0,tcp.ack=0,tcp.psh=0,tcp.rst=0,tcp.syn=1,tcp.fin=0,oob.in=eth0,oob.out=';
const JSON_FLOW =
  '{"timestamp": "2026-11-21T17:12:36", "dvc": "Netfilter", "orig.ip.protocol": 6, "orig.l4.sport": 60278, "orig.l4.dport": 8080, "orig.raw.pktlen": 0, "orig.raw.pktcount": 0, "reply.ip.protocol": 6, "reply.l4.sport": 8080, "reply.l4.dport": 60278, "reply.raw.pktlen": 0, "reply.raw.pktcount": 0, "ct.mark": 0, "ct.id": 1088425382, "ct.event": 1, "flow.start.sec": 1795281156, "flow.start.usec": 574139, "oob.family": 2, "oob.protocol": 0, "src_ip": "192.0.2.1", "dest_ip": "198.51.100.2", "reply.ip.saddr.str": "198.51.100.2", "reply.ip.daddr.str": "192.0.2.1"}';

const FLOW = {
  orig: { proto: 6, src: '192.0.2.1', dst: '198.51.100.2', sport: 60278, dport: 8080 },
  reply: { proto: 6, src: '198.51.100.2', dst: '192.0.2.1', sport: 8080, dport: 60278 },
};
const NO_COUNTERS = { packets: null, bytes: null };

describe('flows of ulogd', () => {
  it('are conntrack events, as GPRINT prints them', () => {
    expect(only(readLines(ulogdTextForm, GPRINT_FLOW).records, 'ct-event')[0]?.event).toMatchObject({
      kind: 'DESTROY',
      atUs: 1_795_281_156_844_496,
      entry: {
        ...FLOW,
        id: 1_088_425_382,
        origCounters: { packets: 3, bytes: 165 },
        startedAtUs: 1_795_281_156_574_241,
      },
    });
  });

  it('are conntrack events, as LOGEMU prints them', () => {
    const [tcp, icmp] = only(readLines(ulogdTextForm, `${EMU}\n${EMU_ICMP}`).records, 'ct-event');
    expect(tcp?.event).toMatchObject({
      kind: 'DESTROY',
      atUs: null,
      stamp: { kind: 'wall', year: null, month: 11, day: 21 },
      entry: { ...FLOW, replyCounters: { packets: 3, bytes: 164 } },
    });
    expect(icmp?.event.entry?.orig).toMatchObject({ proto: 1, extra: 'type=8 code=0' });
  });

  it('are conntrack events, as JSON holds them; zeros without accounting are no counters', () => {
    expect(ulogdJsonForm.recognise(JSON_FLOW, { fileName: 'x', command: null })).toBe(90);
    const { records } = readLines(ulogdJsonForm, JSON_FLOW);
    expect(records).toHaveLength(1);
    expect(only(records, 'ct-event')[0]?.event).toMatchObject({
      kind: 'NEW',
      atUs: 1_795_281_156_574_139,
      entry: { ...FLOW, origCounters: NO_COUNTERS, replyCounters: NO_COUNTERS },
    });
  });
});

describe('ulogd GPRINT', () => {
  it('reads a packet with a comma in its prefix', () => {
    expect(only(readLines(ulogdTextForm, GPRINT_PACKET).records, 'captured-packet')[0]?.captured).toMatchObject({
      atUs: 1_795_281_156_574_063,
      nflog: { prefix: 'seen, new: ', hook: 1 },
      packet: { src: '192.0.2.1', dport: 8080, seq: 1_391_325_093, flags: 'SYN', inIf: 'eth0', dontFragment: true },
    });
  });

  it.each([EMU, EMU_ICMP, GPRINT_FLOW, GPRINT_PACKET])('never throws on a cut line: %s', (text) => {
    expect(ulogdTextForm.recognise(text, { fileName: 'x', command: null })).toBeGreaterThanOrEqual(50);
    fc.assert(fc.property(fc.nat(text.length), (length) => void readLines(ulogdTextForm, text.slice(0, length))));
  });
});
