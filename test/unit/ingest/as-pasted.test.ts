import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutPaste } from '../../../src/ingest/as-pasted.js';

const ESC = String.fromCharCode(27);

describe('what a paste puts around a line', () => {
  it.each([
    ['> udp 17 29 src=192.0.2.1', 'udp 17 29 src=192.0.2.1'],
    ['>> > -A INPUT -j DROP', '-A INPUT -j DROP'],
    ['`[7:420] -A INPUT -j DROP`', '[7:420] -A INPUT -j DROP'],
    ['IP 192.0.2.1.80 &gt; 198.51.100.7.4000: Flags [S.]', 'IP 192.0.2.1.80 > 198.51.100.7.4000: Flags [S.]'],
    ['tcp\u00a0\u00a06 src=192.0.2.1', 'tcp  6 src=192.0.2.1'],
    [`src=${ESC}[01;31m${ESC}[K192.0.2.1${ESC}[m${ESC}[K dst`, 'src=192.0.2.1 dst'],
  ])('%s', (pasted, plain) => {
    expect(withoutPaste(pasted)).toBe(plain);
  });

  it.each(['```bash', '[UFW BLOCK] IN=eth0 OUT=', 'a > b & c', '&unknown; <tag>'])('leaves %s as it is', (line) => {
    expect(withoutPaste(line)).toBe(line);
  });

  it('answers whatever a line holds', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (line) => void withoutPaste(line)));
  });
});
