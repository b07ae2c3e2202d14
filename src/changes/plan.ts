// What would be changed, before anything is: acts with their before and after, and what the person must know of them.

import type { WriteHost } from '../host/write-host.js';
import type { Act, Change, ChangeKind, ChangePlace, SysctlAct } from '../model/change.js';
import { sharedName } from './acts/index.js';
import { placeOfSetting } from './acts/sysctl.js';
import { type NetnsPath, readIn } from './change-host.js';
import { pastedDoing } from './pasted.js';

export interface Plan {
  readonly kind: ChangeKind;
  /** One line for the list: 'log_invalid 0 -> 6'. */
  readonly what: string;
  /** The number of the change names its table and marks its rules. In the order they are made. */
  readonly acts: (number: number) => readonly Act[];
  /** How long it lasts; NULL: until it is undone. */
  readonly forMs: number | null;
  readonly isStanding: boolean;
  /** What the kernel cannot unlearn afterwards. */
  readonly stays: readonly string[];
  /** As the journal keeps them (model/change.ts). */
  readonly marks?: Pick<Change, 'onlyProtos' | 'startedTracking'>;
  /** What it costs or brings, a sentence each. */
  readonly warnings: readonly string[];
  /** Where what it shows will appear, a sentence each. */
  readonly seeAt: readonly string[];
}

/** What planning looks at. */
export interface PlanContext {
  readonly host: WriteHost;
  readonly netns: NetnsPath;
  readonly place: ChangePlace;
  /** Changes of ours that are not ended, oldest first. */
  readonly live: readonly Change[];
}

/** The newest of our live acts on the same thing; NULL when none of ours is on it. */
export function heldBy<A extends Act>(act: A, { live, place }: Pick<PlanContext, 'live' | 'place'>): A | null {
  const name = sharedName(act, place.netnsInode);
  if (name === null) return null;
  for (const change of [...live].reverse())
    for (const other of [...change.acts].reverse())
      if (sharedName(other, change.place.netnsInode) === name) return other as A;
  return null;
}

/**
 * The act that sets a shared setting, or nothing where it has the value by somebody else's will.
 * A value that another change of ours set is held as well, so that ending that change leaves it to this one.
 * @param wanted the value to have, given the one there is
 * @throws HostError when the setting cannot be read
 */
export async function planSysctl(
  context: PlanContext,
  setting: Pick<SysctlAct, 'name' | 'path' | 'inFirstNetns'>,
  wanted: (before: string) => string,
): Promise<readonly SysctlAct[]> {
  const netns = await placeOfSetting(setting, context.host, context.netns);
  const before = await readIn(context.host, netns, setting.path);
  const after = wanted(before);
  const draft: SysctlAct = { is: 'sysctl', ...setting, before, after, original: before };
  const held = heldBy(draft, context);
  if (held === null || held.after !== before) return before === after ? [] : [draft];
  return [{ ...draft, original: held.original }];
}

/** The commands of a plan as a person could paste them. */
export function planCommands(acts: readonly Act[], label: string | null = null): readonly string[] {
  return acts.filter((act) => !isHeld(act)).flatMap((act) => pastedDoing(act, label));
}

/** Whether the act only keeps what another change of ours already made. */
export function isHeld(act: Act): boolean {
  return (act.is === 'sysctl' || act.is === 'callsite') && act.before === act.after;
}
