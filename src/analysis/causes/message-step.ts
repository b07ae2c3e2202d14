// The first step of most arguments: what the kernel, or a rule, says of the packet.

import { inferred, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import type { Case } from '../explain/case.js';
import { citePacket, firstPacket } from '../explain/flow-facts.js';
import { messageAsPrinted } from '../explain/message-words.js';
import { stopWords } from './words.js';

/** The message as the kernel printed it for the first packet; '' where it printed none. */
export function printedBy(subject: Case): string {
  const packet = firstPacket(subject);
  return (
    (packet.reasonStep === null ? null : messageAsPrinted(packet, packet.reasonStep)) ?? subject.reason?.message ?? ''
  );
}

/** 'the packet is INVALID: "…"', or 'the kernel remarks "…"' where it says so of a packet that it accepts. */
export function invalidStep(subject: Case): Step {
  const packet = firstPacket(subject);
  const cited = citePacket(subject, packet, packet.reasonStep ?? packet.stateStep ?? 0);
  const said = subject.reason?.by === 'message' || subject.reason?.by === 'debug' ? printedBy(subject) : '';
  if (subject.outcome !== 'INVALID' && said !== '') return shown(`the kernel remarks "${said}"`, [cited]);
  const words = `the packet is INVALID${said === '' ? '' : `: "${said}"`}`;
  return packet.stateIs === 'shown'
    ? shown(words, [cited])
    : inferred(words, [cited], true, said === '' ? ASK.logInvalid : ASK.kernel);
}

/** ' filter FORWARD rule 2 drops it.', ' It is dropped here.', or nothing. */
export function droppedWords({ fate }: Case, nameOf: (rule: NonNullable<Case['fate']['rule']>) => string): string {
  if (fate.fate !== 'dropped') return '';
  if (fate.rule === null) return ' It is dropped here.';
  return ` ${fate.isPolicy ? `The policy of ${fate.rule.chain}` : nameOf(fate.rule)} ${stopWords(fate).stops} it.`;
}
