import { readdirSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CapturedPacket } from '../../../src/model/capture.js';
import { emptyPacket } from '../../../src/model/packet.js';
import type { Socket } from '../../../src/model/socket.js';
import type { Tuple } from '../../../src/model/tuple.js';
import { openCaptureWriter, openHostEventWriter } from '../../../src/store/capture-writer.js';
import { hostFactsAsOf, isLocalAddress, socketsOfTuple } from '../../../src/store/host-reader.js';
import { openHostFactWriter, openSocketWriter } from '../../../src/store/host-writer.js';
import { openDatabase } from '../../../src/store/open-database.js';
import type { Db } from '../../../src/store/open-store.js';

const MIGRATIONS = new URL('../../../migrations/', import.meta.url).pathname;
let db: Db;

/** A store with one host, one source, one clock and a series of four snapshots, ten seconds apart. */
beforeEach(() => {
  db = openDatabase(':memory:');
  db.pragma('foreign_keys = ON');
  for (const file of readdirSync(MIGRATIONS).sort()) db.exec(readFileSync(`${MIGRATIONS}${file}`, 'utf8'));
  db.exec(`INSERT INTO hosts (id, name) VALUES (1, 'gw1');
    INSERT INTO ingests (id, began_at_us, kind, arguments) VALUES (1, 0, 'ingest', '[]');
    INSERT INTO sources (id, host_id, ingest_id, last_ingest_id, kind, name, added_at_us, head_bytes, head_hash) VALUES (1, 1, 1, 1, 'file', 'x', 0, 0, x'00');
    INSERT INTO clocks (id, source_id, kind, from_line, offset_us, error_us, method) VALUES (1, 1, 'epoch', 1, 0, 0, 'epoch');
    INSERT INTO series (id, host_id, made_by) VALUES (1, 1, 'ingest');
    INSERT INTO snapshots (id, series_id, seq, taken_at_us) VALUES (11, 1, 1, 10000000), (12, 1, 2, 20000000), (13, 1, 3, 30000000), (14, 1, 4, 40000000);`);
});

const SOCKET: Socket = {
  proto: 6,
  state: 'ESTAB',
  local: '192.0.2.1',
  lport: 22,
  peer: '198.51.100.2',
  pport: 5000,
  recvQ: 0,
  sendQ: 0,
  timer: null,
  timerMs: null,
  retrans: null,
  uid: 0,
  inode: 7,
  process: null,
  info: { rto: 204 },
};
const LISTENER: Socket = { ...SOCKET, state: 'LISTEN', peer: null, pport: null, inode: 8 };
const at = (seq: number) => ({ seriesId: 1, seq, sourceId: 1 });
const rows = (sql: string): unknown[][] => db.prepare(sql).raw(true).all() as unknown[][];

