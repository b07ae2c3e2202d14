// Runs the causes over the cases, keeps the surest argument of each, tells like findings once, and ranks what is left.

import type { Confidence, Finding, Missing } from '../../model/finding.js';
import type { PathStep, Scope } from '../../store/case-reader.js';
import { readBoots, readHosts } from '../../store/evidence-reader.js';
import type { Db } from '../../store/open-store.js';
import { protocolName } from '../../text/protocols.js';
import { rfc3339 } from '../../text/time.js';
import { CAUSES } from '../causes/index.js';
import { trackingBegan } from '../causes/tracking-began.js';
import { rejectAnswer } from '../ruleset/reject-answer.js';
import { confidenceOf, type LookAlike, missingOf, rankOf, type Verdict, weaker } from './argument.js';
import { ASK, askedFor } from './ask.js';
import { buildCase, readStories, type Story, type Unasked } from './build-cases.js';
import type { Case, HostContext } from './case.js';
import type { Cite } from './cite.js';
import { argumentsOf, askedBy, evidenceOf, ruledOutOf } from './finding-parts.js';
import { readHostContext } from './host-context.js';
import { type HostFinding, hostFindings } from './host-findings.js';
import { messageWithout } from './message-words.js';
import { modelSays, withModel } from './model-says.js';
import { askedThere, mendedThere, netnsOfCase } from './netns-of.js';
import { isOfAnyNamespace, isUnknownThere } from './of-any-namespace.js';
import { weightOf } from './rank.js';
import type { PathReading } from './read-path.js';
import { staleSign } from './stale.js';

/** A finding with the argument behind it, for documents. */
export interface Explained {
  readonly finding: Finding;
  readonly verdict: Verdict;
  readonly subject: Case;
  /** How many connections share it. */
  readonly flows: number;
  /** How many packets of each kind, by the flag that names it ('FIN', 'SYN ACK'); empty for other protocols. */
  readonly kinds: ReadonlyMap<string, number>;
}

export interface Explanation {
  readonly explained: readonly Explained[];
  readonly contexts: readonly HostContext[];
  readonly packetCount: number;
  readonly firstAtUs: number | null;
  readonly lastAtUs: number | null;
  /** What no packet tells: tables, statistics, settings, messages. Numbered together with the others. */
  readonly ofHosts: readonly HostFinding[];
  /** Stories beyond the limit that were counted, not argued. */
  readonly notArgued: number;
  /** Refusals that the kernel logged only because log_invalid takes one protocol or all: packets by change and protocol. */
  readonly unasked: readonly Unasked[];
}

/** Stories argued one by one; a flood of like ones is told by its first members. */
const ARGUED_STORIES = 300;
const ARGUED_PER_KIND = 40;
/** Stories that the model of the tracker is asked about: INVALID ones come first. */
const MODELLED_STORIES = 20;

interface Tried {
  readonly verdict: Verdict;
  readonly confidence: Confidence | null;
}

/** A look-alike that the nearest argument itself points at: something speaks for it, not only nothing against it. */
function isNamed(nearest: Tried, one: LookAlike): boolean {
  return nearest.verdict.class === 'normal' && one.cause === 'stale-entry';
}

/** What nobody has argued from yet because it was not read; from what was read, how the table came to be so is what is left to see. */
function notHereYet({ host }: Case): readonly Missing[] {
  const isRead = (part: string) => host.parts.some((one) => one.part.startsWith(part) && one.state === 'read');
  const open = [
    ASK.logInvalid,
    ...(isRead('list:main') ? [] : [ASK.listing]),
    ...(host.rules.hasRules ? [] : [ASK.ruleset]),
    ...(host.hasEvents ? [] : [ASK.events]),
  ];
  return open;
}

function unresolved(subject: Case, tried: readonly Tried[]): Verdict {
  const nearest = tried[0];
  const reason = subject.reason;
  const message =
    reason === null ? '' : reason.message === '' ? ` (${reason.id})` : ` ("${messageWithout(reason.message)}")`;
  const packet = subject.packets[0]!;
  const said = staleSign(subject) ?? undefined;
  return {
    class: 'unresolved',
    argument: {
      id: 'unresolved',
      steps: [
        {
          says: `the packet is ${subject.outcome === 'DROP' ? 'seen' : subject.outcome}${message}`,
          is: 'shown',
          isEssential: true,
          evidence: [
            subject.cite.packet(packet.row, packet.steps, packet.reasonStep ?? packet.stateStep ?? 0),
            ...(said?.evidence ?? []),
          ],
        },
      ],
      lookAlikes:
        nearest === undefined
          ? []
          : [
              { cause: nearest.verdict.class, ruledOut: null },
              ...nearest.verdict.argument.lookAlikes.filter((one) => one.ruledOut === null && isNamed(nearest, one)),
            ],
    },
    led: null,
    title: `not decided by this evidence${message}`,
    summary:
      said !== undefined
        ? `Not ordinary: ${said.says}. Whether that entry keeps the packet from its rule is not decided by this evidence.`
        : reason === null
          ? 'What is here does not tell why this packet was treated so.'
          : reason.by === 'message' || reason.by === 'debug'
            ? `The kernel names the check that failed${message}; why it failed here is not decided by this evidence.`
            : subject.outcome === 'NEW'
              ? `By its flags it would be NEW as ${reason.id}; why the table did not know it is not decided by this evidence.`
              : `By its flags the check that failed may be ${reason.id}: the kernel did not say; why is not decided by this evidence.`,
    missing: nearest === undefined ? notHereYet(subject) : missingOf(nearest.verdict.argument),
    remedies: [],
  };
}

