// The bare name, --help and completion load nothing heavy, and start within a small multiple of node itself.
// Real processes: pipes that close, output that is large.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY, runCommand } from '../helpers/run-command.js';

let folder: string;
let bin: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'startup-'));
  // A build of its own, so that no stale dist is measured; beside node_modules, as the real one is.
  const dist = join(REPOSITORY, 'node_modules/.cache/startup');
  rmSync(dist, { recursive: true, force: true });
  execFileSync(
    process.execPath,
    [
      'node_modules/typescript/bin/tsc',
      '-p',
      'tsconfig.json',
      '--outDir',
      join(dist, 'dist'),
      '--incremental',
      'false',
    ],
    { cwd: REPOSITORY },
  );
  writeFileSync(join(dist, 'package.json'), '{ "type": "module", "version": "0.1.0" }');
  bin = join(dist, 'run.js');
  writeFileSync(
    bin,
    "import { start } from './dist/start.js';\nprocess.exitCode = await start(process.argv.slice(2));\n",
  );
  execFileSync('ln', ['-sfn', join(REPOSITORY, 'migrations'), join(dist, 'migrations')]);
  await runCommand([
    'ingest',
    '--db',
    join(folder, 'store.db'),
    join(REPOSITORY, 'fixtures/hosts/finwait-deleted/kern.log'),
  ]);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const environment = () => ({
  PATH: process.env['PATH'],
  HOME: folder,
  XDG_STATE_HOME: folder,
  CTWHY_DB: join(folder, 'none.db'),
});

describe('start', () => {
  it('imports nothing heavy on the way to the parser', () => {
    // Static imports, followed from start.js; what is imported later is imported when it is wanted.
    const dist = join(REPOSITORY, 'node_modules/.cache/startup/dist');
    const seen = new Set<string>();
    const packages = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = execFileSync('cat', [file], { encoding: 'utf8' });
      for (const match of text.matchAll(/^(?:import|export)[^;]*?from '([^']+)'|^import '([^']+)'/gm)) {
        const target = match[1] ?? match[2]!;
        if (target.startsWith('.')) visit(join(file, '..', target));
        else if (!target.startsWith('node:')) packages.add(target);
      }
    };
    visit(join(dist, 'start.js'));
    visit(join(dist, 'commands/status-run.js'));
    expect([...packages]).toEqual([]);
    visit(join(dist, 'cli/program.js'));
    // Help is answered by the same module, without yargs.
    expect([...packages]).toEqual([]);
  });

  it('takes a small multiple of what node takes', () => {
    const time = (args: readonly string[]) => {
      const times = Array.from({ length: 7 }, () => {
        const began = performance.now();
        spawnSync(process.execPath, args, { env: environment() });
        return performance.now() - began;
      });
      return Math.min(...times);
    };
    const bare = time(['-e', '0']);
    expect(time([bin]) / bare).toBeLessThan(7);
    expect(time([bin, '--help']) / bare).toBeLessThan(14);
  }, 120_000);
});

describe('pipes', () => {
  const shell = (line: string) =>
    spawnSync('bash', ['-c', `set -o pipefail; ctwhy() { "$NODE" "$BIN" "$@"; }; ${line}`], {
      env: { ...environment(), NODE: process.execPath, BIN: bin, DB: join(folder, 'store.db') },
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    });
  const MANY = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n';

  it.each(['tsv', 'csv', 'json', 'ndjson', 'lines', 'markdown'])(
    'closed by the reader: exit 0, no trace (%s)',
    (format) => {
      const { stdout, stderr, status } = shell(`ctwhy query '${MANY}' --db "$DB" -o ${format} | head -1`);
      expect([stdout.split('\n').length, stderr, status]).toEqual([2, '', 0]);
    },
  );

  it('3 MB of output arrive whole', () => {
    const { stdout, status } = shell(
      `ctwhy query "SELECT i, 'some more text' AS t FROM (${MANY})" --db "$DB" -o tsv | cat`,
    );
    expect(stdout.length).toBeGreaterThan(3_000_000);
    expect([stdout.split('\n').at(-2), status]).toEqual(['300000\tsome more text', 0]);
  });

  it('--no-headers, errors on standard error, exit codes', () => {
    expect(shell(`ctwhy query 'SELECT 1' --db "$DB" --no-headers`).stdout).toBe('1\n');
    const wrong = shell('ctwhy query 2>/dev/null');
    expect([wrong.stdout, wrong.status]).toEqual(['', 2]);
  });
});
