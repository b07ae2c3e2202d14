import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv6Text, macText } from '../../../../src/parsers/capture/octets.js';
import { canonicalAddress } from '../../../../src/text/address.js';

describe('octets', () => {
  it('writes every IPv6 address as canonicalAddress does', () => {
    const group = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.constant(0xffff), fc.nat(0xffff));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const bytes = Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 255]));
        expect(ipv6Text(bytes, 0)).toBe(canonicalAddress(groups.map((value) => value.toString(16)).join(':')));
      }),
      { numRuns: 3000 },
    );
  });

  it('writes link layer addresses of any length', () => {
    expect(macText(Uint8Array.from([9, 0, 0x5e, 0xff]), 1, 3)).toBe('00:5e:ff');
    expect(macText(Uint8Array.from([]), 0, 0)).toBe('');
  });
});
