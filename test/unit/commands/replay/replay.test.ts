// ctwhy replay on recorded hosts: the first wrong packet with its arithmetic, what-if, formats, refusals.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { REPOSITORY, runCommand } from '../../../helpers/run-command.js';
import { patient } from '../../../lab/clock.js';

/** Each run of the program takes seconds beside others. */
vi.setConfig({ testTimeout: patient(120_000) });

const fixture = (name: string) => join(REPOSITORY, 'fixtures/hosts', name);

interface Packet {
  readonly number: number;
  readonly verdict: string | null;
  readonly failed: string | null;
  readonly agreement: string | null;
  readonly why: readonly string[];
}
interface Document {
  readonly schema: string;
  readonly firstWrong: number | null;
  readonly packets: readonly Packet[];
  readonly whatIf: {
    readonly changed: readonly { readonly number: number; readonly to: { readonly verdict: string } }[];
    readonly same: number;
    readonly unknown: number;
  } | null;
}

async function documentOf(words: readonly string[]): Promise<Document> {
  const { stdout, stderr, code } = await runCommand(['replay', ...words, '--json']);
  expect([stderr, code]).toEqual(['', 0]);
  return JSON.parse(stdout) as Document;
}

describe('a capture beside the log', () => {
  it('is followed exactly, and the stray segment is found with its arithmetic', async () => {
    const document = await documentOf(['-r', fixture('invalid-skips-nat')]);
    expect(document.schema).toBe('ctwhy.replay/1');
    expect(document.packets.map(({ verdict }) => verdict).join(' ')).toBe(
      'NEW ESTABLISHED ESTABLISHED ESTABLISHED ESTABLISHED INVALID ESTABLISHED ESTABLISHED',
    );
    expect(document.firstWrong).toBe(6);
    const wrong = document.packets[5]!;
    expect([wrong.failed, wrong.agreement]).toEqual(['I', 'agrees']);
    // 7 + (64 << 10) is what the last acknowledgement in front of it allowed.
    expect(wrong.why.join(' ')).toContain('packet 5 allowed it: ACK 7 + window 64 x 1024 = 65543');
  });

  it('would have been let through whole by be_liberal', async () => {
    const { whatIf } = await documentOf(['-r', fixture('invalid-skips-nat'), '--set', 'nf_conntrack_tcp_be_liberal=1']);
    expect(whatIf?.changed.map(({ number, to }) => [number, to.verdict])).toContainEqual([6, 'ESTABLISHED']);
    expect(whatIf?.unknown).toBe(0);
  });
});

describe('a window scale that was lost', () => {
  it('is followed on every packet of real stacks as the kernel answered it, and be_liberal lets all of it pass', async () => {
    const words = ['-r', fixture('window-scale-stripped')];
    const { packets, whatIf } = await documentOf([...words, '--set', 'nf_conntrack_tcp_be_liberal=1']);
    expect(packets.every(({ verdict }) => verdict !== null)).toBe(true);
    expect(new Set(packets.map(({ agreement }) => agreement))).toEqual(new Set(['agrees', null]));
    const refused = packets.filter(({ verdict }) => verdict === 'INVALID').map(({ number }) => number);
    expect(refused.length).toBeGreaterThan(10);
    const mended = whatIf?.changed.filter(({ to }) => to.verdict === 'ESTABLISHED').map(({ number }) => number);
    expect(mended).toEqual(expect.arrayContaining(refused));
    expect(whatIf?.unknown).toBe(0);
  });
});

