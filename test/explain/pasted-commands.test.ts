// The commands that stand below a finding are run as a person would paste them, and tell of the same connection, state and fate.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/model/finding.js';
import { runCommand } from '../helpers/run-command.js';
import { FIXTURE_HOSTS } from './explained-files.js';

const hosts = readdirSync(FIXTURE_HOSTS);
/** Findings about several connections at once, and one that no packet of its own tells. */
const ALWAYS = ['finwait-table-full', 'midstream-pickup', 'path-interleaved'];
/** All of them with CTWHY_HONESTY=all; otherwise these and every twelfth. */
const asked =
  process.env['CTWHY_HONESTY'] === 'all' ? hosts : hosts.filter((name, at) => at % 12 === 3 || ALWAYS.includes(name));

describe.each(asked)('%s', (name) => {
  it('can be followed by copy and paste', { timeout: 240_000 }, async () => {
    const folder = join(FIXTURE_HOSTS, name);
    const { stdout } = await runCommand(['explain', '-r', folder]);
    const told = JSON.parse((await runCommand(['explain', '-r', folder, '--json'])).stdout) as {
      readonly findings: readonly Finding[];
    };
    const lines = stdout.replace(/ \\\n\s+/g, ' ').split('\n');
    const commands = lines
      .map((line) => /\bctwhy ((?:timeline|path) \d+ -r \S+)\s*$/.exec(line)?.[1]?.split(' '))
      .filter((words) => words !== undefined);
    // The first is told at length, unless it is noise. What only tables or messages tell has no packet to follow.
    if (told.findings[0]?.packets.flags != null && !stdout.includes('Nothing wrong'))
      expect(commands.length).toBeGreaterThan(0);
    for (const words of commands) {
      const finding = told.findings.find(({ id }) => id === Number(words[1]));
      expect(finding, words.join(' ')).toBeDefined();
      const { code, stdout: shown, stderr } = await runCommand(words);
      expect([words.join(' '), code, stderr]).toEqual([words.join(' '), 0, '']);
      if (finding?.flow == null) continue;
      // A packet behind NAT has one of them alone.
      const { src, dst } = finding.flow;
      expect(
        [src, dst].filter((address) => address !== null && shown.includes(address)),
        words.join(' '),
      ).not.toEqual([]);
      if (words[0] !== 'path') continue;
      const { state, fate } = JSON.parse((await runCommand([...words, '--json'])).stdout) as Record<
        string,
        string | null
      >;
      // A journey tells what was seen; where it knows less than the finding it says nothing else.
      expect(['INVALID', 'NEW'].includes(finding.outcome) ? [finding.outcome, null] : [state]).toContain(state);
      const ends = finding.fate === 'dropped' ? ['dropped', 'rejected'] : [finding.fate];
      expect([...ends, 'unknown'], words.join(' ')).toContain(fate);
    }
  });
});
