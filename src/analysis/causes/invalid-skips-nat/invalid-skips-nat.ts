// A packet of a translated connection is INVALID, so it has no entry and is not translated (net/netfilter/nf_nat_core.c: nf_nat_inet_fn(),
// all versions): it leaks with its private source, or is taken for the translating host's own and reset.

import type { EvidenceItem } from '../../../model/finding.js';
import {
  type Argument,
  inferred,
  type LookAlike,
  open,
  ruledOutBy,
  type Step,
  shown,
  type Verdict,
} from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case, SeenPacket } from '../../explain/case.js';
import { citePacket, entryMoment, firstPacket, packetMoment } from '../../explain/flow-facts.js';
import { orderOf } from '../../explain/order.js';
import { proofLines } from '../../explain/proof-lines.js';
import { tableAtPacket } from '../../explain/table-at.js';
import type { Cause } from '../cause.js';
import { endWords, flowWords } from '../words.js';
import { beLiberal, dropInvalid, uplinkOf } from './remedies.js';
import { resetSeen, seenOutside } from './seen-outside.js';
import { type Role, roleOf, type Translation, translationOf } from './translation.js';

/** Checks that are made of a packet that found its entry (net/netfilter/nf_conntrack_proto_tcp.c: nf_conntrack_tcp_packet()). */
const HAD_ENTRY = /^tcp-(seq|ack)-|^tcp-(bytes-more-than-expected|invalid-rst|invalid-state|window-bug)$/;

interface Leak {
  readonly translation: Translation;
  readonly role: Role;
  /** The packet that was not translated: of this case, or the one that this case's packet answers. */
  readonly culprit: SeenPacket | null;
}

/** The packet of the connection that went on untranslated just before this one. */
function before(subject: Case, translation: Translation, role: Role): SeenPacket | null {
  const own = packetMoment(firstPacket(subject));
  return (
    subject.all.findLast((packet) => {
      const tuple = packet.tuples[0];
      return (
        tuple !== undefined &&
        packet.state === 'INVALID' &&
        roleOf(tuple, translation) === role &&
        orderOf(packetMoment(packet), own) !== 'after'
      );
    }) ?? null
  );
}

function leakOf(subject: Case): Leak | null {
  const translation = translationOf(subject);
  const packet = firstPacket(subject);
  const tuple = packet.tuples[0];
  if (translation === null || tuple === undefined) return null;
  const role = roleOf(tuple, translation);
  switch (role) {
    case 'out':
    case 'back':
      return { translation, role, culprit: packet };
    case 'stranger':
      return translation.isSource ? { translation, role, culprit: before(subject, translation, 'out') } : null;
    case 'own-reset': {
      const isOwn = packet.steps.some((step) => (step.inIf ?? '') === '' && (step.outIf ?? '') !== '');
      return isOwn ? { translation, role, culprit: before(subject, translation, 'back') } : null;
    }
    case null:
      return null;
  }
}

/** The entry was there: the check says so, or the table. */
function entryStep(subject: Case, { translation, role, culprit }: Leak): Step {
  const says = 'its connection had its entry all the while';
  const isAnswerOnly = role === 'stranger' || role === 'own-reset';
  if (!isAnswerOnly && culprit !== null && HAD_ENTRY.test(subject.reason?.id ?? '') && subject.reason?.by === 'message')
    return shown('the tracker found its entry: only then it makes this check', [
      citePacket(subject, culprit, culprit.reasonStep ?? 0),
    ]);
  const table = tableAtPacket(subject);
  if (table.hasEntry === 'yes' && table.isShown) return shown(says, table.evidence);
  const after = subject.entries.find(
    (entry) =>
      entry.list === 'main' &&
      orderOf(entryMoment(subject, entry), packetMoment(firstPacket(subject))) === 'after' &&
      entry.state !== null &&
      (entry.status ?? '').includes('ASSURED'),
  );
  if (after !== undefined)
    return shown('its connection still has its entry afterwards', [
      subject.cite.entry(after, entryMoment(subject, after).atUs),
    ]);
  if (table.hasEntry === 'no') return open('that its connection still had an entry', true, ASK.listing);
  return inferred('its connection has an entry', [translation.evidence], true, ASK.listing);
}

function wentOnStep(subject: Case, leak: Leak, seen: EvidenceItem | null, ownReset: EvidenceItem | null): Step {
  const { fate } = subject;
  if (leak.role === 'stranger')
    return shown('an answer came to the address that should not be known outside', [
      citePacket(subject, firstPacket(subject)),
    ]);
  if (leak.role === 'own-reset')
    return shown('this host resets what it took for its own', [citePacket(subject, firstPacket(subject), 0)]);
  if (seen !== null) return shown('it is seen outside with the address it came with', [seen]);
  if (ownReset !== null) return shown('this host answered it with a RST of its own', [ownReset]);
  if (fate.fate === 'forwarded' || fate.fate === 'delivered')
    return inferred(
      fate.fate === 'forwarded' ? 'nothing drops it, so it goes on untranslated' : 'nothing drops it in INPUT',
      fate.evidence,
      true,
      ASK.capture,
    );
  return open('that it went on untranslated', true, subject.host.rules.hasRules ? ASK.capture : ASK.ruleset);
}

/** The reset of this host that followed, of whatever story. */
function resetOf(subject: Case, packet: SeenPacket | null, translation: Translation): EvidenceItem | null {
  if (packet === null) return null;
  const own = subject.all.find((other) => {
    const tuple = other.tuples[0];
    return (
      tuple !== undefined &&
      roleOf(tuple, translation) === 'own-reset' &&
      /\bRST\b/.test(other.flags ?? '') &&
      other.steps.some((step) => (step.inIf ?? '') === '' && (step.outIf ?? '') !== '') &&
      orderOf(packetMoment(other), packetMoment(packet)) !== 'before'
    );
  });
  return own === undefined ? resetSeen(subject, packet, translation) : citePacket(subject, own, 0);
}

