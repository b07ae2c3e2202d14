import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describePacket } from '../../../../src/analysis/packet-path/described-packet.js';
import { packetWords } from '../../../../src/commands/path/packet-words.js';
import { UsageError } from '../../../../src/text/errors.js';

function described(text: string) {
  const { conditions, family } = packetWords(text);
  return describePacket(conditions, family, null);
}

describe('--packet', () => {
  it('reads single values as fields of the packet', () => {
    const { packet, facts, states } = described('-p tcp -s 192.0.2.5 --dport smtp -i eth0 -m conntrack --ctstate NEW');
    expect(packet).toMatchObject({ family: 'ip', proto: 6, src: '192.0.2.5', dport: 25, inIf: 'eth0', sport: null });
    expect(facts.given).toEqual([]);
    expect(states).toEqual(['NEW']);
  });

  it('reads negations, ranges, prefixes and masks as what is known', () => {
    const { packet, facts } = described(
      '! -s 192.0.2.0/24 -p tcp --sport 1024:65535 -i eth+ --tcp-flags SYN,ACK SYN --mark 0x10/0xf0',
    );
    expect(packet).toMatchObject({ src: null, sport: null, inIf: null, mark: null, proto: 6 });
    expect(facts.given.map(({ field, isNegated, values }) => [field, isNegated, values])).toEqual([
      ['src', true, ['192.0.2.0/24']],
      ['in', false, ['eth*']],
      ['sport', false, ['1024:65535']],
      ['tcp-flags', false, ['SYN,ACK/SYN']],
      ['mark', false, ['0x10/0xf0']],
    ]);
  });

  it('knows the family by its addresses, types and switches', () => {
    expect(described('-s 2001:db8::1').packet.family).toBe('ip6');
    expect(described('--icmpv6-type echo-request').packet).toMatchObject({ family: 'ip6', proto: 58, icmpType: 128 });
    expect(described('-6 --dport 25').packet.family).toBe('ip6');
    expect(described('--dport 25')).toMatchObject({ packet: { family: 'ip' }, isFamilyAssumed: true });
    expect(described('-4 --dport 25').isFamilyAssumed).toBe(false);
  });

  it('takes ports without -p for TCP or UDP, and --syn for TCP', () => {
    expect(described('--dport 25').facts.given.map(({ values }) => values)).toEqual([['tcp', 'udp']]);
    expect(described('--syn').packet.proto).toBe(6);
    expect(described('--icmp-type 8').packet).toMatchObject({ proto: 1, icmpType: 8 });
  });

  it('leaves the states that its tests leave', () => {
    expect(described('-p tcp').states).toEqual(['NEW', 'ESTABLISHED', 'RELATED', 'INVALID']);
    expect(described('! --ctstate INVALID,NEW').states).toEqual(['ESTABLISHED', 'RELATED']);
    expect(described('--state UNTRACKED').states).toEqual(['UNTRACKED']);
  });

  it.each([
    ['-p tcpp', "'tcpp' will not do"],
    ['-s host.example', "'host.example' will not do"],
    ['-s 192.0.2.1/33', "'192.0.2.1/33' will not do"],
    ['--dport 99999', "'99999' will not do"],
    ['--dport 30:20', "'30:20' will not do"],
    ['--ctstate NEW,FOO', "'FOO' will not do"],
    ['-p tcp --tcp-flags SYN,XYZ SYN', 'will not do'],
    ['-p udp --syn', "'--syn' needs -p tcp, not udp"],
    ['-p icmp --dport 25', "'--dport 25' needs -p tcp"],
    ['-j DROP', '-j DROP is what a rule does'],
    ['foo', "'foo' is nothing that a packet can be described by"],
    ['-p tcp --foo 3', "'--foo 3' is nothing"],
    ['-m recent --rcheck', 'is nothing'],
    ['-m limit --limit 3/min', 'is nothing'],
    ['-s 2001:db8::1 -d 192.0.2.1', 'IPv4 and IPv6'],
    ['-4 -6', '-4 and -6'],
    ['-p tcp -p udp', 'it names two of'],
    ['-p tcp --dport', '--dport misses its value'],
    ['-i interfacewithalongname', '15 characters'],
    ['', 'it says nothing'],
    ['-s "192.0.2.1', 'a quote is opened'],
  ])('refuses %s', (text, why) => {
    expect(() => packetWords(text)).toThrow(UsageError);
    expect(() => packetWords(text)).toThrow(why);
  });

  it('answers any text with a packet or a usage error', () => {
    const word = fc.constantFrom(
      '-p',
      'tcp',
      '!',
      '-s',
      '192.0.2.1',
      '--dport',
      '25',
      '-m',
      'conntrack',
      '--ctstate',
      'NEW',
      '-6',
      '"',
      '=',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join(' ')),
        ),
        (text) => {
          try {
            described(text);
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
          }
        },
      ),
    );
  });
});
