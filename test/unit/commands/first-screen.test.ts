import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { REPOSITORY, runCommand } from '../../helpers/run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'first-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('ctwhy alone', () => {
  const environment = { CTWHY_DB: join(folder, 'first.db') };

  it.each(['ctwhy', 'bin/ctwhy.js', '/opt/programs/of/this/host/ctwhy/bin/ctwhy.js'])(
    'fits 24 lines of 80 columns, started as %s, also with evidence',
    async (programName) => {
      for (const isThere of [false, true]) {
        if (isThere)
          await runCommand([
            'ingest',
            '--db',
            environment.CTWHY_DB,
            join(REPOSITORY, 'fixtures/hosts/normal/kern.log'),
          ]);
        const { stdout, code } = await runCommand([], { environment, programName, width: 80 });
        expect(code).toBe(0);
        const lines = stdout.trimEnd().split('\n');
        expect(lines.length, stdout).toBeLessThanOrEqual(24);
        expect(lines.filter((line) => line.length > 80)).toEqual([]);
        expect(stdout).toContain(programName === 'ctwhy' ? 'sudo ctwhy check' : `c=${programName}`);
      }
    },
  );
});