describe('text of tcpdump', () => {
  it('is as good as the capture, though it prints no number of bare acknowledgements', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ctwhy-text-'));
    try {
      const file = join(folder, 'wire.txt');
      writeFileSync(
        file,
        [
          '1.000000 IP 192.0.2.1.4000 > 198.51.100.2.80: Flags [S], seq 1000, win 64240, options [mss 1460], length 0',
          '1.000100 IP 198.51.100.2.80 > 192.0.2.1.4000: Flags [S.], seq 5000, ack 1001, win 2000, options [mss 1460], length 0',
          '1.000200 IP 192.0.2.1.4000 > 198.51.100.2.80: Flags [.], ack 1, win 64240, length 0',
          '1.000300 IP 192.0.2.1.4000 > 198.51.100.2.80: Flags [P.], seq 1:101, ack 1, win 64240, length 100',
          '1.000400 IP 198.51.100.2.80 > 192.0.2.1.4000: Flags [.], ack 101, win 2000, length 0',
          '1.000500 IP 192.0.2.1.4000 > 198.51.100.2.80: Flags [P.], seq 9001:9101, ack 1, win 64240, length 100',
        ]
          .map((line) => `179527115${line}\n`)
          .join(''),
      );
      const { packets } = await documentOf(['-r', file, '--kernel', '6.18']);
      expect(packets.map(({ verdict }) => verdict).join(' ')).toBe(
        'NEW ESTABLISHED ESTABLISHED ESTABLISHED ESTABLISHED INVALID',
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('a log of some packets', () => {
  it('keeps what it cannot know open, and pins bounds by what the kernel printed', async () => {
    const document = await documentOf(['-r', fixture('window-overshoot')]);
    expect(document.firstWrong).toBe(2);
    expect(document.packets.map(({ verdict }) => verdict)).toEqual([
      'NEW',
      'ESTABLISHED',
      'INVALID',
      'INVALID',
      'INVALID',
      'INVALID',
    ]);
    // SEQ 5000 and the printed bound 3601: 1400 bytes; ACK 5100 and 2601: 2500 bytes.
    expect(document.packets[2]!.why.join(' ')).toContain('is 1,400 bytes above');
    expect(document.packets[3]!.why.join(' ')).toContain('is 2,500 bytes above');
  });

  it('judges what-if packet by packet on the entry as it was', async () => {
    const { whatIf } = await documentOf(['-r', fixture('window-overshoot'), '--set', 'nf_conntrack_tcp_be_liberal=1']);
    const accepted = whatIf?.changed.filter(({ number }) => number >= 3).map(({ to }) => to.verdict);
    expect(accepted).toEqual(['ESTABLISHED', 'ESTABLISHED', 'ESTABLISHED', 'ESTABLISHED']);
  });
});

describe('the screen', () => {
  it.each([80, 100])(
    'fits %i columns',
    async (width) => {
      for (const name of ['window-overshoot', 'window-scale-stripped', 'finwait-expired', 'udp-reply-late']) {
        const { stdout, code } = await runCommand(['replay', '-r', fixture(name)], { width });
        expect(code).toBe(0);
        expect(stdout.split('\n').filter((line) => line.length > width && !line.startsWith('See also'))).toEqual([]);
      }
    },
    patient(180_000),
  );

  it.each(['table', 'lines', 'ndjson', 'csv', 'tsv', 'markdown'])('as rows: %s', async (format) => {
    const { stdout, code } = await runCommand(['replay', '-r', fixture('window-overshoot'), '-o', format]);
    expect(code).toBe(0);
    expect(stdout).toContain('tcp-seq-over-upper-bound');
  });

  it('counts from the first number unless it is told not to', async () => {
    const words = ['replay', '-r', fixture('window-overshoot'), '--flow', '192.0.2.92:40092'];
    expect((await runCommand([...words, '--absolute'])).stdout).toContain('SEQ 5000 is 1,400 bytes above 3600');
    expect((await runCommand(words)).stdout).toContain('SEQ 2900 is 1,400 bytes above 1500');
  });
});

describe('settings', () => {
  it.each([
    ['be_liberal=1', 'did you mean nf_conntrack_tcp_be_liberal?'],
    ['nf_conntrack_tcp_be_liberal=2', 'takes 0 or 1'],
    ['nf_conntrack_tcp_timeout_established=-1', 'takes seconds'],
    ['nf_conntrack_max=1', 'does not obey'],
    ['nonsense', 'takes NAME=VALUE'],
  ])('%s is refused', async (text, why) => {
    const { stderr, code } = await runCommand(['replay', '-r', fixture('window-overshoot'), '--set', text]);
    expect(code).toBe(2);
    expect(stderr).toContain(why);
  });

  it('a kernel that lacks the setting is said to', async () => {
    const words = ['--kernel', '5.4', '--set', 'nf_conntrack_tcp_ignore_invalid_rst=1'];
    const { stderr, code } = await runCommand(['replay', '-r', fixture('window-overshoot'), ...words]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('kernel 5.4 has no nf_conntrack_tcp_ignore_invalid_rst'),
    ]);
  });
});
