// With which kernel and which settings did the tracker judge? Both from the evidence, as far as it tells, and what was told instead.

import { holds, type KernelVersion, parseKernelVersion } from '../../catalogue/kernel-version.js';
import { type Sysctl, sysctlByName } from '../../catalogue/sysctls.js';
import { TRACKER_SYSCTLS, trackerSysctl } from '../../tracker/settings.js';
import type { HostContext } from '../explain/case.js';

export interface ReplaySettings {
  readonly kernel: KernelVersion;
  readonly kernelIs: 'evidence' | 'given' | 'assumed';
  /** Short name to value: what the evidence shows and what was set. */
  readonly sysctls: Readonly<Record<string, number>>;
  /** Names whose value nobody read: the kernel's defaults stand for them. */
  readonly assumed: readonly string[];
}

/** Kernels that stand for all of their time where the evidence names none, the newest first. */
export const STANDING_FOR_ALL: readonly string[] = ['6.18', '6.1', '5.10', '4.19'];

export function kernelOf(release: string): KernelVersion {
  const kernel = parseKernelVersion(release);
  if (kernel === null) throw new RangeError(`'${release}' is no kernel release`);
  return kernel;
}

/** Settings that the evidence shows, as last read at or before a moment (the earliest reading when none is earlier). */
export function settingsOf(host: HostContext, atUs: number | null, kernel: KernelVersion | null): ReplaySettings {
  const known = kernel ?? host.kernel;
  const settled = known ?? kernelOf(STANDING_FOR_ALL[0]!);
  const sysctls: Record<string, number> = {};
  const taken = (id: number) => host.snapshots.find((one) => one.id === id)?.takenAtUs ?? null;
  for (const row of host.sysctls) {
    const name = trackerSysctl(row.name);
    const value = Number(row.value);
    if (name === null || row.value === null || !Number.isSafeInteger(value) || value < 0) continue;
    if (!exists(sysctlByName(name), settled)) continue;
    const isLater = atUs !== null && (taken(row.snapshotId) ?? 0) > atUs;
    if (name in sysctls && isLater) continue;
    sysctls[name] = value;
  }
  const own = TRACKER_SYSCTLS.filter((name) => exists(sysctlByName(name), settled));
  return {
    kernel: settled,
    kernelIs: kernel !== null ? 'given' : host.kernel !== null ? 'evidence' : 'assumed',
    sysctls,
    assumed: own.filter((name) => !(name in sysctls)),
  };
}

function exists(sysctl: Sysctl | null, kernel: KernelVersion): boolean {
  return sysctl !== null && holds(sysctl.versions, kernel) !== 'no';
}

/** The same settings on another kernel: what that one does not have is left out. */
export function onKernel(settings: ReplaySettings, kernel: KernelVersion): ReplaySettings {
  const kept = Object.entries(settings.sysctls).filter(([name]) => exists(sysctlByName(name), kernel));
  return { ...settings, kernel, sysctls: Object.fromEntries(kept) };
}
