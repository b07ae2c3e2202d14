// The same of nft's forms, ipset and ip6tables: what the tools print of one ruleset says the same in every form.

import { describe, expect, it } from 'vitest';
import type { Ruleset } from '../../src/model/ruleset.js';
import { ipsetForm } from '../../src/parsers/forms/ruleset-ipset.js';
import { iptablesListForm } from '../../src/parsers/forms/ruleset-iptables-list.js';
import { iptablesSaveForm } from '../../src/parsers/forms/ruleset-iptables-save.js';
import { nftForm } from '../../src/parsers/forms/ruleset-nft.js';
import { nftJsonForm } from '../../src/parsers/forms/ruleset-nft-json.js';
import { inNamespace, obstacle, read, rulesIn, SETS } from '../lab/printed-rulesets.js';

/** The way back is asked in prerouting: 5.10 refuses the question in other hooks (net/netfilter/nft_fib.c: nft_fib_validate). */
const NFT = `table inet t {
  set bad { type ipv4_addr; flags interval, timeout; timeout 1h; elements = { 192.0.2.0/28 timeout 10m comment "x y", 198.51.100.3-198.51.100.9 }; }
  set dyn { type ipv4_addr; size 65535; flags dynamic,timeout; }
  set pairs { type ipv4_addr . inet_service; elements = { 192.0.2.1 . 80, 192.0.2.2 . 443 }; }
  map m1 { type ipv4_addr : verdict; elements = { 192.0.2.1 : jump u1, 192.0.2.2 : drop }; }
  counter c1 { packets 3 bytes 4; }
  ct helper ftph { type "ftp" protocol tcp; l3proto ip; }
  chain u1 { ip saddr 192.0.2.1 log prefix "two words: " level info flags tcp sequence,options flags ip options counter drop comment "it's x"; }
  chain in { type filter hook input priority filter + 10; policy drop;
    iif lo accept
    iifname { "eth0", "wlan*" } oifname != "br0" accept
    ct state established,related counter accept
    ct state { new, invalid } counter drop
    ct state ! established,related drop
    ct state vmap { established : accept, related : accept, invalid : drop }
    ct status dnat accept
    ct status != dnat accept
    ct direction != original accept
    ct original ip saddr 192.0.2.1 accept
    ct mark & 0xff == 0x10 accept
    meta mark & 0x4000 != 0 accept
    meta l4proto { tcp, udp } th dport 53 accept
    meta skgid != { 100-200 } accept
    ip saddr { 192.0.2.1, 198.51.100.0/24, 203.0.113.1-203.0.113.7 } accept
    ip saddr != @bad accept
    ip saddr & 255.0.255.0 == 192.0.2.0 accept
    ip6 daddr 2001:db8::1 tcp dport { 22, 80-90, 443 } accept
    ip saddr . tcp dport @pairs accept
    ip saddr . ip daddr . th dport { 192.0.2.1 . 198.51.100.1 . 80 } accept
    ip saddr vmap @m1
    tcp dport vmap { 22 : accept, 25-30 : goto u1 }
    tcp dport 22 ct state new limit rate 3/minute burst 5 packets accept
    counter name "c1" accept
    tcp sport 1024-65535 tcp dport != 22 drop
    tcp dport >= 1024 accept
    tcp flags syn,ack accept
    tcp flags & (fin|syn|rst|ack) == syn accept
    tcp flags & (fin|syn|rst|psh|ack|urg) == 0 drop
    tcp flags == syn accept
    tcp flags { syn, syn|ack } accept
    tcp option maxseg size 1-500 drop
    icmp type destination-unreachable icmp code 4 accept
    icmpv6 type { nd-neighbor-solicit, echo-request } accept
    ip ttl < 5 accept
    ip dscp != { cs1, 10 } accept
    ip frag-off & 0x1fff != 0 drop
    fib daddr type local accept
    numgen random mod 10 < 5 accept
    update @dyn { ip saddr timeout 10s }
    log prefix "grp" group 5 snaplen 80 queue-threshold 3
    meta mark set meta mark | 0x100
    reject with icmpx type admin-prohibited
    jump u1
    accept
  }
  chain pre { type filter hook prerouting priority raw + 10; policy accept;
    fib saddr . iif oif missing drop
  }
  chain po { type nat hook postrouting priority srcnat + 10; policy accept;
    ip saddr 192.0.2.0/24 oifname "eth0" masquerade fully-random
    oifname "eth1" snat ip to 203.0.113.5
  }
}
table netdev early { chain ing { type filter hook ingress device "lo" priority -500; policy accept; ip saddr 192.0.2.1 drop; }; }
table bridge br { chain f { type filter hook forward priority filter; policy accept; ether type arp accept; }; }
`;

