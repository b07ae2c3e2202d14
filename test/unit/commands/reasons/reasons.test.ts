// What do `ctwhy reasons list` and `show` say?

import { describe, expect, it } from 'vitest';
import { REASONS, reasonById } from '../../../../src/catalogue/all-reasons.js';
import { parseKernelVersion } from '../../../../src/catalogue/kernel-version.js';
import { createMessageCatalogue } from '../../../../src/catalogue/match-message.js';
import { documentText, reasonDocument } from '../../../../src/commands/reasons/document.js';
import { type ReasonFilter, reasonRows, selectReasons } from '../../../../src/commands/reasons/rows.js';

const catalogue = createMessageCatalogue();
const NONE: ReasonFilter = { kernel: null, proto: null, outcome: null, message: null };
const select = (filter: Partial<ReasonFilter>): readonly string[] =>
  selectReasons({ ...NONE, ...filter }, catalogue).map((reason) => reason.id);

describe('reasons list', () => {
  it('shows all without a filter, and only what the kernel has with one', () => {
    expect(select({})).toHaveLength(REASONS.length);
    expect(select({ kernel: parseKernelVersion('6.18') })).not.toContain('dccp-truncated');
  });

  it('filters by protocol and by the outcome on that kernel', () => {
    const invalid = { proto: 'TCP', outcome: 'invalid' };
    expect(select({ ...invalid, kernel: parseKernelVersion('5.10') })).toContain('tcp-seq-under-lower-bound');
    expect(select({ ...invalid, kernel: parseKernelVersion('6.18') })).not.toContain('tcp-seq-under-lower-bound');
  });

  it('finds the entry of a pasted message, and all entries for a piece of one', () => {
    const line = 'nf_ct_proto_6: packet (index 3) in dir 0 invalid, state SYN_SENT IN=eth0 OUT= SRC=192.0.2.1';
    expect(select({ message: line })).toEqual(['tcp-invalid-state']);
    expect(select({ message: 'checksum' })).toEqual(
      expect.arrayContaining(['tcp-bad-checksum', 'icmpv6-bad-checksum']),
    );
    expect(select({ message: 'no such words' })).toEqual([]);
  });

  it('prints the message of that kernel', () => {
    const reason = reasonById('tcp-invalid-state');
    if (reason === null) throw new Error('missing');
    expect(reasonRows([reason], parseKernelVersion('5.4'))[0]?.message).toBe('invalid state');
    expect(reasonRows([reason], parseKernelVersion('6.18'))[0]).toMatchObject({
      outcome: 'INVALID',
      shown: 'log-invalid',
      message: 'packet (index %d) in dir %d invalid, state %s',
    });
  });
});

describe('reasons show', () => {
  it('fits 80 columns for every entry, with and without a kernel', () => {
    for (const kernel of [null, parseKernelVersion('5.15'), parseKernelVersion('4.18.0-513.el8.x86_64')]) {
      for (const reason of REASONS) {
        const wide = documentText(reasonDocument(reason, kernel))
          .split('\n')
          .filter((line) => line.length > 80);
        expect(wide, reason.id).toEqual([]);
      }
    }
  });

  it('says both outcomes when the kernel leaves it open', () => {
    const reason = reasonById('tcp-ack-under-lower-bound');
    if (reason === null) throw new Error('missing');
    const open = documentText(reasonDocument(reason, null));
    expect(open).toContain('ACCEPT or INVALID');
    expect(open).toContain('until 6.0: INVALID');
    const old = documentText(reasonDocument(reason, parseKernelVersion('5.10')));
    expect(old.split('\n')[0]).toMatch(/^tcp-ack-under-lower-bound {2,}tcp {2}INVALID$/);
    expect(old).toContain('Counter   invalid');
  });
});
