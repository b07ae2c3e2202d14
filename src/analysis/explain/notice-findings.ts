// Kernel messages that name a check or a shortage but no packet ('table full', a complaint whose addresses were cut off): told with
// their count, never argued further than they go.

import { reasonById } from '../../catalogue/all-reasons.js';
import { outcomeOf } from '../../catalogue/reason.js';
import type { Finding, Outcome, ToldFinding } from '../../model/finding.js';
import type { NoticeRow } from '../../store/evidence-reader.js';
import { rfc3339, timeOfDay } from '../../text/time.js';
import { ASK } from './ask.js';
import type { HostContext } from './case.js';
import type { Cite } from './cite.js';
import { joinSources } from './narrative.js';

export interface NoticeFinding {
  readonly finding: Finding;
  readonly told: ToldFinding;
}

const MOST_CITED = 20;
const OUTCOMES: Readonly<Record<string, Outcome>> = { INVALID: 'INVALID', NEW: 'NEW', DROP: 'DROP' };

function findingOf(
  host: HostContext,
  reasonId: string,
  rows: readonly NoticeRow[],
  id: number,
  cite: Cite,
): NoticeFinding {
  const reason = reasonById(reasonId);
  const outcomes = reason === null ? [] : outcomeOf(reason, host.kernel);
  // As for packets: words that mean INVALID on some kernel are told as that where the kernel is not known.
  const possible = outcomes.length > 0 || reason === null ? outcomes : [reason.outcome];
  const outcome = possible.map((one) => OUTCOMES[one]).find((one) => one !== undefined) ?? 'OTHER';
  const suppressed = host.notices
    .filter((row) => row.kind === 'suppressed' && row.count !== null)
    .reduce((sum, row) => sum + (row.count ?? 0), 0);
  const times = rows.map((row) => row.atUs).filter((at): at is number => at !== null);
  const cited = rows.slice(0, MOST_CITED).map((row) => cite.notice(row));
  const text = rows[0]!.text.trim();
  const isPacketless = outcome === 'INVALID';
  const more = suppressed > 0 ? `, and ${suppressed} messages of the network stack were suppressed` : '';
  const finding: Finding = {
    id,
    outcome,
    fate: outcome === 'DROP' ? 'dropped' : 'unknown',
    class: 'unresolved',
    confidence: 'possible',
    cause: null,
    causeConfidence: null,
    title: `the kernel says "${text.length > 52 ? `${text.slice(0, 50)}…` : text}"`,
    summary: `${reason?.condition ?? 'The kernel reported this.'} It was said ${rows.length === 1 ? 'once' : `${rows.length} times`}${more}. ${isPacketless ? 'The line does not show whose packet it was.' : 'Who is behind it is not decided by this evidence.'}`,
    reason: { id: reasonId, message: text },
    host: host.name,
    boot: host.bootUuid,
    flow: null,
    packets: {
      count: rows.length,
      flags: null,
      firstSeen: times[0] === undefined ? null : rfc3339(times[0]),
      lastSeen: times.length === 0 ? null : rfc3339(times.at(-1)!),
    },
    droppedBy: null,
    evidence: cited,
    missing: isPacketless ? [ASK.wholeLine] : [ASK.listing, ASK.statistics],
    ruledOut: [],
    remedies: [],
  };
  const first = rows[0]!;
  const label = first.atUs === null ? '' : timeOfDay(first.atUs);
  const story = [
    {
      label,
      says: rows.length === 1 ? text : `${text}, ${rows.length} times`,
      source: joinSources(cited.map((item) => item.source)),
      raw: cited.map((item) => item.text),
    },
  ];
  return {
    finding,
    told: {
      finding,
      flowText: 'no packet is named',
      packetText: `${rows.length} message${rows.length === 1 ? '' : 's'}`,
      story,
      notKnown: [],
      flows: 0,
    },
  };
}

/** One finding per host and reason, numbered from `firstId`. */
export function noticeFindings(
  contexts: readonly HostContext[],
  cite: Cite,
  firstId: number,
): readonly NoticeFinding[] {
  const hosts = new Map(contexts.map((context) => [context.id, context]));
  let id = firstId;
  return [...hosts.values()].flatMap((host) => {
    const byReason = new Map<string, NoticeRow[]>();
    for (const row of host.notices) {
      // Debug lines carry no packet and belong to a finding that has one.
      if (row.reasonId === null || row.kind === 'debug' || reasonById(row.reasonId)?.outcome === 'NO_MESSAGE') continue;
      byReason.set(row.reasonId, [...(byReason.get(row.reasonId) ?? []), row]);
    }
    return [...byReason].map(([reasonId, rows]) => findingOf(host, reasonId, rows, id++, cite));
  });
}