describe.skipIf(obstacle !== null)('nft', () => {
  const script = `ip link set lo up\nnft -f - <<'EOF' || exit 1\n${NFT}EOF\n`;
  const print = [
    'nft list ruleset',
    'nft -a list ruleset',
    'nft -s list ruleset',
    'nft -nn list ruleset',
    'nft -j list ruleset',
  ].map((how) => `echo "@@ ${how}"; ${how}`);
  const parts = obstacle === null ? inNamespace(script + print.join('\n')) : new Map<string, string>();
  const plain = (ruleset: Ruleset | undefined) =>
    ruleset?.chains.map((chain) => [
      chain.family,
      chain.table,
      chain.name,
      chain.hook,
      chain.priority,
      chain.type,
      chain.policy,
      chain.rules.map((rule) => [
        rule.number,
        rule.conditions.map((one) => [one.field, one.isNegated, one.values]),
        rule.target,
        rule.verdict,
        rule.jump,
        rule.isGoto,
        rule.verdictMap,
        rule.logPrefix,
        rule.conditionsBeforeLog,
        rule.comment,
      ]),
    ]);

  it.each(['nft -a list ruleset', 'nft -s list ruleset', 'nft -nn list ruleset', 'nft -j list ruleset'])(
    '%s says the same as nft list ruleset',
    (how) => {
      const [text] = read(nftForm, parts.get('nft list ruleset'));
      const [other] = read(how.includes('-j') ? nftJsonForm : nftForm, parts.get(how));
      expect(text?.chains.flatMap((chain) => chain.rules)).toHaveLength(
        NFT.split('\n').filter((line) => /^ {4}\S/.test(line)).length + 3,
      );
      expect(plain(other)).toEqual(plain(text));
      expect(other?.sets.map((set) => [set.name, set.elements])).toEqual(
        text?.sets.map((set) => [set.name, set.elements]),
      );
    },
  );

  it('the file that made it says the same', () => {
    const [text] = read(nftForm, parts.get('nft list ruleset'));
    const [file] = read(nftForm, NFT);
    expect(
      file?.chains.map((chain) => [chain.name, chain.hook, chain.priority, chain.policy, chain.rules.length]),
    ).toEqual(text?.chains.map((chain) => [chain.name, chain.hook, chain.priority, chain.policy, chain.rules.length]));
  });

  it('handles are those that nft prints', () => {
    const [text] = read(nftForm, parts.get('nft -a list ruleset'));
    const [json] = read(nftJsonForm, parts.get('nft -j list ruleset'));
    const handles = (ruleset: Ruleset | undefined) =>
      ruleset?.chains.flatMap((chain) => chain.rules.map((rule) => rule.handle));
    expect(handles(text)).toEqual(handles(json));
  });
});

describe.skipIf(obstacle !== null)('other forms', () => {
  it('ipset list and ipset save say the same', () => {
    const parts = inNamespace(`${SETS}\necho "@@ list"; ipset list; echo "@@ save"; ipset save`);
    const sets = (text: string | undefined) =>
      read(ipsetForm, text)[0]?.sets.map((set) => [set.family, set.name, set.type, [...set.elements].sort()]);
    expect(sets(parts.get('list'))).toEqual(sets(parts.get('save')));
  });

  it('ip6tables -L says the same as ip6tables-save', () => {
    const rules = [
      '-p icmpv6 --icmpv6-type 135 -j ACCEPT',
      '-p icmpv6 ! --icmpv6-type 1/4 -j ACCEPT',
      '-s 2001:db8::/32 ! -d 2001:db8::1 -i eth0 -m hl --hl-lt 5 -j REJECT --reject-with icmp6-adm-prohibited',
      '-p tcp --dport 22',
    ];
    const parts = inNamespace(
      `${rules.map((rule) => `ip6tables-legacy -A INPUT ${rule}`).join('\n')}\necho "@@ save"; ip6tables-legacy-save\necho "@@ list"; ip6tables-legacy -L -nvx --line-numbers`,
    );
    const saved = read(iptablesSaveForm, parts.get('save'));
    const listed = read(iptablesListForm, parts.get('list'));
    expect([saved[0]?.family, listed[0]?.family]).toEqual(['ip6', 'ip6']);
    expect(rulesIn(listed, 'filter')).toEqual(rulesIn(saved, 'filter'));
  });
});
