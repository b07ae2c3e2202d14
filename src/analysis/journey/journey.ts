// A packet's way, from the best there is: its trace, else the rules with counters and LOG lines, else the lines alone.

import type { Journey } from '../../model/journey.js';
import { ruleWords } from '../causes/words.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { lostTrace } from '../explain/lost-trace.js';
import { ownDoing } from '../explain/own-doing.js';
import { rejectAnswer } from '../ruleset/reject-answer.js';
import { entryBefore } from './entry-before.js';
import { expectationOf } from './expectation.js';
import { tracedRows } from './traced-journey.js';
import { workedOutRows } from './worked-out.js';

const TRACES = ['trace', 'nft-trace', 'xtables-trace'];

/** The packet that tells most: a traced one before others. */
function bestPacket(subject: Case): SeenPacket {
  return (
    subject.packets.find((packet) => packet.steps.some((step) => TRACES.includes(step.kind))) ?? subject.packets[0]!
  );
}

/** @param expect what one expected the packet to meet; NULL when nothing was asked */
export function journeyOf(subject: Case, expect: string | null): Journey {
  const packet = bestPacket(subject);
  const isTraced = packet.steps.some((step) => TRACES.includes(step.kind));
  const { fate } = subject;
  const { rules } = subject.host;
  const logRule =
    packet.steps
      .filter((step) => step.kind === 'log')
      .map((step) => rules.logging(step.prefix ?? ''))
      .find((found) => found.length === 1)?.[0] ?? null;
  const entry = entryBefore(subject, packet);
  const walk = rules.hasRules ? rules.walk(packet, subject.flow, logRule, entry) : null;
  const expectation = expect === null ? null : expectationOf(subject, packet, walk, expect);
  const notes: string[] = [...ownDoing(subject)];
  if (isTraced && lostTrace(packet, subject.host)?.hook === 'PREROUTING')
    notes.push(
      'Not seen again after prerouting: it died in routing (no route, reverse path filter, forwarding off), or what came after was not traced.',
    );
  if (!isTraced && walk !== null && !walk.isCertain)
    notes.push(`Not certain: ${walk.doubts.slice(0, 3).join('; ') || 'a rule on the way could not be evaluated'}.`);
  if (
    !isTraced &&
    packet.state === 'NEW' &&
    entry !== null &&
    walk?.steps.some(({ kind }) => kind === 'skipped') === true
  )
    notes.push(
      'Its entry decides on NAT: rules are asked for the first packet of an entry only, and this entry is older or not translated.',
    );
  if (!isTraced && rules.hasRules && walk === null)
    notes.push('Nothing tells which hooks it passed: neither its interfaces nor the addresses of this host.');
  if (fate.is === 'inferred' && fate.rule !== null)
    notes.push('Where it ended is what the ruleset says; no trace and no counter proves it.');
  const answer =
    fate.fate !== 'dropped' || fate.rule === null || fate.isPolicy
      ? null
      : rejectAnswer(fate.rule, subject.flow.src.includes(':'));
  const isWorkedOut = !isTraced && walk !== null;
  return {
    journeyId: packet.row.id,
    known: isTraced ? 'trace' : isWorkedOut ? 'rules' : 'lines',
    rows: isWorkedOut
      ? workedOutRows(subject, packet, walk, expectation?.rules ?? new Set())
      : tracedRows(subject, packet),
    fate: answer === null ? fate.fate : 'rejected',
    endedBy:
      fate.rule === null
        ? null
        : `${ruleWords(fate.rule, fate.isPolicy)}${answer === null ? '' : `, answered with ${answer}`}`,
    notes,
    expectation: expectation?.sentences ?? [],
  };
}
