// ctwhy doctor on a live kernel: what it says of namespaces that are set in known ways, and that asking leaves each as it was.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltProgram, builtProgram, PROGRAM } from '../lab/built-program.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';

const why = whyNoLab();
const LIMIT_MS = patient(120_000);
const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

interface Document {
  readonly questions: readonly {
    readonly id: string;
    readonly answer: string;
    readonly why: string;
    readonly cure: string | null;
  }[];
  readonly watchOut: readonly { readonly id: string; readonly says: string }[];
  readonly notSeen: readonly { readonly what: string }[];
  readonly ok: readonly string[];
}

describe.skipIf(why !== null)(`doctor${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let fresh: LabHost;
  let both: LabHost;
  let folder: string;
  let program: BuiltProgram;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-doctor-'));
    program = builtProgram(folder);
    lab = openLab();
    fresh = await lab.addHost('fresh');
    both = await lab.addHost('both');
    await both.run('iptables-legacy -A OUTPUT -m state --state INVALID -j DROP');
    await both.run(
      'nft -f -',
      'table inet fw { chain in { type filter hook input priority 0; tcp dport 25 ct state new counter drop; }; }',
    );
  }, LIMIT_MS);
  afterAll(() => {
    lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (host: LabHost): Document => {
    const { out, err, code } = program.runIn(host.namespace, ['doctor', '--json']);
    expect([err, code]).toEqual(['', 0]);
    return JSON.parse(out) as Document;
  };
  const answer = (document: Document, id: string) => document.questions.find((question) => question.id === id)!;

  /** What reading files tells of a namespace, its kernel and us: reading them brings nothing. */
  async function files(host: LabHost): Promise<string> {
    const listed = await host.run(
      'cat /proc/net/ip_tables_names /proc/net/ip6_tables_names /proc/net/netfilter/nf_log /proc/net/netfilter/nfnetlink_log; ls /proc/net/netfilter /proc/net/stat',
    );
    // Names only: how many use each goes up and down with every namespace on the machine.
    const modules = existsSync('/proc/modules') ? readFileSync('/proc/modules', 'utf8').replaceAll(/ .*$/gm, '') : '';
    const journal = existsSync(join(folder, 'journal')) ? 'a journal' : 'no journal';
    return [listed.stdout, readdirSync('/sys/module').join(' '), modules, journal].join('\n');
  }

  /** What programs tell of it; they may bring what they need to ask. */
  async function state(host: LabHost): Promise<string> {
    const said: string[] = [await files(host)];
    for (const command of [
      'nft -a list ruleset',
      'nft list hooks',
      "iptables-legacy-save | grep -v '^#'",
      'sysctl -a --pattern "net.(netfilter|bridge|ipv4.ip_forward|core.message)"',
      'ip -d link show',
      'tc qdisc show',
      'conntrack -C',
    ])
      said.push(`${command}\n${(await host.attempt(command)).stdout}`);
    return said.join('\n');
  }

  /** As root and as somebody without rights. */
  function look(host: LabHost): void {
    const asRoot = program.runIn(host.namespace, ['doctor']);
    expect([asRoot.err, asRoot.code]).toEqual(['', 0]);
    expect(asRoot.out.trimEnd().split('\n').at(-1)).toBe('  Nothing was changed by this check.');
    const asNobody = program.run(['doctor'], ['ip', 'netns', 'exec', host.namespace, ...NOBODY]);
    expect([asNobody.err, asNobody.code]).toEqual(['', 0]);
    expect(asNobody.out).toContain('asked without root');
    expect(asNobody.out).toMatch(/NOT SEEN +rules: rules are shown to root only/);
  }

  it.each(['fresh', 'both'])(
    'changes nothing in a namespace: %s',
    async (role) => {
      const host = role === 'fresh' ? fresh : both;
      // First by files alone: a program that asks could bring the very thing that asking must not bring.
      const untouched = await files(host);
      look(host);
      expect(await files(host)).toBe(untouched);
      const before = await state(host);
      look(host);
      expect(await state(host)).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'knows a namespace where nothing is tracked from one with rules in both filters',
    () => {
      const empty = ask(fresh);
      expect(answer(empty, 'why-tcp-invalid')).toMatchObject({
        answer: 'no',
        why: expect.stringContaining('not active'),
      });
      expect(answer(empty, 'which-rule-drops')).toMatchObject({
        answer: 'yes',
        why: expect.stringContaining('no rules'),
      });
      expect(empty.ok).toContain('rules: none');
      const full = ask(both);
      expect(answer(full, 'why-tcp-invalid')).toMatchObject({
        answer: 'no',
        why: expect.stringMatching(/off|nf_log_all_netns|no logger/),
      });
      expect(answer(full, 'which-rule-drops').answer).toBe('part');
      expect(answer(full, 'which-rule-drops').cure).toContain(`--netns ${both.namespace}`);
      expect(full.watchOut.map(({ id }) => id)).toContain('both-backends');
      expect(full.watchOut.map(({ id }) => id)).toContain('netns');
    },
    LIMIT_MS,
  );

  it(
    'sees who listens, what is set, and a TRACE that somebody forgot',
    async () => {
      await both.setSysctls({ 'netfilter.nf_conntrack_timestamp': 1 });
      await both.run('iptables-legacy -t raw -A PREROUTING -p tcp --dport 25 -j TRACE');
      const listener = both.start('conntrack -E');
      try {
        let found = answer(ask(both), 'who-removed');
        for (let tries = 0; found.answer !== 'yes' && tries < 20; tries++) found = answer(ask(both), 'who-removed');
        expect(found).toMatchObject({ answer: 'yes', why: expect.stringMatching(/^conntrack listens/) });
        const document = ask(both);
        expect(answer(document, 'how-old').answer).toBe('yes');
        expect(document.watchOut).toContainEqual(
          expect.objectContaining({ id: 'foreign-trace', says: expect.stringContaining('raw PREROUTING rule 1') }),
        );
        expect(answer(ask(fresh), 'who-removed').answer).toBe('no');
      } finally {
        await listener.stop();
        await both.run('iptables-legacy -t raw -D PREROUTING -p tcp --dport 25 -j TRACE');
      }
    },
    LIMIT_MS,
  );

  it(
    'sees our trace while the journal knows it, and a stray once that is lost',
    async () => {
      expect(program.runIn(both.namespace, ['trace', 'add', '-p', 'tcp', '--dport', '2525', '--yes']).err).toBe('');
      try {
        expect(answer(ask(both), 'which-rule-drops')).toMatchObject({
          answer: 'yes',
          why: expect.stringMatching(/^trace C\d+ is on/),
        });
        const elsewhere = spawnSync(process.execPath, [PROGRAM, 'doctor', '--json', '--netns', both.namespace], {
          encoding: 'utf8',
          env: { ...program.environment, CTWHY_CHANGES: join(folder, 'another') },
        });
        const { watchOut } = JSON.parse(elsewhere.stdout) as Document;
        expect(watchOut).toContainEqual(
          expect.objectContaining({ id: 'strays', says: expect.stringMatching(/ctwhy_\d+/) }),
        );
      } finally {
        expect(program.run(['undo', '--all', '--yes']).code).toBe(0);
      }
    },
    LIMIT_MS,
  );
});
