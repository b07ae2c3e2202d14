import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { iptablesListForm } from '../../../../src/parsers/forms/ruleset-iptables-list.js';
import { readForm, rulesOf, short } from '../read-form.js';

const HEAD = 'num      pkts      bytes target     prot opt in     out     source               destination         ';

function listing(rules: readonly string[], head = HEAD): string {
  return ['Chain INPUT (policy DROP 12 packets, 3456 bytes)', head, ...rules, ''].join('\n');
}

function conditionsOf(rest: string, target = 'ACCEPT'): string[] {
  const rule = `1           0        0 ${target.padEnd(10)} 0    --  *      *       0.0.0.0/0            0.0.0.0/0            ${rest}`;
  const read = readForm(iptablesListForm, listing([rule]));
  expect(read.unread).toEqual([]);
  return short(rulesOf(read.rulesets[0])[0]?.conditions ?? []);
}

describe('iptables -L -n -v -x --line-numbers', () => {
  const text = listing([
    '1           5      300 ACCEPT     all  --  lo     *       0.0.0.0/0            0.0.0.0/0           ',
    '2           0        0 ours       tcp  -f  !eth+  *       192.0.2.0/24        !198.51.100.7         tcp spts:1024:65535 dpts:!1:1023 flags:!0x17/0x02',
    '3           0        0            17   --  *      eth1    0.0.0.0/0            0.0.0.0/0            udp dpt:53',
    '4           0        0 user       0    --  *      *       0.0.0.0/0            0.0.0.0/0           [goto] ',
    '5           0        0 LOG        0    --  *      *       0.0.0.0/0            0.0.0.0/0            limit: avg 3/min burst 10 LOG flags 47 level 7 prefix "say "hi" x: "',
  ]);
  const [ruleset] = readForm(iptablesListForm, text).rulesets;
  const rules = rulesOf(ruleset);

  it('reads counters, policy and number', () => {
    expect(ruleset?.chains[0]).toMatchObject({
      table: 'filter',
      name: 'INPUT',
      policy: 'DROP',
      policyPackets: 12,
      policyBytes: 3456,
      hook: 'INPUT',
      priority: 0,
    });
    expect(rules.map((rule) => [rule.number, rule.packets, rule.bytes])).toEqual([
      [1, 5, 300],
      [2, 0, 0],
      [3, 0, 0],
      [4, 0, 0],
      [5, 0, 0],
    ]);
  });

  it('reads a rule without target and columns that are negated', () => {
    expect(short(rules[1]?.conditions ?? [])).toEqual([
      'src=192.0.2.0/24',
      '!dst=198.51.100.7',
      '!in=eth*',
      'proto=tcp',
      'fragment=',
      'sport=1024:65535',
      '!dport=1:1023',
      '!tcp-flags=FIN,SYN,RST,ACK/SYN',
    ]);
    expect(rules[2]).toMatchObject({ target: null, verdict: null });
    expect(short(rules[2]?.conditions ?? [])).toEqual(['out=eth1', 'proto=udp', 'dport=53']);
    expect(rules[3]).toMatchObject({ jump: 'user', isGoto: true });
  });

  it('gives the text a person would write', () => {
    expect(rules[0]?.text).toBe('-A INPUT -i lo -j ACCEPT');
    expect(rules[1]?.text).toBe(
      '-A INPUT -s 192.0.2.0/24 ! -d 198.51.100.7 ! -i eth+ -p tcp -f -m tcp --sport 1024:65535 ! --dport 1:1023 ! --tcp-flags 0x17 0x02 -j ours',
    );
  });

  it('reads a log prefix with quotes in it', () => {
    expect(rules[4]).toMatchObject({ logPrefix: 'say "hi" x: ', conditionsBeforeLog: 1 });
    expect(rules[4]?.targetOptions).toContain('--log-uid');
  });
});

