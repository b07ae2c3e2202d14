// What explain says of a host whose files hold these lines, as far as no packet tells it; every finding keeps the rules of honesty.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Finding } from '../../src/model/finding.js';
import { checkHonesty, explainedFiles } from './explained-files.js';

/** @param files lines by file name */
export async function saidOf(files: Readonly<Record<string, readonly string[]>>): Promise<readonly Finding[]> {
  const place = mkdtempSync(join(tmpdir(), 'ctwhy-said-'));
  try {
    for (const [name, lines] of Object.entries(files)) writeFileSync(join(place, name), `${lines.join('\n')}\n`);
    const { db, findings, ofHosts } = await explainedFiles([place]);
    expect(checkHonesty(db, [...findings, ...ofHosts])).toEqual([]);
    db.close();
    return ofHosts.map(({ finding }) => finding);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

export function many(count: number, one: (index: number) => string): readonly string[] {
  return Array.from({ length: count }, (_, index) => one(index));
}
