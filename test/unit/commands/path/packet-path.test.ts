import { describe, expect, it } from 'vitest';
import { REPOSITORY, runCommand } from '../../../helpers/run-command.js';

const BUNDLE = `${REPOSITORY}fixtures/hosts/path-user-chains`;

describe('ctwhy path --packet', () => {
  it('works a packet through the rules of a bundle', async () => {
    const { stdout, code } = await runCommand([
      'path',
      '-r',
      BUNDLE,
      '--packet',
      '-p tcp -s 192.0.2.77 -d 192.0.2.1 --sport 40000 --dport 8080 -i eth0 --ctstate NEW',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('NEW    FORWARDED: no rule stops it');
    expect(stdout).toContain('On the way its destination becomes 198.51.100.75:80.');
    expect(stdout).toMatch(/alone; no\s+packet\s+was\s+sent/);
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it('says the same as JSON', async () => {
    const words = '-p tcp -d 192.0.2.1 --dport 8080 -i eth0';
    const { stdout } = await runCommand(['path', '-r', BUNDLE, '--json', `--packet=${words}`]);
    const answer = JSON.parse(stdout) as {
      readonly schema: string;
      readonly known: string;
      readonly fate: string;
      readonly packet: unknown;
      readonly ways: readonly { readonly fate: string; readonly state: string; readonly rows: readonly unknown[] }[];
    };
    expect(answer).toMatchObject({ schema: 'ctwhy.path/1', known: 'ruleset', packet: { words, family: 4 } });
    expect(answer.ways.length).toBeGreaterThan(0);
    for (const way of answer.ways) expect(way.rows.length).toBeGreaterThan(0);
    expect(answer.fate).toBe(answer.ways.length === 1 ? answer.ways[0]?.fate : 'depends');
  });

  it('names a wrong word, and what does not go with it', async () => {
    const wrong = await runCommand(['path', '-r', BUNDLE, '--packet', '-p tcp --dprot 25']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("'--dprot 25' is nothing that a packet can be described by");
    const finding = await runCommand(['path', '1', '-r', BUNDLE, '--packet', '-p tcp']);
    expect(finding).toMatchObject({ code: 2 });
    const filter = await runCommand(['path', '-r', BUNDLE, '--dport', '25', '--packet', '-p tcp']);
    expect(filter.stderr).toContain("say it within --packet '...'");
  });

  it('tells who is not root where else rules can come from', async () => {
    const { code, stderr } = await runCommand(['path', '--packet', '-p tcp --dport 25 -i eth0']);
    expect(code).toBe(3);
    expect(stderr).toContain('root only');
  });

  it('says that files hold no rules', async () => {
    const { code, stderr } = await runCommand([
      'path',
      '-r',
      `${BUNDLE}/kern.log`,
      '--packet',
      '-p tcp --dport 25 -i eth0',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('no ruleset');
  });
});
