// Every command says what it does, and every example in it is one that the parser takes.

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { GLOBAL_OPTIONS } from '../../src/cli/global-options.js';
import { parseCommandLine } from '../../src/cli/program.js';
import { COMMANDS } from '../../src/commands/index.js';
import { runCommand } from '../helpers/run-command.js';

const INFO = { name: 'ctwhy', version: '0.0.0', width: 80, isThere: () => false };

/** Words of the part of an example that starts ctwhy, as a shell would split them. */
function wordsOf(example: string): readonly string[] {
  const command = example
    .slice(example.search(/(^|\s)ctwhy /))
    .trim()
    .split(/ [|>]/)[0]!;
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((found) => found[1] ?? found[2] ?? found[3]!).slice(1);
}

describe.each(COMMANDS.map((spec) => [spec.words, spec] as const))('%s', (_, spec) => {
  it('has a summary of one line without a full stop', () => {
    expect(spec.summary.length).toBeLessThanOrEqual(60);
    expect(spec.summary).toMatch(/^[a-z].*[^.\s]$/);
  });

  it('has a description in sentences', () => {
    expect(spec.description).toMatch(/^[A-Z].{20,}\.$/s);
  });

  it('has a sentence for every option and positional', () => {
    for (const { name, describe: says } of [...(spec.options ?? []), ...(spec.positionals ?? []), ...GLOBAL_OPTIONS])
      expect([name, says]).toEqual([name, expect.stringMatching(/^\S.{2,}[^.\s]$/)]);
  });

  it('gives no name or letter to two options', () => {
    const names = [...(spec.options ?? []), ...GLOBAL_OPTIONS].flatMap(({ name, alias }) =>
      alias === undefined ? [name] : [name, alias],
    );
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it('has two examples at least, each a command line of its own', async () => {
    expect(spec.examples.length).toBeGreaterThanOrEqual(2);
    for (const { command, says } of spec.examples) {
      expect(says).toMatch(/^[^A-Z\s.].*[^.]$/);
      if (command.trim() === 'ctwhy') continue;
      const parsed = await parseCommandLine(wordsOf(command), COMMANDS, INFO);
      expect([command, parsed.is === 'command' ? parsed.spec.words : parsed.is]).toEqual([command, spec.words]);
    }
  });

  it('can be loaded', async () => {
    expect(typeof (await spec.load()).run).toBe('function');
  });
});

describe('completion', () => {
  const complete = (script: string, ...words: readonly string[]) =>
    spawnSync(
      'bash',
      [
        '-c',
        `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ctwhy; printf '%s\\n' "\${COMPREPLY[@]}"`,
        'bash',
        ...words,
      ],
      { encoding: 'utf8' },
    )
      .stdout.trim()
      .split('\n');

  it('offers commands, verbs, options, names of queries, choices', async () => {
    const { stdout: script } = await runCommand(['completion']);
    expect(complete(script, 'ctwhy', 'ex')).toEqual(['explain']);
    expect(complete(script, 'ctwhy', 'reasons', 's')).toEqual(['show']);
    expect(complete(script, 'ctwhy', '-q', 'query', 'who')).toEqual(['who-fills-the-table']);
    expect(complete(script, 'ctwhy', 'explain', '--dp')).toEqual(['--dport']);
    expect(complete(script, 'ctwhy', 'query', '-o', 'nd')).toEqual(['ndjson']);
    expect(complete(script, 'ctwhy', 'help', 'sym')).toEqual(['symptoms']);
  });

  it('is for bash, zsh and fish, and says so of other shells', async () => {
    expect((await runCommand(['completion', 'zsh'])).stdout).toMatch(/^#compdef ctwhy/);
    expect((await runCommand(['completion', 'fish'])).stdout).toContain('complete -c ctwhy');
    expect((await runCommand(['completion', 'tcsh'])).code).toBe(2);
  });
});
