// Which entries of the catalogue does `ctwhy reasons list` show, and as what rows?

import { REASONS } from '../../catalogue/all-reasons.js';
import { withoutNumbers } from '../../catalogue/format-pattern.js';
import type { KernelVersion } from '../../catalogue/kernel-version.js';
import type { MessageCatalogue, MessageKind } from '../../catalogue/match-message.js';
import { splitTrackerPrefix } from '../../catalogue/message-prefix.js';
import { evidenceOf, formatsOf, outcomeOf, type Reason } from '../../catalogue/reason.js';

/** What the options of the command say; null or left out: no restriction. */
export interface ReasonFilter {
  readonly kernel: KernelVersion | null;
  readonly proto: string | null;
  readonly outcome: string | null;
  /** A message as it stands in a log, or a piece of one. */
  readonly message: string | null;
}

/** One line of the list; a cell may name several answers ('INVALID or ACCEPT') when the kernel leaves it open. */
export interface ReasonRow {
  readonly id: string;
  readonly proto: string;
  readonly outcome: string;
  readonly shown: string;
  /** Short message of that kernel; '' for a silent entry. */
  readonly message: string;
}

const KINDS: readonly MessageKind[] = ['log-invalid', 'helper', 'notice', 'debug'];

/** The entries that pass the filter, in the order of the catalogue; one that the given kernel does not have is left out. */
export function selectReasons(
  filter: ReasonFilter,
  catalogue: MessageCatalogue,
  reasons: readonly Reason[] = REASONS,
): readonly Reason[] {
  const named = filter.message === null ? null : reasonsForText(filter.message, catalogue, reasons);
  const proto = filter.proto?.toLowerCase() ?? null;
  const outcome = filter.outcome?.toUpperCase() ?? null;
  return reasons.filter((reason) => {
    const outcomes: readonly string[] = outcomeOf(reason, filter.kernel);
    if (outcomes.length === 0) return false;
    if (outcome !== null && !outcomes.includes(outcome)) return false;
    if (proto !== null && !(reason.proto as readonly string[]).includes(proto)) return false;
    return named === null || named.has(reason.id);
  });
}

/** Rows for a table, for JSON and for pipes. */
export function reasonRows(reasons: readonly Reason[], kernel: KernelVersion | null): readonly ReasonRow[] {
  return reasons.map((reason) => ({
    id: reason.id,
    proto: reason.proto.join(', '),
    outcome: outcomeOf(reason, kernel).join(' or '),
    shown: evidenceOf(reason, kernel).join(' or '),
    message: shortMessage(reason, kernel),
  }));
}

/** The newest wording that this kernel may print, without its prefix and line feed. */
export function shortMessage(reason: Reason, kernel: KernelVersion | null): string {
  const possible = formatsOf(reason, kernel);
  const best = possible.findLast((format) => format.channel === reason.evidence) ?? possible.at(-1);
  if (best === undefined) return '';
  return splitTrackerPrefix(best.text)
    .rest.replace(/^(?:nf_conntrack: )+/, '')
    .trim();
}

/** The entry of a whole message; for a piece of one, all entries with a wording that contains it. */
function reasonsForText(text: string, catalogue: MessageCatalogue, reasons: readonly Reason[]): ReadonlySet<string> {
  const words = text.replace(/ (?:IN|SRC)=.*$/s, '');
  for (const kind of KINDS) {
    const found = catalogue.match(words, kind);
    if (found !== null && found.fit !== 'cut') return new Set([found.reasonId, ...found.alternatives]);
  }
  const piece = withoutNumbers(splitTrackerPrefix(words.trim()).rest).message.toLowerCase();
  if (piece === '') return new Set();
  const contains = (reason: Reason): boolean =>
    reason.formats.some((format) => format.text.replace(/%[di]/g, '%u').toLowerCase().includes(piece));
  return new Set(reasons.filter(contains).map((reason) => reason.id));
}
