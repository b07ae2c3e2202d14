// Every kind of act. What a change consists of is looked up here by its word.

import type { Act, Change } from '../../model/change.js';
import type { ActKind } from './act-kind.js';
import { callsiteKind } from './callsite.js';
import { iptablesRuleKind } from './iptables-rule.js';
import { moduleKind } from './module.js';
import { nftOwnedTableKind } from './nft-owned-table.js';
import { nftRuleKind } from './nft-rule.js';
import { nftTableKind } from './nft-table.js';
import { sysctlKind } from './sysctl.js';
import { unitKind } from './unit.js';
import { unitFileKind } from './unit-file.js';

const KINDS: { readonly [K in Act['is']]: ActKind<Extract<Act, { is: K }>> } = {
  sysctl: sysctlKind,
  'nft-table': nftTableKind,
  'nft-owned-table': nftOwnedTableKind,
  'nft-rule': nftRuleKind,
  'iptables-rule': iptablesRuleKind,
  callsite: callsiteKind,
  module: moduleKind,
  'unit-file': unitFileKind,
  unit: unitKind,
};

/** What can be done with an act of this kind. */
export function kindOf<A extends Act>(act: A): ActKind<A> {
  return KINDS[act.is] as unknown as ActKind<A>;
}

/** Whether all of a change lies on the disk: a reboot does not end it. */
export function isLasting({ acts }: Pick<Change, 'acts'>): boolean {
  return acts.length > 0 && acts.every((act) => kindOf(act).isLasting === true);
}

/** Acts with the same answer share one thing of the host; NULL: this one is its own. */
export function sharedName(act: Act, netnsInode: number | null): string | null {
  const name = kindOf(act).sharedAs?.(act);
  if (name === undefined) return null;
  const isOfNetns = act.is === 'sysctl' && !act.inFirstNetns;
  return isOfNetns ? `${act.is} ${netnsInode} ${name}` : `${act.is} ${name}`;
}
