// The kernel as the judge: rules are installed in a namespace of their own, printed in every form by the tools themselves, read back and compared;
// then packets are sent, and the rules that counted them must be the ones that evaluation says they match.

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { NO_FACTS } from '../../src/analysis/ruleset/packet-facts.js';
import { walkRuleset } from '../../src/analysis/ruleset/walk.js';
import { emptyPacket } from '../../src/model/packet.js';
import type { Rule, Ruleset } from '../../src/model/ruleset.js';
import type { Form } from '../../src/parsers/form.js';
import { ipsetForm } from '../../src/parsers/forms/ruleset-ipset.js';
import { iptablesCommandsForm } from '../../src/parsers/forms/ruleset-iptables-commands.js';
import { iptablesListForm } from '../../src/parsers/forms/ruleset-iptables-list.js';
import { iptablesRulesForm } from '../../src/parsers/forms/ruleset-iptables-rules.js';
import { iptablesSaveForm } from '../../src/parsers/forms/ruleset-iptables-save.js';
import { nftForm } from '../../src/parsers/forms/ruleset-nft.js';
import { nftJsonForm } from '../../src/parsers/forms/ruleset-nft-json.js';
import { patient } from '../lab/clock.js';
import { readForm } from '../unit/parsers/read-form.js';

const TOOLS = ['unshare', 'ip', 'iptables-legacy', 'iptables-nft', 'ip6tables-legacy', 'nft', 'ipset'];

function whyNot(): string | null {
  if (process.getuid?.() !== 0) return 'it takes root to make a network namespace';
  const missing = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : null;
}

const obstacle = whyNot();
if (obstacle !== null) console.warn(`ruleset tests skipped: ${obstacle}`);

/** Runs a script in a network namespace that ends with it; parts of its output are separated by '@@ NAME' lines. */
function inNamespace(script: string): Map<string, string> {
  const done = spawnSync('unshare', ['-n', 'sh', '-s'], {
    input: script,
    encoding: 'utf8',
    timeout: patient(60_000),
    maxBuffer: 1 << 26,
  });
  if (done.status !== 0) throw new Error(`the namespace script failed: ${done.stderr}`);
  const parts = new Map<string, string>();
  for (const part of done.stdout.split(/^@@ /m).slice(1)) {
    const end = part.indexOf('\n');
    parts.set(part.slice(0, end), part.slice(end + 1));
  }
  return parts;
}

const SETS =
  'ipset create bad hash:net\nipset add bad 192.0.2.0/28\nipset add bad 192.0.2.3 nomatch\nipset create pair hash:ip,port\nipset add pair 192.0.2.1,tcp:80';

