// Does the trace of a packet that ends with PREROUTING tell that it got no further? Only where it would have gone on otherwise.

import type { EvidenceItem } from '../../../model/finding.js';
import type { PathStep } from '../../../store/case-reader.js';
import { confidenceOf } from '../../explain/argument.js';
import type { Case, SeenPacket } from '../../explain/case.js';
import { firstPacket } from '../../explain/flow-facts.js';
import { lostTrace } from '../../explain/lost-trace.js';
import { isLocal } from './route-lookup.js';
import { reasonsOf } from './why.js';

/**
 * Every packet was traced up to the end of PREROUTING and is not seen behind the routing, although something would have shown it there, or
 * the routing has a reason to throw it away.
 */
export function endsInRouting(subject: Case): boolean {
  return (
    subject.packets.every((packet) => lostTrace(packet, subject.host)?.hook === 'PREROUTING') &&
    !subject.packets.some((packet) => isSeenElsewhere(subject, packet)) &&
    (nextChains(subject) !== null ||
      areRulesUnknown(subject) ||
      reasonsOf(subject).some((reason) => confidenceOf(reason) !== null))
  );
}

/**
 * Chains of its tables that it would have met behind the routing, had it got there: INPUT where this host is meant, FORWARD where another is,
 * one of each where nothing tells. NULL: it could have gone on without a line, or no ruleset tells. Chains of nat see first packets alone.
 */
export function nextChains(subject: Case): readonly EvidenceItem[] | null {
  const packet = firstPacket(subject);
  const steps = packet.steps;
  const isLegacy = steps.some((step) => step.kind === 'trace');
  const isSix = subject.flow.src.includes(':');
  const found = new Map<string, EvidenceItem>();
  for (const ruleset of subject.host.rules.rulesets) {
    // A legacy trace shows legacy tables; a trace of nf_tables shows those of nf_tables.
    if (ruleset.backend !== 'unknown' && (ruleset.backend === 'legacy') !== isLegacy) continue;
    for (const chain of ruleset.chains) {
      if (chain.hook === null || found.has(chain.hook) || !['FORWARD', 'INPUT'].includes(chain.hook)) continue;
      if (chain.type === 'nat' || (chain.family !== 'inet' && chain.family !== (isSix ? 'ip6' : 'ip'))) continue;
      const hit = subject.host.rules.atStep({
        ...steps[0]!,
        family: chain.family,
        table: chain.table,
        chain: chain.name,
        ruleKind: 'policy',
        ruleNumber: null,
        handle: null,
        ruleText: null,
      });
      if (hit !== null) found.set(chain.hook, hit.evidence);
    }
  }
  const isOurs = isLocal(subject, (packet.tuples.at(-1) ?? subject.flow).dst);
  const wanted = isOurs === null ? ['INPUT', 'FORWARD'] : [isOurs ? 'INPUT' : 'FORWARD'];
  const chains = wanted.map((hook) => found.get(hook));
  return chains.every((chain) => chain !== undefined) ? chains : null;
}

/** Whether nothing at all is known of rules: then their chains may be as on most hosts. */
function areRulesUnknown({ host }: Case): boolean {
  return host.rules.rulesets.length === 0;
}

/** Another record of the same packet shows it behind the routing: its lines were only not put together. */
function isSeenElsewhere(subject: Case, packet: SeenPacket): boolean {
  const { ipId, len, seq } = packet.row;
  const isNumbered = ipId !== null && ipId !== 0;
  const isIt = ({ row, flags }: SeenPacket): boolean =>
    flags === packet.flags &&
    row.ipId === ipId &&
    (isNumbered ||
      (row.len === len && (row.seq === null || seq === null || row.seq === seq) && isSoon(packet, row.atUs)));
  const isBehindRouting = (step: PathStep): boolean =>
    /^(INPUT|FORWARD|POSTROUTING)$/.test(step.chain ?? '') || ((step.inIf ?? '') !== '' && (step.outIf ?? '') !== '');
  return (
    subject.all.some((other) => isIt(other) && other.steps.some(isBehindRouting)) || isSeenTranslated(subject, packet)
  );
}

/** Lines of one packet are microseconds apart; on a host whose console or reader is slow it is more. */
const SAME_PACKET_US = 1_000_000;

function isSoon({ row }: SeenPacket, atUs: number | null): boolean {
  return row.atUs === null || atUs === null || Math.abs(atUs - row.atUs) <= SAME_PACKET_US;
}

/**
 * A segment of the same sender's port and flags to somebody else at the same time: behind DNAT that is this very packet, where no entry and
 * no number joined the two.
 */
function isSeenTranslated({ crowd }: Case, packet: SeenPacket): boolean {
  const tuple = packet.tuples[0];
  if (tuple === undefined || tuple.sport === null || packet.flags === null) return false;
  return crowd.glimpses.some(
    (one) =>
      one.tuple.proto === tuple.proto &&
      one.tuple.src === tuple.src &&
      one.tuple.sport === tuple.sport &&
      (one.tuple.dst !== tuple.dst || one.tuple.dport !== tuple.dport) &&
      one.flags.includes(packet.flags!) &&
      isSoon(packet, one.firstAtUs),
  );
}
