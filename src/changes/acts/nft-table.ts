// A table of ours in nf_tables. The kernel takes it and gives it back in one transaction; nothing of the user's is in it.

import { HostError } from '../../host/host.js';
import type { WriteHost } from '../../host/write-host.js';
import type { NftTableAct } from '../../model/change.js';
import { firstLine, mustRun, type NetnsPath } from '../change-host.js';
import type { ActKind } from './act-kind.js';

type TableName = Pick<NftTableAct, 'family' | 'table'>;

/** The table as nft prints it, without counters and without the elements of sets; NULL when it is not there. */
export async function listingOf(act: TableName, host: WriteHost, netns: NetnsPath): Promise<string | null> {
  const result = await host.run('nft', ['-s', '-t', 'list', 'table', act.family, act.table], {
    ...(netns === undefined ? {} : { netns }),
  });
  if (result.exitStatus === 0) return result.stdout.trim();
  if (/No such file or directory/.test(result.stderr)) return null;
  throw new HostError('failed', 'nft', `cannot list table ${act.family} ${act.table}: ${firstLine(result.stderr)}`);
}

/** ', 12 packets seen, 10 shown' from the counters of the table. */
export async function countsOf(act: TableName, host: WriteHost, netns: NetnsPath): Promise<string> {
  const args = ['list', 'counters', 'table', act.family, act.table];
  const result = await host.run('nft', args, { ...(netns === undefined ? {} : { netns }) });
  const count = (name: string) => new RegExp(`counter ${name} \\{\\s*packets (\\d+)`).exec(result.stdout)?.[1];
  const [seen, shown] = [count('seen'), count('shown')];
  return seen === undefined || shown === undefined ? '' : `: ${seen} packets seen, ${shown} shown`;
}

/** Timeouts of sets run down between two listings; the rest must be the same. */
export const steady = (listing: string) => listing.replace(/ expires \S+/g, '');

export const nftTableKind: ActKind<NftTableAct> = {
  is: 'nft-table',
  says: (act) => `table ${act.family} ${act.table}`,
  saysBack: (act) => `table ${act.family} ${act.table} removed`,
  doing: (act) => [`nft -f - <<'END'\n${act.script.trimEnd()}\nEND`],
  undoing: (act) => [`nft delete table ${act.family} ${act.table}`],
  async look(act, host, netns) {
    const found = await listingOf(act, host, netns);
    if (found === null) return { is: 'before', found: 'no such table' };
    // Before the listing was journaled the name alone tells; it is ours by its number.
    if (act.listing === null || steady(act.listing) === steady(found))
      return { is: 'after', found: `there${await countsOf(act, host, netns)}` };
    return { is: 'other', found: 'there, with other rules than ctwhy put into it' };
  },
  async apply(act, host, netns) {
    await mustRun(host, netns, 'nft', ['-f', '-'], { input: act.script });
    const listing = await listingOf(act, host, netns);
    if (listing === null)
      throw new HostError('failed', 'nft', `nft took table ${act.family} ${act.table}, but it is not there`);
    return { ...act, listing };
  },
  async revert(act, host, netns) {
    await mustRun(host, netns, 'nft', ['delete', 'table', act.family, act.table]);
  },
};
