// Which TCP flag combinations does conntrack accept, which row of its table does a segment belong to, and what may open an entry?

/** As packet dumps print them: 'ACK SYN', 'FIN ACK', ''. */
export type TcpFlagWord = 'FIN' | 'SYN' | 'RST' | 'PSH' | 'ACK' | 'URG' | 'ECE' | 'CWR' | 'AE';

/** Not looked at when a combination is judged (nf_conntrack_proto_tcp.c: tcp_error(), v6.18). */
const NOT_JUDGED: ReadonlySet<string> = new Set(['PSH', 'ECE', 'CWR', 'AE']);

/**
 * tcp_valid_flags[] (nf_conntrack_proto_tcp.c, the same from 2.6.32 to 7.3): the combinations that are valid once PSH, ECE and CWR are
 * taken away, their words in alphabetical order.
 */
export const VALID_TCP_FLAGS: readonly string[] = [
  'SYN',
  'SYN URG',
  'ACK SYN',
  'RST',
  'ACK RST',
  'ACK FIN',
  'ACK FIN URG',
  'ACK',
  'ACK URG',
];
const valid = new Set(VALID_TCP_FLAGS);

/** Flag words of a packet dump in any order ('ACK PSH', 'FIN ACK') as a set. */
export function tcpFlagSet(flags: string): ReadonlySet<string> {
  return new Set(flags.split(/[\s,]+/).filter((word) => word !== ''));
}

/** Whether conntrack lets this combination pass its flag check. */
export function isValidTcpFlags(flags: string): boolean {
  const judged = [...tcpFlagSet(flags)].filter((word) => !NOT_JUDGED.has(word)).sort();
  return valid.has(judged.join(' '));
}

/** Rows of the transition table, as the messages number them. */
export const TCP_INDEX_NAMES = ['SYN', 'SYN ACK', 'FIN', 'ACK', 'RST', 'none'] as const;
export type TcpIndex = 0 | 1 | 2 | 3 | 4 | 5;

/** get_conntrack_index() (nf_conntrack_proto_tcp.c, v6.18): RST first, then SYN with or without ACK, FIN, ACK. */
export function tcpIndex(flags: string): TcpIndex {
  const set = tcpFlagSet(flags);
  if (set.has('RST')) return 4;
  if (set.has('SYN')) return set.has('ACK') ? 1 : 0;
  if (set.has('FIN')) return 2;
  return set.has('ACK') ? 3 : 5;
}

/** What becomes of a TCP packet without an entry. */
export interface TcpWithoutEntry {
  readonly outcome: 'NEW' | 'INVALID';
  readonly reasonId:
    | 'tcp-new-syn'
    | 'tcp-new-midstream-loose'
    | 'tcp-invalid-new'
    | 'tcp-loose-disabled'
    | 'tcp-invalid-flags';
  /** State the entry starts in; NULL when none is made. */
  readonly startsIn: 'SYN_SENT' | 'ESTABLISHED' | null;
}

const REFUSED: TcpWithoutEntry = { outcome: 'INVALID', reasonId: 'tcp-invalid-new', startsIn: null };

/** The column NONE of the table, row by row, for tcp_loose=1 and tcp_loose=0; the same from 2.6.32 to 7.3. */
export const TCP_WITHOUT_ENTRY: Readonly<
  Record<TcpIndex, { readonly loose: TcpWithoutEntry; readonly strict: TcpWithoutEntry }>
> = {
  0: {
    loose: { outcome: 'NEW', reasonId: 'tcp-new-syn', startsIn: 'SYN_SENT' },
    strict: { outcome: 'NEW', reasonId: 'tcp-new-syn', startsIn: 'SYN_SENT' },
  },
  1: { loose: REFUSED, strict: REFUSED },
  2: { loose: REFUSED, strict: REFUSED },
  3: {
    loose: { outcome: 'NEW', reasonId: 'tcp-new-midstream-loose', startsIn: 'ESTABLISHED' },
    strict: { outcome: 'INVALID', reasonId: 'tcp-loose-disabled', startsIn: null },
  },
  4: { loose: REFUSED, strict: REFUSED },
  5: { loose: REFUSED, strict: REFUSED },
};

/** What becomes of a segment with these flags when the table has no entry for it. */
export function tcpWithoutEntry(flags: string, isLoose: boolean): TcpWithoutEntry {
  if (!isValidTcpFlags(flags)) return { outcome: 'INVALID', reasonId: 'tcp-invalid-flags', startsIn: null };
  const row = TCP_WITHOUT_ENTRY[tcpIndex(flags)];
  return isLoose ? row.loose : row.strict;
}
