// What every kind of act can do: tell what it is, find out how things stand, make it so, and take it back.

import type { WriteHost } from '../../host/write-host.js';
import type { Act } from '../../model/change.js';
import type { NetnsPath } from '../change-host.js';

/**
 * How things stand now. 'before': not there, or as it was; 'after': as the change made it; 'other': somebody else's hand.
 * found says in words what is there.
 */
export interface Standing {
  readonly is: 'before' | 'after' | 'other';
  readonly found: string;
}

export interface ActKind<A extends Act> {
  readonly is: A['is'];
  /** One short line for plans and lists: 'log_invalid 0 -> 6'. */
  says(act: A): string;
  /** The same after it was taken back: 'log_invalid is 0 again'. */
  saysBack(act: A): string;
  /** The commands a person would type to do it, one entry a command (an entry may hold several lines). */
  doing(act: A): readonly string[];
  /** And to take it back. */
  undoing(act: A): readonly string[];
  /** @throws HostError when it cannot be found out */
  look(act: A, host: WriteHost, netns: NetnsPath): Promise<Standing>;
  /** Does it. Returns the act with what was learnt doing it. @throws HostError with what the kernel or the program said */
  apply(act: A, host: WriteHost, netns: NetnsPath): Promise<A>;
  /** Takes it back; only called when look() said 'after'. @throws HostError */
  revert(act: A, host: WriteHost, netns: NetnsPath): Promise<void>;
  /** What cannot be taken back: it is neither verified nor undone, but listed. */
  readonly stays?: true;
  /** It lies on the disk: it is there after a reboot, and in no network namespace. */
  readonly isLasting?: true;
  /** Several changes may need the same thing: the name they share it under. Absent: each has its own. */
  sharedAs?(act: A): string;
}
