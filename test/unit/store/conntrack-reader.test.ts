import { describe, expect, it } from 'vitest';
import type { EvidenceRecord } from '../../../src/model/record.js';
import type { Tuple } from '../../../src/model/tuple.js';
import { conntrackEventsForm } from '../../../src/parsers/forms/conntrack-events.js';
import { conntrackListForm } from '../../../src/parsers/forms/conntrack-list.js';
import { readEntries, readEvents, readPresence } from '../../../src/store/conntrack-reader.js';
import { beginSnapshot } from '../../../src/store/conntrack-writer.js';
import { openEventWriter } from '../../../src/store/event-writer.js';
import type { Db } from '../../../src/store/open-store.js';
import { tupleIds } from '../../../src/store/tuple-lookup.js';
import { readStatisticDeltas, readSysctl } from '../../../src/store/values-reader.js';
import { emptyStore } from './empty-store.js';

const T0 = 1_795_000_000_000_000;
const NATED =
  'tcp      6 300 ESTABLISHED src=192.0.2.1 dst=203.0.113.9 sport=40000 dport=8080 src=198.51.100.2 dst=192.0.2.1 sport=80 dport=40000 [ASSURED] mark=0 use=1 id=5';
const PING =
  'icmp     1 28 src=192.0.2.1 dst=203.0.113.9 type=8 code=0 id=77 src=198.51.100.2 dst=192.0.2.1 type=0 code=0 id=77 mark=0 use=1';

type Part = 'read' | 'failed' | null;

function snapshot(
  db: Db,
  seq: number,
  lines: readonly string[],
  part: Part = 'read',
  why: string | null = null,
): number {
  const writer = beginSnapshot(db, { seriesId: 1, takenAtUs: T0 + seq * 1_000_000, tookUs: 0, errorUs: 0, name: null });
  const reader = conntrackListForm.open(
    (record: EvidenceRecord) => {
      if (record.kind === 'ct-entry') writer.entry(record.list, record.entry, T0 + seq * 1_000_000, 1, record.line);
    },
    { fileName: 'x', command: 'conntrack -L' },
  );
  for (const [index, line] of lines.entries()) reader.line(line, index + 1);
  if (part !== null)
    writer.part({
      part: 'list:main',
      state: part,
      atUs: T0 + seq * 1_000_000 + 5,
      tookUs: 0,
      sourceId: 1,
      firstLine: 1,
      why,
    });
  writer.finish();
  return writer.snapshotId;
}

const tcp = (src: string, sport: number, dst: string, dport: number): Tuple => ({
  proto: 6,
  src,
  dst,
  sport,
  dport,
  extra: null,
});

describe('entries of a flow', () => {
  it.each([
    ['as the client sends it', tcp('192.0.2.1', 40000, '203.0.113.9', 8080)],
    ['as the client is answered', tcp('203.0.113.9', 8080, '192.0.2.1', 40000)],
    ['behind the translation', tcp('192.0.2.1', 40000, '198.51.100.2', 80)],
    ['as the server answers', tcp('198.51.100.2', 80, '192.0.2.1', 40000)],
  ])('are found by the packet %s', (_, tuple) => {
    const db = emptyStore();
    snapshot(db, 1, [NATED, PING, NATED.replaceAll('40000', '40001').replace('id=5', 'id=6')]);
    snapshot(db, 2, []);
    snapshot(db, 3, [NATED.replace('300', '298')]);
    const found = readEntries(db, tupleIds(db, tuple));
    expect(
      found.map(({ seq, ctId, origSport, replySport, timeoutS }) => [seq, ctId, origSport, replySport, timeoutS]),
    ).toEqual([
      [1, 5, 40000, 80, 300],
      [3, 5, 40000, 80, 298],
    ]);
    expect(readEntries(db, tupleIds(db, tuple), 3)).toHaveLength(1);
    expect(found[0]).toMatchObject({ expiresAtUs: T0 + 301_000_000, sourceId: 1, line: 1, takenAtUs: T0 + 1_000_000 });
  });

  it('finds ICMP by its id, whichever type the packet has', () => {
    const db = emptyStore();
    snapshot(db, 1, [PING, PING.replaceAll('id=77', 'id=78')]);
    for (const extra of ['type=8 code=0 id=77', 'type=0 code=0 id=77'])
      expect(
        readEntries(
          db,
          tupleIds(db, { proto: 1, src: '192.0.2.1', dst: '198.51.100.2', sport: null, dport: null, extra }),
        ),
      ).toHaveLength(1);
  });

  it('tells absence from not having looked', () => {
    const db = emptyStore();
    snapshot(db, 1, [NATED]);
    snapshot(db, 2, [PING]);
    snapshot(db, 3, [], 'failed', 'EPERM');
    snapshot(db, 4, [], null);
    snapshot(db, 5, [PING], 'read', 'IPv4 only');
    const ids = tupleIds(db, tcp('192.0.2.1', 40000, '203.0.113.9', 8080));
    const presence = readPresence(db, ids, 'main', 'ip');
    expect(presence.map((reading) => [reading.presence, reading.why])).toEqual([
      ['seen', null],
      ['absent', null],
      ['not-read', 'EPERM'],
      ['not-read', null],
      ['not-read', 'IPv4 only'],
    ]);
    expect(presence[0]?.atUs).toBe(T0 + 1_000_005);
    expect(readPresence(db, ids, 'dying', 'ip').every((reading) => reading.presence === 'not-read')).toBe(true);
  });

  it('believes a list that was read for the family asked about', () => {
    const db = emptyStore();
    snapshot(db, 1, [PING], null);
    db.exec("INSERT INTO snapshot_parts (snapshot_id, part, state) VALUES (1, 'list:main:ip', 'read')");
    const presence = (family: 'ip' | 'ip6') => readPresence(db, [], 'main', family)[0]?.presence;
    expect([presence('ip'), presence('ip6')]).toEqual(['absent', 'not-read']);
  });
});

