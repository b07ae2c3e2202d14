// What a question of `ctwhy doctor` is: its words, and an answer worked out from facts alone.

import { type KernelVersion, parseKernelVersion } from '../../catalogue/kernel-version.js';
import type { Answer } from '../../model/diagnosis.js';
import type { HostFacts } from '../../model/host-setup.js';
import { protocolName } from '../../text/protocols.js';

export interface Asked {
  readonly facts: HostFacts;
  /** NULL: the kernel is not known, and nothing is said of versions. */
  readonly kernel: KernelVersion | null;
}

export interface Question {
  readonly id: string;
  /** Ends the sentence 'can it tell …'. */
  readonly words: string;
  /** Left out for evidence: it asks how the host is set for what comes. */
  readonly isOfHostOnly?: boolean;
  readonly answer: (asked: Asked) => Answer;
}

export function asked(facts: HostFacts): Asked {
  return { facts, kernel: facts.kernelRelease === null ? null : parseKernelVersion(facts.kernelRelease) };
}

/** log_invalid's value as people say it. */
export function logInvalidName(value: number): string {
  if (value === 0) return 'off';
  return value === 255 ? 'all protocols' : protocolName(value).toUpperCase();
}

export const SYSCTL_FILE = '/etc/sysctl.d/90-conntrack.conf';
export const MODULES_FILE = '/etc/modules-load.d/conntrack.conf';

/** For a host whose kernel has it, the settings of conntrack exist only once the module is there, and sysctl.d is read early. */
export const NEEDS_MODULE = { file: MODULES_FILE, line: 'nf_conntrack' } as const;

/** The package of conntrack-tools by distribution. */
export function conntrackPackage(distribution: readonly string[]): string {
  const rows: readonly (readonly [RegExp, string])[] = [
    [/^(debian|ubuntu)$/, 'apt install conntrack'],
    [/^(rhel|fedora|centos)$/, 'dnf install conntrack-tools'],
    [/^openwrt$/, 'opkg install conntrack'],
    [/^(suse|opensuse|sles)$/, 'zypper install conntrack-tools'],
    [/^alpine$/, 'apk add conntrack-tools'],
    [/^arch$/, 'pacman -S conntrack-tools'],
  ];
  return rows.find(([pattern]) => distribution.some((word) => pattern.test(word)))?.[1] ?? 'install conntrack-tools';
}

/** What brings the module of the kernel log's logger where it is not installed. */
export function loggerPackage({ distribution, kernelRelease }: HostFacts): string {
  const release = kernelRelease ?? '$(uname -r)';
  const rows: readonly (readonly [RegExp, string])[] = [
    [/^ubuntu$/, `apt install linux-modules-${release}`],
    [/^debian$/, `apt install --reinstall linux-image-${release}`],
    [/^(rhel|fedora|centos)$/, `dnf install kernel-modules-${release}`],
    [/^openwrt$/, 'opkg install kmod-nf-log kmod-nf-log6'],
  ];
  return (
    rows.find(([pattern]) => distribution.some((word) => pattern.test(word)))?.[1] ??
    'install the modules of this kernel'
  );
}
