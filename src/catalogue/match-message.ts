// Which entry of the catalogue does this message of the kernel belong to?
// Texts may be cut at the end, carry a vendor's extra words, and differ in prefix, blanks and case; an ambiguous text matches nothing.

import { REASONS } from './all-reasons.js';
import {
  compileFormat,
  type FormatPattern,
  foldBlanks,
  indexPatterns,
  type PatternIndex,
  type PatternMatch,
  withoutNumbers,
} from './format-pattern.js';
import { splitTrackerPrefix, withoutModulePrefixes } from './message-prefix.js';
import type { MessageChannel, MessageFormat, Reason } from './reason.js';

export type MessageKind = 'log-invalid' | 'helper' | 'debug' | 'notice';

export interface MessageMatch {
  readonly reasonId: string;
  /** Entries that print the very same words; the text alone cannot say which of them it was. */
  readonly alternatives: readonly string[];
  /** The words without the prefix, numbers replaced by %u (%x for hexadecimal, %pI4 and %pI6 for addresses). */
  readonly message: string;
  readonly numbers: readonly number[];
  /** State names, addresses, helper names in order. */
  readonly words: readonly string[];
  /** 'cut': the text ends before the format does. 'extra': words follow that the kernel does not print (a vendor's). */
  readonly fit: 'whole' | 'cut' | 'extra';
}

export interface MessageCatalogue {
  /** @param text the message without envelope and packet dump, its prefix as printed. Never throws; NULL when no entry has it. */
  match(text: string, kind: MessageKind): MessageMatch | null;
}

interface Wording {
  readonly reason: Reason;
  readonly format: MessageFormat;
  readonly pattern: FormatPattern;
  /** Lower case, numbers as %u: for the quick look-up and for cut texts. */
  readonly skeleton: string;
  /** What the skeleton begins with, in front of its first value. */
  readonly head: string;
}

/** A text cut shorter than this may be anything. */
const SHORTEST_CUT = 6;
const CHANNEL_OF_KIND: Readonly<Record<MessageKind, MessageChannel>> = {
  'log-invalid': 'log-invalid',
  helper: 'helper',
  debug: 'debug',
  notice: 'printk',
};

/** Compiles the formats of all entries (or of those given) once; the result holds no state and may be shared. */
export function createMessageCatalogue(reasons: readonly Reason[] = REASONS): MessageCatalogue {
  const wordings = (channel: MessageChannel, ignoreCase: boolean, strip: (text: string) => string): Wording[] =>
    reasons.flatMap((reason) =>
      reason.formats
        .filter((format) => format.channel === channel)
        .map((format) => wordingOf(reason, format, strip(format.text), ignoreCase)),
    );
  const trackers = trackerTables(wordings('log-invalid', true, (text) => splitTrackerPrefix(text).rest));
  const helpers = wordings('helper', true, (text) => text).sort((a, b) => b.pattern.letters - a.pattern.letters);
  const debug = indexPatterns(wordings('debug', false, (text) => text));
  const notices = indexPatterns(wordings('printk', false, withOneFilePrefix));

  return {
    match(text, kind) {
      const folded = foldBlanks(withoutLineFeedEscape(text));
      switch (CHANNEL_OF_KIND[kind]) {
        case 'log-invalid':
          return matchTracker(trackers, folded);
        case 'helper':
          return matchHelper(helpers, folded);
        case 'debug':
          return matchIndexed(debug, folded);
        case 'printk':
          return matchIndexed(notices, withOneFilePrefix(folded));
      }
    },
  };
}

function wordingOf(reason: Reason, format: MessageFormat, text: string, ignoreCase: boolean): Wording {
  const pattern = compileFormat(text, ignoreCase);
  const skeleton = pattern.format.replace(/%[di]/g, '%u').toLowerCase();
  return { reason, format, pattern, skeleton, head: pattern.head.toLowerCase() };
}

/** Since 4.9 the file puts 'nf_conntrack: ' in front of texts that already begin with it; some are printed with one, some with two. */
function withOneFilePrefix(text: string): string {
  return text.replace(/^(?:nf_conntrack: )+/, 'nf_conntrack: ');
}

