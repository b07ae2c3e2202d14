// Every connection of every recorded host is replayed: the model never contradicts what the recorded kernel answered.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { citer } from '../../src/analysis/explain/cite.js';
import { readHostContext } from '../../src/analysis/explain/host-context.js';
import { connectionsOf } from '../../src/analysis/replay/connections.js';
import { readFlow } from '../../src/analysis/replay/read-flow.js';
import { type ReplayRow, replay } from '../../src/analysis/replay/replay.js';
import { settingsOf } from '../../src/analysis/replay/settings.js';
import { realHost } from '../../src/host/real-host.js';
import { ingest } from '../../src/ingest/ingest.js';
import { WHOLE_STORE } from '../../src/store/case-reader.js';
import { readBoots, readHosts } from '../../src/store/evidence-reader.js';
import { openStoreForWriting } from '../../src/store/open-store.js';
import { openTextSource } from '../../src/store/text-source.js';

const ROOT = new URL('../../', import.meta.url).pathname;
const HOSTS = join(ROOT, 'fixtures/hosts');
const folder = mkdtempSync(join(tmpdir(), 'ctwhy-replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const clock = { nowUs: () => 1_795_300_000_000_000, monotonicMs: () => 0 };

/** Enough of each host to have met every kind of packet in it. */
const CONNECTIONS = 25;

async function rowsOf(name: string): Promise<readonly ReplayRow[]> {
  const db = openStoreForWriting(
    realHost(),
    { path: join(folder, `${name}.db`), migrationsFolder: join(ROOT, 'migrations') },
    clock.nowUs(),
  );
  await ingest({ host: realHost(), clock }, db, [join(HOSTS, name)]);
  const cite = citer(openTextSource(db));
  const hosts = readHosts(db);
  const boots = readBoots(db);
  const contexts = new Map(
    hosts.map((host) => {
      const boot = boots.find((one) => one.hostId === host.id && one.kernelRelease !== null) ?? null;
      return [host.id, readHostContext(db, host, boot, cite)] as const;
    }),
  );
  const rows = connectionsOf(db, WHOLE_STORE)
    .slice(0, CONNECTIONS)
    .flatMap(({ hostId, tupleIds }) => {
      const host = contexts.get(hostId)!;
      const records = readFlow(db, { host, scope: WHOLE_STORE, tupleIds, flow: null }, cite);
      return records === null ? [] : replay(records, settingsOf(host, records.packets[0]!.atUs, null)).rows;
    });
  db.close();
  return rows;
}

function words(row: ReplayRow): string {
  const { observed, flagWords } = row.packet;
  return `${row.packet.cited[0]?.source} ${flagWords}: kernel ${observed.verdict} ${observed.reasonId} ${observed.number}, model ${row.verdicts.join()} in ${row.stateBefore.join()}`;
}

describe('the model on recorded hosts', () => {
  let compared = 0;
  it.each(readdirSync(HOSTS))('%s', { timeout: 300_000 }, async (name) => {
    const rows = await rowsOf(name);
    expect(rows.filter((row) => row.agreement === 'disagrees').map(words)).toEqual([]);
    compared += rows.filter((row) => row.agreement !== null).length;
  });

  it('were compared with what the kernel said', () => {
    expect(compared).toBeGreaterThan(100);
  });
});
