// Entries of the table that a filter holds now: their other tuple is what the same connection looks like behind NAT.

import type { ReadHost } from '../host/host.js';
import type { CtEntry } from '../model/conntrack.js';
import { conntrackListForm } from '../parsers/forms/conntrack-list.js';
import { readText } from './read-text.js';

/** A dump of a bigger table takes too long to be asked for in passing. */
const BIGGEST_TABLE = 300_000;

/** All entries of the namespace; NULL where they cannot be read, or are too many for this. */
export async function readEntries(host: ReadHost): Promise<readonly CtEntry[] | null> {
  const count = Number(host.readOrNull('/proc/sys/net/netfilter/nf_conntrack_count')?.trim() ?? 0);
  if (count === 0) return [];
  if (count > BIGGEST_TABLE || host.find('conntrack') === null) return null;
  const entries: CtEntry[] = [];
  for (const family of ['ipv4', 'ipv6']) {
    const args = ['-L', '-f', family, '-o', 'extended'];
    const listed = await host.run('conntrack', args, { timeoutMs: 30_000 }).catch(() => null);
    if (listed?.exitStatus !== 0) return null;
    for (const record of readText(conntrackListForm, listed.stdout, `conntrack ${args.join(' ')}`))
      if (record.kind === 'ct-entry') entries.push(record.entry);
  }
  return entries;
}
