// Which kernel is the recorder on, and what does that change in what it must see? Only what proofs ask.

import { release } from 'node:os';

/** Version of the running kernel without the builder's own suffix: '6.1.0'. */
export function kernelVersion(): string {
  return /^[\d.]+/.exec(release())?.[0] ?? release();
}

/** '6.1': what a fixture recorded on another kernel carries behind its name. */
export function kernelSeries(): string {
  return /^\d+\.\d+/.exec(release())?.[0] ?? kernelVersion();
}

export function isKernelSince(series: string): boolean {
  const [major = 0, minor = 0] = kernelSeries().split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = series.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
