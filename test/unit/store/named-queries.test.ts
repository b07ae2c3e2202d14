// Every named query runs on an empty store and on recorded hosts, and says what is known to be true of small ones.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { NAMED_QUERIES, namedQuery } from '../../../src/store/named-queries.js';
import { type Db, openStoreForReading, openStoreForWriting } from '../../../src/store/open-store.js';
import { parameterNames, runQuery } from '../../../src/store/query.js';
import { addQueryFunctions } from '../../../src/store/query-functions.js';
import { REPOSITORY, rowsOf, runCommand } from '../../helpers/run-command.js';
import { patient } from '../../lab/clock.js';

const AT_US = Date.UTC(2026, 10, 21, 10) * 1000;
/** One of each sort: gone, malformed, traced, translated, bare. */
const RECORDED = [
  'finwait-flushed',
  'malformed',
  'path-user-chains',
  'invalid-skips-nat',
  'udp-reply-late',
  'finwait-deleted-poor',
];
const migrationsFolder = join(REPOSITORY, 'migrations');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'queries-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function emptyStore(name: string): Db {
  return openStoreForWriting(realHost(), { path: join(folder, name), migrationsFolder }, AT_US);
}

function ask(db: Db, name: string, parameters: Record<string, string> = {}): Record<string, unknown>[] {
  const query = namedQuery(name)!;
  const { columns, rows } = runQuery(db, query.sql, { ...query.parameters, ...parameters });
  return Array.from(rows, (row) =>
    Object.fromEntries(columns.map((column, at) => [column, typeof row[at] === 'bigint' ? Number(row[at]) : row[at]])),
  );
}

