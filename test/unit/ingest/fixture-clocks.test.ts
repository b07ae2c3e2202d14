import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { realHost } from '../../../src/host/real-host.js';
import { ingest } from '../../../src/ingest/ingest.js';
import { readBootTime } from '../../../src/ingest/place-clocks.js';
import { openStoreForWriting } from '../../../src/store/open-store.js';

const HOSTS = new URL('../../../fixtures/hosts', import.meta.url).pathname;
const MIGRATIONS = new URL('../../../migrations', import.meta.url).pathname;

interface Placed {
  readonly offsetUs: number;
  readonly errorUs: number;
  readonly method: string;
}

/** Where the ingest puts uptime 0 without the manifest's word; clocks that it leaves open are left out. */
async function placedWithout(name: string): Promise<readonly Placed[]> {
  const folder = mkdtempSync(join(tmpdir(), 'clocks-'));
  try {
    cpSync(join(HOSTS, name), join(folder, 'case'), {
      recursive: true,
      filter: (path) => !path.endsWith('/MANIFEST'),
    });
    const db = openStoreForWriting(realHost(), { path: join(folder, 'x.db'), migrationsFolder: MIGRATIONS }, 0);
    try {
      const clock = { nowUs: () => Date.now() * 1000, monotonicMs: () => performance.now() };
      await ingest({ host: realHost(), clock }, db, [join(folder, 'case')]);
      return db
        .prepare(
          "SELECT offset_us AS offsetUs, error_us AS errorUs, method FROM clocks WHERE kind = 'uptime' AND offset_us IS NOT NULL",
        )
        .all() as Placed[];
    } finally {
      db.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the clocks of recorded hosts, worked out without their manifests', () => {
  const methods = new Set<string>();
  it.each(readdirSync(HOSTS))('%s: the truth lies within the stated error', { timeout: 300_000 }, async (name) => {
    const stated = /^boot-time (.*)$/m.exec(readFileSync(join(HOSTS, name, 'MANIFEST'), 'utf8'))?.[1];
    const truth = readBootTime(stated ?? '');
    expect(truth).not.toBeNull();
    for (const { offsetUs, errorUs, method } of await placedWithout(name)) {
      methods.add(method);
      const away = Math.abs(offsetUs - truth!.offsetUs);
      expect(away, `${method}: off by ${away} µs, stated ±${errorUs}`).toBeLessThanOrEqual(errorUs + truth!.errorUs);
    }
  });

  it('were placed at all, in more than one way', () => {
    expect(methods.size).toBeGreaterThan(1);
  });
});
