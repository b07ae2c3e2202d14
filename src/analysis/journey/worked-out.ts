// The way of a packet that was not traced, worked out from the ruleset: what it met, what it passed by, and what could not be evaluated.

import type { JourneyRow } from '../../model/journey.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { messageAsPrinted } from '../explain/message-words.js';
import type { Walk, WalkStep } from '../ruleset/walk.js';
import { walkRows } from './walk-rows.js';

/** Which lines of the log a rule printed, for 'how we know'. */
function loggedBy(subject: Case, packet: SeenPacket, step: WalkStep): string {
  const prefix = step.rule?.logPrefix;
  if (prefix === null || prefix === undefined) return 'by the ruleset';
  const at = packet.steps.findIndex((one) => one.prefix?.trimEnd() === prefix.trimEnd());
  return at < 0 ? 'no line of it in the log' : subject.cite.packet(packet.row, packet.steps, at).source;
}

function counterWords(subject: Case, step: WalkStep): string | null {
  if (
    step.rule === null ||
    subject.fate.rule === null ||
    step.rule.number !== subject.fate.rule.number ||
    step.rule.chain !== subject.fate.rule.chain ||
    step.rule.table !== subject.fate.rule.table
  )
    return null;
  const counters = subject.fate.evidence
    .filter((item) => item.kind === 'counter')
    .map((item) => Number.parseInt(item.text, 10));
  const [first, last] = [counters[0], counters.at(-1)];
  return first === undefined || last === undefined || counters.length < 2
    ? null
    : `counter +${last - first} for ${subject.count}`;
}

/** What conntrack said of the packet, with the line that tells it. */
function conntrackRow(subject: Case, packet: SeenPacket): Omit<JourneyRow, 'hook'> | null {
  if (packet.state === null) return null;
  const told = packet.stateStep ?? packet.reasonStep;
  const invalid = packet.steps.findIndex((step) => step.kind === 'log-invalid');
  const message = messageAsPrinted(packet, invalid);
  const cited = told === null ? null : subject.cite.packet(packet.row, packet.steps, told);
  return {
    place: `${packet.state}${message === null ? '' : `: "${message}"`}`,
    result: '',
    how: cited?.source ?? '',
    detail: [],
    kind: 'step',
    raw: cited === null ? [] : [cited.text],
  };
}

/** Rows of a walk. @param wanted rules one expected, marked where the packet passed them by */
export function workedOutRows(
  subject: Case,
  packet: SeenPacket,
  walk: Walk,
  wanted: ReadonlySet<unknown>,
): readonly JourneyRow[] {
  return walkRows(walk, {
    wanted,
    conntrack: conntrackRow(subject, packet),
    routing: null,
    how: (step) => counterWords(subject, step) ?? loggedBy(subject, packet, step),
  });
}
