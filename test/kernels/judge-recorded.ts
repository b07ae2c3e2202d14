// What does `ctwhy explain` say of incidents that were recorded on another kernel? Held against what was played there: from all that was
// recorded, and again from the little that people send who had prepared nothing.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Confidence } from '../../src/model/finding.js';
import { checkHonesty, explainedFiles } from '../explain/explained-files.js';
import type { Truth } from '../record/incident.js';

/** Incidents whose evidence differs from kernel to kernel, or whose traffic is judged otherwise by some. */
export const TELLING_INCIDENTS = [
  // "invalid new" since 6.7; nothing before.
  'finwait-deleted',
  'finwait-early-drop',
  'finwait-table-full',
  'data-expired-strict',
  'midstream-pickup',
  // Since 6.0 a little too far is let pass.
  'window-overshoot',
  'old-segment',
  'rst-rejected',
] as const;

export interface Judged {
  readonly name: string;
  readonly evidence: 'whole' | 'poor';
  /** What was said: 'entry-gone, likely'. */
  readonly said: string;
  /** Empty: it is right, or leaves open what so little does not decide. */
  readonly faults: readonly string[];
}

const RANK: Readonly<Record<Confidence, number>> = { certain: 3, likely: 2, possible: 1 };

/** Judges each of `folder`/hosts, or those of some names, by `folder`/truths.json. */
export async function judgeRecorded(folder: string, names?: readonly string[]): Promise<readonly Judged[]> {
  const truths = JSON.parse(readFileSync(join(folder, 'truths.json'), 'utf8')) as Record<string, Truth>;
  const work = mkdtempSync(join(tmpdir(), 'ctwhy-poor-'));
  const judged: Judged[] = [];
  try {
    for (const [name, truth] of Object.entries(truths)) {
      if (names?.includes(name) === false) continue;
      const whole = join(folder, 'hosts', name);
      const poor = join(work, name);
      makePoor(whole, poor);
      judged.push(await judge(name, 'whole', truth, whole), await judge(name, 'poor', truth, poor));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return judged;
}

async function judge(name: string, evidence: Judged['evidence'], truth: Truth, folder: string): Promise<Judged> {
  const { db, findings, ofHosts } = await explainedFiles([folder]);
  const all = [...findings, ...ofHosts];
  const faults = [...checkHonesty(db, all)];
  db.close();
  const said = all.map(({ finding }) => finding);
  const right = said.find((finding) => finding.class === truth.class);
  const isLeftOpen = evidence === 'poor' && said.some((finding) => finding.class === 'unresolved');
  if (right === undefined && !isLeftOpen)
    faults.push(`it is ${truth.class}, which is not among: ${said.map(tell).join('; ')}`);
  if (right !== undefined && RANK[right.confidence] > RANK[truth.confidenceAtMost])
    faults.push(`no evidence makes it so sure: ${tell(right)}`);
  for (const finding of said)
    if (finding.confidence === 'certain' && finding.class !== truth.class && finding.class !== 'normal')
      faults.push(`it is ${truth.class}, and said is: ${tell(finding)}`);
  return { name, evidence, said: right === undefined ? 'left open' : tell(right), faults };
}

const tell = (finding: { readonly class: string; readonly confidence: string; readonly cause: string | null }) =>
  `${finding.class}${finding.cause === null ? '' : ` (${finding.cause})`}, ${finding.confidence}`;

/**
 * What is left when nobody had prepared anything: kernel lines with their stamps since boot, rules without counters, entries and sockets of
 * afterwards; no event, nothing from before, nothing that says how it was taken.
 */
export function makePoor(whole: string, poor: string): void {
  mkdirSync(poor);
  for (const file of readdirSync(whole)) {
    const text = readFileSync(join(whole, file), 'utf8');
    const keep = (name: string, content: string) => writeFileSync(join(poor, name), content);
    if (file === 'ss.txt' || /^(dmesg|journal-k)/.test(file)) keep(file, text);
    if (file === 'kern.log') keep('dmesg.txt', text.replaceAll(/^.*? kernel: (?=\[)/gm, ''));
    if (/^conntrack-L(-ipv6)?\.txt$/.test(file)) keep(file, `${text}${shownWords(text)}`);
    if (/^ip6?tables-save\.txt$/.test(file))
      keep(file, text.replaceAll(/^\[\d+:\d+\] /gm, '').replaceAll(/\[\d+:\d+\]$/gm, '[0:0]'));
  }
}

/** How conntrack ends a listing, on its standard error. */
function shownWords(listing: string): string {
  const count = listing.split('\n').length - 1;
  return `conntrack v1.4.7 (conntrack-tools): ${count} flow entries have been shown.\n`;
}
