import { describe, expect, it } from 'vitest';
import { readTracker, recordsOf } from './conntrack-forms.js';

const statistics = (text: string) => recordsOf(readTracker(text), 'ct-statistics').map((record) => record.statistics);

describe('conntrack -S', () => {
  it('reads old and new counters of each CPU', () => {
    expect(
      statistics(
        'cpu=0   \tfound=50 invalid=43271 ignore=26302191 insert=0 insert_failed=30 drop=30 early_drop=0 error=24 search_restart=1053423 \ncpu=11  \tfound=0 invalid=2 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0 clash_resolve=5 chaintoolong=1 ',
      ),
    ).toEqual([
      {
        cpu: 0,
        values: {
          found: 50,
          invalid: 43271,
          ignore: 26302191,
          insert: 0,
          insert_failed: 30,
          drop: 30,
          early_drop: 0,
          error: 24,
          search_restart: 1053423,
        },
      },
      {
        cpu: 11,
        values: {
          found: 0,
          invalid: 2,
          insert: 0,
          insert_failed: 0,
          drop: 0,
          early_drop: 0,
          error: 0,
          search_restart: 0,
          clash_resolve: 5,
          chaintoolong: 1,
        },
      },
    ]);
  });

  it('takes the position for the CPU where the line was cut out of its place', () => {
    expect(statistics('[..] insert_failed=15 drop=0 [..]\n[..] insert_failed=9 drop=9')).toEqual([
      { cpu: 0, values: { insert_failed: 15, drop: 0 } },
      { cpu: 1, values: { insert_failed: 9, drop: 9 } },
    ]);
  });

  it('says where a counter was cut', () => {
    const read = readTracker('cpu=0   \tfound=50 invalid=');
    expect(read.unread).toEqual([{ line: 1, reason: 'invalid= has no readable value', at: 18 }]);
  });

  it('reads totals that the oldest versions printed one a line', () => {
    const read = readTracker('entries             \t41\nsearched            \t512\nicmp_error          \t3\n\n');
    expect(recordsOf(read, 'ct-statistics')).toEqual([
      { kind: 'ct-statistics', line: 1, statistics: { cpu: -1, values: { entries: 41, searched: 512, error: 3 } } },
    ]);
  });
});

describe('/proc/net/stat/nf_conntrack', () => {
  const OLD =
    'entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart';
  const NEW =
    'entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart';
  const ROW =
    '0000000a  00000007 00000000 00000000 0000002f 00005688 00000000 00000003 00000000 00000000 00000000 00000000 00000002  00000000 00000001 00000000 ffffffff';

  it('reads hexadecimal columns by the names of the header, as conntrack -S names them', () => {
    const read = readTracker(`${NEW}\n${ROW}\n${ROW}`);
    const [first, second] = recordsOf(read, 'ct-statistics');
    expect(first?.statistics).toMatchObject({
      cpu: 0,
      values: { clash_resolve: 7, chaintoolong: 3, invalid: 47, error: 2, search_restart: 4294967295, entries: 10 },
    });
    expect(second?.statistics.cpu).toBe(1);
    expect(recordsOf(read, 'ct-count')).toEqual([{ kind: 'ct-count', line: 2, what: 'count', value: 10 }]);
    expect(statistics(`${OLD}\n${ROW}`)[0]?.values).toMatchObject({ searched: 7, delete_list: 3 });
  });

  it('does not guess columns of a cut row', () => {
    const cut = (row: string) => readTracker(`${NEW}\n${row}`).unread[0]?.reason;
    expect(cut(ROW.slice(0, 60))).toMatch(/cut|columns/);
    expect(cut(ROW.slice(0, 54))).toMatch(/6 columns under 17 names/);
  });
});

describe('conntrack -C', () => {
  it('reads named counts without a hint', () => {
    const read = readTracker(
      'net.netfilter.nf_conntrack_count = 263\nnet.netfilter.nf_conntrack_max = 65536\n4 /proc/net/nf_conntrack',
    );
    expect(recordsOf(read, 'ct-count').map(({ what, value }) => [what, value])).toEqual([
      ['count', 263],
      ['max', 65536],
      ['shown', 4],
    ]);
    expect(recordsOf(read, 'sysctl')[1]).toMatchObject({ name: 'net.netfilter.nf_conntrack_max', value: '65536' });
  });

  it('never takes a bare number for a count unless somebody says so', () => {
    expect(readTracker('263').others).toEqual([1]);
    expect(readTracker('263', { fileName: 'dmesg.txt' }).others).toEqual([1]);
    const value = (text: string, fileName: string | null, command: string | null) =>
      recordsOf(readTracker(text, { fileName: fileName ?? 'x', command }), 'ct-count').map((r) => [r.what, r.value]);
    expect(value('263', 'conntrack-c.txt', null)).toEqual([['count', 263]]);
    expect(value('263', 'nf_conntrack_count', null)).toEqual([['count', 263]]);
    expect(value('65536', 'nf_conntrack_max', null)).toEqual([['max', 65536]]);
    expect(value('263', null, 'conntrack -C')).toEqual([['count', 263]]);
    expect(value('# conntrack -C\n263', null, null)).toEqual([['count', 263]]);
  });
});
