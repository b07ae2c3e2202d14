// A connection carried by a flowtable closes, and its entry is thrown away before the close is over: the teardown set the entry's timeout
// while a late packet put the flow back (net/netfilter/nf_flow_table_core.c: flow_offload_teardown(), flow_offload_fixup_ct()).

import type { EvidenceItem, Remedy } from '../../model/finding.js';
import { readOffloadedEnds } from '../../store/event-summary.js';
import type { EventRow } from '../../store/evidence-reader.js';
import { type LookAlike, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { type EventLife, eventLives, isOffloaded, leftAtEnd } from '../explain/event-lives.js';
import { citeMove, storyLine, timeLabel } from '../explain/host-measures.js';
import type { HostPicture } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import { foundInRules } from '../explain/rule-commands.js';
import { statisticMove } from '../explain/statistics.js';
import type { HostCause } from './cause.js';
import { flowWords } from './words.js';

const CLOSING = ['FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT'];
/** Timeouts are printed in whole seconds, and a collector may come a little early for its jiffies. */
const GRACE_S = 2;

interface CutShort {
  readonly life: EventLife;
  readonly destroy: EventRow;
  /** The last that was heard of the entry: closing, and still with the flowtable. */
  readonly closing: EventRow;
  readonly offloaded: EventRow;
  readonly leftS: number;
}

function cutShort(life: EventLife): CutShort | null {
  const { course, destroy } = life;
  const closing = course.at(-1);
  const offloaded = course.find(isOffloaded);
  const leftS = leftAtEnd(life);
  if (destroy === null || closing === undefined || offloaded === undefined || leftS === null) return null;
  if (!CLOSING.includes(closing.state ?? '') || !isOffloaded(closing) || leftS <= GRACE_S) return null;
  if (destroy.state !== null && destroy.state !== closing.state) return null;
  if (destroy.isUserSpace === 1 || (destroy.portId ?? 0) > 0) return null;
  return { life, destroy, closing, offloaded, leftS };
}

function lookAlikes(picture: HostPicture, { destroy, closing, leftS }: CutShort): readonly LookAlike[] {
  const { cite } = picture;
  const early = statisticMove(picture, 'early_drop');
  return [
    ruledOutBy('normal', `it did not run out: ${Math.floor(leftS)} s at least were left of ${closing.timeoutS}`, [
      cite.event(closing),
      cite.event(destroy),
    ]),
    ruledOutBy(
      'entry-deleted-from-userspace',
      'the event names no program',
      destroy.isUserSpace === 0 ? [cite.event(destroy)] : [],
      ASK.eventsOfPrograms,
    ),
    ruledOutBy(
      'entry-evicted',
      'early_drop did not move',
      early !== null && early.delta === 0 ? citeMove(picture, early) : [],
      ASK.statistics,
    ),
  ];
}

/** The rule that hands connections over; NULL: no ruleset shows it. */
function handover({ host, cite: _ }: HostPicture): { readonly text: string; readonly evidence: EvidenceItem } | null {
  for (const chain of host.rules.rulesets.flatMap((ruleset) => ruleset.chains)) {
    const rule = chain.rules.find((one) => /\bflow add @|\bflow offload @|FLOWOFFLOAD/.test(one.text));
    if (rule === undefined) continue;
    const hit = host.rules.ruleOf(rule);
    if (hit !== null) return { text: rule.text, evidence: hit.evidence };
  }
  return null;
}

function remedies({ host }: HostPicture, rule: string | null): readonly Remedy[] {
  return [
    {
      when: 'now',
      text: `take these connections out of the flowtable: delete ${rule === null ? 'the rule that adds them' : `'${rule}'`}, or narrow it`,
      command: foundInRules(host.rules, false, { iptables: 'FLOWOFFLOAD', nft: 'flow (add|offload) @' }, null),
      undo: '',
      price: 'look first: this only lists; without offload every packet passes all hooks, which costs processor time',
    },
    {
      when: 'lasting',
      text: 'a kernel in which the flowtable leaves closing connections alone',
      command: 'uname -r',
      undo: '',
      price: 'an upgrade',
    },
  ];
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const found = eventLives(picture, readOffloadedEnds)
    .map(cutShort)
    .filter((one) => one !== null);
  const [first] = found;
  if (first === undefined) return [];
  const { cite } = picture;
  const { destroy, closing, offloaded, leftS, life } = first;
  const rule = handover(picture);
  const steps: Step[] = [
    shown('the connection was handed to a flowtable: [OFFLOAD]', [cite.event(offloaded)]),
    shown(`it began to close while it was there: ${closing.state} [OFFLOAD], ${closing.timeoutS} s to live`, [
      cite.event(closing),
    ]),
    shown(`its entry was destroyed in ${destroy.state ?? closing.state} with ${Math.floor(leftS)} s left at least`, [
      cite.event(destroy),
    ]),
    ...(rule === null ? [] : [shown(`a rule hands connections over: ${rule.text}`, [rule.evidence], false)]),
  ];
  const many = found.length === 1 ? '' : ` and ${found.length - 1} more`;
  const name = flowWords(life.flow);
  return [
    {
      class: 'flowtable-teardown',
      argument: { id: 'flowtable-teardown', steps, lookAlikes: lookAlikes(picture, first) },
      led: null,
      title: `The flowtable gave up a closing connection: ${name}${many}`,
      summary: `The entry of ${name} went in ${closing.state}, long before its ${closing.timeoutS} s were over and while the flowtable still held the connection. What its ends send from then on (last ACK, FIN, RST) finds no entry and is INVALID, and untranslated behind NAT.`,
      missing: [],
      remedies: remedies(picture, rule?.text ?? null),
      about: {
        outcome: 'OTHER',
        fate: 'unknown',
        flow: found.length === 1 ? { ...life.flow, zone: closing.zone } : null,
        tupleIds: found.map((one) => one.life.flow.id),
        flowText: found.length === 1 ? name : `${found.length} connections, e.g. ${name}`,
        packetText: `${life.course.length + 1} events`,
        flows: found.length,
        count: 0,
        firstAtUs: life.course[0]?.atUs ?? null,
        lastAtUs: destroy.atUs,
        reason: null,
        story: steps.map((step, index) =>
          storyLine(timeLabel([offloaded, closing, destroy][index]?.atUs ?? null), step.says, step.evidence),
        ),
        notices: [],
      },
    },
  ];
}

export const flowtableTeardown: HostCause = {
  id: 'flowtable-teardown',
  title: 'The flowtable gave up a closing connection',
  needs:
    'events of the connection with its [OFFLOAD] mark, and its DESTROY with the time it had lived (timestamps, or nf_conntrack_timestamp=1)',
  decides:
    'UPDATE to a closing state while [OFFLOAD], then DESTROY in that state with most of its time left, by no program',
  looksLike: ['normal', 'entry-deleted-from-userspace', 'entry-evicted'],
  causes: [],
  kernels:
    'since flowtables came (4.16) until their teardown was reworked; vendor kernels with hardware offload longer',
  evidence: ['events', 'statistics', 'ruleset'],
  argue,
};