const FILTER = `INPUT -i lo -j ACCEPT
INPUT ! -i eth+ -s 192.0.2.0/24 ! -d 198.51.100.7 -p tcp -m tcp --dport 22 -j ACCEPT
INPUT -p tcp -m tcp ! --dport 1:1023 --sport 1024:65535 ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP
INPUT -p tcp --syn -m tcp --tcp-option 2 -j ACCEPT
INPUT -p tcp -m tcp --tcp-flags ALL NONE -j DROP
INPUT -p udp -m udp ! --sport 67:68 -j ACCEPT
INPUT -p tcp -m multiport --dports 80,443,8000:8080 -j ACCEPT
INPUT -p tcp -m multiport ! --sports 80,443 -j ACCEPT
INPUT -p udp -m multiport --ports 53,123 -j ACCEPT
INPUT -m iprange --src-range 192.0.2.5-192.0.2.9 -j DROP
INPUT -m iprange ! --dst-range 192.0.2.5-192.0.2.9 -j DROP
INPUT -m state ! --state NEW,ESTABLISHED -j DROP
INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
INPUT -m conntrack ! --ctstate NEW,DNAT --ctdir REPLY -j ACCEPT
INPUT -m conntrack --ctproto tcp --ctorigsrc 192.0.2.1 --ctorigdst 198.51.100.0/24 --ctreplsrc 203.0.113.1 ! --ctrepldst 203.0.113.2 -j ACCEPT
INPUT -m conntrack --ctproto tcp --ctorigsrcport 1000:2000 --ctorigdstport 80 --ctreplsrcport 80 --ctrepldstport 90 -j ACCEPT
INPUT -m conntrack --ctstatus ASSURED,SEEN_REPLY --ctexpire 10:100 --ctdir ORIGINAL -j ACCEPT
INPUT -p icmp -m icmp --icmp-type 3/4 -j ACCEPT
INPUT -p icmp -m icmp ! --icmp-type echo-reply -j ACCEPT
INPUT -p icmp -m icmp --icmp-type any -j ACCEPT
INPUT -m mark ! --mark 0x4000/0x4000 -j ACCEPT
INPUT -m connmark --mark 0x10/0xff -j ACCEPT
INPUT -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[BLOCK] "
INPUT -j LOG --log-prefix "say \\"hi\\" \\\\ it's " --log-level 7 --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode
INPUT -j NFLOG --nflog-prefix "abc def" --nflog-group 5 --nflog-size 80 --nflog-threshold 3
INPUT -m addrtype --dst-type LOCAL -j ACCEPT
INPUT -m addrtype ! --src-type BROADCAST,MULTICAST --limit-iface-in -j ACCEPT
INPUT -m length ! --length 40 -j ACCEPT
INPUT -m ttl --ttl-lt 5 -j ACCEPT
INPUT -m ttl --ttl-gt 64 -j ACCEPT
INPUT -m tos --tos 0x10/0x3f -j ACCEPT
INPUT -m dscp ! --dscp-class AF11 -j ACCEPT
INPUT -m mac ! --mac-source 02:00:00:00:00:01 -j ACCEPT
INPUT -m comment --comment "a \\"quoted\\" comment, it's" -j ACCEPT
INPUT -p tcp -m tcpmss --mss 500:1400 -j ACCEPT
INPUT -f -j DROP
INPUT ! -f -j ACCEPT
INPUT -m pkttype --pkt-type broadcast -j DROP
INPUT -m set --match-set bad src -j DROP
INPUT -m set ! --match-set pair src,dst -j DROP
INPUT -m physdev --physdev-in eth0 --physdev-is-bridged -j ACCEPT
INPUT -m statistic --mode nth --every 3 --packet 0 -j ACCEPT
INPUT -m recent --name ssh --update --seconds 60 --hitcount 4 -j DROP
INPUT -p tcp -m connlimit --connlimit-above 10 -j REJECT --reject-with tcp-reset
INPUT -m helper --helper ftp -j ACCEPT
INPUT -m string --string "evil x" --algo bm -j DROP
INPUT -m ecn --ecn-ip-ect 1 -j ACCEPT
INPUT -p esp -m esp --espspi 100:200 -j ACCEPT
INPUT -j REJECT
INPUT -j user1
INPUT -g user1
INPUT -p tcp
INPUT ! -p icmp -j ACCEPT
INPUT -j NFQUEUE --queue-num 3 --queue-bypass
INPUT -s 192.0.2.1/255.0.255.0 -j ACCEPT
INPUT -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff
OUTPUT -m owner --uid-owner 0 -j ACCEPT
OUTPUT -m owner ! --gid-owner 100-200 -j ACCEPT
FORWARD -i eth0 -o eth1 -j ACCEPT
user1 -j RETURN`;
const MANGLE = `PREROUTING -j MARK --set-xmark 0x8000/0x8000
PREROUTING -j MARK --and-mark 0x10
PREROUTING -j CONNMARK --restore-mark
PREROUTING -j TTL --ttl-set 64
POSTROUTING -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu
POSTROUTING -j CLASSIFY --set-class 1:10`;
const NAT = `PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.5:8080
PREROUTING -p tcp -m tcp --dport 82 -j REDIRECT --to-ports 8082
POSTROUTING -s 192.0.2.0/24 -o eth0 -j MASQUERADE --random-fully
POSTROUTING -o eth1 -j SNAT --to-source 203.0.113.5`;
const RAW = `PREROUTING -p udp -m udp --dport 53 -j CT --notrack
PREROUTING -j NOTRACK
PREROUTING -m state --state INVALID -j LOG --log-prefix "raw "`;
const TABLES = { filter: FILTER, mangle: MANGLE, nat: NAT, raw: RAW } as const;

