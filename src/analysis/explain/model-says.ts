// What does the model of the tracker say of the packets of a case? One more piece of evidence: it agrees with the kernel, contradicts it,
// or names the check where the kernel was silent. Where it could not tell by itself, it says nothing.

import { reasonById } from '../../catalogue/all-reasons.js';
import type { EvidenceItem } from '../../model/finding.js';
import type { Scope } from '../../store/case-reader.js';
import type { Db } from '../../store/open-store.js';
import { flowWords } from '../causes/words.js';
import { readFlow } from '../replay/read-flow.js';
import { type ReplayRow, replay } from '../replay/replay.js';
import { settingsOf } from '../replay/settings.js';
import { type Argument, open, type Step } from './argument.js';
import type { Case } from './case.js';

const TCP = 6;
/** Longer connections are left to ctwhy replay: explain answers at once. */
const MOST_PACKETS = 400;

/** NULL: nothing to add. */
export function modelSays(db: Db, subject: Case, scope: Scope): Step | null {
  const { host, flow, tupleIds } = subject;
  if (subject.outcome !== 'INVALID' || flow.proto !== TCP || host.kernel === null) return null;
  if (subject.all.length > MOST_PACKETS) return null;
  const question = { host, scope: { ...scope, tupleIds: null }, tupleIds, flow };
  const records = readFlow(db, question, subject.cite);
  if (records === null || records.packets.length > MOST_PACKETS) return null;
  const settings = settingsOf(host, records.packets[0]!.atUs, null);
  const ids = new Set(subject.packets.map((packet) => packet.row.id));
  const own = replay(records, settings).rows.filter((row) =>
    row.packet.cited.some((item) => item.table === 'packets' && ids.has(Number(item.key['journeyId']))),
  );
  return own.length === 0 ? null : stepOf(subject, own);
}

function stepOf(subject: Case, rows: readonly ReplayRow[]): Step | null {
  const contradicted = rows.find((row) => row.agreement === 'disagrees');
  if (contradicted !== undefined) {
    const { observed } = contradicted.packet;
    // After a first contradiction it cannot tell any more; what the kernel said is still not among what it could be.
    const [only] = contradicted.verdicts.length === 1 ? contradicted.verdicts : [];
    return open(
      `the model of the tracker says ${only ?? 'something else'} where the kernel said ${observed.reasonId ?? observed.verdict}: packets or settings are missing here`,
      false,
    );
  }
  if (!rows.every((row) => row.verdicts.length === 1 && row.verdict === 'INVALID' && row.reasonId !== null))
    return null;
  const reasons = [...new Set(rows.map((row) => row.reasonId!))];
  const isSilent = rows.every((row) => row.packet.message === null);
  const condition = reasonById(reasons[0]!)?.condition ?? reasons[0]!;
  const says = isSilent
    ? `by the model the check that failed is ${reasons.join(', ')}: ${condition}`
    : `the model of the tracker answers the same: ${reasons.join(', ')}`;
  return { says, is: 'shown', isEssential: false, evidence: [modelItem(subject, says)] };
}

function modelItem(subject: Case, text: string): EvidenceItem {
  return {
    kind: 'model',
    at: null,
    atErrorUs: null,
    uptimeUs: null,
    source: `ctwhy replay --flow "${flowWords(subject.flow)}"`,
    text,
    table: 'tuples',
    key: { id: subject.flow.id },
  };
}

/** The argument with what the model says; an open step lowers its confidence as any other does. */
export function withModel(argument: Argument, step: Step | null): Argument {
  return step === null ? argument : { ...argument, steps: [...argument.steps, step] };
}
