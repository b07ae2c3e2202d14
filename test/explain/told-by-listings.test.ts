// Causes that listings alone tell, by states, times and translations that come about in one way only; and their twins, which they must not tell.

import { describe, expect, it } from 'vitest';
import { many, saidOf } from './said-of.js';

type Files = Readonly<Record<string, readonly string[]>>;

async function classes(files: Files) {
  return (await saidOf(files)).map((one) => `${one.class} ${one.confidence}`);
}

const tcp = (left: number, state: string, sport: number, mark: '[ASSURED]' | '[UNREPLIED]', from = '192.0.2.10') => {
  const [before, behind] = mark === '[UNREPLIED]' ? ['[UNREPLIED] ', ''] : ['', '[ASSURED] '];
  return `tcp      6 ${left} ${state} src=${from} dst=198.51.100.9 sport=${sport} dport=1883 ${before}src=198.51.100.9 dst=203.0.113.1 sport=1883 dport=${sport} ${behind}mark=0 use=1`;
};

describe('connections taken up in the middle', () => {
  const open = [
    tcp(290, 'ESTABLISHED', 40001, '[UNREPLIED]'),
    tcp(211, 'ESTABLISHED', 40002, '[UNREPLIED]', '192.0.2.11'),
  ];

  it('are possible by unanswered entries in ESTABLISHED', async () => {
    const [finding, ...rest] = await saidOf({
      'conntrack-L.txt': [...open, tcp(431_000, 'ESTABLISHED', 40003, '[ASSURED]')],
    });
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({ class: 'midstream-pickup', confidence: 'possible', outcome: 'NEW' });
    expect(finding!.packets.count).toBe(0);
  });

  it('are not told of one stray, of answered entries, of SYNs, or where a rule hides the answers', async () => {
    expect(await classes({ 'conntrack-L.txt': open.slice(0, 1) })).toEqual([]);
    expect(
      await classes({
        'conntrack-L.txt': open.map((line) => line.replace('[UNREPLIED] ', '').replace('mark', '[ASSURED] mark')),
      }),
    ).toEqual([]);
    expect(await classes({ 'conntrack-L.txt': open.map((line) => line.replace('ESTABLISHED', 'SYN_SENT')) })).toEqual(
      [],
    );
    const hides = ['*raw', ':PREROUTING ACCEPT [0:0]', '-A PREROUTING -s 198.51.100.9/32 -j CT --notrack', 'COMMIT'];
    expect(await classes({ 'conntrack-L.txt': open, 'iptables-save.txt': hides })).toEqual([]);
  });
});

describe('an RST that leaves a connection a few seconds', () => {
  const reading = (cut: number, other: number, state = 'ESTABLISHED') => [
    tcp(cut, state, 40001, '[ASSURED]'),
    tcp(other, 'ESTABLISHED', 40002, '[ASSURED]'),
  ];

  it('is possible where an ASSURED entry falls to the time of a closed one within seconds', async () => {
    const files = { 'conntrack-L-1.txt': reading(431_980, 431_500), 'conntrack-L-2.txt': reading(7, 431_496) };
    const [finding, ...rest] = await saidOf(files);
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({ class: 'rst-rejected', confidence: 'possible' });
    expect(finding!.flow).toMatchObject({ sport: 40001 });
  });

  it('is not told of what ran out, of other timers, of closed ones, or where no time is known to be short', async () => {
    const before = { 'conntrack-L-1.txt': reading(431_980, 431_500) };
    expect(await classes({ ...before, 'conntrack-L-2.txt': reading(7, 1000) })).toEqual([]);
    expect(await classes({ ...before, 'conntrack-L-2.txt': reading(298, 431_496) })).toEqual([]);
    expect(await classes({ ...before, 'conntrack-L-2.txt': reading(7, 431_496, 'CLOSE') })).toEqual([]);
    expect(
      await classes({
        'conntrack-L-1.txt': reading(431_980, 1).slice(0, 1),
        'conntrack-L-2.txt': reading(7, 1).slice(0, 1),
      }),
    ).toEqual([]);
  });
});

