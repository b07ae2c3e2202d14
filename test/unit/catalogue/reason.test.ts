// Does the answer follow the kernel version, and widen when the version does not settle it?

import { describe, expect, it } from 'vitest';
import { reasonById } from '../../../src/catalogue/all-reasons.js';
import { parseKernelVersion } from '../../../src/catalogue/kernel-version.js';
import { evidenceOf, outcomeOf, type Reason } from '../../../src/catalogue/reason.js';

function reason(id: string): Reason {
  const found = reasonById(id);
  if (found === null) throw new Error(`no entry ${id}`);
  return found;
}

describe('outcomeOf', () => {
  it.each([
    ['tcp-seq-under-lower-bound', '6.0.19', ['INVALID']],
    ['tcp-seq-under-lower-bound', '6.1.0-18-amd64', ['ACCEPT']],
    ['tcp-seq-under-lower-bound', null, ['ACCEPT', 'INVALID']],
    ['tcp-bytes-more-than-expected', '5.15.0-91-generic', ['INVALID']],
    ['tcp-bytes-more-than-expected', '5.10.200', []],
    ['tcp-packet-ignored', '2.6.32', ['ACCEPT']],
    ['dccp-truncated', '6.18.1', []],
    ['gre-ipv6-unsupported', '5.10.0-30-amd64', ['INVALID']],
    ['gre-ipv6-unsupported', '5.12', []],
  ] as const)('%s on %s: %j', (id, release, expected) => {
    expect(outcomeOf(reason(id), release === null ? null : parseKernelVersion(release))).toEqual(expected);
  });
});

describe('evidenceOf', () => {
  it.each([
    ['tcp-invalid-new', '6.6.30', ['debug']],
    ['tcp-invalid-new', '6.7', ['log-invalid']],
    ['tcp-invalid-new', '5.14.0-427.el9.x86_64', ['log-invalid', 'debug']],
    ['tcp-short-header', '4.20.1', ['silent']],
    ['tcp-short-header', '4.19.1', ['log-invalid']],
    ['tuple-unreadable', null, ['silent', 'debug']],
    ['helper-not-assigned', '6.1', ['silent']],
  ] as const)('%s on %s: %j', (id, release, expected) => {
    expect(evidenceOf(reason(id), release === null ? null : parseKernelVersion(release))).toEqual(expected);
  });
});