describe('what the matches print', () => {
  it.each([
    ['state NEW,ESTABLISHED', ['ctstate=NEW,ESTABLISHED']],
    ['! ctstate NEW,DNAT ctdir REPLY', ['!ctstate=NEW,DNAT', 'ctdir=REPLY']],
    [
      'ctproto 6 ctorigsrc 192.0.2.1 ! ctrepldst 203.0.113.2',
      ['ctproto=tcp', 'ctorigsrc=192.0.2.1', '!ctrepldst=203.0.113.2'],
    ],
    ['multiport sports  !80,443', ['!sport=80,443']],
    ['icmptype 3 code 4', ['icmp-type=3/4']],
    ['icmp !type 0', ['!icmp-type=0']],
    ['mark match ! 0x4000/0x4000', ['!mark=0x4000/0x4000']],
    ['connmark match  0x10/0xff', ['ctmark=0x10/0xff']],
    ['ADDRTYPE match dst-type LOCAL', ['addrtype-dst=LOCAL']],
    ['TTL match TTL < 5', ['ttl=0:4']],
    ['tos match0x10/0x3f', ['tos=0x10/0x3f']],
    ['tos match Minimize-Delay', ['tos=0x10/0x3f']],
    ['MAC ! 02:00:00:00:00:01', ['!mac=02:00:00:00:00:01']],
    ['source IP range ! 192.0.2.5-192.0.2.9', ['!src=192.0.2.5-192.0.2.9']],
    ['! match-set badport src,dst', ['!set=badport src,dst']],
    ['PHYSDEV match --physdev-in eth0 --physdev-is-bridged', ['physin=eth0', 'physdev-is-bridged=']],
    ['! owner UID match 33', ['!uid=33']],
    [
      'recent: UPDATE seconds: 60 hit_count: 4 name: ssh side: source mask: 255.255.255.255 tcp dpt:22',
      ['other=recent', 'dport=22'],
    ],
    ['STRING match  "evil x" ALGO name bm TO 65535', ['other=string']],
    ['something new here 5 state NEW', ['other=unknown', 'ctstate=NEW']],
  ])('%s', (printed, conditions) => {
    expect(conditionsOf(printed)).toEqual(conditions);
  });

  it('takes comments out of the way', () => {
    const rule =
      '1           0        0 ACCEPT     0    --  *      *       0.0.0.0/0            0.0.0.0/0            /* for "state NEW" */ state INVALID';
    const [read] = rulesOf(readForm(iptablesListForm, listing([rule])).rulesets[0]);
    expect(read?.comment).toBe('for "state NEW"');
    expect(short(read?.conditions ?? [])).toEqual(['ctstate=INVALID']);
  });
});

describe('lesser listings', () => {
  it('rounds counters only where they were printed so, and says it', () => {
    const head = ' pkts bytes target     prot opt in     out     source               destination         ';
    const { rulesets } = readForm(
      iptablesListForm,
      listing(
        ['30424  127M ACCEPT     all  --  *      *       0.0.0.0/0            0.0.0.0/0            state NEW'],
        head,
      ),
    );
    expect(rulesOf(rulesets[0])[0]).toMatchObject({ packets: 30424, bytes: 127_000_000 });
    expect(rulesets[0]?.notes.join()).toContain('rounded');
  });

  it('does not claim that a rule has no interface when none is shown', () => {
    const text =
      'Chain INPUT (policy ACCEPT)\ntarget     prot opt source               destination         \nACCEPT     tcp  --  anywhere             192.0.2.0/24         tcp dpt:http-alt';
    expect(short(rulesOf(readForm(iptablesListForm, text).rulesets[0])[0]?.conditions ?? [])).toEqual([
      'dst=192.0.2.0/24',
      'proto=tcp',
      'dport=8080',
      'not-shown=in,out',
    ]);
  });

  it('finds the addresses when the opt column is empty, as old ip6tables left it', () => {
    const text =
      'Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination         \n    0     0 ACCEPT     icmpv6    eth0   *       2001:db8::/32        ::/0                 ipv6-icmptype 135';
    const [ruleset] = readForm(iptablesListForm, text).rulesets;
    expect(ruleset?.family).toBe('ip6');
    expect(short(rulesOf(ruleset)[0]?.conditions ?? [])).toEqual([
      'src=2001:db8::/32',
      'in=eth0',
      'proto=icmpv6',
      'icmpv6-type=135',
    ]);
  });

  it('tells the table by its built-in chains, one listing after the other', () => {
    const chain = (name: string) =>
      `Chain ${name} (policy ACCEPT)\ntarget     prot opt source               destination         \n`;
    const text = ['INPUT', 'FORWARD', 'OUTPUT', 'PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map(chain).join('\n');
    const { rulesets } = readForm(iptablesListForm, text);
    expect(rulesets).toHaveLength(1);
    expect(rulesets[0]?.chains.map((one) => `${one.table} ${one.name}`)).toEqual([
      'filter INPUT',
      'filter FORWARD',
      'filter OUTPUT',
      'nat PREROUTING',
      'nat INPUT',
      'nat OUTPUT',
      'nat POSTROUTING',
    ]);
  });

  it('keeps numbers when lines were cut out', () => {
    const { rulesets } = readForm(
      iptablesListForm,
      listing(['3           0        0 DROP       all  --  *      *       0.0.0.0/0            0.0.0.0/0           ']),
    );
    expect(rulesOf(rulesets[0]).map((rule) => [rule.number, rule.verdict])).toEqual([
      [1, null],
      [2, null],
      [3, 'DROP'],
    ]);
  });
});

it('never throws, cut anywhere or garbled', () => {
  const text = listing([
    '1  5 300 ACCEPT all -- lo * 0.0.0.0/0 0.0.0.0/0 state NEW /* x */ LOG flags 0 level 4 prefix "a"',
  ]);
  fc.assert(fc.property(fc.nat(text.length), (length) => void readForm(iptablesListForm, text.slice(0, length))));
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom(...text.split('\n')))),
      (lines) => void readForm(iptablesListForm, lines.join('\n')),
    ),
  );
});
