// Did conntrack see the packet at all, and would anything be left to read tomorrow?

import type { Answer } from '../../../model/diagnosis.js';
import type { HostFacts } from '../../../model/host-setup.js';
import type { Question } from '../question.js';
import { offloadRules } from '../rule-facts.js';
import { recordEvents } from './entries.js';

/** What takes packets past conntrack here, a few words each. */
export function ways(facts: HostFacts): readonly string[] {
  const { bypass } = facts;
  const tables = bypass?.flowtables ?? [];
  const hasOffload = tables.length > 0 || offloadRules(facts).length > 0;
  return [
    ...(hasOffload ? [`flow offload${tables.some(({ isHardware }) => isHardware) ? ' in hardware' : ''}`] : []),
    ...(bypass === null
      ? []
      : [
          ...(bypass.hardwareTc.length > 0 ? [`hw-tc-offload on ${bypass.hardwareTc.join(', ')}`] : []),
          ...(bypass.ovs.length > 0 ? ['Open vSwitch'] : []),
          ...(bypass.programs.length > 0 ? [bypass.programs.slice(0, 2).join(', ')] : []),
          ...(bypass.bridges.length > 0 && bypass.bridgeCallsIptables !== true
            ? [`bridge ${bypass.bridges.slice(0, 2).join(', ')}`]
            : []),
        ]),
  ];
}

export const everyPacket: Question = {
  id: 'every-packet',
  words: 'whether conntrack saw a packet at all',
  answer({ facts }): Answer {
    if (facts.tracker.isActive === false) return { word: 'yes', why: 'it sees none: not active here' };
    const past = ways(facts);
    if (past.length > 0) return { word: 'part', why: `not what passes by: ${past.join('; ')}` };
    const bypass = facts.bypass;
    if (bypass === null)
      return {
        word: 'unknown',
        why: 'offload, OVS and bridges are not told',
        ...(facts.from === 'evidence' ? { ask: 'ip -d -j link > ip-link.json; nft -a list ruleset > nft.txt' } : {}),
      };
    const unseen = [...bypass.unasked, ...(facts.rulesets === null ? ['flowtables'] : [])];
    if (unseen.length > 0) return { word: 'part', why: `not asked: ${unseen.join('; ')}` };
    return { word: 'yes', why: 'nothing here passes it by' };
  },
};

export const lastNight: Question = {
  id: 'last-night',
  words: 'what happened last night',
  isOfHostOnly: true,
  answer({ facts }): Answer {
    const kept = facts.kernelLog?.keptIn ?? [];
    const recorder = facts.listeners?.find(
      ({ process, groups }) => /^(conntrackd|ulogd)$/.test(process ?? '') && groups.includes('conntrack destroy'),
    );
    if (kept.length > 0 && recorder !== undefined)
      return { word: 'yes', why: `kernel lines in ${kept[0]}; ${recorder.process} records entries` };
    const cure = recordEvents(facts, facts.tracker.events === 2);
    if (kept.length > 0) return { word: 'part', why: `kernel lines in ${kept[0]}; entries are not recorded`, cure };
    const hasJournal = facts.kernelLog?.daemons.includes('journald') === true;
    return {
      word: 'no',
      why: hasJournal
        ? 'the journal is lost with a reboot; entries are not recorded'
        : 'kernel lines are kept nowhere that is known; entries are not recorded',
      cure: hasJournal
        ? { command: 'mkdir -p /var/log/journal && journalctl --flush', price: 'disk: up to 4 GB by default' }
        : { command: 'dmesg --follow --time-format iso > kern.log', price: 'runs until Ctrl-C' },
    };
  },
};