/** The surest argument; 'unresolved' with the next step when none holds. */
export function judge(subject: Case): { readonly verdict: Verdict; readonly confidence: Confidence } {
  // What we brought about ourselves is not argued about any further.
  const ours = trackingBegan.argue(subject);
  const oursConfidence = ours === null ? null : confidenceOf(ours.argument);
  if (ours !== null && oursConfidence !== null) return { verdict: ours, confidence: oursConfidence };
  const tried: Tried[] = CAUSES.map((cause) => cause.argue(subject))
    .filter((verdict): verdict is Verdict => verdict !== null)
    .map((verdict) => ({ verdict, confidence: confidenceOf(verdict.argument) }))
    // What is wrong goes before what is ordinary: 'normal' never outranks an argument that holds.
    .sort(
      (a, b) =>
        Number(a.verdict.class === 'normal') - Number(b.verdict.class === 'normal') ||
        rankOf(b.confidence) - rankOf(a.confidence),
    );
  const best = tried.find((one) => one.confidence !== null) ?? tried[0];
  if (best === undefined || best.confidence === null)
    return { verdict: unresolved(subject, tried), confidence: 'possible' };
  // Two classes that are equally sure contradict each other: neither is certain.
  const rival = tried[1];
  const isContested =
    rival !== undefined &&
    rival.confidence === best.confidence &&
    rival.verdict.class !== best.verdict.class &&
    // That a packet is ordinary for conntrack does not contradict what a rule did with it.
    rival.verdict.class !== 'normal';
  return {
    verdict: best.verdict,
    confidence: isContested && best.confidence === 'certain' ? 'likely' : best.confidence,
  };
}

/** How many connections share a finding: each case is one, but a story has several cases of the same. */
function connectionsOf({ story }: Verdict, group: readonly Case[]): number {
  return story === undefined ? group.length : new Set(group.map(({ flow }) => flow.id)).size;
}

function findingOf(
  subject: Case,
  verdict: Verdict,
  confidence: Confidence,
  id: number,
  group: readonly Case[],
): Finding {
  const led = verdict.led;
  const ledConfidence = led === null ? null : confidenceOf(led);
  const everyone = argumentsOf(verdict);
  const distinct = evidenceOf(everyone, subject.fate.evidence);
  const times = group
    .flatMap((one) => one.packets.map((packet) => packet.row.atUs))
    .filter((at): at is number => at !== null);
  const rule = subject.fate.fate === 'dropped' ? subject.fate.rule : null;
  const flagWords = [
    ...new Set(
      group
        .flatMap((one) => one.packets.map((packet) => packet.flags))
        .filter((flags): flags is string => flags !== null),
    ),
  ];
  const outcome =
    subject.outcome === 'INVALID' || subject.outcome === 'NEW'
      ? subject.outcome
      : subject.fate.fate === 'dropped'
        ? 'DROP'
        : 'OTHER';
  const netns = netnsOfCase(subject);
  const missing = askedThere(
    netns,
    askedBy(verdict).map((one) => askedFor(one, subject)),
  );
  return {
    id,
    outcome,
    fate: verdict.fate ?? subject.fate.fate,
    class: verdict.class,
    confidence,
    cause: ledConfidence === null ? null : led!.id,
    // A finer cause is never surer than the class it belongs to.
    causeConfidence: ledConfidence === null ? null : weaker(ledConfidence, confidence),
    title: verdict.title,
    summary: verdict.summary,
    reason:
      subject.reason === null || subject.reason.by === 'candidate'
        ? null
        : { id: subject.reason.id, message: subject.reason.message },
    host: subject.host.name,
    boot: subject.host.bootUuid,
    flow: connectionsOf(verdict, group) === 1 ? flowOf(subject) : null,
    packets: {
      count: group.reduce((sum, one) => sum + one.count, 0),
      flags: flagWords.length === 0 ? null : commonFlags(flagWords),
      firstSeen: times.length === 0 ? null : rfc3339(times.reduce((a, b) => Math.min(a, b))),
      lastSeen: times.length === 0 ? null : rfc3339(times.reduce((a, b) => Math.max(a, b))),
    },
    droppedBy:
      rule === null
        ? null
        : {
            family: rule.family,
            table: rule.table,
            chain: rule.chain,
            rule: rule.userNumber,
            handle: rule.handle,
            text: subject.fate.isPolicy ? `policy ${rule.chain} DROP` : rule.text,
            answer: subject.fate.isPolicy ? null : rejectAnswer(rule, subject.flow.src.includes(':')),
            rulesetAt: subject.fate.evidence.find((item) => item.kind === 'rule')?.at ?? null,
          },
    evidence: distinct,
    missing:
      confidence === 'certain' && verdict.missing.length === 0
        ? missing.slice(0, 0)
        : missing.filter(
            (one) =>
              // What the kernel has said already need not be asked of it.
              !(
                one.what === ASK.logInvalid.what &&
                (subject.reason?.by === 'message' || subject.reason?.by === 'debug')
              ),
          ),
    ruledOut: ruledOutOf(everyone),
    remedies: mendedThere(netns, verdict.remedies),
  };
}

