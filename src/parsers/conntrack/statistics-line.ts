// Reads counters of the tracker: `conntrack -S` of all versions, and the hexadecimal columns of /proc/net/stat/nf_conntrack.

import type { CtStatistics } from '../../model/conntrack.js';
import type { Unreadable } from './entry-line.js';

/**
 * /proc names three columns otherwise than `conntrack -S` does; one name each, so that both can be compared
 * (net/netfilter/nf_conntrack_standalone.c: ct_cpu_seq_show(), v6.18; names changed in 5.10 and 5.15, positions never).
 */
const CONNTRACK_NAMES: ReadonlyMap<string, string> = new Map([
  ['icmp_error', 'error'],
  ['clashres', 'clash_resolve'],
  ['chainlength', 'chaintoolong'],
]);

/** Counters that the form without `cpu=` prints, one a line; anything else there is not ours. */
const KNOWN_COUNTERS: ReadonlySet<string> = new Set([
  'entries',
  'searched',
  'found',
  'new',
  'invalid',
  'ignore',
  'delete',
  'delete_list',
  'insert',
  'insert_failed',
  'drop',
  'early_drop',
  'error',
  'icmp_error',
  'search_restart',
  'clash_resolve',
  'clashres',
  'chaintoolong',
  'chainlength',
  'expect_new',
  'expect_create',
  'expect_delete',
]);

const conntrackName = (name: string): string => CONNTRACK_NAMES.get(name) ?? name;

const CPU = /^[^A-Za-z]*cpu=(\d+)\s/;
const PAIR = /^([a-z][a-z0-9_]*)=(\d+)$/;
const SINGLE = /^\s*([a-z_]+)\s+(\d+)\s*$/;

export interface CountersReading {
  readonly statistics: CtStatistics;
}

/** Whether a line is made of counters: with cpu= in front, or (cut or edited) of two known ones at least. */
export function looksLikeCounters(text: string): boolean {
  if (CPU.test(text)) return /\b(?:found|invalid|expect_new|searched)=/.test(text);
  if (!text.includes('insert_failed=') && !text.includes('search_restart=')) return false;
  return text.split(/\s+/).filter((word) => KNOWN_COUNTERS.has(PAIR.exec(word)?.[1] ?? '')).length >= 2;
}

/**
 * Reads a line of `name=value` counters of one CPU.
 * @param position number of the line among its like, from 0: the CPU where the line names none
 * @returns the counters, or why the line cannot be read. Words that are no counters ('[..]') are left out.
 */
export function readCounters(text: string, position: number): CountersReading | Unreadable {
  const cpu = CPU.exec(text);
  const values: Record<string, number> = {};
  for (const word of text.split(/\s+/)) {
    const pair = PAIR.exec(word);
    if (pair !== null && pair[1] !== 'cpu') values[conntrackName(pair[1]!)] = Number(pair[2]);
    else if (/^[a-z_]+=/.test(word) && !word.startsWith('cpu=')) {
      const name = word.slice(0, word.indexOf('='));
      return { reason: `${name}= has no readable value`, at: text.indexOf(word) };
    }
  }
  if (Object.keys(values).length === 0) return { reason: 'no counter with its value', at: 0 };
  return { statistics: { cpu: cpu === null ? position : Number(cpu[1]), values } };
}

/** A counter and its total over all CPUs, one a line, as conntrack 0.9 printed them; NULL for any other line. */
export function readTotal(text: string): { readonly name: string; readonly value: number } | null {
  const found = SINGLE.exec(text);
  if (found === null || !KNOWN_COUNTERS.has(found[1]!)) return null;
  return { name: conntrackName(found[1]!), value: Number(found[2]) };
}

/** Column names of /proc/net/stat/nf_conntrack; NULL when the line is not that header. */
export function readProcHeader(text: string): readonly string[] | null {
  const names = text.trim().split(/\s+/);
  if (names[0] !== 'entries' || names.length < 8) return null;
  return names.includes('insert_failed') && names.includes('early_drop') ? names.map(conntrackName) : null;
}

/**
 * Reads one CPU's row of hexadecimal columns.
 * @param header from readProcHeader
 * @returns the counters ('entries' included, which repeats the namespace's count), or why they cannot be read; NULL for another line
 */
export function readProcRow(
  text: string,
  header: readonly string[],
  position: number,
): CountersReading | Unreadable | null {
  const words = text.trim().split(/\s+/);
  if (!words.every((word) => /^[0-9a-f]{1,8}$/.test(word)) || !/^[0-9a-f]{8}$/.test(words[0]!)) return null;
  const short = words.findIndex((word) => word.length < 8);
  if (short >= 0) return { reason: 'a column is cut', at: text.lastIndexOf(words[short]!) };
  if (words.length !== header.length)
    return { reason: `${words.length} columns under ${header.length} names`, at: text.length };
  const values: Record<string, number> = {};
  for (const [index, name] of header.entries()) values[name] = Number.parseInt(words[index]!, 16);
  return { statistics: { cpu: position, values } };
}
