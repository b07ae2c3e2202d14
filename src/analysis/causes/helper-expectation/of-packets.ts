// The data connection of FTP, PPTP and the like is NEW where a helper would have announced it: the control connection beside it has none.

import { holds, since } from '../../../catalogue/kernel-version.js';
import { protocolName } from '../../../text/protocols.js';
import { inferred, type LookAlike, open, ruledOutBy, type Step, shown, type Verdict } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { citePacket, entryMoment, firstPacket, sysctlOf } from '../../explain/flow-facts.js';
import type { Cause } from '../cause.js';
import { flowWords, ruleWords, stopWords } from '../words.js';
import { helperOf } from './control-ports.js';
import { HELPER_WORDS } from './of-hosts.js';
import { attachHelper } from './remedies.js';

const NO_AUTOMATIC_HELPER = since('6.0');

/** The control connection that would have announced the packet, as its latest entry shows it; NULL: none in the table. */
function controlOf(subject: Case) {
  const seen = firstPacket(subject).tuples[0] ?? subject.flow;
  for (const tuple of subject.companions) {
    const helped = helperOf(tuple.proto, tuple.dport);
    const announces = helped?.announces(seen) ?? 'no';
    if (helped === null || announces === 'no') continue;
    const entry = subject.companionEntries.filter((one) => one.tupleId === tuple.id && one.list === 'main').at(-1);
    if (entry === undefined) continue;
    return { tuple, helped, announces, entry };
  }
  return null;
}

function lookAlikes(subject: Case, announces: 'surely' | 'perhaps'): readonly LookAlike[] {
  const empty = subject.cite.absence(
    subject.host.parts.filter((one) => one.part === 'expectations').at(-1),
    'no expectation was listed',
  );
  return [
    ruledOutBy('an expectation that came too late or ran out', 'nothing is expected', [empty], ASK.expectations),
    ...(announces === 'surely' ? [] : [{ cause: 'rule-decided', ruledOut: null, wouldSettle: ASK.captureHere }]),
  ];
}

export const helperOfPackets: Cause = {
  ...HELPER_WORDS,
  argue(subject): Verdict | null {
    if (subject.outcome !== 'NEW') return null;
    const found = controlOf(subject);
    if (found === null || (found.entry.helper !== null && found.entry.helper !== '')) return null;
    const { tuple, helped, announces, entry } = found;
    // Let through as NEW, it came all the same; only what is translated inside the control connection would still be wrong.
    if (subject.fate.fate === 'forwarded' || subject.fate.fate === 'delivered') return null;
    const packet = firstPacket(subject);
    const cited = citePacket(subject, packet);
    const control = subject.cite.entry(entry, entryMoment(subject, entry).atUs);
    const rules = subject.host.parts.find((one) => one.part.startsWith('rules:') && one.state === 'read');
    const attaching = subject.host.rules.find((rule) => /--helper\b|\bct helper set\b/.test(rule.text));
    const noRule = attaching.length > 0 ? null : subject.cite.absence(rules, 'no rule attaches a helper');
    const setting = sysctlOf(subject, 'net.netfilter.nf_conntrack_helper', null);
    const isRemoved = holds(NO_AUTOMATIC_HELPER, subject.host.kernel) === 'yes';
    const words = `${helped.helper} connection ${flowWords(tuple)}`;
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown('the packet is NEW', [cited])
        : inferred('the packet is NEW, by what it is', [cited]),
      announces === 'surely'
        ? shown(`it is what the ${words} announces`, [cited, control])
        : inferred(`it may be what the ${words} announces`, [cited, control], true, ASK.captureHere),
      shown('that control connection has no helper', [control]),
      noRule === null
        ? open('that no rule attaches one', false, ASK.ruleset)
        : shown('no rule attaches one', [noRule], false),
      isRemoved || Number(setting?.value ?? 1) === 0
        ? shown(
            'the kernel attaches none by itself',
            [setting === null ? control : subject.cite.value(setting, null)],
            false,
          )
        : open('whether the kernel attaches helpers by itself', false, ASK.kernel),
    ];
    const { rule } = subject.fate;
    const isDropped = subject.fate.fate === 'dropped' && rule !== null;
    return {
      class: 'helper-expectation',
      argument: { id: 'helper-expectation', steps, lookAlikes: lookAlikes(subject, announces) },
      led: { id: 'helper-not-assigned', steps: steps.slice(2, 4), lookAlikes: [] },
      title: `No ${helped.helper} helper: its data connection is NEW${isDropped ? ` and ${stopWords(subject.fate).stopped} by ${ruleWords(rule, subject.fate.isPolicy)}` : ''}`,
      summary: `${flowWords(subject.flow)} belongs to the ${words}. A helper there would have announced it and made it RELATED; none is attached${isRemoved ? ', and since 6.0 only a rule attaches one' : ''}.${isDropped ? ` ${ruleWords(rule, subject.fate.isPolicy)} drops what is NEW.` : ''}`,
      missing: [],
      remedies: attachHelper(
        subject.host,
        helped.helper,
        protocolName(helped.proto) === 'udp' ? 'udp' : 'tcp',
        helped.port,
        subject.flow.src.includes(':'),
      ),
    };
  },
};