/** The flags all packets of a finding have. */
function commonFlags(words: readonly string[]): string {
  const [first, ...rest] = words.map((text) => text.split(' '));
  const common = first!.filter((flag) => rest.every((other) => other.includes(flag)));
  return common.length > 0 ? common.join(' ') : words.join(' | ');
}

function flowOf(subject: Case): Finding['flow'] {
  const { flow } = subject;
  const namespaces = new Set(
    subject.packets
      .flatMap(({ row, steps }) => [row.namespaceId, ...steps.map(({ owner }) => owner?.namespaceId ?? null)])
      .filter((id) => id !== null),
  );
  const [namespace] = namespaces;
  return {
    proto: protocolName(flow.proto),
    src: flow.src,
    sport: flow.sport,
    dst: flow.dst,
    dport: flow.dport,
    zone:
      subject.entries[0]?.zone ??
      subject.events.find((event) => event.zone !== null)?.zone ??
      (subject.entries.length > 0 || subject.events.length > 0 ? 0 : null),
    netns:
      namespaces.size === 1 && namespace !== undefined ? (subject.host.namespaceNames.get(namespace) ?? null) : null,
  };
}

/** Findings that say the same of several connections. */
function mergeKey(subject: Case, verdict: Verdict, confidence: Confidence): string {
  if (verdict.story !== undefined) return [subject.host.id, verdict.class, verdict.story].join('|');
  const rule = subject.fate.rule;
  const where = rule === null ? '' : `${rule.family} ${rule.table} ${rule.chain} ${rule.number}`;
  const led = verdict.led === null || confidenceOf(verdict.led) === null ? '' : verdict.led.id;
  const what = verdict.class === 'normal' ? '' : (subject.reason?.id ?? '');
  return [
    subject.host.id,
    verdict.class,
    led,
    confidence,
    subject.outcome,
    verdict.fate ?? subject.fate.fate,
    where,
    what,
  ].join('|');
}

/** The flag that names a packet: ACK and PSH do not, where another does. */
function kindName(flags: string): string {
  if (!/\b(SYN|FIN|RST)\b/.test(flags)) return flags === '' ? 'no flags' : flags;
  const name = flags.replace(/ ?\b(PSH|URG|ECE|CWR)\b/g, '').trim();
  return name === 'SYN ACK' ? name : name.replace(/ ACK$/, '');
}

function kindsOf(group: readonly Case[]): ReadonlyMap<string, number> {
  const kinds = new Map<string, number>();
  for (const { packets, count } of group) {
    for (const { flags } of packets)
      if (flags !== null) kinds.set(kindName(flags), (kinds.get(kindName(flags)) ?? 0) + 1);
    // Of very many only the first were looked at singly: the rest is taken to be like the last.
    const last = packets.at(-1)?.flags ?? null;
    if (last !== null && count > packets.length)
      kinds.set(kindName(last), (kinds.get(kindName(last)) ?? 0) + count - packets.length);
  }
  return kinds;
}

/**
 * Explains what a scope of the store holds.
 * @param cite turns rows into evidence items
 */