function lookAlikes(subject: Case, leak: Leak): readonly LookAlike[] {
  const packet = leak.culprit ?? firstPacket(subject);
  const cited = citePacket(subject, packet);
  const isBridged = packet.steps.some((step) => (step.physIn ?? '') !== '' || (step.physOut ?? '') !== '');
  const table = tableAtPacket(subject);
  const listed = subject.entries.find(
    (entry) =>
      entry.list === 'main' && orderOf(entryMoment(subject, entry), packetMoment(firstPacket(subject))) === 'after',
  );
  const stillThere = listed === undefined ? null : subject.cite.entry(listed, entryMoment(subject, listed).atUs);
  return [
    ruledOutBy(
      'rule-decided',
      'the entry says that the connection is translated: no NAT rule is missing',
      [leak.translation.evidence],
      ASK.listing,
    ),
    ruledOutBy(
      'bridge-path',
      'the tracker saw the packet, and no bridge port is in its line',
      packet.stateIs === 'shown' && !isBridged && packet.steps.some((step) => (step.inIf ?? '') !== '') ? [cited] : [],
      ASK.logInvalid,
    ),
    ruledOutBy(
      'entry-gone',
      'the entry is still there',
      [stillThere, ...(table.hasEntry === 'yes' && table.isShown ? table.evidence : [])],
      ASK.listing,
    ),
  ];
}

function finer(leak: Leak, steps: readonly Step[], others: readonly LookAlike[]): Argument {
  const isReset = leak.role === 'back' || leak.role === 'own-reset';
  return { id: isReset ? 'reset-downstream' : 'leak-upstream', steps, lookAlikes: others };
}

export const invalidSkipsNat: Cause = {
  id: 'invalid-skips-nat',
  title: 'INVALID skips NAT',
  needs: 'an INVALID packet of a connection whose entry translates addresses, and what became of it',
  decides:
    'the entry is healthy and translates, nothing drops INVALID in FORWARD (leak) or INPUT (reset), and the packet is seen with the addresses it came with or reset by this host',
  looksLike: ['rule-decided', 'bridge-path', 'entry-gone'],
  causes: ['leak-upstream', 'reset-downstream'],
  kernels: 'all',
  evidence: ['kernel log', 'trace', 'ruleset', 'counters', 'events', 'entries'],
  argue(subject): Verdict | null {
    if (subject.outcome !== 'INVALID' || subject.fate.fate === 'dropped') return null;
    const leak = leakOf(subject);
    if (leak === null) return null;
    const { translation, role, culprit } = leak;
    const packet = firstPacket(subject);
    // An answer that is not translated back and travels on instead of ending here is another host's.
    if (role === 'back' && subject.fate.fate === 'forwarded' && !translation.isDestination) return null;
    const seen = culprit === null || role === 'back' ? null : seenOutside(subject, culprit, translation);
    const ownReset = role === 'back' ? resetOf(subject, culprit, translation) : null;
    const invalidStep = packet.reasonStep ?? packet.stateStep ?? 0;
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown('the packet is INVALID, so it has no entry and is not translated', [
            citePacket(subject, packet, invalidStep),
          ])
        : inferred('the packet is INVALID', [citePacket(subject, packet, invalidStep)], true, ASK.logInvalid),
      shown(
        `its connection is translated: ${flowWords(translation.orig)} is answered to ${endWords(translation.reply.dst, translation.reply.dport)}`,
        [translation.evidence],
      ),
      entryStep(subject, leak),
      wentOnStep(subject, leak, seen, ownReset),
      ...((role === 'stranger' || role === 'own-reset') && culprit !== null
        ? [shown('the packet it answers was INVALID', [citePacket(subject, culprit, culprit.reasonStep ?? 0)], false)]
        : role === 'stranger' || role === 'own-reset'
          ? [open('which packet it answers', false, ASK.logInvalid)]
          : []),
    ];
    const others = lookAlikes(subject, leak);
    const isReset = role === 'back' || role === 'own-reset';
    const inside = endWords(translation.orig.src, translation.orig.sport);
    const why = culprit?.reasonId == null ? '' : ` (${culprit.reasonId})`;
    return {
      class: 'invalid-skips-nat',
      argument: { id: 'invalid-skips-nat', steps, lookAlikes: others },
      led: finer(leak, steps, others),
      title: isReset
        ? `INVALID is not translated back: this host resets ${endWords(translation.reply.src, translation.reply.sport)}`
        : `INVALID leaves untranslated: ${inside} is seen outside`,
      summary: isReset
        ? `An answer to ${inside} was INVALID${why}. INVALID is not translated back, so it was delivered to this host itself, which has no such socket and answers with a RST: the connection is reset though its entry is healthy.${subject.fate.fate === 'delivered' ? ' Nothing in INPUT drops INVALID.' : ''}`
        : `A packet of ${inside} was INVALID${why}. INVALID has no entry, so NAT passes it by: it left with its inner address although its connection is healthy and translated. Whoever gets it resets a connection it does not know.${subject.fate.fate === 'forwarded' ? ' Nothing in FORWARD drops INVALID.' : ''}`,
      missing: [],
      story: isReset ? 'reset' : 'leak',
      proof: proofLines('its NAT', steps.slice(1, 4)),
      remedies: [
        isReset
          ? dropInvalid(subject, 'INPUT', null)
          : dropInvalid(subject, 'FORWARD', uplinkOf(subject, role === 'stranger')),
        ...beLiberal(subject),
      ],
    };
  },
};