describe('sockets of snapshots', () => {
  const write = (seq: number, sockets: readonly Socket[]): void => {
    const writer = openSocketWriter(db, at(seq));
    sockets.forEach((socket, index) => void writer.write(socket, index + 1));
  };
  const seen = (snapshot: number): unknown[][] =>
    rows(`SELECT state, inode FROM sockets WHERE snapshot_id = ${snapshot} ORDER BY state, inode`);

  it('span the snapshots that showed them unchanged in one row', () => {
    write(1, [SOCKET, LISTENER]);
    write(2, [SOCKET]);
    write(3, [{ ...SOCKET, state: 'FIN-WAIT-1' }, SOCKET]);
    expect(rows('SELECT state, from_seq, to_seq FROM sockets_seen ORDER BY from_seq, state')).toEqual([
      ['ESTAB', 1, 4],
      ['LISTEN', 1, 2],
      ['FIN-WAIT-1', 3, 4],
    ]);
    expect([11, 12, 13, 14].map(seen)).toEqual([
      [
        ['ESTAB', 7],
        ['LISTEN', 8],
      ],
      [['ESTAB', 7]],
      [
        ['ESTAB', 7],
        ['FIN-WAIT-1', 7],
      ],
      [],
    ]);
  });

  it('are not shown by a snapshot that did not read them, and begin anew behind it', () => {
    write(1, [SOCKET]);
    write(3, [SOCKET]);
    expect([11, 12, 13].map((snapshot) => seen(snapshot).length)).toEqual([1, 0, 1]);
  });

  it('may come in several listings of one snapshot, twice, and as equal twins', () => {
    write(1, [SOCKET, LISTENER, LISTENER]);
    write(2, [SOCKET]);
    write(2, [LISTENER, LISTENER]);
    write(2, [SOCKET]);
    expect(rows('SELECT state, from_seq, to_seq FROM sockets_seen ORDER BY id')).toEqual([
      ['ESTAB', 1, 3],
      ['LISTEN', 1, 3],
      ['LISTEN', 1, 3],
    ]);
  });

  it('are found for a tuple in either direction', () => {
    write(1, [SOCKET, LISTENER, { ...SOCKET, pport: 5001 }]);
    write(2, [SOCKET]);
    const outgoing: Tuple = { proto: 6, src: '192.0.2.1', sport: 22, dst: '198.51.100.2', dport: 5000, extra: null };
    const incoming: Tuple = {
      ...outgoing,
      src: outgoing.dst,
      sport: outgoing.dport,
      dst: outgoing.src,
      dport: outgoing.sport,
    };
    for (const [tuple, isSourceLocal] of [
      [outgoing, true],
      [incoming, false],
    ] as const) {
      expect(socketsOfTuple(db, tuple)).toEqual([
        {
          id: 1,
          seriesId: 1,
          fromSeq: 1,
          lastSeq: 2,
          firstSeenAtUs: 10_000_000,
          lastSeenAtUs: 20_000_000,
          isSourceLocal,
          socket: SOCKET,
          sourceId: 1,
          line: 1,
        },
      ]);
    }
    expect(socketsOfTuple(db, outgoing, 2)).toEqual([]);
    expect(socketsOfTuple(db, { ...outgoing, proto: 17 })).toEqual([]);
  });
});

describe('facts of the host', () => {
  const write = (seq: number, facts: Parameters<ReturnType<typeof openHostFactWriter>['write']>[0][]): void => {
    const writer = openHostFactWriter(db, at(seq));
    facts.forEach((fact, index) => void writer.write(fact, index + 1));
  };
  const address = (local: string) => ({ kind: 'address', data: { ifname: 'eth0', local, prefixlen: 24 } }) as const;

  it('are the same whatever the order of their keys', () => {
    write(1, [{ kind: 'address', data: { a: 1, b: [{ d: 1, c: 2 }] } }]);
    write(2, [{ kind: 'address', data: { b: [{ c: 2, d: 1 }], a: 1 } }]);
    expect(rows('SELECT from_seq, to_seq, data FROM host_facts')).toEqual([[1, 3, '{"a":1,"b":[{"c":2,"d":1}]}']]);
  });

  it('are answered from the snapshot, else from the last one before, else from the first one after', () => {
    write(2, [address('192.0.2.1')]);
    write(3, [address('192.0.2.2'), { kind: 'module', data: { name: 'nf_nat' } }]);
    const locals = (snapshot: number) => {
      const found = hostFactsAsOf(db, snapshot, 'address');
      return found === null ? null : [found.seq, found.isOwn, found.facts.map(({ data }) => data['local'])];
    };
    expect([11, 12, 13, 14].map(locals)).toEqual([
      [2, false, ['192.0.2.1']],
      [2, true, ['192.0.2.1']],
      [3, true, ['192.0.2.2']],
      [3, false, ['192.0.2.2']],
    ]);
    expect(hostFactsAsOf(db, 12, 'route')).toBeNull();
    expect(hostFactsAsOf(db, 99, 'address')).toBeNull();
  });

  it('tell whether an address is local, and when nobody can tell', () => {
    expect(isLocalAddress(db, 11, '192.0.2.1')).toBeNull();
    expect(isLocalAddress(db, 11, '127.5.0.1')).toBe(true);
    expect(isLocalAddress(db, 11, '::1')).toBe(true);
    write(1, [{ kind: 'route', data: { dst: '192.0.2.0/24', dev: 'eth0' } }]);
    expect(isLocalAddress(db, 11, '192.0.2.1')).toBeNull();
    write(2, [
      address('192.0.2.1'),
      address('2001:db8::1'),
      { kind: 'route', data: { type: 'local', dst: '203.0.113.0/28', table: 'local' } },
    ]);
    expect(isLocalAddress(db, 12, '192.0.2.1')).toBe(true);
    expect(isLocalAddress(db, 12, '2001:0db8::0001')).toBe(true);
    expect(isLocalAddress(db, 12, '203.0.113.9')).toBe(true);
    expect(isLocalAddress(db, 12, '192.0.2.2')).toBe(false);
    expect(isLocalAddress(db, 12, 'X.X.X.X')).toBeNull();
  });
});