describe('named queries', () => {
  it('have distinct names, a question, a default for each parameter', () => {
    expect(NAMED_QUERIES.length).toBeGreaterThanOrEqual(20);
    expect(new Set(NAMED_QUERIES.map(({ name }) => name)).size).toBe(NAMED_QUERIES.length);
    for (const query of NAMED_QUERIES) {
      expect(query.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(query.question).toMatch(/^[A-Z].{10,100}\?$/);
      expect(Object.keys(query.parameters).sort()).toEqual([...parameterNames(query.sql)].sort());
    }
  });

  it('answer nothing, without an error, on an empty store', () => {
    const db = emptyStore('empty.db');
    for (const { name } of NAMED_QUERIES) expect([name, ask(db, name)]).toEqual([name, []]);
    db.close();
  });

  it('name each column once', () => {
    const db = emptyStore('columns.db');
    for (const { name, sql, parameters } of NAMED_QUERIES) {
      const { columns } = runQuery(db, sql, parameters);
      expect([name, columns.length]).toEqual([name, new Set(columns).size]);
    }
    db.close();
  });
});

describe('on recorded hosts', () => {
  const path = () => join(folder, 'recorded.db');
  let db: Db;
  beforeAll(async () => {
    const hosts = join(REPOSITORY, 'fixtures/hosts');
    await runCommand(['ingest', '--db', path(), ...RECORDED.map((name) => join(hosts, name))]);
    db = openStoreForReading(realHost(), { path: path(), migrationsFolder }, 2)!;
  }, patient(240_000));
  afterAll(() => db.close());

  it('run', () => {
    for (const { name } of NAMED_QUERIES) expect(ask(db, name).length).toBeGreaterThanOrEqual(0);
    for (const name of ['reasons', 'prefixes', 'invalid-by-flow', 'flows', 'timeline', 'clocks', 'sources'])
      expect([name, ask(db, name).length > 0]).toEqual([name, true]);
  });

  it('count as the view does', () => {
    const view = runQuery(
      db,
      "SELECT prefix, count(*) AS lines, count(DISTINCT src || ' ' || ifnull(sport, '') || ' ' || dst || ' ' || ifnull(dport, '') || ' ' || proto || ifnull(tuple_extra, '')) AS flows FROM packets WHERE kind = 'log' GROUP BY prefix ORDER BY prefix",
      {},
    );
    const ours = ask(db, 'prefixes')
      .filter(({ kind }) => kind === 'log')
      .map(({ prefix, lines, flows }) => [prefix, lines, flows])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
    expect(ours).toEqual(Array.from(view.rows, ([prefix, ...counts]) => [prefix, ...counts.map(Number)]));
  });
});

describe('on the stuck FIN', () => {
  let db: Db;
  beforeAll(async () => {
    const path = join(folder, 'fin.db');
    await runCommand(['ingest', '--db', path, join(REPOSITORY, 'fixtures/hosts/finwait-deleted')]);
    db = openStoreForReading(realHost(), { path, migrationsFolder }, 2)!;
  });
  afterAll(() => db.close());

  it('gives the reason, the prefixes, the connection', () => {
    expect(ask(db, 'reasons')).toEqual([
      { reason_id: 'tcp-invalid-new', message: 'invalid new', lines: 5, directions: 1 },
    ]);
    expect(ask(db, 'prefixes').map(({ prefix, lines, flows }) => [prefix, lines, flows])).toEqual([
      ['OUTPUT INVALID: ', 5, 1],
      ['invalid new', 5, 1],
      ['OUTPUT NEW: ', 1, 1],
    ]);
    expect(ask(db, 'invalid-by-flow')).toMatchObject([{ packets: 5, dport: 8080, reason_id: 'tcp-invalid-new' }]);
  });

  it('tells the story in order', () => {
    const story = ask(db, 'timeline');
    const told = story.map(({ what, says }) => `${what} ${says}`).filter((line) => /NEW|DESTROY|invalid/.test(line));
    // The SYN's line and its event are within the error of the events' clock: either may come first.
    expect(told.slice(0, 2).sort()).toEqual(['event NEW SYN_SENT', 'log OUTPUT NEW:']);
    expect(told.slice(2)).toEqual([
      'event DESTROY ESTABLISHED',
      ...Array.from({ length: 5 }, () => 'log-invalid invalid new'),
    ]);
    const other = ask(db, 'timeline', { src: '203.0.113.9' });
    expect(other).toEqual([]);
    const src = String(story[0]!['src']);
    expect(ask(db, 'timeline', { src }).length).toBe(story.length);
    expect(ask(db, 'timeline', { dst: src }).length).toBe(story.length);
  });

  it('read every line of log and events', () => {
    expect(ask(db, 'unread').filter(({ source }) => /kern\.log|conntrack/.test(String(source)))).toEqual([]);
  });
});

describe('raw_line', () => {
  it('gives back what was read, and NULL for what was not', async () => {
    const text = 'some words\nsrc=192.0.2.1 but no entry \u001b[31m\n';
    const [input, path] = [join(folder, 'odd.txt'), join(folder, 'odd.db')];
    writeFileSync(input, text + readFileSync(join(REPOSITORY, 'fixtures/hosts/finwait-deleted/kern.log'), 'utf8'));
    await runCommand(['ingest', '--db', path, input]);
    expect(
      await rowsOf(
        path,
        'SELECT raw_line(1, 1) AS one, raw_line(1, 2) AS two, raw_line(1, 999) AS far, raw_line(9, 1) AS other, raw_line(NULL, 0) AS none',
      ),
    ).toEqual([
      { one: 'some words', two: 'src=192.0.2.1 but no entry \u001b[31m', far: null, other: null, none: null },
    ]);
    expect(
      await rowsOf(path, "SELECT utc(1763719200000001) AS a, utc(NULL) AS b, utc('x') AS c, utc(9e18) AS d"),
    ).toEqual([{ a: '2025-11-21T10:00:00.000001Z', b: null, c: null, d: null }]);
  });
});

describe('on rows made by hand', () => {
  let db: Db;
  beforeAll(() => {
    db = emptyStore('made.db');
    db.exec(`
      INSERT INTO hosts VALUES (1, 'gw', 0);
      INSERT INTO ingests VALUES (1, 0, 1, 'ingest', '[]');
      INSERT INTO sources (id, host_id, ingest_id, last_ingest_id, kind, name, added_at_us, head_bytes, head_hash) VALUES (1, 1, 1, 1, 'file', 'x', 0, 0, x'00');
      INSERT INTO series VALUES (1, 1, NULL, NULL, 'ingest');
      INSERT INTO snapshots VALUES (1, 1, 1, ${AT_US}, 0, 0, 'before', 3, 1000), (2, 1, 2, ${AT_US + 60e6}, 0, 0, 'after', 4, 1000),
        (3, 1, 3, ${AT_US + 120e6}, 0, 0, NULL, 4, 1000);
      INSERT INTO snapshot_parts (snapshot_id, part, state) VALUES (1, 'list:main', 'read'), (2, 'list:main', 'read'), (2, 'sockets', 'read'),
        (2, 'list:dying', 'read'), (3, 'list:main', 'failed');
      INSERT INTO snapshot_parts (snapshot_id, part, state, why) VALUES (2, 'list:unconfirmed', 'cannot-show', 'not kept since 5.19');
      INSERT INTO tuples VALUES (1, 6, '192.0.2.1', '198.51.100.1', 40000, 80, NULL), (2, 6, '198.51.100.1', '192.0.2.1', 80, 40000, NULL),
        (3, 6, '192.0.2.1', '198.51.100.2', 40001, 80, NULL), (4, 6, '198.51.100.2', '192.0.2.1', 80, 40001, NULL),
        (5, 17, '192.0.2.9', '198.51.100.3', 5353, 53, NULL), (6, 17, '198.51.100.3', '192.0.2.9', 53, 5353, NULL),
        (7, 6, '192.0.2.1', '198.51.100.4', 40002, 443, NULL), (8, 6, '198.51.100.4', '192.0.2.1', 443, 40002, NULL);
      INSERT INTO ct_entry_versions (id, series_id, list, from_seq, to_seq, key_hash, content_hash, tuple_id, reply_tuple_id, state, status, timeout_s, expires_at_us, started_at_us) VALUES
        (1, 1, 'main', 1, NULL, 1, 1, 1, 2, 'ESTABLISHED', 'ASSURED', 431999, ${AT_US + 431999e6}, NULL),
        (2, 1, 'main', 1, NULL, 2, 2, 3, 4, 'SYN_SENT', 'UNREPLIED', 100, ${AT_US + 100e6}, ${AT_US - 20e6}),
        (3, 1, 'main', 2, NULL, 3, 3, 5, 6, NULL, 'UNREPLIED', 20, ${AT_US + 80e6}, NULL),
        (4, 1, 'main', 2, NULL, 4, 4, 7, 8, 'FIN_WAIT', 'ASSURED', 110, ${AT_US + 170e6}, NULL),
        (5, 1, 'dying', 1, NULL, 5, 5, 5, 6, NULL, '', 0, ${AT_US}, NULL);
      INSERT INTO sockets_seen (series_id, from_seq, to_seq, proto, state, local, lport, peer, pport, timer) VALUES
        (1, 2, NULL, 6, 'ESTAB', '192.0.2.1', 40000, '198.51.100.1', 80, NULL),
        (1, 2, NULL, 6, 'FIN-WAIT-1', '192.0.2.1', 40009, '198.51.100.1', 80, 'persist'),
        (1, 2, NULL, 6, 'FIN-WAIT-2', '192.0.2.1', 40002, '198.51.100.4', 443, NULL),
        (1, 2, NULL, 6, 'LISTEN', '192.0.2.1', 22, '*', NULL, NULL);
      INSERT INTO values_over_time (series_id, what, name, cpu, seq, value) VALUES (1, 'ct-stat', 'invalid', 0, 1, 10), (1, 'ct-stat', 'invalid', 0, 2, 14),
        (1, 'ct-stat', 'invalid', 0, 3, 3), (1, 'ct-stat', 'invalid', 1, 1, 7), (1, 'sysctl', 'net.x', -1, 1, '1');
      INSERT INTO rulesets VALUES (1, x'01', 'iptables-save', 'ip', 'nft', 0, '{}');
      INSERT INTO snapshot_rulesets (snapshot_id, ruleset_id) VALUES (1, 1), (2, 1), (3, 1);
      INSERT INTO rules VALUES (1, 1, 'ip', 'filter', 'INPUT', 1, 1, NULL, '-A INPUT -j LOG', 'LOG', NULL, 0, 1, '{}'),
        (2, 1, 'ip', 'filter', 'INPUT', 2, 2, NULL, '-A INPUT -m state --state INVALID -j DROP', 'DROP', NULL, 0, 2, '{}'),
        (3, 1, 'ip', 'filter', 'INPUT', 3, 3, NULL, '-P INPUT DROP', 'DROP', NULL, 1, 3, '{}');
      INSERT INTO rule_counters VALUES (1, 1, 5, 500), (1, 2, 5, 500), (2, 1, 100, 1000), (2, 2, 104, 1040), (2, 3, 3, 30), (3, 1, 9, 90);
      INSERT INTO heads (id, text, kind, family, table_name, chain, rule_kind, rule_no, prefix) VALUES
        (1, 'a', 'trace', 'ip', 'raw', 'PREROUTING', 'policy', 1, NULL), (2, 'b', 'trace', 'ip', 'filter', 'INPUT', 'rule', 2, NULL),
        (3, 'c', 'trace', 'ip', 'filter', 'INPUT', 'rule', 1, NULL), (4, 'd', 'log', 'ip', NULL, NULL, NULL, NULL, 'STATE NEW ');
      INSERT INTO shapes VALUES (1, 's', 'tcp', 'SYN'), (2, 't', 'tcp', 'ACK');
      INSERT INTO paths VALUES (1, x'01', 2), (2, x'02', 2), (3, x'03', 1), (4, x'04', 1);
      INSERT INTO path_steps VALUES (1, 0, 1, 1, 0, 0), (1, 1, 2, 1, 0, 0), (2, 0, 1, 1, 0, 0), (2, 1, 3, 1, 0, 0), (3, 0, 4, 1, 0, 0), (4, 0, 4, 2, 0, 0);
      INSERT INTO clocks VALUES (1, 1, NULL, 'epoch', 1, 0, 0, 'epoch', 0);
      INSERT INTO passages (id, clock_id, clock_us, line, path_id, tuple_id, step_us) VALUES (1, 1, ${AT_US}, 1, 1, 1, '0,9'), (2, 1, ${AT_US + 5}, 3, 2, 1, '0,9'),
        (3, 1, ${AT_US + 9}, 5, 3, 1, NULL), (4, 1, ${AT_US + 10}, 6, 4, 3, NULL);
      INSERT INTO coverage (host_id, what, state, lost) VALUES (1, 'log', 'complete', NULL), (1, 'log', 'lost', 118);
      INSERT INTO unread_lines VALUES (1, 2, 'ss', 'cut', 4);
    `);
  });
  afterAll(() => db.close());

  it('who-fills-the-table: the newest snapshot that was read, or the one asked for', () => {
    const rows = ask(db, 'who-fills-the-table');
    expect(rows.filter(({ what }) => what === 'from')).toEqual([
      { what: 'from', value: '192.0.2.1', entries: 3, percent: 75 },
      { what: 'from', value: '192.0.2.9', entries: 1, percent: 25 },
    ]);
    expect(rows[0]).toEqual({ what: 'state', value: 'proto 17, no answer, not assured', entries: 1, percent: 25 });
    expect(ask(db, 'who-fills-the-table', { snapshot: '1' }).filter(({ what }) => what === 'to port')).toEqual([
      { what: 'to port', value: 'proto 6 port 80', entries: 2, percent: 100 },
    ]);
    expect(ask(db, 'who-fills-the-table', { top: '1' }).length).toBe(4);
  });

  it('stuck-syn-sent, half-closed, timeouts-soon', () => {
    expect(ask(db, 'stuck-syn-sent')).toMatchObject([{ orig_dst: '198.51.100.2', snapshots: 2, age_s: 80 }]);
    expect(ask(db, 'half-closed')).toMatchObject([{ orig_dst: '198.51.100.4', socket: 'FIN-WAIT-2' }]);
    expect(ask(db, 'timeouts-soon').map(({ orig_dport }) => orig_dport)).toEqual([53]);
    expect(ask(db, 'timeouts-soon', { seconds: '10' })).toEqual([]);
  });

  it('sockets-without-entry and entries-without-socket', () => {
    expect(ask(db, 'sockets-without-entry').map(({ state, lport }) => [state, lport])).toEqual([['FIN-WAIT-1', 40009]]);
    expect(ask(db, 'entries-without-socket').map(({ orig_dst }) => orig_dst)).toEqual(['198.51.100.2']);
  });

  it('stuck-sockets-without-entry: of those that wait to be closed only', () => {
    expect(ask(db, 'stuck-sockets-without-entry')).toMatchObject([
      { state: 'FIN-WAIT-1', lport: 40009, timer: 'persist' },
    ]);
    expect(ask(db, 'stuck-sockets-without-entry', { snapshot: '1' })).toEqual([]);
  });

  it('lingering: what a list that cannot be shown holds is not zero', () => {
    const told = (rows: Record<string, unknown>[]) =>
      rows.map(({ list, told: state, entries, seen_before }) => [list, state, entries, seen_before]);
    expect(told(ask(db, 'lingering'))).toEqual([
      ['dying', 'read', 1, 1],
      ['unconfirmed', 'cannot-show', null, null],
    ]);
    expect(ask(db, 'lingering')[0]).toMatchObject({ example: 'proto 17 192.0.2.9:5353 > 198.51.100.3:53' });
    expect(ask(db, 'lingering')[1]).toMatchObject({ why: 'not kept since 5.19' });
    expect(told(ask(db, 'lingering', { snapshot: '1' }))).toEqual([
      ['dying', 'not read', null, null],
      ['unconfirmed', 'not read', null, null],
    ]);
  });

  it('when-full: a straight line through the last hours, and never for a table that does not grow', () => {
    // 3 entries, then 4 two minutes later: half an entry a minute, 996 to go.
    expect(ask(db, 'when-full')).toMatchObject([
      { entries: 4, entry_max: 1000, per_minute: 0.5, percent: 0.4, full_at: '2026-11-22T19:14:00.000000Z' },
    ]);
    expect(ask(db, 'when-full', { hours: '0' })).toMatchObject([{ snapshots: 1, per_minute: null, full_at: null }]);
  });

  it('count-and-lists: the difference with what limits it', () => {
    expect(ask(db, 'count-and-lists')).toMatchObject([
      {
        counted: 4,
        listed: 5,
        difference: -1,
        ipv4: 4,
        ipv6: 0,
        dying: 1,
        unconfirmed: null,
        zones: 'zone 0: 4',
        limits: 'unconfirmed: not kept since 5.19',
      },
    ]);
    expect(ask(db, 'count-and-lists', { snapshot: '1' })).toMatchObject([
      { counted: 3, listed: 3, difference: 0, dying: null, limits: 'dying: not read; unconfirmed: not read' },
    ]);
  });

  it('sockets-without-entry: a tuple by all of its key, as a gateway has its address in a million of them', () => {
    const { sql, parameters } = namedQuery('sockets-without-entry')!;
    const plan = Array.from(runQuery(db, `EXPLAIN QUERY PLAN ${sql}`, parameters).rows, (row) => String(row[3]));
    const ofTuples = plan.filter((step) => step.includes('tuples_key'));
    expect(ofTuples).toHaveLength(2);
    for (const step of ofTuples) expect(step).toContain('(src=? AND <expr>=? AND dst=? AND <expr>=? AND proto=?)');
  });

  it('pressure-by-hour: fill and losses of all CPUs', () => {
    expect(ask(db, 'pressure-by-hour')).toMatchObject([
      { hour: '2026-11-21T10:00:00.000000Z', snapshots: 3, least: 3, most: 4, invalid: 7, dropped: null },
    ]);
  });

  it('pressure: differences, and a reset seen as one', () => {
    expect(ask(db, 'pressure').map(({ name, cpu, more, note }) => [name, cpu, more, note])).toEqual([
      ['invalid', 0, 4, null],
      ['invalid', 0, 3, 'reset'],
    ]);
    // The last value before the time asked for is where the first difference begins.
    expect(ask(db, 'pressure', { hours: '0' }).map(({ more, note }) => [more, note])).toEqual([[3, 'reset']]);
  });

  it('rules-that-count and drops-by-rule: growth, never totals', () => {
    const growth = { packets: 7, bytes: 70, resets: 1 };
    expect(ask(db, 'rules-that-count')).toMatchObject([{ chain: 'INPUT', number: 2, ...growth }]);
    expect(ask(db, 'drops-by-rule')).toMatchObject([{ packets: 7, number: 2 }]);
  });

  it('dropped-journeys: the rule of that number in the ruleset', () => {
    expect(ask(db, 'dropped-journeys')).toMatchObject([
      { journey_id: 1, ended_rule: 2, verdict: 'DROP', flags: 'SYN' },
    ]);
  });

  it('new-without-syn', () => {
    expect(ask(db, 'new-without-syn')).toMatchObject([{ what: 'packet', flags: 'ACK', sport: 40001, line: 6 }]);
    expect(ask(db, 'new-without-syn', { prefix: 'nothing' })).toEqual([]);
  });

  it('gaps, unread', () => {
    expect(ask(db, 'gaps')).toMatchObject([{ what: 'log', state: 'lost', lost: 118 }]);
    expect(ask(db, 'unread')).toMatchObject([{ source: 'x', line: 2, reason: 'cut', text: null }]);
  });
});

describe('nat-unlike-rules', () => {
  it('names translations that no rule makes, and entries that a rule would translate', () => {
    const db = emptyStore('nat.db');
    const rule = (
      id: number,
      chain: string,
      text: string,
      target: string,
      conditions: Record<string, readonly string[]>,
    ) =>
      db.prepare("INSERT INTO rules VALUES (?, 1, 'ip', 'nat', ?, ?, ?, NULL, ?, ?, NULL, 0, 1, ?)").run(
        ...[id, chain, id, id, text, target],
        JSON.stringify({
          conditions: Object.entries(conditions).map(([field, values]) => ({
            field: field.replace('!', ''),
            isNegated: field.startsWith('!'),
            values,
          })),
        }),
      );
    db.exec(`
      INSERT INTO hosts VALUES (1, 'gw', 0);
      INSERT INTO series VALUES (1, 1, NULL, NULL, 'ingest');
      INSERT INTO snapshots VALUES (1, 1, 1, ${AT_US}, 0, 0, NULL, 5, 1000);
      INSERT INTO snapshot_parts (snapshot_id, part, state) VALUES (1, 'list:main', 'read');
      INSERT INTO rulesets VALUES (1, x'01', 'iptables-save', 'ip', 'nft', 0, '{}');
      INSERT INTO snapshot_rulesets (snapshot_id, ruleset_id) VALUES (1, 1);
      INSERT INTO host_facts (series_id, from_seq, kind, data) VALUES (1, 1, 'address', '{"local":"203.0.113.1"}');
      INSERT INTO tuples VALUES
        (1, 6, '192.0.2.5', '198.51.100.1', 40001, 80, NULL), (2, 6, '198.51.100.1', '203.0.113.1', 80, 40001, NULL),
        (3, 6, '192.0.2.5', '198.51.100.9', 40002, 80, NULL), (4, 6, '198.51.100.9', '203.0.113.77', 80, 40002, NULL),
        (5, 6, '192.0.2.6', '198.51.100.1', 40003, 80, NULL), (6, 6, '198.51.100.1', '192.0.2.6', 80, 40003, NULL),
        (7, 6, '198.51.100.5', '203.0.113.1', 40004, 443, NULL), (8, 6, '203.0.113.1', '198.51.100.5', 443, 40004, NULL),
        (9, 6, '198.51.100.5', '203.0.113.1', 40005, 22, NULL), (10, 6, '203.0.113.1', '198.51.100.5', 22, 40005, NULL),
        (11, 6, '192.0.2.200', '198.51.100.1', 40006, 80, NULL), (12, 6, '198.51.100.1', '192.0.2.200', 80, 40006, NULL);
      INSERT INTO ct_entry_versions (id, series_id, list, from_seq, key_hash, content_hash, tuple_id, reply_tuple_id, state)
        SELECT id / 2 + 1, 1, 'main', 1, id, id, id, id + 1, 'ESTABLISHED' FROM tuples WHERE id % 2 = 1;
    `);
    const masquerade = '-A POSTROUTING -s 192.0.2.0/25 -o wan0 -j MASQUERADE';
    const dnat = '-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp ! --dport 22 -j DNAT --to-destination 192.0.2.80';
    rule(1, 'POSTROUTING', masquerade, 'MASQUERADE', { src: ['192.0.2.0/25'], out: ['wan0'] });
    rule(2, 'PREROUTING', dnat, 'DNAT', { dst: ['203.0.113.1'], proto: ['tcp'], '!dport': ['22'] });
    expect(ask(db, 'nat-unlike-rules').map(({ what, rule: text, orig_sport }) => [orig_sport, what, text])).toEqual([
      [40004, 'destination is not translated, a rule would', dnat],
      [40002, 'source became 203.0.113.77, which no rule names', null],
      [40003, 'source is not translated, a rule would', masquerade],
    ]);
    expect(ask(db, 'nat-unlike-rules', { rules: '0' }).map(({ orig_sport }) => orig_sport)).toEqual([40002]);
    db.close();
  });
});

describe('with a month of snapshots', () => {
  /** Tables that grow with every snapshot or packet: looked through from end to end they cost seconds. */
  const GROWING = /^SCAN (v|ct_entry_versions|ct_entry_moves|values_over_time|rule_counters|tuples|t|c)\b(?! VIRTUAL)/;
  const OF_TABLE = [
    ...[
      'who-fills-the-table',
      'stuck-syn-sent',
      'half-closed',
      'lingering',
      'timeouts-soon',
      'when-full',
      'count-and-lists',
    ],
    ...[
      'pressure',
      'pressure-by-hour',
      'sockets-without-entry',
      'stuck-sockets-without-entry',
      'entries-without-socket',
    ],
    ...['nat-unlike-rules', 'rules-that-count', 'drops-by-rule'],
  ];

  it.each(OF_TABLE)('%s finds its rows by an index', (name) => {
    const db = emptyStore(`plan-${name}.db`);
    const { sql, parameters } = namedQuery(name)!;
    addQueryFunctions(db);
    const values = Object.fromEntries(
      Object.entries(parameters).map(([key, value]) => [key, value === 'NULL' ? null : Number(value)]),
    );
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(values) as { readonly detail: string }[];
    expect(plan.map(({ detail }) => detail).filter((detail) => GROWING.test(detail))).toEqual([]);
    db.close();
  });
});