/** /dev/kmsg writes a line feed as \x0a, rsyslog as #012. */
function withoutLineFeedEscape(text: string): string {
  return /[\\#]/.test(text) ? text.replace(/(?:\\x0a|#012|\\n)(?=\s*$)/, '') : text;
}

interface TrackerTable {
  readonly exact: ReadonlyMap<string, Wording>;
  readonly all: readonly Wording[];
  /** Those that no other entry shares, longest first, so that a longer wording wins over one that it begins with. */
  readonly wordings: readonly Wording[];
}

/** One table a protocol, and one ('') of all of them for texts that lost their prefix. */
function trackerTables(wordings: readonly Wording[]): ReadonlyMap<string, TrackerTable> {
  const byProto = new Map<string, Wording[]>([['', [...wordings]]]);
  for (const wording of wordings) {
    const proto = splitTrackerPrefix(wording.format.text).protoName ?? '';
    byProto.set(proto, [...(byProto.get(proto) ?? []), wording]);
  }
  return new Map([...byProto].map(([proto, list]) => [proto, tableOf(list, proto === '')]));
}

function tableOf(wordings: readonly Wording[], isMixed: boolean): TrackerTable {
  const exact = new Map<string, Wording>();
  const ambiguous = new Set<string>();
  for (const wording of wordings) {
    const other = exact.get(wording.skeleton);
    if (other !== undefined && other.reason !== wording.reason) ambiguous.add(wording.skeleton);
    exact.set(wording.skeleton, wording);
  }
  const usable = isMixed ? wordings.filter((wording) => !ambiguous.has(wording.skeleton)) : wordings;
  for (const skeleton of ambiguous) exact.delete(skeleton);
  return { exact, all: wordings, wordings: [...usable].sort((a, b) => b.skeleton.length - a.skeleton.length) };
}

function matchTracker(tables: ReadonlyMap<string, TrackerTable>, text: string): MessageMatch | null {
  const { protoName, rest } = splitTrackerPrefix(text);
  const table = tables.get(protoName ?? '');
  if (table === undefined || rest === '') return null;
  const { message, numbers } = withoutNumbers(rest);
  const skeleton = message.toLowerCase();
  const known = table.exact.get(skeleton);
  if (known !== undefined) return matched(known, { message, numbers, words: [] });
  const lower = rest.toLowerCase();
  for (const wording of table.wordings) {
    if (!lower.startsWith(wording.head)) continue;
    const found = wording.pattern.match(rest);
    if (found !== null) return matched(wording, found);
  }
  const cut = matchCut(table.all, skeleton, { message, numbers, words: [] });
  if (cut !== null) return cut;
  for (const wording of table.wordings) {
    const found = lower.startsWith(wording.head) ? wording.pattern.matchWithExtraWords(rest) : null;
    if (found !== null) return matched(wording, found, 'extra');
  }
  return null;
}

/** A text that ends early belongs to an entry only if no other entry begins the same way. */
function matchCut(wordings: readonly Wording[], skeleton: string, found: PatternMatch): MessageMatch | null {
  if (skeleton.length < SHORTEST_CUT) return null;
  const possible = wordings.filter((wording) => wording.skeleton.startsWith(skeleton));
  const first = possible[0];
  if (first === undefined || possible.some((wording) => wording.reason !== first.reason)) return null;
  return matched(first, found, 'cut');
}

function matchHelper(wordings: readonly Wording[], text: string): MessageMatch | null {
  for (const wording of wordings) {
    const found = wording.pattern.match(text);
    if (found === null) continue;
    const message = found.message.replace(/^(?:nf_ct_\S+?: |helper \S+ )/, '');
    return matched(wording, { ...found, message });
  }
  return null;
}

function matchIndexed(index: PatternIndex<Wording>, text: string): MessageMatch | null {
  for (const candidate of withoutModulePrefixes(text)) {
    for (const wording of index.candidates(candidate)) {
      const found = wording.pattern.match(candidate);
      if (found === null) continue;
      const message = found.message.replace(/^(?:(?:nf|ip)_conntrack: )+/, '');
      return matched(wording, { ...found, message });
    }
  }
  return null;
}

function matched(wording: Wording, found: PatternMatch, fit: MessageMatch['fit'] = 'whole'): MessageMatch {
  const { message, numbers, words } = found;
  const alternatives = wording.format.sharedWith;
  return { reasonId: wording.reason.id, alternatives, message, numbers, words, fit };
}
