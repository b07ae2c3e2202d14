// A packet's way, from the best there is: its trace, else the rules with counters and LOG lines, else the lines alone.

import type { Journey } from '../../model/journey.js';
import { ruleWords } from '../causes/words.js';
import type { Case, SeenPacket } from '../explain/case.js';
import { lostAfter, tracedRows } from './traced-journey.js';

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
  const notes: string[] = [];
  const lost = lostAfter(packet);
  if (lost === 'routing')
    notes.push(
      'Not seen again after prerouting: it died in routing (no route, reverse path filter, forwarding off), or what came after was not traced.',
    );
  if (fate.is === 'inferred' && fate.rule !== null)
    notes.push('Where it ended is what the ruleset says; no trace and no counter proves it.');
  return {
    journeyId: packet.row.id,
    known: isTraced ? 'trace' : subject.host.rules.hasRules ? 'rules' : 'lines',
    rows: tracedRows(subject, packet),
    fate: fate.fate,
    endedBy: fate.rule === null ? null : ruleWords(fate.rule, fate.isPolicy),
    notes,
    expectation: expect === null ? [] : [`--expect ${expect}`],
  };
}