describe('events of a flow', () => {
  it('come in order of time with the error of their clock, unplaced ones last', () => {
    const db = emptyStore();
    const write = (clockId: number, lines: readonly string[]) => {
      const writer = openEventWriter(db, clockId);
      const reader = conntrackEventsForm.open(
        (record: EvidenceRecord) => {
          if (record.kind === 'ct-event') writer.event(record.event, record.line + clockId * 100);
        },
        { fileName: 'x', command: 'conntrack -E -o id,userspace' },
      );
      for (const [index, line] of lines.entries()) reader.line(line, index + 1);
      writer.flush();
    };
    const body = NATED.replace(' use=1', '');
    write(2, [` [UPDATE] ${body}`]);
    write(1, [
      `[1795000005.000001]\t[DESTROY] ${body} delta-time=3 [USERSPACE] portid=9`,
      `[1795000002.000001]\t    [NEW] ${body}`,
      `[1795000003.000001]\t    [NEW] ${body.replaceAll('40000', '40001')}`,
      '[1795000004.000001]\t    [NEW] 300 proto=6 src=192.0.2.1 dst=198.51.100.2 sport=0 dport=41768 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=192.0.2.1 master-dst=203.0.113.9 sport=40000 dport=21 class=0 helper=ftp',
    ]);
    const events = readEvents(db, tupleIds(db, tcp('198.51.100.2', 80, '192.0.2.1', 40000)));
    expect(
      events.map(({ kind, seenAtUs, errorUs, portId, isUserSpace, ctId }) => [
        kind,
        seenAtUs,
        errorUs,
        portId,
        isUserSpace,
        ctId,
      ]),
    ).toEqual([
      ['NEW', 1795000002000001, 10, null, 0, 5],
      ['DESTROY', 1795000005000001, 10, 9, 1, 5],
      ['UPDATE', null, null, null, 0, 5],
    ]);
    expect(JSON.parse(events[1]!.extra!)).toEqual({ deltaTimeS: 3 });
    const [expected] = db.prepare("SELECT extra, timeout_s FROM events WHERE kind = 'EXP_NEW'").all() as [
      { extra: string; timeout_s: number },
    ];
    expect(expected.timeout_s).toBe(300);
    expect(JSON.parse(expected.extra)).toMatchObject({
      helper: 'ftp',
      maskDport: 65535,
      master: { sport: 40000 },
      class: 0,
    });
  });
});

describe('values', () => {
  const values = (
    db: Db,
    counters: Record<number, Record<string, number>>,
    sysctl: string | null,
    isRead = true,
  ): number => {
    const writer = beginSnapshot(db, { seriesId: 1, takenAtUs: T0, tookUs: 0, errorUs: 0, name: null });
    for (const [cpu, one] of Object.entries(counters)) writer.statistics({ cpu: Number(cpu), values: one }, 1, 1);
    if (sysctl !== null) writer.value('sysctl', 'net.netfilter.nf_conntrack_tcp_loose', -1, sysctl, 1, 3);
    if (isRead)
      writer.part({ part: 'stats', state: 'read', atUs: T0, tookUs: 0, sourceId: 1, firstLine: 1, why: null });
    writer.finish();
    return writer.snapshotId;
  };

  it('gives deltas per CPU, and sees resets and wrapped counters as what they are', () => {
    const db = emptyStore();
    const from = values(
      db,
      {
        0: { entries: 9, drop: 5, invalid: 7 },
        1: { drop: 9, invalid: 7, found: 1 },
        2: { drop: 4294967290, invalid: 3 },
      },
      null,
    );
    const to = values(
      db,
      { 0: { entries: 4, drop: 6, invalid: 7 }, 1: { drop: 2, invalid: 8, found: 0 }, 2: { drop: 4, invalid: 3 } },
      null,
    );
    const deltas = readStatisticDeltas(db, from, to)!;
    expect(deltas.map(({ cpu, name, delta, isReset }) => [cpu, name, delta, isReset])).toEqual([
      [0, 'drop', 1, false],
      [0, 'invalid', 0, false],
      [1, 'drop', null, true],
      [1, 'found', null, true],
      [1, 'invalid', null, true],
      [2, 'drop', 10, false],
      [2, 'invalid', 0, false],
    ]);
  });

  it('gives none where statistics were not read in both', () => {
    const db = emptyStore();
    const from = values(db, { 0: { drop: 5 } }, null);
    expect(readStatisticDeltas(db, from, values(db, {}, null, false))).toBeNull();
  });

  it('gives a sysctl as of a snapshot', () => {
    const db = emptyStore();
    const [first, second, third] = [values(db, {}, '1'), values(db, {}, null), values(db, {}, '0')];
    const name = 'net.netfilter.nf_conntrack_tcp_loose';
    expect(readSysctl(db, first, name)).toEqual({ value: '1', sinceSeq: 1, sourceId: 1, line: 3, isRead: true });
    expect(readSysctl(db, second, name)).toMatchObject({ value: '1', sinceSeq: 1, isRead: false });
    expect(readSysctl(db, third, name)).toMatchObject({ value: '0', sinceSeq: 3 });
    expect(readSysctl(db, first, 'net.netfilter.nf_conntrack_acct')).toBeNull();
  });
});