describe('packets on the wire and events', () => {
  it('are written with their tuple, in order, however many come', () => {
    const tuples: Tuple[] = [];
    const ids = {
      id(tuple: Tuple): number {
        tuples.push(tuple);
        return Number(
          db
            .prepare(
              'INSERT INTO tuples (proto, src, dst, sport, dport, extra) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET proto = excluded.proto RETURNING id',
            )
            .pluck()
            .get(tuple.proto, tuple.src, tuple.dst, tuple.sport, tuple.dport, tuple.extra),
        );
      },
    };
    const writer = openCaptureWriter(db, ids, ({ atUs }) => ({ clockId: 1, clockUs: atUs }));
    const packet = {
      ...emptyPacket(),
      proto: 1,
      src: '192.0.2.1',
      dst: '192.0.2.2',
      icmpType: 8,
      icmpCode: 0,
      icmpId: 77,
      ttl: 64,
      inIf: 'eth0',
    };
    const captured: CapturedPacket = {
      atUs: 5,
      stamp: null,
      usOfDay: null,
      interface: 'eth0',
      payloadBytes: 3,
      hasRelativeNumbers: true,
      checksum: 'bad',
      packet: { ...packet, quoted: { ...emptyPacket(), src: '203.0.113.1' } },
      nflog: { prefix: 'x', hook: 1, group: 2 },
    };
    for (let line = 1; line <= 121; line++) writer.write({ ...captured, atUs: line }, line);
    writer.write({ ...captured, packet: { ...emptyPacket(), family: 'arp' } }, 122);
    writer.flush();
    writer.flush();
    expect(rows('SELECT count(*), count(tuple_id), min(clock_us), max(line) FROM captured_packets')).toEqual([
      [122, 121, 1, 122],
    ]);
    expect(tuples[0]).toEqual({
      proto: 1,
      src: '192.0.2.1',
      dst: '192.0.2.2',
      sport: null,
      dport: null,
      extra: 'type=8 code=0 id=77',
    });
    const [extra] = rows('SELECT extra, ttl, payload, interface FROM captured_packets WHERE line = 7') as [
      [string, number, number, string],
    ];
    expect(extra.slice(1)).toEqual([64, 3, 'eth0']);
    expect(JSON.parse(extra[0])).toEqual({
      inIf: 'eth0',
      icmpType: 8,
      icmpCode: 0,
      icmpId: 77,
      quoted: { src: '203.0.113.1' },
      checksum: 'bad',
      hasRelativeNumbers: true,
      nflog: { prefix: 'x', hook: 1, group: 2 },
    });
  });

  it('keep the place of an event on its clock', () => {
    const writer = openHostEventWriter(db, ({ stamp }, line) => ({
      clockId: 1,
      clockUs: stamp === null ? null : line,
    }));
    writer.write(
      { kind: 'address-added', atUs: null, stamp: { kind: 'uptime', us: 3 }, data: { local: '192.0.2.1' } },
      9,
    );
    writer.write({ kind: 'link-up', atUs: null, stamp: null, data: {} }, 10);
    writer.flush();
    expect(rows('SELECT clock_us, line, kind, data FROM host_events ORDER BY id')).toEqual([
      [9, 9, 'address-added', '{"local":"192.0.2.1"}'],
      [null, 10, 'link-up', '{}'],
    ]);
  });
});
