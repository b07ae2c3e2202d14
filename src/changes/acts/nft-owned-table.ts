// A table of ours that the kernel itself removes when we are gone: an nft holds the netlink socket that owns it, and we hold that nft.

import { HostError } from '../../host/host.js';
import type { WriteHost } from '../../host/write-host.js';
import type { NftOwnedTableAct } from '../../model/change.js';
import { firstLine } from '../change-host.js';
import type { ActKind } from './act-kind.js';
import { countsOf, listingOf, steady } from './nft-table.js';

/** Ten seconds at least: each look takes time of its own. */
const MOST_LOOKS = 400;
const STEP_MS = 25;

/** nft reads a command a line from its prompt: the whole table on one, so that it is one transaction. */
export function oneLine(script: string): string {
  return script
    .trim()
    .replaceAll(/\{\n\s*/g, '{ ')
    .replaceAll(/\n\s*/g, '; ');
}

/** Whether the process is still the nft that we started: numbers of processes are given out again. */
function isHolder(act: NftOwnedTableAct, host: WriteHost): boolean {
  if (act.holderPid === null) return false;
  const words = host.readOrNull(`/proc/${act.holderPid}/cmdline`)?.split('\0') ?? [];
  return /(^|\/)nft$/.test(words[0] ?? '') && words[1] === '-i';
}

async function until(is: () => Promise<boolean> | boolean): Promise<boolean> {
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    if (await is()) return true;
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  return false;
}

export const nftOwnedTableKind: ActKind<NftOwnedTableAct> = {
  is: 'nft-owned-table',
  says: (act) => `table ${act.family} ${act.table}`,
  saysBack: (act) => `table ${act.family} ${act.table} removed`,
  // Pasted, nobody holds it: nft would take it along when it ends.
  doing: (act) => [
    `nft -f - <<'END'\n${act.script
      .replace(' { flags owner; }', '')
      .replace(/^ *flags owner\n/m, '')
      .trimEnd()}\nEND`,
  ],
  undoing: (act) => [
    act.holderPid === null
      ? `nft delete table ${act.family} ${act.table}`
      : `kill ${act.holderPid}   # nft -i, its owner`,
  ],
  async look(act, host, netns) {
    const found = await listingOf(act, host, netns);
    if (found === null) return { is: 'before', found: 'no such table' };
    if (act.listing === null || steady(act.listing) === steady(found))
      return { is: 'after', found: `there${await countsOf(act, host, netns)}` };
    return { is: 'other', found: 'there, with other rules than ctwhy put into it' };
  },
  async apply(act, host, netns) {
    if (netns !== undefined)
      throw new HostError('failed', 'nft', 'a table with an owner is made from within its network namespace');
    const holder = host.startHeld('nft', ['-i'], `${oneLine(act.script)}\n`);
    let listing: string | null = null;
    await until(async () => {
      listing = await listingOf(act, host, netns);
      return listing !== null || !holder.isRunning() || holder.complaints() !== '';
    });
    if (listing === null) {
      host.endProcess(holder.pid);
      throw new HostError('failed', 'nft', `nft -i: ${firstLine(holder.complaints()) || 'it did not make the table'}`);
    }
    return { ...act, listing, holderPid: holder.pid };
  },
  async revert(act, host, netns) {
    if (isHolder(act, host)) host.endProcess(act.holderPid!);
    const isGone = await until(async () => (await listingOf(act, host, netns)) === null);
    if (!isGone) throw new HostError('failed', 'nft', `table ${act.family} ${act.table} is still there`);
  },
};
