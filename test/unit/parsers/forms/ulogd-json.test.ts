import { describe, expect, it } from 'vitest';
import { ulogdJsonForm } from '../../../../src/parsers/forms/ulogd-json.js';
import { only, readLines } from './read-lines.js';

const OBJECT = {
  timestamp: '2026-11-21T14:16:11.281560',
  dvc: 'Netfilter',
  'raw.pktlen': 60,
  'oob.prefix': 'drop "x" ',
  'oob.time.sec': 1_795_270_571,
  'oob.time.usec': 281_560,
  'oob.mark': 7,
  'oob.ifindex_in': 2,
  'oob.hook': 1,
  'oob.family': 2,
  'oob.protocol': 2048,
  'ip.protocol': 6,
  'ip.tos': 0,
  'ip.ttl': 63,
  'ip.totlen': 60,
  'ip.id': 37733,
  'ip.fragoff': 16384,
  src_port: 43936,
  dest_port: 5432,
  'tcp.seq': 2_289_721_423,
  'tcp.ackseq': 0,
  'tcp.window': 64240,
  'tcp.urg': 0,
  'tcp.ack': 0,
  'tcp.psh': 0,
  'tcp.rst': 0,
  'tcp.syn': 1,
  'tcp.fin': 0,
  'oob.in': 'eth0',
  'oob.out': '',
  src_ip: '192.0.2.1',
  dest_ip: '198.51.100.2',
};
const read = (text: string) => {
  const { records, unread, others } = readLines(ulogdJsonForm, text);
  return { packets: only(records, 'captured-packet').map(({ captured }) => captured), unread, others };
};

describe('ulogd JSON', () => {
  it('reads an object in one line and one laid out over many alike', () => {
    const { packets, unread, others } = read(`${JSON.stringify(OBJECT)}\n${JSON.stringify(OBJECT, null, 2)}`);
    expect([unread, others]).toEqual([[], []]);
    expect(packets).toHaveLength(2);
    expect(packets[1]).toEqual(packets[0]);
    expect(packets[0]).toMatchObject({
      atUs: 1_795_270_571_281_560,
      stamp: null,
      nflog: { prefix: 'drop "x" ', hook: 1, group: null },
    });
    expect(packets[0]!.packet).toMatchObject({
      family: 'ip',
      inIf: 'eth0',
      outIf: null,
      src: '192.0.2.1',
      dst: '198.51.100.2',
      proto: 6,
      sport: 43936,
      dport: 5432,
      seq: 2_289_721_423,
      flags: 'SYN',
      dontFragment: true,
      ipId: 37733,
      mark: 7,
      isCut: false,
    });
  });

  it('reads addresses that are numbers, and times with and without a zone', () => {
    const bare = { 'raw.pktlen': 1, 'ip.protocol': 17, src_ip: 16_777_343, dest_ip: '2001:0db8::0001' };
    const [local, zoned] = read(
      `${JSON.stringify({ ...bare, timestamp: '2026-09-28T18:52:30.943369' })}\n${JSON.stringify({ ...bare, timestamp: '2026-09-28T18:52:30.943369-0300' })}`,
    ).packets;
    expect(local).toMatchObject({
      atUs: null,
      stamp: { kind: 'wall', year: 2026, month: 9, day: 28, usOfDay: 67_950_943_369 },
    });
    expect(local!.packet).toMatchObject({ src: '127.0.0.1', dst: '2001:db8::1' });
    expect(zoned).toMatchObject({ atUs: Date.UTC(2026, 8, 28, 21, 52, 30) * 1000 + 943_369, stamp: null });
  });

  it('gives what a cut object still holds, without the number that it broke off in', () => {
    const line = JSON.stringify(OBJECT);
    const cut = read(line.slice(0, line.indexOf('"dest_port":54') + '"dest_port":54'.length));
    expect(cut.packets[0]!.packet).toMatchObject({ sport: 43936, dport: null, isCut: true });
    const lines = JSON.stringify(OBJECT, null, 2).split('\n').slice(0, 18).join('\n');
    expect(read(lines).packets[0]!.packet).toMatchObject({ ipId: 37733, dontFragment: true, sport: null, isCut: true });
  });

  it('says that it does not read flows, and gives back other JSON', () => {
    expect(read('{"orig.ip.saddr.str": "192.0.2.1", "ct.id": 5}').unread).toHaveLength(1);
    expect(read(`${JSON.stringify(OBJECT)}\n{"level": "info"}`).others).toEqual([2]);
    expect(ulogdJsonForm.recognise('{"level": "info"}', { fileName: 'x', command: null })).toBe(0);
  });
});