export function explain(
  db: Db,
  scope: Scope,
  cite: Cite,
  keeps: (steps: readonly PathStep[], reading: PathReading) => boolean = () => true,
): Explanation {
  const hosts = new Map(readHosts(db).map((host) => [host.id, host]));
  const boots = readBoots(db);
  const contexts = new Map<string, HostContext>();
  const contextOf = (hostId: number, bootId: number | null): HostContext => {
    const key = `${hostId} ${bootId}`;
    const known = contexts.get(key);
    if (known !== undefined) return known;
    const boot =
      boots.find((one) => one.id === bootId) ??
      boots.find((one) => one.hostId === hostId && one.kernelRelease !== null) ??
      null;
    const context = readHostContext(db, hosts.get(hostId)!, boot, cite);
    contexts.set(key, context);
    return context;
  };
  const seen = readStories(db, scope, keeps, contextOf);
  const chosen = choose(seen.stories);
  let asked = 0;
  const judged = chosen.map((story) => {
    const subject = buildCase(db, story, seen, scope, cite);
    const judgement = judge(subject);
    asked += 1;
    const says = asked <= MODELLED_STORIES ? modelSays(db, subject, scope) : null;
    const argument = withModel(judgement.verdict.argument, says);
    const lowered = confidenceOf(argument);
    const modelled = lowered === null ? judgement.confidence : weaker(judgement.confidence, lowered);
    const isFar = isUnknownThere(subject, judgement.verdict.class);
    const missing = isFar ? [ASK.namespaceOfLines, ...judgement.verdict.missing] : judgement.verdict.missing;
    const most = isFar ? 'possible' : isOfAnyNamespace(subject) || subject.host.isReleaseGuessed ? 'likely' : 'certain';
    return { subject, verdict: { ...judgement.verdict, argument, missing }, confidence: weaker(modelled, most) };
  });
  const merged = new Map<string, typeof judged>();
  for (const one of judged) {
    // A packet that nothing stopped and nothing marked is no finding.
    if (one.verdict.class === 'unresolved' && one.subject.outcome === 'DROP' && one.subject.fate.fate !== 'dropped')
      continue;
    const key = mergeKey(one.subject, one.verdict, one.confidence);
    merged.set(key, [...(merged.get(key) ?? []), one]);
  }
  const explained = [...merged.values()]
    // Of one story with several kinds of packets the surest tells it.
    .map((group) => group.toSorted((a, b) => rankOf(b.confidence) - rankOf(a.confidence)))
    .map((group): Explained => {
      const { subject, verdict, confidence } = group[0]!;
      return {
        finding: findingOf(
          subject,
          verdict,
          confidence,
          0,
          group.map((one) => one.subject),
        ),
        verdict,
        subject,
        flows: connectionsOf(
          verdict,
          group.map((one) => one.subject),
        ),
        kinds: kindsOf(group.map((one) => one.subject)),
      };
    });
  // A host without a packet has notices all the same.
  for (const host of hosts.values())
    if (
      (scope.hostIds === null || scope.hostIds.includes(host.id)) &&
      ![...contexts.values()].some((context) => context.id === host.id)
    )
      contextOf(host.id, boots.find((boot) => boot.hostId === host.id)?.id ?? null);
  const told = judged.map((one) => ({
    class: one.verdict.class,
    hostId: one.subject.host.id,
    tupleIds: one.subject.tupleIds,
  }));
  const ofHosts = hostFindings(db, [...contexts.values()], cite, scope, keeps, told);
  // One ranking, whoever told them.
  const numbers = new Map(
    [
      ...explained.map((one) => ({ one: one as object, weight: weightOf(one.finding, false) })),
      ...ofHosts.map((one) => ({ one, weight: weightOf(one.finding, one.verdict.about.isLongAgo === true) })),
    ]
      .sort((a, b) => b.weight - a.weight)
      .map(({ one }, index) => [one, index + 1]),
  );
  const numbered = <Told extends { readonly finding: Finding }>(all: readonly Told[]): readonly Told[] =>
    all
      .map((one) => ({ ...one, finding: { ...one.finding, id: numbers.get(one)! } }))
      .sort((a, b) => a.finding.id - b.finding.id);
  return {
    explained: numbered(explained),
    ofHosts: numbered(ofHosts),
    contexts: [...contexts.values()],
    packetCount: seen.packetCount,
    firstAtUs: seen.firstAtUs,
    lastAtUs: seen.lastAtUs,
    notArgued: seen.stories.length - chosen.length,
    unasked: seen.unasked,
  };
}

/** INVALID first; of a flood of like stories only the first members. */
function choose(stories: readonly Story[]): readonly Story[] {
  const order: Readonly<Record<string, number>> = { INVALID: 0, DROP: 1, NEW: 2 };
  const perKind = new Map<string, number>();
  return [...stories]
    .sort((a, b) => (order[a.outcome] ?? 3) - (order[b.outcome] ?? 3) || a.firstId - b.firstId)
    .filter((story) => {
      const kind = `${story.outcome} ${story.reasonId} ${story.groups[0]?.pathId ?? ''}`;
      const count = (perKind.get(kind) ?? 0) + 1;
      perKind.set(kind, count);
      return count <= ARGUED_PER_KIND;
    })
    .slice(0, ARGUED_STORIES);
}
