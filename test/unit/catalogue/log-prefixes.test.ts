import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PREFIX_PATTERNS, prefixMeaning } from '../../../src/catalogue/log-prefixes.js';

describe('what a LOG prefix says', () => {
  const examples = PREFIX_PATTERNS.flatMap((entry) => entry.examples.map((example) => [example, entry] as const));

  it.each(examples)('%s belongs to its own pattern', (example, { state, fate }) => {
    expect(prefixMeaning(example)).toMatchObject({ state, fate });
  });

  it('gives each pattern an origin and an example', () => {
    for (const { origin, examples: own } of PREFIX_PATTERNS)
      expect([origin.length > 2, own.length > 0]).toEqual([true, true]);
  });

  it.each([
    ['STATE_INVALID_DROP: ', 'INVALID', 'dropped'],
    ['Denied_INVALID', 'INVALID', 'dropped'],
    ['DROP INVALID ', 'INVALID', 'dropped'],
    ['[FW:DropInvalid] ', 'INVALID', 'dropped'],
    ['iptables denied: ', null, 'dropped'],
    ['IPTables-Dropped: ', null, 'dropped'],
    ['nft drop ', null, 'dropped'],
    ['INVALID: ', 'INVALID', null],
    ['not invalid: ', null, null],
    ['inv-fwd ', 'INVALID', null],
    ['nft-inv: ', 'INVALID', null],
    ['DROP_CTINV ', 'INVALID', 'dropped'],
    ['invoices ', null, null],
    ['not dropped: ', null, null],
    ['new !syn ', 'NEW', null],
    ['!NEW ', null, null],
    ['RELATED,ESTABLISHED ', null, null],
    ['accept or drop ', null, null],
    ['raw INVALID drop ', null, null],
    ['renewed dropbox ', null, null],
    ['', null, null],
  ])('%s: %s, %s', (prefix, state, fate) => {
    expect(prefixMeaning(prefix)).toMatchObject({ state, fate });
  });

  it('answers whatever a prefix holds', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 130 }), (prefix) => void prefixMeaning(prefix)));
  });
});
