import { describe, expect, it } from 'vitest';
import { matchRule } from '../../../../src/analysis/ruleset/match-rule.js';
import type { PacketFacts } from '../../../../src/analysis/ruleset/packet-facts.js';
import type { Packet } from '../../../../src/model/packet.js';
import { facts, nftRule, packet, rule, rulesets } from './packets.js';

type Case = readonly [
  specification: string,
  packet: Partial<Packet>,
  facts: Partial<PacketFacts>,
  result: 'match' | 'no-match' | 'unknown',
];

describe('iptables rules', () => {
  it.each<Case>([
    ['-p tcp --dport 25 -j ACCEPT', {}, {}, 'match'],
    ['-p tcp --dport 1:24 -j ACCEPT', {}, {}, 'no-match'],
    ['-p tcp ! --dport 1:24 -j ACCEPT', {}, {}, 'match'],
    ['-p udp --dport 25 -j ACCEPT', {}, {}, 'no-match'],
    ['-p tcp --dport 25 -j ACCEPT', { dport: null }, {}, 'unknown'],
    ['-p tcp ! --dport 22 -j ACCEPT', { fragmentOffsetBytes: 1480, dport: null }, {}, 'no-match'],
    ['-m multiport -p tcp --dports 22,25,80:90 -j ACCEPT', {}, {}, 'match'],
    ['-m multiport -p tcp --ports 40000 -j ACCEPT', {}, {}, 'match'],
    ['-s 192.0.2.0/24 -j ACCEPT', {}, {}, 'match'],
    ['! -s 192.0.2.0/24 -j ACCEPT', {}, {}, 'no-match'],
    ['-s 192.0.2.0/255.0.255.0 -j ACCEPT', { src: '192.77.2.5' }, {}, 'match'],
    ['-m iprange --src-range 192.0.2.0-192.0.2.1 -j ACCEPT', {}, {}, 'match'],
    ['-s mail.example.org -j ACCEPT', {}, {}, 'unknown'],
    ['-i eth+ -j ACCEPT', {}, {}, 'match'],
    ['-i wlan0 -j ACCEPT', {}, {}, 'no-match'],
    ['-o eth1 -j ACCEPT', { outIf: 'eth1' }, { hook: 'INPUT' }, 'no-match'],
    ['-o eth1 -j ACCEPT', { outIf: '' }, { hook: 'FORWARD' }, 'unknown'],
    ['-p tcp --syn -j ACCEPT', {}, {}, 'match'],
    ['-p tcp --syn -j ACCEPT', { flags: 'ACK SYN' }, {}, 'no-match'],
    ['-p tcp --tcp-flags ALL NONE -j DROP', { flags: '' }, {}, 'match'],
    ['-p icmp --icmp-type 3/4 -j ACCEPT', { proto: 1, icmpType: 3, icmpCode: 4 }, {}, 'match'],
    ['-p icmp --icmp-type 3/4 -j ACCEPT', { proto: 1, icmpType: 3, icmpCode: 1 }, {}, 'no-match'],
    ['-p icmp ! --icmp-type 8 -j ACCEPT', {}, {}, 'no-match'],
    ['-m mark --mark 0x4000/0x4000 -j ACCEPT', {}, { mark: 0xc000 }, 'match'],
    ['-m mark --mark 0x1 -j ACCEPT', {}, { mark: null }, 'unknown'],
    ['-m length --length 50:70 -j ACCEPT', {}, {}, 'match'],
    ['-m ttl --ttl-lt 64 -j ACCEPT', {}, {}, 'no-match'],
    ['-m dscp --dscp 46 -j ACCEPT', { tos: 0x18, prec: 0xa0 }, {}, 'match'],
    ['-m tos --tos 0x10/0x3f -j ACCEPT', { tos: 0x10 }, {}, 'unknown'],
    ['-m tos --tos 0x08/0x3f -j ACCEPT', { tos: 0x10 }, {}, 'no-match'],
    ['-m owner --uid-owner 0 -j ACCEPT', { uid: 0 }, { hook: 'OUTPUT' }, 'match'],
    ['-m owner --uid-owner 0 -j ACCEPT', {}, { hook: 'FORWARD' }, 'no-match'],
    ['-m addrtype --dst-type LOCAL -j ACCEPT', {}, { localAddresses: ['198.51.100.1'] }, 'match'],
    ['-m addrtype --dst-type LOCAL -j ACCEPT', {}, {}, 'unknown'],
    ['-m addrtype --dst-type MULTICAST -j ACCEPT', { dst: '224.0.0.251' }, {}, 'match'],
    ['-p tcp -m tcpmss --mss 1400:1500 -j ACCEPT', { tcpOptions: '020405B40402080A00000000' }, {}, 'match'],
    ['-f -j DROP', { fragmentOffsetBytes: 1480 }, {}, 'match'],
    ['! -f -j DROP', {}, {}, 'match'],
    ['-m limit --limit 3/min -j LOG', {}, {}, 'unknown'],
    ['-m recent --rcheck -p udp -j DROP', {}, {}, 'no-match'],
    ['-m recent --rcheck -p tcp -j DROP', {}, {}, 'unknown'],
    ['-m set --match-set bad src -j DROP', {}, {}, 'unknown'],
  ])('%s', (specification, seen, known, result) => {
    expect(matchRule(rule(specification), packet(seen), facts(known)).result).toBe(result);
  });

  it('names the condition that failed and what the packet has instead', () => {
    const found = matchRule(rule('-p tcp --dport 22 -j ACCEPT'), packet(), facts());
    expect(found.failed?.field).toBe('dport');
    expect(found.because).toBe('--dport 22: it is 25');
  });
});

