// The topics of ctwhy help: complete, true, and within 80 columns.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CAUSES, HOST_CAUSES } from '../../../src/analysis/causes/index.js';
import { CAUSE_TABLE } from '../../../src/commands/help/causes.js';
import { VARIABLES } from '../../../src/commands/help/environment.js';
import { SYMPTOMS } from '../../../src/commands/help/symptoms.js';
import { TOPICS } from '../../../src/commands/help/topics.js';
import { COMMANDS } from '../../../src/commands/index.js';
import { BINARY_FORMS, FORMS } from '../../../src/ingest/form-list.js';
import { NAMED_QUERIES } from '../../../src/store/named-queries.js';
import { REPOSITORY, runCommand } from '../../helpers/run-command.js';

const sources = readdirSync(join(REPOSITORY, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(REPOSITORY, 'src', name), 'utf8'));

describe('topics', () => {
  it('are listed by ctwhy help alone', async () => {
    const { stdout, code } = await runCommand(['help']);
    expect(code).toBe(0);
    for (const { name, says } of TOPICS) expect(stdout).toContain(`${name.padEnd(12)}  ${says}`);
  });

  it.each(TOPICS.map(({ name }) => name))('%s is within 80 columns and ends cleanly', async (name) => {
    const { stdout, stderr, code } = await runCommand(['help', name]);
    expect([stderr, code]).toEqual(['', 0]);
    expect(stdout.split('\n').filter((line) => line.length > 80 || line !== line.trimEnd())).toEqual([]);
    expect(stdout).toMatch(/[^\n]\n$/);
  });

  it('two words mean the same as one with a dash', async () => {
    expect((await runCommand(['help', 'exit', 'codes'])).stdout).toBe(
      (await runCommand(['help', 'exit-codes'])).stdout,
    );
  });
});

describe('what topics claim', () => {
  it('environment names exactly the variables that are read', () => {
    const read = sources.flatMap((text) =>
      [...text.matchAll(/\benvironment(?:\.|\[')([A-Z][A-Z_]+)/g)].map((match) => match[1]!),
    );
    expect([...new Set(read)].sort()).toEqual(VARIABLES.map(([name]) => name).sort());
    expect(sources.filter((text) => /process\.env\b/.test(text)).length).toBe(1);
  });

  it('formats names every form', async () => {
    const { stdout } = await runCommand(['help', 'formats']);
    expect(FORMS.length + BINARY_FORMS.length).toBeGreaterThan(10);
    for (const { id } of [...FORMS, ...BINARY_FORMS]) expect(stdout).toContain(`  ${id}\n`);
  });

  it('time computes its examples', async () => {
    const { stdout } = await runCommand(['help', 'time']);
    expect(stdout).toContain('"10 min ago"                      2026-11-21T11:50:00.000000Z');
    expect(stdout).toContain('"2026-11-21 10:15 Europe/Berlin"  2026-11-21T09:15:00.000000Z');
    const { stdout: there } = await runCommand(['help', 'time'], { environment: { TZ: 'Asia/Tokyo' } });
    expect(there).toContain('"2026-11-21 10:15"                2026-11-21T01:15:00.000000Z');
  });

  it('symptoms names only commands and queries that there are', async () => {
    const { stdout } = await runCommand(['help', 'symptoms']);
    const known = COMMANDS.map(({ words }) => words);
    for (const line of stdout.split('\n').filter((text) => /ctwhy /.test(text)))
      expect(
        known.some((words) => line.includes(`ctwhy ${words}`) || line.includes(`ctwhy ${words.split(' ')[0]}`)),
      ).toBe(true);
    const queries = SYMPTOMS.flatMap(({ answer }) => answer.filter((text) => text.startsWith('query ')));
    expect(queries.length).toBeGreaterThan(5);
    for (const query of queries) expect(NAMED_QUERIES.map(({ name }) => name)).toContain(query.slice('query '.length));
  });

  it('causes tells every declaration of a cause, whole', async () => {
    const { stdout } = await runCommand(['help', 'causes'], { width: 80 });
    const flat = stdout.replace(/\s+/g, ' ');
    expect(CAUSE_TABLE.length).toBe(CAUSES.length + HOST_CAUSES.length);
    expect(CAUSE_TABLE.length).toBeGreaterThan(30);
    for (const cause of CAUSE_TABLE) {
      expect(stdout, cause.id).toMatch(new RegExp(`^${cause.id}$`, 'm'));
      for (const text of [cause.title, cause.needs, cause.decides, cause.looksLike.join('; '), cause.causes.join(', ')])
        expect(flat, cause.id).toContain(text.replace(/\s+/g, ' '));
      // Which kernels and which evidence is said of each, and what could be taken for it.
      expect(flat).toContain(`kernels ${cause.kernels.replace(/\s+/g, ' ')}`);
      expect(flat).toContain(`evidence ${cause.evidence.join(', ')}`);
      expect([cause.kernels, cause.evidence.join(), cause.looksLike.join()], cause.id).not.toContain('');
    }
  });

  it('safety says where the store is', async () => {
    expect((await runCommand(['help', 'safety'])).stdout).toMatch(/\.local\/state\/ctwhy\/ctwhy\.db/);
    expect((await runCommand(['help', 'safety'], { uid: 0 })).stdout).toContain('/var/lib/ctwhy/ctwhy.db');
    expect((await runCommand(['help', 'safety'], { environment: { CTWHY_DB: '/x/y.db' } })).stdout).toContain(
      '/x/y.db',
    );
  });
});
