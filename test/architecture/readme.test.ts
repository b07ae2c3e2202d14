// What the README shows is what the commands print: every block that begins with '$ ctwhy …' is run on its fixture and compared.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from '../helpers/run-command.js';

/** A line that says that the README shows no more of the output here. */
const CUT = '...';

const shown = [...readFileSync(join(REPOSITORY, 'README.md'), 'utf8').matchAll(/^```\n\$ (.+?)\n```$/gms)].map(
  (found) => {
    // A command goes on behind a backslash at the end of its line; its output may hold such lines too.
    const [, command, output] = /^((?:[^\n]*\\\n)*[^\n]*)\n(.*)$/s.exec(found[1]!)!;
    return { command: command!.replaceAll('\\\n', ' '), output: output!.trim() };
  },
);

describe('the README', () => {
  it('shows commands with their output', () => {
    expect(shown.length).toBeGreaterThanOrEqual(4);
  });

  it.each(shown)('shows what `$command` prints', ({ command, output }) => {
    const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((found) => found[1] ?? found[2]!);
    expect(words[0]).toMatch(/ctwhy(\.js)?$/);
    const { stdout, stderr } = spawnSync(process.execPath, ['bin/ctwhy.js', ...words.slice(1)], {
      cwd: REPOSITORY,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', COLUMNS: '80', TZ: 'UTC', NO_COLOR: '1' },
    });
    expect(stderr).toBe('');
    const printed = stdout
      .trim()
      .split('\n')
      .map((line) => line.trimEnd());
    const expected = output.split('\n').map((line) => line.trimEnd());
    const cut = expected.findIndex((line) => line.trim() === CUT);
    expect(cut < 0 ? printed : printed.slice(0, cut)).toEqual(cut < 0 ? expected : expected.slice(0, cut));
  });
});