function commands(tool: string): string {
  const adds = Object.entries(TABLES).flatMap(([table, rules]) =>
    rules.split('\n').map((rule) => `${tool} -t ${table} -A ${rule}`),
  );
  return [`${tool} -F`, `${tool} -N user1`, `${tool} -P FORWARD DROP`, ...adds].join('\n');
}

/** What of a rule every form has to tell alike. Extensions that are only kept as text are compared by name. */
function essence(rule: Rule, hidden: readonly string[] = []): string {
  const conditions = rule.conditions
    .filter((one) => one.field !== 'not-shown' && !hidden.includes(one.field))
    .map((one) => `${one.isNegated ? '!' : ''}${one.field}=${one.values.join(',')} ${one.group ?? ''}`)
    .sort();
  const options = [...rule.targetOptions].sort();
  return JSON.stringify([
    rule.chain,
    rule.number,
    conditions,
    rule.target,
    rule.verdict,
    rule.jump,
    rule.isGoto,
    rule.logPrefix,
    rule.comment,
    options,
  ]);
}

function rulesIn(rulesets: readonly Ruleset[], table: string, hidden?: readonly string[]): string[] {
  return rulesets
    .flatMap((ruleset) =>
      ruleset.chains
        .filter((chain) => chain.table === table)
        .flatMap((chain) => chain.rules.map((rule) => essence(rule, hidden))),
    )
    .sort();
}

function read(form: Form, text: string | undefined, hints = {}): readonly Ruleset[] {
  const result = readForm(form, text ?? '', hints);
  expect(result.unread).toEqual([]);
  return result.rulesets;
}

describe.skipIf(obstacle !== null).each(['iptables-legacy', 'iptables-nft'])('%s', (tool) => {
  const print = Object.keys(TABLES).flatMap((table) =>
    ['-L -n -v -x --line-numbers', '-L -n -v', '-L -n', '-S', '-S -v'].map(
      (how) => `echo "@@ ${table} ${how}"; ${tool} -t ${table} ${how}`,
    ),
  );
  const parts =
    obstacle === null
      ? inNamespace([SETS, commands(tool), 'echo "@@ save"', `${tool}-save -c`, ...print].join('\n'))
      : new Map<string, string>();
  const saved = obstacle === null ? read(iptablesSaveForm, parts.get('save')) : [];

  it('tells its kind in the head of iptables-save', () => {
    expect(saved).toHaveLength(1);
    expect(saved[0]).toMatchObject({
      family: 'ip',
      backend: tool === 'iptables-nft' ? 'nft' : 'legacy',
      isPartial: false,
      hasCounters: true,
    });
    expect(saved[0]?.chains.find((chain) => chain.table === 'filter' && chain.name === 'FORWARD')).toMatchObject({
      policy: 'DROP',
      hook: 'FORWARD',
    });
  });

  it('keeps every rule it was given', () => {
    for (const [table, rules] of Object.entries(TABLES))
      expect(rulesIn(saved, table)).toHaveLength(rules.split('\n').length);
  });

  for (const table of Object.keys(TABLES)) {
    it(`${table}: -L with -v says the same as -save`, () => {
      for (const how of ['-L -n -v -x --line-numbers', '-L -n -v']) {
        expect(rulesIn(read(iptablesListForm, parts.get(`${table} ${how}`)), table)).toEqual(rulesIn(saved, table));
      }
    });

    it(`${table}: -L without -v says the same but for interfaces`, () => {
      expect(rulesIn(read(iptablesListForm, parts.get(`${table} -L -n`)), table, ['in', 'out'])).toEqual(
        rulesIn(saved, table, ['in', 'out']),
      );
    });

    it(`${table}: -S says the same`, () => {
      for (const how of ['-S', '-S -v'])
        expect(rulesIn(read(iptablesRulesForm, parts.get(`${table} ${how}`)), table)).toEqual(rulesIn(saved, table));
    });
  }

  it('the commands that made it test the same', () => {
    const script = read(iptablesCommandsForm, commands(tool));
    const withoutOptions = (rulesets: readonly Ruleset[], table: string) =>
      rulesIn(rulesets, table).map((text) => JSON.stringify((JSON.parse(text) as unknown[]).slice(0, 9)));
    for (const table of Object.keys(TABLES))
      expect(withoutOptions(script, table)).toEqual(withoutOptions(saved, table));
  });
});

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

