// Are releases of all vendors read, and does an unknown or backported kernel widen the answer?

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  between,
  compareKernelVersions,
  holds,
  type KernelVersion,
  parseKernelVersion,
  since,
  until,
} from '../../../src/catalogue/kernel-version.js';

function kernel(release: string): KernelVersion {
  const version = parseKernelVersion(release);
  if (version === null) throw new Error(`not a release: ${release}`);
  return version;
}

describe('parseKernelVersion', () => {
  it.each([
    ['6.1.0-18-amd64', 'debian', 6, 1, null, '6.1'],
    ['5.10.0-30-cloud-amd64', 'debian', 5, 10, null, '5.10'],
    ['6.1.0-0.deb11.13-amd64', 'debian', 6, 1, null, '6.1'],
    ['6.12.107+deb13-amd64', 'debian', 6, 12, 107, '6.12'],
    ['5.15.0-91-generic', 'ubuntu', 5, 15, null, '5.15'],
    ['6.8.0-1012-aws', 'ubuntu', 6, 8, null, '6.8'],
    ['5.15.0-1051-azure', 'ubuntu', 5, 15, null, '5.15'],
    ['4.18.0-513.9.1.el8_9.x86_64', 'rhel', 4, 18, 0, '5.13'],
    ['5.14.0-427.el9.aarch64', 'rhel', 5, 14, 0, '6.14'],
    ['3.10.0-1160.el7.x86_64', 'rhel', 3, 10, 0, '4.14'],
    ['2.6.32-754.el6.x86_64', 'rhel', 2, 6, 32, '3.10'],
    ['6.1.11-1.el8.elrepo.x86_64', 'vendor', 6, 1, 11, '6.1'],
    ['2.6.32-042stab145.3', 'openvz', 2, 6, 32, '3.10'],
    ['5.14.21-150500.55.83-default', 'suse', 5, 14, 21, '6.4'],
    ['6.9.1-1-default', 'mainline', 6, 9, 1, '6.9'],
    ['5.15.134', 'mainline', 5, 15, 134, '5.15'],
    ['5.10.149-android13-4-00003-g1234abcd', 'android', 5, 10, 149, '5.10'],
    ['4.14.180-perf+', 'android', 4, 14, 180, '4.14'],
    ['5.10.199-190.747.amzn2.x86_64', 'amazon', 5, 10, 199, '5.10'],
    ['6.5.11-7-pve', 'vendor', 6, 5, 11, '6.5'],
    ['5.15.133.1-microsoft-standard-WSL2', 'vendor', 5, 15, 133, '5.15'],
    ['6.18.44-fc-v657', 'mainline', 6, 18, 44, '6.18'],
    ['6.19.0-rc3-00045-gabcdef', 'mainline', 6, 19, 0, '6.19'],
    ['5.14-rc5', 'mainline', 5, 14, null, '5.14'],
    ['2.6.32', 'mainline', 2, 6, 32, '2.6.32'],
  ] as const)('%s', (release, flavour, major, minor, patch, to) => {
    const version = kernel(release);
    expect(version).toMatchObject({ release, flavour, major, minor, patch, to });
    expect(version.isBackported).toBe(version.from !== version.to);
  });

  it('finds the release in uname -a and /proc/version, and the stable release that Debian hides', () => {
    expect(kernel('Linux version 5.15.0-91-generic (buildd@example) #101-Ubuntu SMP').release).toBe(
      '5.15.0-91-generic',
    );
    expect(kernel('Linux gw 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01) x86_64').patch).toBe(76);
    expect(kernel('v6.1').from).toBe('6.1');
  });

  it('answers null for what is no release, and never throws', () => {
    for (const text of ['', 'generic', 'x.y', '-']) expect(parseKernelVersion(text)).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => parseKernelVersion(text) !== undefined));
  });
});

describe('compareKernelVersions', () => {
  it('orders numbers, not text, and 2.6 before 3', () => {
    const sorted = ['6.10', '2.6.38', '5.4.7', '6.9', '2.6.9', '5.4.12'].map(kernel).sort(compareKernelVersions);
    expect(sorted.map((version) => version.release)).toEqual(['2.6.9', '2.6.38', '5.4.7', '5.4.12', '6.9', '6.10']);
  });
});

describe('holds', () => {
  it('counts both ends in, whatever the stable level', () => {
    const range = between('4.15', '6.0');
    expect(['4.14.300', '4.15.0', '6.0.19', '6.1.1'].map((release) => holds(range, kernel(release)))).toEqual([
      'no',
      'yes',
      'yes',
      'no',
    ]);
    expect(holds(until('2.6.32'), kernel('2.6.33'))).toBe('no');
  });

  it('does not guess for an unknown kernel', () => {
    expect(holds(since('6.1'), null)).toBe('unknown');
    expect(holds({ since: null, until: null }, null)).toBe('yes');
  });

  it('is unknown for a backported kernel where the range ends within what it may be', () => {
    const el8 = kernel('4.18.0-513.el8.x86_64');
    expect(holds(since('5.12'), el8)).toBe('unknown');
    expect(holds(since('6.1'), el8)).toBe('no');
    expect(holds(since('4.15'), el8)).toBe('yes');
  });

  it('is unknown between two sampled releases and in stable series that took the change', () => {
    expect(holds(since('4.9', { maybeSince: '4.5' }), kernel('4.6'))).toBe('unknown');
    expect(holds(since('4.9', { maybeSince: '4.5' }), kernel('4.4.302'))).toBe('no');
    const range = since('6.0', { blurredIn: ['5.15'] });
    expect(holds(range, kernel('5.15.0-91-generic'))).toBe('unknown');
    expect(holds(range, kernel('5.15.0'))).toBe('no');
    expect(holds(range, kernel('5.10.200'))).toBe('no');
  });

  it('is no where a later release of the series is known to lack the change', () => {
    const range = since('7.1', { blurredIn: ['5.10', '6.1'], lackedBy: ['5.10.0-32-amd64 (Debian 5.10.223-1)'] });
    for (const older of ['5.10.0-32-amd64', '5.10.0-9-cloud-amd64', '5.10.223', '5.10.7']) {
      expect(holds(range, kernel(older)), older).toBe('no');
    }
    for (const open of ['5.10.0-33-amd64', '5.10.224', '6.1.0-18-amd64', '5.10.0-1-generic']) {
      expect(holds(range, kernel(open)), open).toBe('unknown');
    }
  });
});
