// May packets be of another network namespace than the one they are explained in?

import type { Case } from './case.js';

/**
 * Lines of the kernel log name no network namespace. Where namespaces are in play, packets that nothing else shows may be those of another:
 * where several were looked into always, otherwise where nothing read inside one (entry, event, socket, capture) knows their connection.
 */
export function isOfAnyNamespace({ host, events, entries, sockets, wire, all }: Case): boolean {
  if (!host.hasNamedNamespace || host.isLogOfFirst) return false;
  const isNamed = all.some(
    ({ row, steps }) =>
      row.namespaceId !== null ||
      steps.some(
        ({ kind, owner }) => kind === 'nft-trace' || kind === 'xtables-trace' || (owner?.namespaceId ?? null) !== null,
      ),
  );
  return (
    !isNamed && (host.namespaceNames.size > 1 || events.length + entries.length + sockets.length + wire.length === 0)
  );
}

/** Packets that conntrack held against an entry; of others none has to be known where they came by. */
const HAVE_ENTRY = ['window-overshoot', 'old-segment', 'window-scale-lost', 'offload-blind-window', 'rst-rejected'];

/** So it is; their entry must have been somewhere, and the events and lists of the namespace, which were read, know nothing of it. */
export function isUnknownThere(subject: Case, verdictClass: string): boolean {
  const { host, events, entries, sockets, wire } = subject;
  const isKnown = events.length + entries.length + sockets.length + wire.length > 0;
  return HAVE_ENTRY.includes(verdictClass) && !isKnown && host.hasEvents && isOfAnyNamespace(subject);
}
