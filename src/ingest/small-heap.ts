// How is V8 kept from taking more room for garbage the longer an ingest runs?

import { setFlagsFromString } from 'node:v8';

/**
 * The young generation keeps the size it has (some megabytes), where it would double up to three times 16 MB, and the old one is
 * cleaned up when it has grown by a quarter, where V8 would let it grow fourfold. Reading makes much garbage and keeps nothing of
 * it. To be called in every thread that reads, once it runs: flags are of the process, and each new thread's heap sets the
 * factor back to two (V8 src/heap/heap.cc: Heap::ConfigureHeap(), 11.3). What a heap may grow to at most is fixed when it is
 * made; these are read whenever it would grow (src/heap/new-spaces.cc: SemiSpaceNewSpace::Grow(),
 * src/heap/memory-controller.cc: MemoryController::GrowingFactor()).
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=25');
}
