import { describe, expect, it } from 'vitest';
import { orderOf } from '../../../src/analysis/explain/order.js';

describe('order of records', () => {
  it('trusts one source by its lines', () => {
    expect(
      orderOf({ atUs: 5, errorUs: 100, sourceId: 1, line: 2 }, { atUs: 5, errorUs: 100, sourceId: 1, line: 3 }),
    ).toBe('before');
  });

  it('says nothing between two sources within their errors together', () => {
    expect(orderOf({ atUs: 1000, errorUs: 300, sourceId: 1 }, { atUs: 1500, errorUs: 300, sourceId: 2 })).toBe('same');
    expect(orderOf({ atUs: 1000, errorUs: 200, sourceId: 1 }, { atUs: 1500, errorUs: 200, sourceId: 2 })).toBe(
      'before',
    );
    expect(orderOf({ atUs: 2500, errorUs: 200, sourceId: 1 }, { atUs: 1500, errorUs: 200, sourceId: 2 })).toBe('after');
  });

  it('knows nothing without a time, and nothing surely without an error', () => {
    expect(orderOf({ atUs: null, errorUs: null }, { atUs: 1, errorUs: 1 })).toBe('unknown');
    expect(orderOf({ atUs: 1, errorUs: null, sourceId: 1 }, { atUs: 9e15, errorUs: 0, sourceId: 2 })).toBe('unknown');
  });
});
