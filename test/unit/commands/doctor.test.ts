// ctwhy doctor on every recorded host, and what it prints for one: the same in a terminal and in a pipe, within 80 columns, with commands that
// this program takes.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../../src/cli/program.js';
import { COMMANDS } from '../../../src/commands/index.js';
import { REPOSITORY, runCommand } from '../../helpers/run-command.js';

const HOSTS = join(REPOSITORY, 'fixtures/hosts');

interface Document {
  readonly schema: string;
  readonly from: string;
  readonly questions: readonly {
    readonly id: string;
    readonly answer: string;
    readonly why: string;
    readonly cure: string | null;
    readonly price: string | null;
    readonly ask: string | null;
  }[];
  readonly never: readonly unknown[];
  readonly watchOut: readonly { readonly id: string }[];
  readonly ok: readonly string[];
}

async function documentOf(folder: string): Promise<Document> {
  const { stdout, code } = await runCommand(['doctor', '-r', folder, '--json']);
  expect(code).toBe(0);
  return JSON.parse(stdout) as Document;
}

describe.each(readdirSync(HOSTS))('%s', (name) => {
  it('is answered: each question with a word, each unknown with what to ask for', async () => {
    const document = await documentOf(join(HOSTS, name));
    expect(document).toMatchObject({ schema: 'ctwhy.doctor/1', from: 'evidence' });
    expect(document.questions.length).toBeGreaterThanOrEqual(9);
    for (const { id, answer, why, cure, price, ask } of document.questions) {
      expect([id, answer]).toEqual([id, expect.stringMatching(/^(yes|part|no|unknown)$/)]);
      expect([id, why]).toEqual([id, expect.stringMatching(/\w/)]);
      expect([id, price === null]).toEqual([id, cure === null]);
      if (answer === 'unknown') expect([id, ask]).toEqual([id, expect.stringMatching(/ > \S+$/)]);
    }
  });
});

describe('the screen', () => {
  const folder = join(HOSTS, 'path-two-backends');

  it('is the same in a terminal and in a pipe', async () => {
    const piped = await runCommand(['doctor', '-r', folder]);
    const shown = await runCommand(['doctor', '-r', folder, '--no-color'], { isTerminal: true });
    expect(shown.stdout).toBe(piped.stdout);
    const lines = piped.stdout.trimEnd().split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.at(-1)).toBe('  These files were only read.');
    expect(piped.stdout).toContain('TRACE is on by somebody else');
    expect(piped.stdout).toContain('legacy and nft rules at once');
  });

  it('tells the same as the JSON', async () => {
    const { stdout } = await runCommand(['doctor', '-r', folder]);
    const { questions } = await documentOf(folder);
    for (const { cure, answer } of questions) if (cure !== null && answer !== 'yes') expect(stdout).toContain(cure);
  });

  it('answers one host only, and says what it does not take', async () => {
    expect(
      await runCommand(['doctor', '-r', folder, '--netns', 'a'], { environment: { CTWHY_NETNS: 'a' } }),
    ).toMatchObject({ code: 2 });
    expect(await runCommand(['doctor', '--kernel', '6.1'])).toMatchObject({ code: 2 });
    const two = [join(HOSTS, 'finwait-deleted'), folder];
    expect(await runCommand(['doctor', '-r', ...two])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('several hosts'),
    });
  });
});

it('names commands only that this program takes', async () => {
  const room = join(REPOSITORY, 'src/analysis/doctor');
  const texts = readdirSync(room, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(room, name), 'utf8'));
  const named = texts
    .flatMap((text) => [...text.matchAll(/['`](?:sudo )?ctwhy ([^'`\n]+)['`]/g)])
    .map(([, words]) =>
      words!
        .replaceAll(/\$\{[^}]*\}/g, 'C3')
        .replaceAll('-p C3', '-p tcp')
        .replaceAll('PORT', '25'),
    );
  expect(named.length).toBeGreaterThan(6);
  for (const words of named) {
    const parsed = await parseCommandLine(words.split(' '), COMMANDS, {
      name: 'ctwhy',
      version: '0.0.0',
      width: 80,
      isThere: () => false,
    });
    expect([words, parsed.is]).toEqual([words, 'command']);
  }
});
