// Flow offload carries a connection past conntrack: when one of its packets comes the slow way again, conntrack has seen nothing of what
// was sent in between and takes its numbers for impossible.

import { inferred, type LookAlike, ruledOutBy, type Step, shown, type Verdict } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { citePacket, firstPacket } from '../../explain/flow-facts.js';
import { foundInRules, listedChain, speaksNft } from '../../explain/rule-commands.js';
import { hasFlag } from '../../explain/segment-facts.js';
import type { Cause } from '../cause.js';
import { droppedWords, invalidStep } from '../message-step.js';
import { flowWords, ruleWords } from '../words.js';
import { beLiberal } from './liberal.js';
import { offloadMarks, offloadRules } from './offload.js';
import { pairOf, refusalsOf } from './refusals.js';

const REASONS = ['tcp-ack-over-upper-bound', 'tcp-seq-over-upper-bound', 'tcp-invalid-rst'];

const askWithout = {
  what: 'the same connection with the offload switched off',
  command: 'ctwhy ingest kern.log',
  ask: 'nft list flowtables; ethtool -k DEV | grep hw-tc-offload   # switch it off for a test, and keep the kernel log of it',
};

function blindStep(subject: Case): Step {
  const refusal = refusalsOf(subject).find((one) => one.packet.row.id === firstPacket(subject).row.id);
  const cited = citePacket(subject, firstPacket(subject), firstPacket(subject).reasonStep ?? 0);
  return refusal?.beyondBytes != null && refusal.beyondBytes > 0
    ? shown(`${refusal.beyondBytes} bytes went by that conntrack did not see`, [cited])
    : shown('its numbers are ahead of what conntrack saw', [cited]);
}

/** The refused segment itself is here, and its acknowledgement: nothing went by unseen. */
function notOvershoot(subject: Case): LookAlike {
  const pair = pairOf(refusalsOf(subject));
  const packet = firstPacket(subject);
  return ruledOutBy(
    'window-overshoot',
    'no segment beyond the window was seen: what is acknowledged did not come by conntrack',
    pair === null && subject.reason?.id === 'tcp-ack-over-upper-bound'
      ? [citePacket(subject, packet, packet.reasonStep ?? 0)]
      : [],
    ASK.logInvalid,
  );
}

export const offloadBlindWindow: Cause = {
  id: 'offload-blind-window',
  title: 'Flow offload: conntrack is blind to what it carried',
  needs:
    'a line about the upper bound, or "invalid rst", and the mark [OFFLOAD] or [HW_OFFLOAD] on the entry, or a rule that offloads',
  decides:
    'the entry is or was offloaded, and numbers jump by more than was seen, on a FIN, an RST or the first packet of the slow way',
  looksLike: ['window-overshoot', 'window-scale-lost'],
  causes: [],
  kernels:
    'where flows are offloaded; flowtables make their entries liberal, so hardware and out-of-tree accelerators remain; until 6.13 a late RST could be "invalid rst"',
  evidence: ['kernel log', 'events', 'entries', 'ruleset'],
  argue(subject): Verdict | null {
    const { reason } = subject;
    if (subject.outcome !== 'INVALID' || reason?.by !== 'message' || !REASONS.includes(reason.id)) return null;
    const marks = offloadMarks(subject);
    const rules = offloadRules(subject);
    if (marks.length === 0 && rules.length === 0) return null;
    const packet = firstPacket(subject);
    const rule = rules[0];
    const hit = rule === undefined ? null : subject.host.rules.ruleOf(rule);
    const isLast = hasFlag(packet, 'FIN') || hasFlag(packet, 'RST');
    const steps: Step[] = [
      invalidStep(subject),
      marks.length > 0
        ? shown('its entry is, or was, offloaded', marks)
        : inferred(`a rule offloads flows (${rule!.text})`, [hit?.evidence ?? null], true, ASK.listing),
      blindStep(subject),
      isLast
        ? shown('it comes the slow way again: a FIN or RST ends the offload', [citePacket(subject, packet, 0)], false)
        : inferred('it comes the slow way again', [], false, ASK.events),
      inferred('nothing but the offload hid it from conntrack', [], false, askWithout),
    ];
    return {
      class: 'offload-blind-window',
      argument: { id: 'offload-blind-window', steps, lookAlikes: [notOvershoot(subject), notScale(subject)] },
      led: null,
      story: 'offload',
      title: `Conntrack was blind to the offloaded part of ${flowWords(subject.flow)}`,
      summary: `The connection is carried past conntrack by flow offload. When a packet of it comes the slow way, its numbers are far beyond what conntrack has seen, and it is INVALID.${droppedWords(subject, ruleWords)}`,
      missing: [],
      remedies: [
        ...beLiberal(subject),
        {
          when: 'lasting',
          text: 'leave such connections out of the offload: match them in front of the rule that offloads',
          command:
            rule === undefined
              ? speaksNft(subject.host.rules, null)
                ? 'nft list flowtables'
                : foundInRules(
                    subject.host.rules,
                    subject.flow.src.includes(':'),
                    { iptables: 'FLOWOFFLOAD', nft: 'flow (add|offload)' },
                    null,
                  )
              : listedChain(subject.host.rules, rule, subject.flow.src.includes(':')),
          undo: '',
          price: 'none, this only looks; what is not offloaded costs processor time',
        },
      ],
    };
  },
};

function notScale(subject: Case): LookAlike {
  const isAck = subject.reason?.id === 'tcp-ack-over-upper-bound' || subject.reason?.id === 'tcp-invalid-rst';
  const packet = firstPacket(subject);
  return ruledOutBy(
    'window-scale-lost',
    'what was acknowledged has no window',
    isAck ? [citePacket(subject, packet, packet.reasonStep ?? 0)] : [],
    ASK.capture,
  );
}
