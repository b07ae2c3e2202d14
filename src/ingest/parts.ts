// Which part of a snapshot a record is, and when a second listing of the same part begins.

import type { EvidenceRecord } from '../model/record.js';

export interface PartOfRecord {
  /** As snapshot_parts names it: 'list:main', 'stats', 'rules:ip:nft'. */
  readonly part: string;
  /** Finer than part: IPv4's and IPv6's listing are two runs of one part of one snapshot. */
  readonly key: string;
  /** What occurs once in a listing (a CPU, a name); its second occurrence begins another. NULL: nothing in the record tells. */
  readonly once: string | null;
}

const FACT_PARTS: Readonly<Record<string, string>> = {
  address: 'addresses',
  link: 'links',
  route: 'routes',
  rule: 'routing-rules',
  neigh: 'neighbours',
  offload: 'offload',
  module: 'modules',
  file: 'files',
  listener: 'listeners',
};

/** NULL for records that belong to no snapshot: lines, events, packets, statements. */
export function partOfRecord(record: EvidenceRecord): PartOfRecord | null {
  switch (record.kind) {
    case 'ct-entry': {
      const part = `list:${record.list}`;
      return { part, key: `${part}:${record.entry.family ?? familyOf(record.entry.orig.src)}`, once: null };
    }
    case 'expectation':
      return { part: 'expectations', key: 'expectations', once: null };
    case 'ct-statistics':
      return { part: 'stats', key: 'stats', once: String(record.statistics.cpu) };
    case 'ct-count':
      return record.what === 'shown' ? null : { part: 'count', key: 'count', once: record.what };
    case 'sysctl':
      return { part: 'sysctl', key: 'sysctl', once: record.name };
    case 'counter':
      return { part: 'counters', key: 'counters', once: record.name };
    case 'ruleset': {
      const { family, backend, form } = record.ruleset;
      const part = form === 'ipset' ? 'sets' : `rules:${family}:${backend}`;
      const tables = [...new Set(record.ruleset.chains.map((chain) => `${chain.family} ${chain.table}`))]
        .sort()
        .join(',');
      return { part, key: `${part}:${tables}`, once: 'ruleset' };
    }
    case 'socket':
      return { part: 'sockets', key: `sockets:${familyOf(record.socket.local)}:${record.socket.proto}`, once: null };
    case 'host-fact': {
      if (record.fact.kind === 'listed') {
        // Each listing of a snapshot has a last line of its own.
        const { what, shown } = record.fact.data;
        return { part: 'listed', key: `listed:${what}:${shown}:${record.line}`, once: null };
      }
      const part = FACT_PARTS[record.fact.kind] ?? record.fact.kind;
      return { part, key: `${part}:${factFamily(record.fact.data)}`, once: null };
    }
    default:
      return null;
  }
}

function familyOf(address: string): 'ip' | 'ip6' {
  return address.includes(':') ? 'ip6' : 'ip';
}

function factFamily(data: Readonly<Record<string, unknown>>): string {
  const said = [data['local'], data['dst'], data['gateway']].find(
    (value) => typeof value === 'string' && value !== 'default',
  );
  return typeof said === 'string' ? familyOf(said) : '';
}
