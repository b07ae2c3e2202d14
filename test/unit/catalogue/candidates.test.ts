// Without a message: are the reasons that remain the right ones, most specific first, and none that cannot be?

import { describe, expect, it } from 'vitest';
import { reasonById } from '../../../src/catalogue/all-reasons.js';
import { reasonsForPacket, type UnexplainedPacket } from '../../../src/catalogue/candidates.js';
import { parseKernelVersion } from '../../../src/catalogue/kernel-version.js';

const PACKET: UnexplainedPacket = {
  proto: 6,
  family: 'ip',
  flags: null,
  icmpType: null,
  incompleteBytes: null,
  isFragment: false,
  state: 'INVALID',
  hasEntry: 'unknown',
  looseSysctl: null,
  message: null,
};
const ids = (packet: Partial<UnexplainedPacket>, release: string | null = '6.18.44'): readonly string[] =>
  reasonsForPacket({ ...PACKET, ...packet }, release === null ? null : parseKernelVersion(release)).map(
    ({ reason }) => reason.id,
  );

describe('reasonsForPacket', () => {
  it.each([
    [{ flags: 'ACK FIN', hasEntry: 'no' }, 'tcp-invalid-new'],
    [{ flags: 'ACK PSH', hasEntry: 'no', looseSysctl: false }, 'tcp-loose-disabled'],
    [{ flags: 'SYN FIN' }, 'tcp-invalid-flags'],
    [{ incompleteBytes: 2 }, 'tuple-unreadable'],
    [{ incompleteBytes: 8 }, 'tcp-short-header'],
    [{ proto: 1, icmpType: 0, hasEntry: 'no' }, 'icmp-cannot-create-new'],
    [{ proto: 1, icmpType: 3 }, 'icmp-error-no-entry'],
    [{ proto: 1, icmpType: 10 }, 'icmp-no-inverse-type'],
    [{ proto: 58, family: 'ip6', icmpType: 2 }, 'icmpv6-error-no-entry'],
    [{ proto: null, family: 'ip6', isFragment: true }, 'ipv6-fragment-malformed'],
    [{ state: 'NEW', flags: 'SYN', hasEntry: 'no' }, 'tcp-new-syn'],
    [{ state: 'NEW', flags: 'ACK', hasEntry: 'no', looseSysctl: true }, 'tcp-new-midstream-loose'],
    [{ state: 'NEW', proto: 50 }, 'generic-new'],
  ] as const)('%j begins with %s', (packet, first) => {
    expect(ids(packet)[0]).toBe(first);
  });

  it('leaves out what contradicts the packet', () => {
    expect(ids({ flags: 'ACK', hasEntry: 'no', looseSysctl: true })).not.toContain('tcp-loose-disabled');
    expect(ids({ flags: 'ACK FIN', hasEntry: 'yes' })).not.toContain('tcp-invalid-new');
    expect(ids({ proto: 17 }).filter((id) => id.startsWith('tcp-'))).toEqual([]);
  });

  it('leaves out what would have been printed, if it would have been seen', () => {
    const seen = { flags: 'ACK FIN', hasEntry: 'no', wouldBeLogged: 'yes' } as const;
    expect(ids(seen, '6.18')).not.toContain('tcp-invalid-new');
    expect(ids(seen, '5.15.3')).toContain('tcp-invalid-new');
    expect(ids(seen, null)).toContain('tcp-invalid-new');
  });

  it('knows that the kernel decides: accepted since 6.1, INVALID before', () => {
    const late = { flags: 'ACK', hasEntry: 'yes' } as const;
    expect(ids(late, '5.10.1')).toContain('tcp-ack-under-lower-bound');
    expect(ids(late, '6.1.1')).not.toContain('tcp-ack-under-lower-bound');
    expect(ids(late, null)).toContain('tcp-ack-under-lower-bound');
  });

  it('says what is still open', () => {
    const found = reasonsForPacket({ ...PACKET, flags: 'ACK' }, parseKernelVersion('6.18'));
    const loose = found.find(({ reason }) => reason === reasonById('tcp-loose-disabled'));
    expect(loose).toMatchObject({ isComplete: false, open: ['hasEntry', 'looseSysctl'] });
  });

  it('always leaves the possibility that conntrack never looked', () => {
    expect(ids({ flags: 'ACK FIN', hasEntry: 'no' }).at(-1)).toBe('not-seen-by-conntrack');
  });
});