describe('conntrack tests', () => {
  const INVALID = { ctstate: 'INVALID' } as const;
  it.each<Case>([
    ['-m conntrack --ctstate INVALID -j DROP', {}, INVALID, 'match'],
    ['-m state ! --state NEW -j DROP', {}, INVALID, 'match'],
    ['-m conntrack --ctdir ORIGINAL -j DROP', {}, INVALID, 'no-match'],
    ['-m conntrack ! --ctdir REPLY -j DROP', {}, INVALID, 'no-match'],
    ['-m conntrack ! --ctstate NEW --ctdir REPLY -j DROP', {}, INVALID, 'match'],
    ['-m conntrack --ctstate INVALID,NEW --ctorigsrc 203.0.113.9 -j DROP', {}, INVALID, 'match'],
    ['-m conntrack --ctstate NEW --ctdir REPLY -j DROP', {}, INVALID, 'no-match'],
    ['-m conntrack --ctstate INVALID -m conntrack --ctdir REPLY -j DROP', {}, INVALID, 'no-match'],
    ['-m conntrack --ctstate NEW --ctdir REPLY -j DROP', {}, {}, 'no-match'],
    ['-m conntrack --ctstate NEW --ctdir ORIGINAL -j DROP', {}, {}, 'match'],
    ['-m conntrack --ctstate DNAT -j ACCEPT', {}, { ctstatus: ['DNAT'] }, 'match'],
    ['-m conntrack --ctstate DNAT -j ACCEPT', {}, {}, 'unknown'],
    ['-m conntrack --ctstate DNAT -j ACCEPT', {}, INVALID, 'no-match'],
    ['-m conntrack --ctstatus ASSURED -j ACCEPT', {}, { ctstatus: ['SEEN_REPLY', 'ASSURED'] }, 'match'],
    ['-m conntrack --ctstatus NONE -j ACCEPT', {}, { ctstatus: [] }, 'no-match'],
    ['-m conntrack --ctstate NEW -j ACCEPT', {}, { ctstate: null }, 'unknown'],
    ['-m conntrack --ctstate UNTRACKED -j ACCEPT', {}, { isUntracked: true }, 'match'],
    ['-m helper --helper ftp -j ACCEPT', {}, INVALID, 'no-match'],
    ['-m helper ! --helper ftp -j ACCEPT', {}, INVALID, 'match'],
    ['-m connmark ! --mark 1 -j ACCEPT', {}, INVALID, 'no-match'],
  ])('%s', (specification, seen, known, result) => {
    expect(matchRule(rule(specification), packet(seen), facts(known)).result).toBe(result);
  });

  it.each<Case>([
    ['ct state invalid drop', {}, INVALID, 'match'],
    ['ct state != new drop', {}, INVALID, 'match'],
    ['ct direction != reply drop', {}, INVALID, 'no-match'],
    ['ct state invalid ct direction original drop', {}, INVALID, 'no-match'],
    ['ct mark != 1 drop', {}, INVALID, 'no-match'],
    ['ct status != dnat accept', {}, { ctstatus: ['DNAT', 'CONFIRMED'] }, 'match'],
    ['ct status ! dnat accept', {}, { ctstatus: ['DNAT', 'CONFIRMED'] }, 'no-match'],
    ['ct status dnat accept', {}, { ctstatus: ['DNAT', 'CONFIRMED'] }, 'match'],
    ['ct status == dnat accept', {}, { ctstatus: ['DNAT', 'CONFIRMED'] }, 'no-match'],
  ])('nft: %s', (text, seen, known, result) => {
    expect(matchRule(nftRule(text), packet(seen), facts(known)).result).toBe(result);
  });

  it.each([
    ['PREROUTING', -300, 'eth0', 'match'],
    ['OUTPUT', -300, 'eth0', 'match'],
    ['PREROUTING', -200, 'eth0', 'match'],
    ['PREROUTING', -150, 'eth0', 'no-match'],
    ['INPUT', -300, 'eth0', 'no-match'],
    ['PREROUTING', -300, 'lo', 'no-match'],
  ])('before conntrack every packet is INVALID: %s %i %s', (hook, priority, inIf, result) => {
    const known = facts({ ctstate: 'ESTABLISHED', hook, priority, inIf });
    expect(matchRule(rule('-m state --state INVALID -j LOG'), packet({ inIf }), known).result).toBe(result);
  });
});

