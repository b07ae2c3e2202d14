import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareValue } from '../../../../src/analysis/ruleset/compare.js';
import { impliedBy } from '../../../../src/analysis/ruleset/given.js';
import { FIELD_READERS } from '../../../../src/analysis/ruleset/packet-fields.js';
import type { Condition } from '../../../../src/model/ruleset.js';
import { rule } from './packets.js';

/** The condition that an option of a rule is. */
function conditions(specification: string): readonly Condition[] {
  return rule(specification).conditions;
}

function asks(given: string, asked: string) {
  return impliedBy(conditions(given), conditions(asked).at(-1)!);
}

describe('what is known of a packet decides a condition', () => {
  it.each([
    ['-s 192.0.2.0/24', '-s 192.0.2.0/25', 'unknown'],
    ['-s 192.0.2.0/24', '-s 192.0.0.0/16', 'yes'],
    ['-s 192.0.2.0/24', '-s 198.51.100.0/24', 'no'],
    ['-s 192.0.2.0/24', '! -s 198.51.100.0/24', 'yes'],
    ['! -s 192.0.2.0/24', '-s 192.0.2.9', 'no'],
    ['! -s 192.0.2.0/24', '-s 198.51.100.1', 'unknown'],
    ['! -s 192.0.2.0/24', '! -s 192.0.2.9', 'yes'],
    ['-m iprange --src-range 192.0.2.1-192.0.2.9', '-s 192.0.2.0/28', 'yes'],
    ['-p tcp --sport 1024:65535', '-p tcp --sport 2000', 'unknown'],
    ['-p tcp --sport 1024:65535', '-p tcp --sport 22', 'no'],
    ['-p tcp --sport 1024:65535', '-p tcp ! --sport 22', 'yes'],
    ['-p tcp -m multiport --dports 80,443', '-p tcp --dport 80:443', 'yes'],
    ['-p tcp -m multiport --dports 80,443', '-p tcp -m multiport --dports 80,443,8080', 'yes'],
    ['! -p tcp', '-p tcp', 'no'],
    ['-i eth+', '-i eth0', 'unknown'],
    ['-i eth0', '-i eth+', 'yes'],
    ['-i eth+', '-i wan0', 'no'],
    ['! -i eth+', '-i eth0', 'no'],
    ['-p tcp --syn', '-p tcp --tcp-flags SYN,ACK SYN', 'yes'],
    ['-p tcp --syn', '-p tcp --tcp-flags ACK ACK', 'no'],
    ['-p tcp --syn', '-p tcp --tcp-flags ALL SYN', 'unknown'],
    ['-p tcp ! --syn', '-p tcp --syn', 'no'],
    ['-m mark --mark 0x10/0xf0', '-m mark --mark 0x10/0x30', 'yes'],
    ['-m mark --mark 0x10/0xf0', '-m mark --mark 0x20/0xf0', 'no'],
    ['-m mark --mark 0x10/0xf0', '-m mark --mark 0x11', 'unknown'],
    ['-p icmp --icmp-type 3', '-p icmp --icmp-type 3/4', 'unknown'],
    ['-p icmp --icmp-type 3/4', '-p icmp --icmp-type 3', 'yes'],
    ['-p icmp ! --icmp-type 8', '-p icmp --icmp-type 8', 'no'],
  ])('%s: %s is %s', (given, asked, truth) => {
    expect(asks(given, asked)).toBe(truth);
  });

  it('takes all that is known of a field together', () => {
    const given = [...conditions('-p tcp --dport 1:100'), ...conditions('-p tcp ! --dport 1:50')];
    expect(impliedBy(given, conditions('-p tcp --dport 51:100').at(-1)!)).toBe('yes');
    expect(impliedBy(given, conditions('-p tcp --dport 20:50').at(-1)!)).toBe('no');
  });

  it('never contradicts a packet that has all of it', () => {
    const port = fc.integer({ min: 1, max: 40 });
    const range = fc.tuple(port, port, fc.boolean()).map(
      ([a, b, isNegated]): Condition => ({
        field: 'dport',
        isNegated,
        values: [`${Math.min(a, b)}:${Math.max(a, b)}`],
        text: '',
        group: null,
      }),
    );
    const holds = (condition: Condition, value: number) =>
      (compareValue(FIELD_READERS['dport']!.kind, condition.values[0]!, value) === 'yes') !== condition.isNegated;
    fc.assert(
      fc.property(fc.array(range, { maxLength: 3 }), range, (given, asked) => {
        const possible = Array.from({ length: 42 }, (_, value) => value).filter((value) =>
          given.every((one) => holds(one, value)),
        );
        if (possible.length === 0) return;
        const truth = impliedBy(given, asked);
        const answers = new Set(possible.map((value) => holds(asked, value)));
        if (truth === 'yes') expect([...answers]).toEqual([true]);
        else if (truth === 'no') expect([...answers]).toEqual([false]);
        // Nothing given, nothing known; otherwise 'unknown' is said only where both are possible.
        else if (given.length > 0 && asked.values[0] !== '1:40')
          expect(answers.size === 2 || asked.isNegated).toBe(true);
      }),
    );
  });
});
