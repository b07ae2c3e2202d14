// The kernel as the judge: rules are installed in a namespace of their own, printed in every form by the tools themselves, read back and compared;
// then packets are sent, and the rules that counted them must be the ones that evaluation says they match.

import { describe, expect, it } from 'vitest';
import { NO_FACTS } from '../../src/analysis/ruleset/packet-facts.js';
import { walkRuleset } from '../../src/analysis/ruleset/walk.js';
import { emptyPacket } from '../../src/model/packet.js';
import type { Ruleset } from '../../src/model/ruleset.js';
import { iptablesCommandsForm } from '../../src/parsers/forms/ruleset-iptables-commands.js';
import { iptablesListForm } from '../../src/parsers/forms/ruleset-iptables-list.js';
import { iptablesRulesForm } from '../../src/parsers/forms/ruleset-iptables-rules.js';
import { iptablesSaveForm } from '../../src/parsers/forms/ruleset-iptables-save.js';
import { commands, inNamespace, obstacle, read, rulesIn, SETS, TABLES } from '../lab/printed-rulesets.js';

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