describe('nft rules', () => {
  it.each<Case>([
    ['ip saddr != 198.51.100.0/24 drop', {}, {}, 'match'],
    ['ip saddr != 198.51.100.0/24 drop', { family: 'ip6', src: '2001:db8::1' }, {}, 'no-match'],
    ['tcp dport != 22 drop', { proto: 17 }, {}, 'no-match'],
    ['tcp flags syn accept', { flags: 'ACK SYN' }, {}, 'match'],
    ['tcp flags ! syn accept', { flags: 'ACK' }, {}, 'match'],
    ['tcp flags == syn accept', { flags: 'ACK SYN' }, {}, 'no-match'],
    ['ip saddr . tcp dport { 192.0.2.1 . 25, 192.0.2.9 . 80 } accept', {}, {}, 'match'],
    ['ip saddr . tcp dport { 192.0.2.1 . 26 } accept', {}, {}, 'no-match'],
    ['ip saddr . tcp dport @pairs accept', {}, {}, 'unknown'],
    ['meta mark & 0x4000 != 0 accept', {}, { mark: 0x4000 }, 'match'],
    ['socket transparent 1 accept', {}, {}, 'unknown'],
    ['fib daddr type local accept', { dst: '127.0.0.1' }, {}, 'match'],
  ])('%s', (text, seen, known, result) => {
    expect(matchRule(nftRule(text), packet(seen), facts(known)).result).toBe(result);
  });
});

describe('named sets', () => {
  it.each([
    ['bad src', {}, 'match'],
    ['bad src', { src: '192.0.2.3' }, 'no-match'],
    ['pair src,dst', {}, 'match'],
    ['pair src,dst', { proto: 17 }, 'no-match'],
    ['both src', {}, 'match'],
    ['bad dst', {}, 'no-match'],
  ])('ipset %s', (words, seen, result) => {
    const [sets] = rulesets(
      'create bad hash:net family inet\nadd bad 192.0.2.0/28\nadd bad 192.0.2.3 nomatch\ncreate pair hash:ip,port\nadd pair 192.0.2.1,tcp:20-30\ncreate both list:set size 8\nadd both bad',
    );
    expect(
      matchRule(rule(`-m set --match-set ${words} -j DROP`), packet(seen), facts({ sets: sets?.sets ?? [] })).result,
    ).toBe(result);
  });

  it.each([
    ['ip saddr @bad drop', 'match'],
    ['ip saddr != @bad drop', 'no-match'],
    ['ip saddr . tcp dport @pairs drop', 'match'],
    ['iifname @ifs accept', 'no-match'],
  ])('nft %s', (text, result) => {
    const [ruleset] = rulesets(`table inet t {
 set bad { type ipv4_addr; flags interval; elements = { 192.0.2.0/28, 203.0.113.3-203.0.113.9 } }
 set pairs { type ipv4_addr . inet_service; elements = { 192.0.2.1 . 20-30 } }
 set ifs { type ifname; elements = { "eth1", "wlan*" } }
 chain c {
  ${text}
 }
}`);
    const found = ruleset?.chains[0]?.rules[0];
    expect(found && matchRule(found, packet(), facts({ sets: ruleset?.sets ?? [] })).result).toBe(result);
  });
});
