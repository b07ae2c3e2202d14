// How is V8 kept from giving short-lived objects more room the longer an ingest runs?

import { setFlagsFromString } from 'node:v8';

/**
 * The young generation of this thread keeps the size it has (some megabytes), where it would double up to three times 16 MB.
 * Reading makes much garbage and keeps nothing of it: with the smaller room it takes the same time and 20 MB less.
 * Its largest size is fixed when V8 starts; the factor it grows by is read whenever it would grow
 * (V8 src/heap/new-spaces.cc: SemiSpaceNewSpace::Grow(), 11.3).
 */
export function keepYoungSpaceSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
