import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { iptablesCommandsForm } from '../../../../src/parsers/forms/ruleset-iptables-commands.js';
import { iptablesRulesForm } from '../../../../src/parsers/forms/ruleset-iptables-rules.js';
import { readForm, rulesOf } from '../read-form.js';

function texts(script: string, chain = 'INPUT'): string[] {
  const read = readForm(iptablesCommandsForm, script, { fileName: 'firewall.sh' });
  return rulesOf(read.rulesets[0])
    .filter((rule) => rule.chain === chain)
    .map((rule) => rule.text.replace(`-A ${chain} `, ''));
}

describe('iptables commands', () => {
  it('applies them in order', () => {
    const script = `iptables -P INPUT DROP
iptables -F
iptables -N ours
iptables -A INPUT -p tcp --dport 22 -j ACCEPT
iptables -A INPUT -p tcp --dport 80 -j ACCEPT
iptables -I INPUT -i lo -j ACCEPT
iptables -I INPUT 2 -j ours
iptables -R INPUT 3 -p tcp --dport 2222 -j ACCEPT
iptables -D INPUT -p tcp -m tcp --dport 80 -j ACCEPT
iptables -A ours -j DROP
iptables -E ours theirs`;
    const [ruleset] = readForm(iptablesCommandsForm, script).rulesets;
    expect(texts(script)).toEqual(['-i lo -j ACCEPT', '-j ours', '-p tcp --dport 2222 -j ACCEPT']);
    expect(ruleset).toMatchObject({ isPartial: false, family: 'ip', form: 'iptables commands' });
    expect(ruleset?.chains.map((chain) => [chain.name, chain.policy])).toEqual([
      ['INPUT', 'DROP'],
      ['theirs', null],
    ]);
  });

  it('is partial when the script does not begin with an empty table', () => {
    expect(readForm(iptablesCommandsForm, 'iptables -A INPUT -j DROP').rulesets[0]?.isPartial).toBe(true);
  });

  it('does not bring back a rule that was commented out', () => {
    expect(
      texts(
        'iptables -A INPUT -i lo -j ACCEPT\n# iptables -A INPUT -m state --state INVALID -j DROP\n#iptables -A INPUT -j DROP',
      ),
    ).toEqual(['-i lo -j ACCEPT']);
  });

  it.each([
    ['sudo iptables -w 5 -A INPUT -j DROP'],
    ['/usr/sbin/iptables-legacy -t filter -A INPUT -j DROP'],
    ['ip netns exec blue iptables -A INPUT -j DROP'],
    ['root@fw1:~# iptables -A INPUT -j DROP'],
    ['$ sudo iptables --append INPUT --jump DROP'],
    ['+ iptables -A INPUT -j DROP'],
    ['iptables -A INPUT -j DROP 2>/dev/null || exit 1'],
    ['iptables -A INPUT \\\n  -j DROP'],
    ['IPT=/sbin/iptables\n$IPT -A INPUT -j DROP'],
    [`IPT="iptables -w"\n\${IPT} -A INPUT -j DROP`],
  ])('%s', (script) => {
    expect(texts(script).map((text) => text.replace('--jump', '-j'))).toEqual(['-j DROP']);
  });

  it('follows variables, loops over literal words and functions', () => {
    const script = `#!/bin/sh
LAN=eth1
PORTS="22 80"
for p in $PORTS; do
  iptables -A INPUT -i $LAN -p tcp --dport $p -j ACCEPT
done
for n in {1..2}; do iptables -A INPUT -s 192.0.2.$n -j DROP; done
tail() {
  iptables -A "$1" -j LOG --log-prefix "$2: "
}
tail INPUT "end of input"
iptables -C INPUT -s 192.0.2.1 -j DROP || iptables -A INPUT -j RETURN`;
    expect(texts(script)).toEqual([
      '-i eth1 -p tcp --dport 22 -j ACCEPT',
      '-i eth1 -p tcp --dport 80 -j ACCEPT',
      '-s 192.0.2.1 -j DROP',
      '-s 192.0.2.2 -j DROP',
      '-j LOG --log-prefix "end of input: "',
    ]);
  });

  it.each([
    ['iptables -A INPUT -i $WAN -j DROP', 'the value of $WAN is not known here'],
    ['iptables -A INPUT -s $(dig +short x) -j DROP', 'the output of a command is needed for it'],
    [
      'if [ -n "$X" ]; then iptables -A INPUT -j DROP; fi',
      'whether it runs depends on "if", which cannot be evaluated here',
    ],
    ['iptables-restore < /etc/rules', 'it reads /etc/rules, which was not given'],
    ['iptables -I INPUT 9 -j DROP', 'INPUT has 0 rules here, none can be inserted at 9'],
  ])('leaves unread: %s', (line, reason) => {
    const read = readForm(iptablesCommandsForm, `iptables -P INPUT ACCEPT\n${line}`);
    expect(read.unread).toEqual([{ line: 2, reason }]);
    expect(rulesOf(read.rulesets[0])).toEqual([]);
  });

  it('makes one rule for each pair of addresses', () => {
    expect(texts('iptables -A INPUT -s 192.0.2.1,192.0.2.2 -d 198.51.100.1,198.51.100.2 -j DROP')).toHaveLength(4);
  });

  it('cuts the prefix where the kernel does', () => {
    const [rule] = rulesOf(
      readForm(iptablesCommandsForm, 'iptables -A INPUT -j LOG --log-prefix "0123456789012345678901234567890: "')
        .rulesets[0],
    );
    expect(rule?.logPrefix).toBe('01234567890123456789012345678');
  });

  it('reads the ruleset of a here-document, and both families of one script', () => {
    const read = readForm(
      iptablesCommandsForm,
      'iptables-restore <<EOF\n*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\nEOF\nip6tables -A INPUT -j DROP',
    );
    expect(
      read.rulesets.map((ruleset) => [ruleset.family, ruleset.chains[0]?.policy, rulesOf(ruleset).length]),
    ).toEqual([
      ['ip', 'DROP', 1],
      ['ip6', null, 1],
    ]);
  });

  it('says which functions were never called', () => {
    const read = readForm(
      iptablesCommandsForm,
      'iptables -F\nstop() {\niptables -A INPUT -j ACCEPT\n}\niptables -A INPUT -j DROP',
    );
    expect(rulesOf(read.rulesets[0])).toHaveLength(1);
    expect(read.rulesets[0]?.notes.join()).toContain('stop() in line 2 is never called');
  });

  it('ends at a line that is no shell', () => {
    const read = readForm(
      iptablesCommandsForm,
      'iptables -A INPUT -j DROP\nNov 21 10:00:00 fw1 kernel: [12.5] DROP IN=eth0 OUT=',
    );
    expect(read.others).toEqual([2]);
  });

  it('never throws', () => {
    const words = [
      'for i in a b; do',
      'done',
      'if true; then',
      'fi',
      'f() {',
      '}',
      'iptables -A INPUT -j DROP',
      '$IPT -A',
      'f',
      '`',
      '"',
      "'",
      '\\',
      '<<EOF',
      'case x in',
      'esac',
      ';;',
    ];
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom(...words))),
        (lines) => void readForm(iptablesCommandsForm, ['iptables -A INPUT -j DROP', ...lines].join('\n')),
      ),
    );
  });
});

describe('iptables -S', () => {
  it('reads tables one after the other, by their built-in chains, with counters', () => {
    const text = `-P INPUT DROP -c 12 3456
-P FORWARD ACCEPT -c 0 0
-P OUTPUT ACCEPT -c 0 0
-N ours
-A INPUT -p tcp -m tcp --dport 22 -c 5 300 -j ours
-P PREROUTING ACCEPT
-P INPUT ACCEPT
-P OUTPUT ACCEPT
-P POSTROUTING ACCEPT
-A POSTROUTING -o eth0 -j MASQUERADE`;
    const { rulesets, unread } = readForm(iptablesRulesForm, text);
    expect(unread).toEqual([]);
    expect(rulesets.map((ruleset) => ruleset.chains[0]?.table)).toEqual(['filter', 'nat']);
    expect(rulesets[0]?.chains[0]).toMatchObject({ policyPackets: 12, policyBytes: 3456 });
    expect(rulesOf(rulesets[0])[0]).toMatchObject({
      text: '-A INPUT -p tcp -m tcp --dport 22 -j ours',
      packets: 5,
      bytes: 300,
      jump: 'ours',
    });
  });
});
