// A recorded host from whose capture packets are taken out again: the model admits what it then cannot know, and never contradicts the kernel.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { REPOSITORY, runCommand } from '../helpers/run-command.js';
import { patient } from '../lab/clock.js';
import { createRandom } from '../oracle/random.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-lost-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const SERVER = 113;
/** Of the frames: Ethernet, IPv4 without options. */
const LAST_BYTE_OF_SOURCE = 14 + 15;
const IP_LENGTH = 14 + 2;

interface Row {
  readonly number: number;
  readonly verdict: string | null;
  readonly agreement: string | null;
  readonly isAfterGap: boolean;
  readonly why: readonly string[];
}
interface Document {
  readonly packets: readonly Row[];
  readonly assumptions: readonly string[];
}

function recordsOf(pcap: Buffer): readonly Buffer[] {
  const records: Buffer[] = [];
  for (let at = FILE_HEADER; at < pcap.length; ) {
    const size = RECORD_HEADER + pcap.readUInt32LE(at + 8);
    records.push(pcap.subarray(at, at + size));
    at += size;
  }
  return records;
}

let copies = 0;

/** @param covers what the manifest is to say of the capture, instead of that it lost nothing */
async function replayed(keeps: (record: Buffer, at: number) => boolean, covers: string | null): Promise<Document> {
  const host = join(folder, String(copies++));
  cpSync(join(REPOSITORY, 'fixtures/hosts/window-scale-stripped'), host, { recursive: true });
  const pcap = readFileSync(join(host, 'eth1.pcap'));
  writeFileSync(
    join(host, 'eth1.pcap'),
    Buffer.concat([pcap.subarray(0, FILE_HEADER), ...recordsOf(pcap).filter(keeps)]),
  );
  const manifest = readFileSync(join(host, 'MANIFEST'), 'utf8').split('\n');
  writeFileSync(
    join(host, 'MANIFEST'),
    manifest
      .map((line) => (line.startsWith('coverage wire:eth1 ') ? (covers ?? 'note nothing is said of eth1.pcap') : line))
      .join('\n'),
  );
  const { stdout, stderr } = await runCommand(['replay', '-r', host, '--json']);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Document;
}

function contradictions({ packets }: Document): readonly string[] {
  return packets
    .filter(({ agreement }) => agreement === 'disagrees')
    .map(({ number, why }) => `${number} ${why.join(' ')}`);
}

describe('packets that a capture lost', () => {
  it.each([1, 2])(
    'where it says so, are reckoned with (seed %i)',
    async (seed) => {
      const random = createRandom(seed);
      const document = await replayed(
        () => !random.chance(0.2),
        'coverage wire:eth1 state=lost why="some were dropped"',
      );
      expect(contradictions(document)).toEqual([]);
      expect(document.packets.slice(1).every(({ isAfterGap }) => isAfterGap)).toBe(true);
      expect(document.assumptions.join()).toContain('some were dropped');
    },
    patient(300_000),
  );

  it(
    'are known by the bytes that are acknowledged all the same',
    async () => {
      // The first data of the server, which the log does not know either: it was as it should be.
      const isData = (record: Buffer) =>
        record[RECORD_HEADER + LAST_BYTE_OF_SOURCE] === SERVER &&
        record.readUInt16BE(RECORD_HEADER + IP_LENGTH) > 1000 &&
        record[RECORD_HEADER + LAST_BYTE_OF_SOURCE - 3] === 198;
      let left = 2;
      const keeps = (record: Buffer) => !(isData(record) && left-- > 0);
      const document = await replayed(keeps, null);
      expect(contradictions(document)).toEqual([]);
      expect(document.assumptions.join()).toContain('1,448 bytes of 198.51.100.113:8080 are in no record');
      const first = document.packets.findIndex(({ isAfterGap }) => isAfterGap);
      expect(document.packets.slice(0, first).every(({ verdict }) => verdict !== null)).toBe(true);
      expect(document.packets.slice(first).some(({ verdict }) => verdict === null)).toBe(true);
    },
    patient(300_000),
  );

  it(
    'behind its end leave only what the log shows',
    async () => {
      const document = await replayed((_, at) => at < 30, null);
      expect(contradictions(document)).toEqual([]);
      expect(document.packets.slice(0, 30).some(({ isAfterGap }) => isAfterGap)).toBe(false);
      expect(document.packets.slice(30).length).toBeGreaterThan(5);
      expect(document.packets.slice(30).every(({ isAfterGap }) => isAfterGap)).toBe(true);
    },
    patient(300_000),
  );
});
