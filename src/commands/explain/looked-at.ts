// The first lines of an explanation: which files, host, kernel and time were looked at, and how much of it was not understood.

import type { Explanation } from '../../analysis/explain/explain.js';
import { isNamedNotice } from '../../analysis/explain/notice-findings.js';
import { type CommandInput, optionValues } from '../../cli/command.js';
import type { LookedAt } from '../../presentation/explain-document.js';
import type { Scope } from '../../store/case-reader.js';
import { readTotals } from '../../store/ingest-totals.js';
import type { Db } from '../../store/open-store.js';
import { protocolName } from '../../text/protocols.js';
import { dateOf, rfc3339, timeOfDay } from '../../text/time.js';
import { type ChosenNamespace, namespaceNote } from '../choose-namespace.js';

function some(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** '2026-11-21 14:17:35 - 14:17:38 UTC'; over midnight both dates. */
function spanWords(firstUs: number | null, lastUs: number | null): string {
  if (firstUs === null || lastUs === null) return 'times not placed';
  return dateOf(firstUs) === dateOf(lastUs)
    ? `${dateOf(firstUs)} ${timeOfDay(firstUs, 0)} - ${timeOfDay(lastUs, 0)} UTC`
    : `${rfc3339(firstUs).slice(0, 19)}Z - ${rfc3339(lastUs).slice(0, 19)}Z`;
}

/** What was left out because the kernel could not be asked for less, a sentence for each change. */
function unaskedNotes({ unasked }: Explanation): readonly string[] {
  const names = (protos: readonly number[]) => protos.map((proto) => protocolName(proto)).join(', ');
  return [...new Set(unasked.map(({ changeId }) => changeId))].map((id) => {
    const own = unasked.filter(({ changeId }) => changeId === id);
    const packets = own.reduce((sum, one) => sum + one.packets, 0);
    return `left out: ${some(packets, 'packet')} of ${names(own.map(({ proto }) => proto))}. ${id} asked for ${names(own[0]!.asked)}; log_invalid can only say all (explain -p ${protocolName(own[0]!.proto)} shows them)`;
  });
}

export interface LookedAtBoth {
  readonly lookedAt: LookedAt;
  readonly json: Readonly<Record<string, unknown>>;
  /** Whether entries, events, rules or sockets were read. */
  readonly showsTables: boolean;
}

/** @param about.what what was looked at, where it is known better than from the input */
export function lookedAt(
  db: Db,
  explanation: Explanation,
  input: CommandInput,
  about: { readonly scope: Scope; readonly what: string | null; readonly netns: ChosenNamespace },
): LookedAtBoth {
  const { scope } = about;
  const totals = readTotals(db, scope);
  const files = optionValues(input, 'read');
  const earlier =
    totals.earlierSources === 0 ? '' : ` and ${some(totals.earlierSources, 'source')} of this host read before`;
  const what =
    about.what ??
    (files.length > 0
      ? files.join(' ')
      : scope.ingestId === null
        ? 'the whole store, as far as the filter goes'
        : `the last ingest (${some(totals.sources, 'source')})${earlier}`);
  const hosts = [...new Set(explanation.contexts.map((context) => context.name))];
  const kernels = [
    ...new Set(
      explanation.contexts.flatMap(({ kernelRelease, isReleaseGuessed }) =>
        kernelRelease === null ? [] : [isReleaseGuessed ? `${kernelRelease} (a guess: --kernel)` : kernelRelease],
      ),
    ),
  ];
  const { firstAtUs, lastAtUs } = explanation;
  const counts = [
    some(totals.logLines, 'packet line'),
    some(explanation.packetCount, 'packet'),
    some(totals.captured, 'captured packet'),
    some(
      [...new Map(explanation.contexts.map((context) => [context.id, context])).values()]
        .flatMap((context) => context.notices)
        .filter(isNamedNotice).length,
      'kernel message',
    ),
    some(totals.events, 'event'),
    some(totals.entries, 'entry', 'entries'),
    some(totals.rules, 'rule'),
    some(totals.sockets, 'socket'),
  ].filter((text) => !text.startsWith('0 '));
  const notes = [
    ...(about.netns.label === null ? [] : [namespaceNote(about.netns)]),
    ...totals.clockNotes,
    ...(explanation.notArgued > 0
      ? [`${explanation.notArgued} more flows like these were counted, not argued one by one`]
      : []),
    ...unaskedNotes(explanation),
  ];
  const unread = `${some(totals.unread, 'line')} unread`;
  return {
    lookedAt: {
      head: [
        what,
        ...(hosts.length > 0 ? [`host ${hosts.join(', ')}`] : []),
        kernels.length > 0 ? `kernel ${kernels.join(', ')}` : 'kernel not known',
        spanWords(firstAtUs ?? totals.capturedSpan?.firstUs ?? null, lastAtUs ?? totals.capturedSpan?.lastUs ?? null),
      ],
      counts: `${counts.join(', ') || 'no packet, event, entry, rule or socket'}; ${unread}`,
      notes,
    },
    showsTables: totals.events + totals.entries + totals.rules + totals.sockets > 0,
    json: {
      sources: totals.names,
      hosts,
      netns: about.netns.label,
      ...(about.netns.others.length === 0 ? {} : { otherNetns: about.netns.others }),
      kernels,
      from: firstAtUs === null ? null : rfc3339(firstAtUs),
      to: lastAtUs === null ? null : rfc3339(lastAtUs),
      packets: explanation.packetCount,
      capturedPackets: totals.captured,
      unreadLines: totals.unread,
      ...(explanation.unasked.length === 0 ? {} : { leftOut: explanation.unasked }),
    },
  };
}
