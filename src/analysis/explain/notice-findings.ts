// Kernel messages that name a check or a shortage but no packet, and that no cause accounts for (a complaint whose addresses were cut
// off): told with their count, never argued further than they go.

import { reasonById } from '../../catalogue/all-reasons.js';
import { outcomeOf } from '../../catalogue/reason.js';
import type { Outcome } from '../../model/finding.js';
import type { NoticeRow } from '../../store/evidence-reader.js';
import { timeOfDay } from '../../text/time.js';
import { missingOf, shown } from './argument.js';
import { ASK } from './ask.js';
import type { HostPicture } from './host-picture.js';
import type { HostVerdict } from './host-verdict.js';
import { joinSources } from './join-sources.js';
import { messageWithout } from './message-words.js';

const MOST_CITED = 20;
const OUTCOMES: Readonly<Record<string, Outcome>> = { INVALID: 'INVALID', NEW: 'NEW', DROP: 'DROP' };

/** Whether a message names a reason by itself; debug lines carry no packet and belong to a finding that has one. */
export function isNamedNotice({ reasonId, kind }: NoticeRow): boolean {
  return reasonId !== null && kind !== 'debug' && reasonById(reasonId)?.outcome !== 'NO_MESSAGE';
}

function verdictOf(
  { host, cite }: HostPicture,
  reasonId: string,
  rows: readonly NoticeRow[],
  nearest: HostVerdict | undefined,
): HostVerdict {
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
  // Of a line without its addresses the words are stored, with places for its numbers.
  const said = messageWithout(text);
  const isPacketless = outcome === 'INVALID';
  const more = suppressed > 0 ? `, and ${suppressed} messages of the network stack were suppressed` : '';
  const first = rows[0]!;
  const wanted = nearest === undefined ? [] : missingOf(nearest.argument);
  return {
    class: 'unresolved',
    argument: {
      id: 'unresolved',
      steps: [shown('the kernel said so', cited)],
      lookAlikes: nearest === undefined ? [] : [{ cause: nearest.class, ruledOut: null }],
    },
    led: null,
    title: `the kernel says "${said.length > 52 ? `${said.slice(0, 50)}…` : said}"`,
    summary: `${reason?.condition ?? 'The kernel reported this.'} It was said ${rows.length === 1 ? 'once' : `${rows.length} times`}${more}. ${isPacketless ? 'The line does not show whose packet it was.' : 'Who is behind it is not decided by this evidence.'}`,
    missing: wanted.length > 0 ? wanted : isPacketless ? [ASK.wholeLine] : [ASK.listing, ASK.statistics],
    remedies: [],
    about: {
      outcome,
      fate: outcome === 'DROP' ? 'dropped' : 'unknown',
      flow: null,
      tupleIds: [],
      flowText: 'no packet is named',
      packetText: `${rows.length} message${rows.length === 1 ? '' : 's'}`,
      flows: 0,
      count: rows.length,
      firstAtUs: times[0] ?? null,
      lastAtUs: times.at(-1) ?? null,
      reason: { id: reasonId, message: text },
      story: [
        {
          label: first.atUs === null ? '' : timeOfDay(first.atUs),
          says: rows.length === 1 ? said : `${said}, ${rows.length} times`,
          source: joinSources(cited.map((item) => item.source)),
          raw: cited.map((item) => item.text),
        },
      ],
      notices: rows,
    },
  };
}

/**
 * One verdict for each reason whose messages nothing accounts for.
 * @param tried verdicts whose argument may not have held: what the nearest one lacks is what is asked for
 */
export function unresolvedNotices(
  picture: HostPicture,
  accounted: ReadonlySet<NoticeRow>,
  tried: readonly HostVerdict[],
): readonly HostVerdict[] {
  const byReason = new Map<string, NoticeRow[]>();
  for (const row of picture.notices) {
    if (!isNamedNotice(row) || accounted.has(row)) continue;
    byReason.set(row.reasonId!, [...(byReason.get(row.reasonId!) ?? []), row]);
  }
  return [...byReason].map(([reasonId, rows]) =>
    verdictOf(
      picture,
      reasonId,
      rows,
      tried.find((one) => one.about.notices.includes(rows[0]!)),
    ),
  );
}
