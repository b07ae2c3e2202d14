// Runs the causes that no packet tells over each host, keeps the surest for every story, and leaves to the packets what they tell already.

import type { Finding, ToldFinding } from '../../model/finding.js';
import type { PathStep, Scope } from '../../store/case-reader.js';
import type { NoticeRow } from '../../store/evidence-reader.js';
import type { Db } from '../../store/open-store.js';
import { protocolName } from '../../text/protocols.js';
import { rfc3339 } from '../../text/time.js';
import { HOST_CAUSES } from '../causes/index.js';
import { confidenceOf, rankOf, weaker } from './argument.js';
import { askedFor } from './ask.js';
import type { HostContext } from './case.js';
import type { Cite } from './cite.js';
import { argumentsOf, askedBy, evidenceOf, isNoise, openQuestions, ruledOutOf } from './finding-parts.js';
import { type HostPicture, openHostPicture } from './host-picture.js';
import type { HostSubject, HostVerdict } from './host-verdict.js';
import { askedThere, mendedThere, netnsOfHost } from './netns-of.js';
import { unresolvedNotices } from './notice-findings.js';
import type { PathReading } from './read-path.js';

/** A finding about a host, with the argument behind it. */
export interface HostFinding {
  readonly finding: Finding;
  readonly verdict: HostVerdict;
}

/** What a packet finding has told. */
export interface AlreadyTold {
  readonly class: string;
  readonly hostId: number;
  readonly tupleIds: readonly number[];
}

interface Judged {
  readonly verdict: HostVerdict;
  readonly confidence: Finding['confidence'];
}

function time(us: number | null): string | null {
  return us === null ? null : rfc3339(us);
}

function flowOf({ flow }: HostSubject): Finding['flow'] {
  if (flow === null) return null;
  const { src, sport, dst, dport, zone } = flow;
  return { proto: protocolName(flow.proto), src, sport, dst, dport, zone, netns: null };
}

function findingOf({ host }: HostPicture, { verdict, confidence }: Judged): HostFinding {
  const { about, led } = verdict;
  const netns = netnsOfHost(host);
  const given = argumentsOf(verdict);
  const ledConfidence = led === null ? null : confidenceOf(led);
  return {
    verdict,
    finding: {
      id: 0,
      outcome: about.outcome,
      fate: about.fate,
      class: verdict.class,
      confidence,
      cause: ledConfidence === null ? null : led!.id,
      causeConfidence: ledConfidence === null ? null : weaker(ledConfidence, confidence),
      title: verdict.title,
      summary: verdict.summary,
      reason: about.reason,
      host: host.name,
      boot: host.bootUuid,
      flow: flowOf(about),
      packets: {
        count: about.count,
        flags: null,
        firstSeen: time(about.firstAtUs),
        lastSeen: time(about.lastAtUs),
      },
      droppedBy: null,
      evidence: evidenceOf(given),
      missing:
        confidence === 'certain' && verdict.missing.length === 0
          ? []
          : askedThere(
              netns,
              askedBy(verdict).map((one) => askedFor(one, about)),
            ),
      ruledOut: ruledOutOf(given),
      remedies: mendedThere(netns, verdict.remedies),
    },
  };
}

/** Whether packets tell this story already. */
function isTold({ class: id, about }: HostVerdict, hostId: number, told: readonly AlreadyTold[]): boolean {
  if (about.standsAlone === true) return false;
  return told.some(
    (one) =>
      (one.class === id || about.alsoToldAs?.includes(one.class) === true) &&
      one.hostId === hostId &&
      (about.tupleIds.length === 0 || about.tupleIds.some((tupleId) => one.tupleIds.includes(tupleId))),
  );
}

/** The surest argument for each story: two that account for the same messages are one story, and two equally sure ones contradict each other. */
function surest(verdicts: readonly HostVerdict[]): readonly Judged[] {
  const holding = verdicts
    .map((verdict) => ({ verdict, confidence: confidenceOf(verdict.argument) }))
    .filter((one): one is Judged => one.confidence !== null)
    .sort((a, b) => rankOf(b.confidence) - rankOf(a.confidence));
  const kept: Judged[] = [];
  const owner = new Map<NoticeRow, number>();
  for (const one of holding) {
    const rival = one.verdict.about.notices.map((row) => owner.get(row)).find((index) => index !== undefined);
    if (rival === undefined) {
      for (const row of one.verdict.about.notices) owner.set(row, kept.length);
      kept.push(one);
    } else if (kept[rival]!.confidence === one.confidence && kept[rival]!.verdict.class !== one.verdict.class)
      kept[rival] = { ...kept[rival]!, confidence: weaker(kept[rival]!.confidence, 'likely') };
  }
  return kept;
}

/** Whether a finding without packets is what a filter asks for: by its connection, and by its reason where one was printed. */
function isAskedFor(
  { about }: HostVerdict,
  { tupleIds, mark }: Scope,
  keeps: (steps: readonly PathStep[], reading: PathReading) => boolean,
): boolean {
  if (mark !== null || (tupleIds !== null && !about.tupleIds.some((id) => tupleIds.includes(id)))) return false;
  return keeps([], {
    state: about.outcome === 'INVALID' || about.outcome === 'NEW' ? about.outcome : null,
    stateIs: null,
    stateStep: null,
    reasonId: about.reason?.id ?? null,
    reasonMessage: about.reason?.message ?? null,
    reasonStep: null,
    dropWords: null,
    flags: null,
    isTraced: false,
  });
}

/**
 * The findings of hosts that no packet tells, not numbered yet.
 * @param told what packets have told
 */
export function hostFindings(
  db: Db,
  contexts: readonly HostContext[],
  cite: Cite,
  scope: Scope,
  keeps: (steps: readonly PathStep[], reading: PathReading) => boolean,
  told: readonly AlreadyTold[],
): readonly HostFinding[] {
  // A host has a context for each of its boots; its tables and settings are the same in all.
  const hosts = new Map(contexts.toReversed().map((context) => [context.id, context]));
  return [...hosts.values()].reverse().flatMap((host) => {
    const picture = openHostPicture(db, host, cite, scope);
    const verdicts = HOST_CAUSES.flatMap((cause) => cause.argue(picture)).filter(
      (verdict) => !isTold(verdict, host.id, told),
    );
    const kept = surest(verdicts);
    const accounted = new Set(kept.flatMap(({ verdict }) => verdict.about.notices));
    const open = unresolvedNotices(picture, accounted, verdicts).map(
      (verdict): Judged => ({ verdict, confidence: 'possible' }),
    );
    return [...kept, ...open]
      .filter(({ verdict }) => isAskedFor(verdict, scope, keeps))
      .map((one) => findingOf(picture, one));
  });
}

/** A finding of a host with its story. */
export function tellOfHost({ finding, verdict }: HostFinding): ToldFinding {
  const open = openQuestions(verdict);
  return {
    finding,
    flowText: verdict.about.flowText,
    packetText: verdict.about.packetText,
    story: verdict.about.story,
    notKnown: [...new Set(verdict.class === 'unresolved' ? open.steps : [...open.steps, ...open.others])],
    flows: verdict.about.flows,
    isNoise: isNoise(verdict),
    follow: finding.flow === null ? [] : ['timeline'],
  };
}
