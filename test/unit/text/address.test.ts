import { describe, expect, it } from 'vitest';
import { canonicalAddress, isInPrefix } from '../../../src/text/address.js';

describe('canonicalAddress', () => {
  it.each([
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['10.0.0.1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['X.X.X.X', 'X.X.X.X'],
    ['010.0.0.1', '010.0.0.1'],
  ])('%s is %s', (given, canonical) => {
    expect(canonicalAddress(given)).toBe(canonical);
  });
});

describe('isInPrefix', () => {
  it('matches by prefix length, by netmask and exactly, within one family only', () => {
    expect(isInPrefix('10.1.2.3', '10.0.0.0/8')).toBe(true);
    expect(isInPrefix('10.1.2.3', '10.1.0.0/255.255.0.0')).toBe(true);
    expect(isInPrefix('11.1.2.3', '10.0.0.0/8')).toBe(false);
    expect(isInPrefix('10.1.2.3', '10.1.2.3')).toBe(true);
    expect(isInPrefix('fd00::5', 'fd00::/64')).toBe(true);
    expect(isInPrefix('fd00::5', '10.0.0.0/8')).toBe(false);
    expect(isInPrefix('10.1.2.3', '10.0.0.0/99')).toBe(false);
  });
});
