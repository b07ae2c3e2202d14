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

  it('is possible at most by one reading', async () => {
    const [finding] = await saidOf({ 'counts.txt': reading(300, 9) });
    expect(finding).toMatchObject({ class: 'count-leak', confidence: 'possible', outcome: 'OTHER' });
  });
});

describe('no count leak', () => {
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
