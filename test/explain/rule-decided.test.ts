// Which of the endings of a rule it was: taken early, never matched, or left to the policy.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { explainedFiles, FIXTURE_HOSTS } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-rule-decided-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function decided(paths: readonly string[]) {
  const { db, findings } = await explainedFiles(paths);
  db.close();
  const found = findings.find(({ finding }) => finding.class === 'rule-decided')!.finding;
  return { cause: found.cause, sure: found.causeConfidence, summary: found.summary };
}

const LINE =
  'Nov 21 14:00:01 fw kernel: FORWARD NEW: IN=eth0 OUT=eth1 MAC= SRC=192.0.2.100 DST=198.51.100.9 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=7 DF PROTO=TCP SPT=40009 DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0\n';

async function withRules(name: string, ...rules: readonly string[]) {
  const log = join(folder, `${name}.log`);
  const save = join(folder, `${name}.txt`);
  writeFileSync(log, LINE);
  const tag = '-A FORWARD -m conntrack --ctstate NEW -j LOG --log-prefix "FORWARD NEW: "';
  writeFileSync(save, ['*filter', ':FORWARD DROP [0:0]', tag, ...rules, 'COMMIT', ''].join('\n'));
  return await decided([log, save]);
}

describe('the endings of a rule', () => {
  it('a rule about the service that failed on its source was passed by', async () => {
    const found = await decided([join(FIXTURE_HOSTS, 'rule-never-matched')]);
    expect(found).toMatchObject({ cause: 'never-matched', sure: 'likely' });
    expect(found.summary).toContain('-s 192.0.2.64/27: it is 192.0.2.100');
  });

  it('a rule that would have accepted it behind the one that took it is named', async () => {
    const found = await decided([join(FIXTURE_HOSTS, 'rule-ended-early')]);
    expect(found.cause).toBe('ended-early');
    expect(found.summary).toContain('filter FORWARD rule 3');
  });

  it.each([
    ['a negated interface', '-A FORWARD ! -i eth0 -p tcp --dport 443 -j ACCEPT', 'never-matched'],
    [
      'a catch-all at the end',
      '-A FORWARD -s 192.0.2.64/27 -p tcp --dport 443 -j ACCEPT\n-A FORWARD -j DROP',
      'never-matched',
    ],
    ['another service', '-A FORWARD -p tcp --dport 22 -j ACCEPT', 'policy-decided'],
    ['two conditions that fail', '-A FORWARD -s 192.0.2.64/27 -o eth2 -p tcp --dport 443 -j ACCEPT', 'policy-decided'],
    [
      'a rule for later packets',
      '-A FORWARD -p tcp --dport 443 -m conntrack --ctstate ESTABLISHED -j ACCEPT',
      'policy-decided',
    ],
    ['no rule at all', '', 'policy-decided'],
  ])('%s', async (name, rule, cause) => {
    expect((await withRules(name.replaceAll(' ', '-'), ...(rule === '' ? [] : [rule]))).cause).toBe(cause);
  });
});
