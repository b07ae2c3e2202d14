// Where packets ended: read off a trace, worked out from the LOG rule they met and the rules behind it, or from the ruleset alone.

import type { EvidenceItem, Fate } from '../../model/finding.js';
import type { PathStep } from '../../store/case-reader.js';
import { isOwnTable } from '../ruleset/ours.js';
import type { FateFound, SeenPacket } from './case.js';
import type { Cite } from './cite.js';
import type { PathReading } from './read-path.js';
import type { RuleBook, RuleHit, WalkEnd } from './rule-book.js';

const UNKNOWN: FateFound = { fate: 'unknown', is: 'open', rule: null, isPolicy: false, evidence: [] };

/** Where a packet that nothing stopped comes out: by the last hook it was seen in, or by its interfaces. */
function passedFate(packet: SeenPacket): Fate {
  const last = packet.steps.at(-1);
  // What a bridge lets pass goes on to the IP hooks where br_netfilter is on: its own chains end nothing.
  if (last?.family === 'bridge') return 'unknown';
  const chain = (last?.chain ?? '').toUpperCase();
  if (/INPUT|^IN$/.test(chain)) return 'delivered';
  if (/FORWARD|POSTROUTING|OUTPUT/.test(chain)) return 'forwarded';
  const outIf = packet.steps.findLast((step) => step.outIf !== null && step.outIf !== '')?.outIf;
  const inIf = packet.steps.find((step) => step.inIf !== null && step.inIf !== '')?.inIf;
  return outIf !== undefined ? 'forwarded' : inIf !== undefined ? 'unknown' : 'unknown';
}

function dropped(hit: RuleHit | null, is: FateFound['is'], evidence: FateFound['evidence']): FateFound {
  return { fate: 'dropped', is, rule: hit?.rule ?? null, isPolicy: hit?.isPolicy ?? false, evidence };
}

interface TraceEnd {
  readonly step: PathStep;
  readonly hit: RuleHit | null;
  readonly verdict: string | null;
}

/** The last rule or policy that a trace names; NULL: not traced. */
function traceEnd(steps: readonly PathStep[], rules: RuleBook): TraceEnd | null {
  // Where a rule of ours let it pass, or our own chain ended, nothing was decided.
  const last = steps.findLast(
    (step) =>
      ['trace', 'nft-trace', 'xtables-trace'].includes(step.kind) &&
      !isOwnTable(step.table) &&
      ['rule', 'policy', 'return', 'verdict'].includes(step.ruleKind ?? ''),
  );
  if (last === undefined) return null;
  const hit = rules.atStep(last);
  const verdict = last.verdict ?? hit?.rule.verdict ?? (hit?.isPolicy === true ? hit.chain.policy : null);
  return { step: last, hit, verdict: verdict?.toUpperCase() ?? null };
}

/** Whether its trace ends where it was dropped. */
export function isTracedToDrop(steps: readonly PathStep[], rules: RuleBook): boolean {
  return ['DROP', 'REJECT'].includes(traceEnd(steps, rules)?.verdict ?? '');
}

function fromTrace(packet: SeenPacket, rules: RuleBook, cite: Cite): FateFound | null {
  const end = traceEnd(packet.steps, rules);
  if (end === null) return null;
  const { step: last, hit, verdict } = end;
  const line = cite.packet(packet.row, packet.steps, last.step);
  const evidence = hit === null ? [line] : [line, hit.evidence];
  if (verdict === 'DROP' || verdict === 'REJECT') return dropped(hit, 'shown', evidence);
  if (verdict === 'ACCEPT') {
    const fate = passedFate({ ...packet, steps: [last] });
    return {
      fate,
      is: fate === 'unknown' ? 'open' : 'shown',
      rule: hit?.rule ?? null,
      isPolicy: hit?.isPolicy ?? false,
      evidence,
    };
  }
  return null;
}

/** A walk through the rules is proof when nothing on the way was unknown and the rule's counter moved at least as far as the packets demand. */
function fromWalk(
  end: WalkEnd,
  count: number,
  rules: RuleBook,
  first: FateFound['evidence'],
  packet: SeenPacket,
): FateFound | null {
  if (end.verdict === null || end.hit === null) return null;
  const moved = rules.moved(end.hit);
  const isProven = end.unknown.length === 0 && moved !== null && moved.packets >= count;
  const evidence = [...first, end.hit.evidence, ...(moved === null ? [] : moved.evidence)];
  if (end.verdict === 'ACCEPT') {
    const fate = passedFate(packet);
    return {
      fate: fate === 'unknown' ? (end.hit.chain.hook === 'INPUT' ? 'delivered' : 'forwarded') : fate,
      is: 'inferred',
      rule: end.hit.rule,
      isPolicy: end.hit.isPolicy,
      evidence,
    };
  }
  return dropped(end.hit, isProven ? 'shown' : 'inferred', evidence);
}

/** Behind the rule that logged it nothing stops the packet: every chain on its way lets it pass. */
function fromPolicies(end: WalkEnd, logged: RuleHit, line: EvidenceItem): FateFound | null {
  if (end.verdict !== 'ACCEPT' || end.hit !== null || end.unknown.length > 0) return null;
  const fate: Fate | null =
    logged.chain.hook === 'INPUT' ? 'delivered' : logged.chain.hook === 'FORWARD' ? 'forwarded' : null;
  return fate === null
    ? null
    : { fate, is: 'inferred', rule: null, isPolicy: false, evidence: [line, logged.evidence] };
}

/**
 * Where like packets ended.
 * @param packet one of them @param count how many they are
 */
export function fateOf(
  packet: SeenPacket,
  reading: PathReading,
  count: number,
  rules: RuleBook,
  cite: Cite,
): FateFound {
  const traced = fromTrace(packet, rules, cite);
  if (traced !== null) return traced;
  const logSteps = packet.steps.filter((step) => step.kind === 'log' || step.kind === 'nflog').toReversed();
  for (const step of logSteps) {
    const candidates = rules.logging(step.prefix ?? '');
    const ends = candidates.map((rule) => ({ rule, end: rules.endOf(packet, rule) }));
    // Several rules print this prefix: only an end they share is one.
    const places = new Set(
      ends.map(({ end }) =>
        end.hit === null
          ? ''
          : `${end.hit.rule.family} ${end.hit.rule.table} ${end.hit.rule.chain} ${end.hit.rule.number}`,
      ),
    );
    if (ends.length === 0 || places.size !== 1) continue;
    const { rule, end } = ends[0]!;
    const found = fromWalk(
      end,
      count,
      rules,
      [cite.packet(packet.row, packet.steps, step.step), rule.hit.evidence],
      packet,
    );
    if (found !== null) return found;
    const passed = fromPolicies(end, rule.hit, cite.packet(packet.row, packet.steps, step.step));
    if (passed !== null) return passed;
  }
  if (rules.hasRules && packet.state !== null) {
    const found = fromWalk(
      rules.endOf(packet, null),
      count,
      rules,
      [cite.packet(packet.row, packet.steps, packet.stateStep ?? 0)],
      packet,
    );
    if (found !== null)
      return {
        ...found,
        is: found.is === 'shown' && logSteps.length === 0 && found.fate === 'dropped' ? 'shown' : found.is,
      };
  }
  if (reading.dropWords !== null)
    return dropped(null, 'inferred', [cite.packet(packet.row, packet.steps, reading.dropWords)]);
  const fate = passedFate(packet);
  const hasPassed = packet.steps.some((step) => /POSTROUTING/i.test(step.chain ?? ''));
  return hasPassed ? { ...UNKNOWN, fate, is: 'inferred' } : UNKNOWN;
}
