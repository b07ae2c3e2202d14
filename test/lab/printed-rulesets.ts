// Rulesets that a kernel holds in a namespace of their own, as its tools print them, and what of a rule all forms have to agree on.

import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import type { Rule, Ruleset } from '../../src/model/ruleset.js';
import type { Form } from '../../src/parsers/form.js';
import { readForm } from '../unit/parsers/read-form.js';
import { patient } from './clock.js';

const TOOLS = ['unshare', 'ip', 'iptables-legacy', 'iptables-nft', 'ip6tables-legacy', 'nft', 'ipset'];

function whyNot(): string | null {
  if (process.getuid?.() !== 0) return 'it takes root to make a network namespace';
  const missing = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : null;
}

export const obstacle = whyNot();
if (obstacle !== null) console.warn(`ruleset tests skipped: ${obstacle}`);

/** Runs a script in a network namespace that ends with it; parts of its output are separated by '@@ NAME' lines. */
export function inNamespace(script: string): Map<string, string> {
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

export const SETS =
  'ipset create bad hash:net\nipset add bad 192.0.2.0/28\nipset add bad 192.0.2.3 nomatch\nipset create pair hash:ip,port\nipset add pair 192.0.2.1,tcp:80';

export const FILTER = `INPUT -i lo -j ACCEPT
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
export const TABLES = { filter: FILTER, mangle: MANGLE, nat: NAT, raw: RAW } as const;

export function commands(tool: string): string {
  const adds = Object.entries(TABLES).flatMap(([table, rules]) =>
    rules.split('\n').map((rule) => `${tool} -t ${table} -A ${rule}`),
  );
  return [`${tool} -F`, `${tool} -N user1`, `${tool} -P FORWARD DROP`, ...adds].join('\n');
}

/** What of a rule every form has to tell alike. Extensions that are only kept as text are compared by name. */
export function essence(rule: Rule, hidden: readonly string[] = []): string {
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

export function rulesIn(rulesets: readonly Ruleset[], table: string, hidden?: readonly string[]): string[] {
  return rulesets
    .flatMap((ruleset) =>
      ruleset.chains
        .filter((chain) => chain.table === table)
        .flatMap((chain) => chain.rules.map((rule) => essence(rule, hidden))),
    )
    .sort();
}

export function read(form: Form, text: string | undefined, hints = {}): readonly Ruleset[] {
  const result = readForm(form, text ?? '', hints);
  expect(result.unread).toEqual([]);
  return result.rulesets;
}
