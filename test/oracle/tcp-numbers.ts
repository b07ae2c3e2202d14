// Windows and options as they stand in real headers, and as no stack would write them.

import type { Random } from './random.js';

export const WINDOWS = [0, 1, 100, 1024, 14_600, 29_200, 65_535] as const;

/** What a SYN may carry: MSS, window scale (also beyond 14), SACK permitted, in several orders, with and without an end. */
export function synOptions(random: Random): string {
  const scale = random.pick([0, 1, 2, 7, 14, 15, 200]).toString(16).padStart(2, '0');
  return random.weigh([
    [`020405b4010303${scale}`, 5],
    [`020405b40402080a0000000100000000010303${scale}`, 8],
    ['020405b4', 3],
    ['020405b401010402', 3],
    ['', 2],
    [`010303${scale}04020000`, 2],
    [`000303${scale}`, 1],
    [`0303${scale}0104020101`, 1],
  ]);
}

/** One or two SACK blocks near `end`. */
export function sackOptions(random: Random, end: number): string {
  const blocks = Array.from({ length: 1 + random.below(2) }, () => {
    const right = end + random.pick([0, 0, 1, -1, -100, 100, -5000]);
    return hex(right - 100) + hex(right);
  });
  const size = (2 + 8 * blocks.length).toString(16).padStart(2, '0');
  return `010105${size}${blocks.join('')}`;
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