/** UDP datagrams over lo: each meets OUTPUT and INPUT once. */
const TRAFFIC: Readonly<Record<string, string>> = {
  raw: `PREROUTING -m state --state INVALID
OUTPUT -m state --state INVALID
OUTPUT -m state ! --state INVALID`,
  filter: `OUTPUT -p udp --dport 9 -m state --state NEW
OUTPUT -p udp --dport 9 -m conntrack --ctdir REPLY
OUTPUT -p udp -m udp ! --dport 1:8 -o lo
INPUT -i lo -p udp -m multiport --dports 7,9 -j seen
INPUT -p udp -m conntrack --ctstate NEW --ctdir ORIGINAL
INPUT -p tcp
INPUT -s 127.0.0.0/8 -d 127.0.0.1 -m length --length 28:40
INPUT -m ttl --ttl-eq 64 -m mark --mark 0x0
INPUT -m addrtype --dst-type LOCAL
INPUT -m conntrack --ctorigdst 127.0.0.1 --ctorigdstport 9
INPUT ! -f -j goes
INPUT -j DROP
seen -p udp --dport 7
seen -p udp --dport 9 -j RETURN
seen -j DROP
goes -p udp --dport 9 -g goes2
goes -j DROP
goes2 -m state ! --state INVALID`,
};

describe.skipIf(obstacle !== null).each(['iptables-legacy', 'iptables-nft'])('packets through %s', (tool) => {
  it('are counted by the rules that evaluation says they match', () => {
    const adds = Object.entries(TRAFFIC).flatMap(([table, rules]) =>
      rules.split('\n').map((rule) => `${tool} -t ${table} -A ${rule}`),
    );
    const chains = ['seen', 'goes', 'goes2'].map((name) => `${tool} -N ${name}`);
    const send = `python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ('127.0.0.1', 9))"`;
    const parts = inNamespace(
      [
        'ip link set lo up',
        ...chains,
        ...adds,
        `for t in raw filter; do ${tool} -t $t -Z; done`,
        send,
        'sleep 0.2',
        'echo "@@ save"',
        `${tool}-save -c`,
      ].join('\n'),
    );
    const rulesets = read(iptablesSaveForm, parts.get('save'));
    const counted = new Set(
      rulesets.flatMap((one) =>
        one.chains.flatMap((chain) =>
          chain.rules
            .filter((rule) => (rule.packets ?? 0) > 0)
            .map((rule) => `${rule.table} ${rule.chain} ${rule.number}`),
        ),
      ),
    );
    const packet = {
      ...emptyPacket(),
      family: 'ip' as const,
      src: '127.0.0.1',
      dst: '127.0.0.1',
      proto: 17,
      sport: 40000,
      dport: 9,
      lenBytes: 33,
      tos: 0,
      prec: 0,
      ttl: 64,
    };
    const tuple = { proto: 17, src: '127.0.0.1', dst: '127.0.0.1', sport: 40000, dport: 9, extra: null };
    const facts = { ...NO_FACTS, ctstate: 'NEW' as const, mark: 0, localAddresses: ['127.0.0.1'], orig: tuple };
    const sent = walkRuleset(rulesets, { ...packet, outIf: 'lo' }, facts, 'output');
    const received = walkRuleset(rulesets, { ...packet, inIf: 'lo' }, facts, 'input');
    const matched = new Set(
      [...sent.steps, ...received.steps]
        .filter((step) => step.result === 'match')
        .map((step) => `${step.table} ${step.chain} ${step.rule?.number}`),
    );
    expect([...matched].sort()).toEqual([...counted].sort());
    expect(counted.size).toBeGreaterThan(10);
    expect([sent.end.fate, received.end.fate, received.isCertain]).toEqual(['accepted', 'dropped', true]);
  });
});
