// A rule that no listing holds: told from a trace's own words, or from a prefix that speaks of dropping, and from nothing else.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { explainedFiles } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-rule-unlisted-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
async function told(text: string) {
  const file = join(folder, `${files++}.log`);
  writeFileSync(file, text);
  const { db, findings } = await explainedFiles([file]);
  db.close();
  return findings.map(({ finding, verdict }) => ({
    is: finding.class,
    sure: finding.confidence,
    title: finding.title,
    summary: finding.summary,
    outcome: finding.outcome,
    isNoise: verdict.isNoise === true,
    asks: finding.missing.map(({ what }) => what),
  }));
}

const tcp = (prefix: string, flags: string, more = '') =>
  `Nov 21 14:00:01 gw kernel: ${prefix}IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=7 DF PROTO=TCP SPT=40009 DPT=8443 WINDOW=64240 RES=0x00 ${flags} URGP=0${more}\n`;
const udp = (prefix: string, dst: string) =>
  `Nov 21 14:00:01 gw kernel: ${prefix}IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=${dst} LEN=72 TOS=0x00 PREC=0x00 TTL=64 ID=9 PROTO=UDP SPT=5353 DPT=5353 LEN=52\n`;

describe('a prefix that speaks of dropping', () => {
  it('names its rule for a first SYN, and asks for the ruleset', async () => {
    const [finding] = await told(tcp('[UFW BLOCK] ', 'SYN'));
    expect(finding).toMatchObject({ is: 'rule-decided', sure: 'possible', asks: ['the ruleset with counters'] });
    expect(finding!.title).toBe('A rule drops it: the one that prints "[UFW BLOCK]"');
    expect(finding!.summary).toContain('ufw status verbose');
  });

  it.each([
    ['an ACK from the middle', tcp('[UFW BLOCK] ', 'ACK PSH')],
    ['a SYN ACK', tcp('[UFW BLOCK] ', 'ACK SYN')],
    ['a line that breaks off before its protocol', `${tcp('[UFW BLOCK] ', 'SYN').split(' LEN=')[0]}\n`],
    ['an RST', tcp('FW REJECT: ', 'RST')],
    ['a prefix that says nothing of an end', tcp('SEEN: ', 'SYN')],
    ['a prefix that lets it pass', tcp('[UFW ALLOW] ', 'SYN')],
  ])('is no rule for %s', async (_, text) => {
    expect((await told(text)).map(({ is }) => is)).not.toContain('rule-decided');
  });

  it('says nothing of a rule where the packet was INVALID', async () => {
    expect((await told(tcp('DROP INVALID ', 'SYN'))).map(({ is }) => is)).not.toContain('rule-decided');
  });

  it('tells all packets of one prefix once', async () => {
    const found = await told(
      tcp('[UFW BLOCK] ', 'SYN') + tcp('[UFW BLOCK] ', 'SYN').replaceAll('40009', '40010').replaceAll('8443', '23'),
    );
    expect(found.map(({ is }) => is)).toEqual(['rule-decided']);
  });

  it('is noise where the packet goes to many hosts', async () => {
    const [many] = await told(udp('FINAL_REJECT: ', '224.0.0.251'));
    const [one] = await told(udp('FINAL_REJECT: ', '198.51.100.1'));
    expect([many!.isNoise, one!.isNoise]).toEqual([true, false]);
    expect([many!.is, one!.is]).toEqual(['rule-decided', 'rule-decided']);
    expect(one!.asks).toContain('the conntrack listing');
  });
});

const traced = (
  end: string,
) => `trace id 1a2b3c4d inet fw forward packet: iif "lan0" oif "lan0" ether saddr 02:00:5e:10:00:01 ether daddr 02:00:5e:10:00:02 ip saddr 192.0.2.84 ip daddr 198.51.100.22 ip dscp cs0 ip ecn not-ect ip ttl 63 ip id 6687 ip protocol tcp ip length 40 tcp sport 62702 tcp dport 443 tcp flags == ack tcp window 4380
trace id 1a2b3c4d inet fw forward ${end}
`;

describe('a trace without the ruleset', () => {
  it('shows the rule that ended it', async () => {
    const [finding] = await told(traced('rule tcp dport 443 reject with tcp reset (verdict drop)'));
    expect(finding).toMatchObject({ is: 'rule-decided', sure: 'likely' });
    expect(finding!.title).toBe('A rule rejects it: in inet fw forward (tcp dport 443 reject with tcp reset)');
  });

  it('shows the policy that ended it', async () => {
    const [finding] = await told(traced('policy drop'));
    expect(finding).toMatchObject({ is: 'rule-decided', title: 'A policy drops it: the policy of inet fw forward' });
  });

  it.each([
    ['rule ct state vmap { established : accept, related : accept, invalid : drop } (verdict drop)', 'INVALID'],
    ['rule ct state vmap { invalid : drop, established : accept, untracked : drop } (verdict drop)', 'DROP'],
    ['rule ct state vmap { new : jump in_new, invalid : drop } (verdict drop)', 'INVALID'],
  ])('reads the state off a map of verdicts: %s', async (end, outcome) => {
    const [finding] = await told(traced(end));
    expect(finding).toMatchObject({ outcome });
    expect(finding!.is).not.toBe('rule-decided');
  });
});
