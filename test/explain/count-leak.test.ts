// A count without entries: who counts and who lists must both be believed before somebody is said to hold what is not listed.

import { describe, expect, it } from 'vitest';
import { many, saidOf } from './said-of.js';

const FULL = '[  812.120001] nf_conntrack: nf_conntrack: table full, dropping packet';
const reading = (count: number, listed: number) => [
  'fw# sysctl net.netfilter.nf_conntrack_count; wc -l /proc/net/nf_conntrack',
  `net.netfilter.nf_conntrack_count = ${count}`,
  `${listed} /proc/net/nf_conntrack`,
];
const entry = (index: number) =>
  `tcp      6 431000 ESTABLISHED src=192.0.2.${index + 1} dst=198.51.100.7 sport=40000 dport=443 src=198.51.100.7 dst=192.0.2.${index + 1} sport=443 dport=40000 [ASSURED] mark=0 use=1`;

describe('a count leak', () => {
  it('is likely where reading after reading counts what nobody lists, and takes the messages to itself', async () => {
    const said = await saidOf({
      'kern.log': [FULL],
      'counts.txt': [...reading(300, 9), ...reading(340, 12), ...reading(380, 9)],
    });
    expect(said.map((one) => [one.class, one.confidence, one.outcome])).toEqual([['count-leak', 'likely', 'DROP']]);
    expect(said[0]!.missing.map((one) => one.ask).join()).toContain('/proc/modules');
  });

  it('names a module that is not of the kernel', async () => {
    const [finding] = await saidOf({
      'kern.log': ['[   80.1] ringtap: loading out-of-tree module taints kernel.', FULL],
      'counts.txt': [...reading(300, 9), ...reading(340, 12)],
    });
    expect(finding).toMatchObject({ class: 'count-leak', confidence: 'likely' });
    expect(finding!.evidence.map((one) => one.text).join()).toContain('ringtap');
    const [listed] = await saidOf({
      'modules.txt': [
        'ringtap 1486848 0 - Live 0x0000000000000000 (OE)',
        'nf_conntrack 172032 4 nf_nat, Live 0x0000000000000000',
      ],
      'counts.txt': [...reading(300, 9), ...reading(340, 12)],
    });
    expect(listed!.evidence.map((one) => one.text).join()).toContain('ringtap');
    expect(listed!.summary).not.toContain('nf_conntrack is not');
  });

  it('is read from typed lines of several commands that print a number each', async () => {
    const typed = (count: number, v4: number, v6: number) => [
      'root@fw:~# uname -r; conntrack -C; conntrack -L 2>/dev/null | wc -l; conntrack -L -f ipv6 | wc -l; conntrack -L dying | wc -l',
      'conntrack v1.4.5 (conntrack-tools): 3 flow entries have been shown.',
      '5.10.0-9-amd64',
      `${count}`,
      `${v4}`,
      `${v6}`,
      '0',
    ];
    const said = await saidOf({ 'session.txt': [...typed(9000, 310, 12), ...typed(9100, 20, 3)] });
    expect(said.map((one) => [one.class, one.confidence])).toEqual([['count-leak', 'likely']]);
    expect(said[0]!.summary).toContain('says 9100, the listing has 23');

    const both = [
      '[root@fw ~]# cat /proc/sys/net/netfilter/nf_conntrack_{count,max}; wc -l < /proc/net/nf_conntrack',
      '8192',
      '8192',
    ];
    const [full] = await saidOf({ 'kern.log': [FULL], 'paste.txt': [...both, '77'] });
    expect(full).toMatchObject({ class: 'count-leak', confidence: 'possible', outcome: 'DROP' });
    const [listed] = await saidOf({ 'kern.log': [FULL], 'paste.txt': [...both, '8190'] });
    expect(listed).toMatchObject({ class: 'table-full' });
  });

  it('is possible at most by one reading', async () => {
    const [finding] = await saidOf({ 'counts.txt': reading(300, 9) });
    expect(finding).toMatchObject({ class: 'count-leak', confidence: 'possible', outcome: 'OTHER' });
  });
});

describe('no count leak', () => {
  it('where only what a filter let pass was counted', async () => {
    const typed = (count: number) => [
      "root@fw:~# conntrack -C; conntrack -L | grep -c 'dport=53 '; conntrack -L -p icmp | wc -l",
      `${count}`,
      '14',
      '3',
    ];
    const said = await saidOf({ 'session.txt': [...typed(9000), ...typed(9100)] });
    expect(said.map((one) => one.confidence)).not.toContain('likely');
  });

  it('where the listing has about what is counted', async () => {
    expect(await saidOf({ 'counts.txt': [...reading(300, 288), ...reading(340, 335)] })).toEqual([]);
  });

  it('where what was not listed had only run out', async () => {
    const said = await saidOf({ 'counts.txt': [...reading(300, 90), ...reading(120, 118)] });
    expect(said.map((one) => one.confidence)).toEqual(['possible']);
  });

  it('where somebody pasted a few lines of a listing', async () => {
    const said = await saidOf({
      'conntrack-L.txt': many(8, entry),
      'sysctl.txt': ['net.netfilter.nf_conntrack_count = 51000', 'net.netfilter.nf_conntrack_max = 262144'],
    });
    expect(said).toEqual([]);
  });

  it('is said above possible of what conntrack listed, perhaps with a filter', async () => {
    const said = await saidOf({
      'conntrack-L.txt': [...many(8, entry), 'conntrack v1.4.7 (conntrack-tools): 8 flow entries have been shown.'],
      'sysctl.txt': ['net.netfilter.nf_conntrack_count = 51000', 'net.netfilter.nf_conntrack_max = 262144'],
    });
    expect(said.map((one) => one.confidence)).not.toContain('likely');
    expect(said.map((one) => one.confidence)).not.toContain('certain');
  });

  it('at a table that is full of what it lists', async () => {
    const said = await saidOf({
      'kern.log': [FULL],
      'conntrack-L.txt': [...many(80, entry), 'conntrack v1.4.7 (conntrack-tools): 80 flow entries have been shown.'],
      'sysctl.txt': ['net.netfilter.nf_conntrack_count = 80', 'net.netfilter.nf_conntrack_max = 80'],
    });
    expect(said.map((one) => one.class)).toEqual(['table-full']);
  });
});
