// Packets as LOG lines of a host between a client and a server, and what is said of them: tests of causes write their own.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { checkHonesty, explainedFiles } from './explained-files.js';

const folder = mkdtempSync(join(tmpdir(), 'ctwhy-packets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let turn = 0;

type Files = Readonly<Record<string, readonly string[]>>;

/** Writes lines into a file of their own and returns its path. */
export function fileOf(name: string, lines: readonly string[]): string {
  const path = join(folder, `${turn++}-${name}`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** The classes and confidences of what is said of some files, the weightiest first. */
export async function said(files: Files): Promise<readonly string[]> {
  const paths = Object.entries(files).map(([name, lines]) => fileOf(name, lines));
  const { db, findings } = await explainedFiles(paths);
  expect(checkHonesty(db, findings)).toEqual([]);
  db.close();
  return findings.map(({ finding }) => `${finding.class} ${finding.confidence}`);
}

export const CLIENT = '192.0.2.7';
export const SERVER = '198.51.100.7';

export interface Line {
  readonly second?: number;
  readonly prefix?: string;
  readonly inIf?: string;
  readonly outIf?: string;
  readonly src?: string;
  readonly dst?: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly len?: number;
  readonly id?: number;
  readonly more?: string;
}

export function line(one: Line): string {
  const { second = 1, prefix = 'FORWARD INVALID: ', inIf = 'eth0', outIf = 'eth1', src = CLIENT, dst = SERVER } = one;
  const numbers = one.seq === undefined ? '' : `SEQ=${one.seq} ACK=${one.ack ?? 0} `;
  return (
    `Nov 21 14:00:${String(second).padStart(2, '0')} fw kernel: ${prefix}IN=${inIf} OUT=${outIf} MAC= SRC=${src} DST=${dst} LEN=${one.len ?? 40} ` +
    `TOS=0x00 PREC=0x00 TTL=60 ID=${one.id ?? 100 + second} DF PROTO=TCP SPT=${one.sport ?? 40001} DPT=${one.dport ?? 443} ${numbers}` +
    `WINDOW=${one.window ?? 501} RES=0x00 ${one.flags} URGP=0 ${one.more ?? ''}`
  );
}

/** A line of the server. */
export const answer = (one: Line): string =>
  line({ src: SERVER, dst: CLIENT, sport: 443, dport: 40001, inIf: 'eth1', outIf: 'eth0', ...one });