describe('NOTRACK one way only', () => {
  const answer = (index: number, mark = '[UNREPLIED] ') =>
    `udp      17 2${index} src=192.0.2.53 dst=198.51.100.${index + 1} sport=53 dport=${41000 + index} ${mark}src=198.51.100.${index + 1} dst=192.0.2.53 sport=${41000 + index} dport=53 mark=0 use=1`;
  const rules = (asked: number, answered: number, answers = '-s 192.0.2.53/32 -o wan7 -p udp -m udp --sport 53') => [
    '*raw',
    ':PREROUTING ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    `[${asked}:9000] -A PREROUTING -d 192.0.2.53/32 -p udp -m udp --dport 53 -j CT --notrack`,
    `[${answered}:0] -A OUTPUT ${answers} -j CT --notrack`,
    'COMMIT',
  ];
  const listing = many(5, (index) => answer(index));

  it('is told by answers that made entries, the rule for the questions, and the one that meets no answer', async () => {
    const [finding, ...rest] = await saidOf({ 'conntrack-L.txt': listing, 'iptables-save.txt': rules(900, 0) });
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({ class: 'untrackable', cause: 'one-sided-notrack' });
    expect(finding!.remedies[0]!.command).toContain('-A OUTPUT -p udp -s 192.0.2.53 --sport 53 -j CT --notrack');
    const alone = rules(0, 0).filter((line) => !line.includes('OUTPUT -s'));
    expect(await classes({ 'conntrack-L.txt': listing, 'iptables-save.txt': alone })).toEqual(['untrackable possible']);
  });

  it('is not told where the answers are hidden as well, of another service, or of entries that are answered', async () => {
    expect(await classes({ 'conntrack-L.txt': listing, 'iptables-save.txt': rules(900, 880) })).toEqual([]);
    const other = rules(900, 0).map((line) => line.replaceAll('port 53', 'port 123'));
    expect(await classes({ 'conntrack-L.txt': listing, 'iptables-save.txt': other })).toEqual([]);
    const replied = many(5, (index) => answer(index, ''));
    expect(await classes({ 'conntrack-L.txt': replied, 'iptables-save.txt': rules(900, 0) })).toEqual([]);
  });
});

describe('an entry that goes to a target of the past', () => {
  const udp = (left: number, sport: number, target: string) =>
    `udp      17 ${left} src=192.0.2.${sport % 100} dst=198.51.100.5 sport=${sport} dport=5140 [UNREPLIED] src=${target} dst=192.0.2.${sport % 100} sport=5140 dport=${sport} mark=0 use=1`;
  const rules = (...targets: readonly string[]) => [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':LOGS - [0:0]',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j LOGS',
    ...targets.map((target) => `-A LOGS -p udp -m udp --dport 5140 -j DNAT --to-destination ${target}:5140`),
    'COMMIT',
  ];
  const listings = (old: string) => ({
    'conntrack-L-1.txt': [udp(11, 521, old), udp(20, 40077, '203.0.113.8')],
    'conntrack-L-2.txt': [udp(29, 521, old), udp(25, 40077, '203.0.113.8')],
  });

  it('is likely where rule and newer entries go elsewhere', async () => {
    const said = await saidOf({ ...listings('203.0.113.7'), 'iptables-save.txt': rules('203.0.113.8') });
    expect(said.map((one) => [one.class, one.confidence])).toEqual([['stale-entry', 'likely']]);
    expect(said[0]!.flow).toMatchObject({ sport: 521 });
    expect(said[0]!.evidence.some((one) => one.kind === 'rule')).toBe(true);
  });

  it('is not told where a rule names the old target too, where no rule is known, or where all go alike', async () => {
    const old = '203.0.113.7';
    expect(await classes({ ...listings(old), 'iptables-save.txt': rules('203.0.113.8', old) })).toEqual([]);
    expect(await classes(listings(old))).toEqual([]);
    expect(await classes({ ...listings('203.0.113.8'), 'iptables-save.txt': rules('203.0.113.8') })).toEqual([]);
  });
});

describe('a bridge that answers take alone', () => {
  const request = (from: string, sport: number, state = 'SYN_SENT', mark = '[UNREPLIED] ') =>
    `tcp      6 100 ${state} src=${from} dst=198.51.100.3 sport=${sport} dport=80 ${mark}src=192.0.2.51 dst=${from} sport=8080 dport=${sport} ${mark === '' ? '[ASSURED] ' : ''}mark=0 use=1`;
  const waiting = [request('192.0.2.40', 40001), request('192.0.2.40', 40002)];

  it('is possible where neighbours of the target wait and others alone are answered', async () => {
    const far = request('203.0.113.12', 40003, 'ESTABLISHED', '');
    expect(await classes({ 'conntrack-L.txt': [...waiting, far] })).toEqual(['bridge-path possible']);
  });

  it('is not told where a neighbour is answered, or nobody', async () => {
    const near = request('192.0.2.44', 40003, 'ESTABLISHED', '');
    expect(await classes({ 'conntrack-L.txt': [...waiting, near] })).toEqual([]);
    expect(await classes({ 'conntrack-L.txt': waiting })).toEqual([]);
  });
});
