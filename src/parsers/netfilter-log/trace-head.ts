// Is a message a TRACE line, and which rule does it name? 'TRACE: table:chain:rule|return|policy:number ' in front of a dump.

export interface TraceHead {
  readonly table: string;
  readonly chain: string;
  readonly ruleKind: 'rule' | 'return' | 'policy';
  readonly ruleNumber: number;
}

/** The tables of iptables-legacy: without the word TRACE only these are believed (a LOG prefix can look the same). */
const LEGACY_TABLES = new Set(['raw', 'mangle', 'nat', 'filter', 'security', 'broute']);

/** net/ipv4/netfilter/ip_tables.c: trace_packet(), v6.18; net/netfilter/nf_tables_core.c until v4.17 with tables and chains of nft. */
const HEAD = /^([^:\s]+):(\S+):(rule|return|policy):(\d{1,9})\s*$/;

/** @param head the message up to its dump. @returns null when it is no TRACE line (or not a whole one). */
export function parseTraceHead(head: string): TraceHead | null {
  const from = traceWordAt(head);
  const match = HEAD.exec(from < 0 ? head.trimStart() : head.slice(from + 'TRACE: '.length).trimStart());
  if (match === null) return null;
  const [, table, chain, kind, number] = match;
  if (table === undefined || chain === undefined || (from < 0 && !LEGACY_TABLES.has(table))) return null;
  return { table, chain, ruleKind: kind as TraceHead['ruleKind'], ruleNumber: Number(number) };
}

/** The offset of 'TRACE: ' as a word of the head, also behind an envelope that nobody knows; -1 when it is not there. */
export function traceWordAt(head: string): number {
  const at = head.lastIndexOf('TRACE: ');
  return at <= 0 || /[\s\]:|>]/.test(head.charAt(at - 1)) ? at : -1;
}
