// A full table: told from messages, counts, statistics and listings, and who fills it; and what only looks like one.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explainedFiles, FIXTURE_HOSTS } from './explained-files.js';
import { many, saidOf } from './said-of.js';

const FULL = '[  812.120001] nf_conntrack: nf_conntrack: table full, dropping packet';
const entry = (
  state: string,
  left: number,
  src: string,
  sport: number,
  dst: string,
  dport: number,
  marks = '[ASSURED]',
) =>
  marks === '[UNREPLIED]'
    ? `tcp      6 ${left} ${state} src=${src} dst=${dst} sport=${sport} dport=${dport} [UNREPLIED] src=${dst} dst=${src} sport=${dport} dport=${sport} mark=0 use=1`
    : `tcp      6 ${left} ${state} src=${src} dst=${dst} sport=${sport} dport=${dport} src=${dst} dst=${src} sport=${dport} dport=${sport} ${marks} mark=0 use=1`;
const counts = (count: number, max: number) => [
  `net.netfilter.nf_conntrack_count = ${count}`,
  `net.netfilter.nf_conntrack_max = ${max}`,
];

describe('a full table', () => {
  it('is likely by the message alone, and asks who fills it', async () => {
    const [finding, ...rest] = await saidOf({
      'kern.log': [FULL, FULL, '[  817.3] net_ratelimit: 40 callbacks suppressed'],
    });
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      class: 'table-full',
      confidence: 'likely',
      cause: null,
      outcome: 'DROP',
      fate: 'dropped',
    });
    expect(finding!.packets.count).toBe(42);
    expect(finding!.missing.map((one) => one.ask).join()).toContain('conntrack -L');
  });

  it.each([
    [
      'scan',
      many(60, (index) =>
        entry('SYN_SENT', 90, '192.0.2.66', 40000 + index, `198.51.100.${index + 1}`, 22, '[UNREPLIED]'),
      ),
    ],
    [
      'dead-target',
      many(60, (index) =>
        entry('SYN_SENT', 90, `192.0.2.${(index % 5) + 1}`, 40000 + index, '198.51.100.7', 443, '[UNREPLIED]'),
      ),
    ],
    [
      'flood',
      many(60, (index) =>
        entry('SYN_SENT', 90, `192.0.2.${index + 1}`, 40000 + index, '198.51.100.7', 443, '[UNREPLIED]'),
      ),
    ],
    [
      'half-closed',
      many(60, (index) => entry('CLOSE_WAIT', 3000 - index, `192.0.2.${index + 1}`, 40000, '198.51.100.7', 5222)),
    ],
    ['churn', many(60, (index) => entry('TIME_WAIT', 100, `192.0.2.${index + 1}`, 40000, '198.51.100.7', 80))],
  ])('names %s by what the entries share', async (cause, listing) => {
    const [finding] = await saidOf({ 'kern.log': [FULL], 'conntrack-L.txt': listing, 'sysctl.txt': counts(60, 60) });
    expect(finding).toMatchObject({ class: 'table-full', cause });
    expect(finding!.causeConfidence).not.toBe('certain');
  });

  it('names idle connections where the time left shows that nothing was heard of them', async () => {
    const [finding] = await saidOf({
      'kern.log': [FULL],
      'conntrack-L.txt': many(60, (index) =>
        entry('ESTABLISHED', 300_000 - index, `192.0.2.${index + 1}`, 40000, '198.51.100.7', 443),
      ),
      'sysctl.txt': [...counts(60, 60), 'net.netfilter.nf_conntrack_tcp_timeout_established = 432000'],
    });
    expect(finding).toMatchObject({ class: 'table-full', cause: 'idle-connections' });
    expect(finding!.remedies.map((one) => one.undo)).toContain(
      'sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established=432000',
    );
  });

  it('is told without a message where the count stands at the limit and drops rise, but only as possible', async () => {
    const listing = many(60, (index) => entry('ESTABLISHED', 400, `192.0.2.${index + 1}`, 40000, '198.51.100.7', 443));
    const [finding] = await saidOf({
      'conntrack-L.txt': listing,
      'sysctl.txt': counts(60, 60),
      'conntrack-S-before.txt': [
        'cpu=0 found=0 invalid=0 insert=0 insert_failed=0 drop=3 early_drop=0 error=0 search_restart=0',
      ],
      'conntrack-S-after.txt': [
        'cpu=0 found=0 invalid=0 insert=0 insert_failed=0 drop=90 early_drop=0 error=0 search_restart=0',
      ],
    });
    expect(finding).toMatchObject({ class: 'table-full', confidence: 'possible' });
  });

  /** Two processors of /proc/net/stat/nf_conntrack as kernels from 5.10 on print it; the first column is the count of the namespace. */
  const proc = (count: number, failed: number, drop: number, early: number) => [
    'entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart',
    ...[0, 1].map((cpu) =>
      [count, 7, 3, 0, 9, 0, 0, 0, 0, failed * cpu, drop + cpu, early + cpu, 0, 0, 0, 0, 2]
        .map((value) => value.toString(16).padStart(8, '0'))
        .join(' '),
    ),
  ];

  it('is likely without a message and a limit where entries were evicted for others, whatever else failed now and then', async () => {
    const [finding, ...rest] = await saidOf({
      'stat-1': proc(32_768, 4, 61_000, 9000),
      'stat-2': proc(32_766, 5, 63_400, 9800),
    });
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({ class: 'table-full', confidence: 'likely', outcome: 'DROP', fate: 'dropped' });
  });

  it('is not told of drops that lost races account for, though an entry was evicted', async () => {
    const said = await saidOf({ 'stat-1': proc(900, 4, 40, 9), 'stat-2': proc(930, 60, 68, 10) });
    expect(said.map((one) => one.class)).toEqual(['insert-race']);
  });
});

describe('no full table', () => {
  it('a table near its limit that drops nothing', async () => {
    const listing = many(59, (index) => entry('ESTABLISHED', 400, `192.0.2.${index + 1}`, 40000, '198.51.100.7', 443));
    expect(await saidOf({ 'conntrack-L.txt': listing, 'sysctl.txt': counts(59, 60) })).toEqual([]);
  });

  it('a large table of ordinary connections', async () => {
    const listing = [
      ...many(200, (index) => entry('ESTABLISHED', 431_000, `192.0.2.${index + 1}`, 40000, '198.51.100.7', 443)),
      ...many(100, (index) => entry('TIME_WAIT', 60, `192.0.2.${index + 1}`, 41000, '198.51.100.7', 443)),
      ...many(30, (index) =>
        entry('SYN_SENT', 60, '192.0.2.66', 42000 + index, `198.51.100.${index + 1}`, 22, '[UNREPLIED]'),
      ),
    ];
    expect(await saidOf({ 'conntrack-L.txt': listing, 'sysctl.txt': counts(330, 262_144) })).toEqual([]);
  });

  it.each(['normal', 'normal-late-close'])('%s', async (name) => {
    const { db, ofHosts } = await explainedFiles([join(FIXTURE_HOSTS, name)]);
    expect(ofHosts.map(({ finding }) => finding.class)).toEqual([]);
    db.close();
  });
});
