// Garbage is collected at once where waiting for V8 to do it would cost room or worse.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Lets go now what was let go of: V8 counts neither the buffers of files nor the tables of entries, and sorting indexes takes their
 * room, too, before it looks. Takes some milliseconds where the heap is small.
 */
export function collectNow(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
