// What helps when an entry went too early: let this connection close, and keep it from happening again.

import type { Remedy } from '../../../model/finding.js';
import type { Rule } from '../../../model/ruleset.js';
import type { Case } from '../../explain/case.js';
import type { RuleBook } from '../../explain/rule-book.js';
import { listedChain, type PastedChange, ruleAhead, speaksNft, together } from '../../explain/rule-commands.js';
import { timeoutSysctl } from './led-to-it.js';

function letItClose(subject: Case): readonly Remedy[] {
  const isClosing = /\b(FIN|RST)\b/.test(subject.packets[0]!.flags ?? '');
  // On its way through, the packet may have to be translated, and one without an entry is not (net/netfilter/nf_nat_core.c:
  // nf_nat_inet_fn() leaves it alone, all versions): its peer then does not know it.
  const isForwarded = subject.packets[0]!.steps.some((step) => (step.inIf ?? '') !== '');
  const text =
    isClosing && !isForwarded
      ? 'let this connection close: its peer is told'
      : isClosing
        ? 'let this connection close, unless this host translates it: INVALID is not translated'
        : "let this connection's packets pass, INVALID as they are";
  const price = isClosing
    ? isForwarded
      ? 'one reversed entry for up to 5 min; behind NAT end the socket on its own host instead (ss -K)'
      : 'one reversed entry for up to 5 min'
    : 'NAT does not touch them; the answers must be let in, too';
  const { flow } = subject;
  const rule = subject.fate.rule;
  if (rule === null || subject.fate.fate !== 'dropped' || flow.sport === null || flow.dport === null) return [];
  // The rule must stand in front of the one that drops, in the direction of the packets the case is about.
  const packet = subject.packets[0]!.tuples[0] ?? flow;
  const isSix = packet.src.includes(':');
  const ip = isSix ? 'ip6' : 'ip';
  const change = ruleAhead(subject.host.rules, rule, isSix, {
    iptables: `-p tcp --sport ${packet.sport} -d ${packet.dst} --dport ${packet.dport} -m conntrack --ctstate INVALID -j ACCEPT`,
    nft: `${ip} saddr ${packet.src} ${ip} daddr ${packet.dst} tcp sport ${packet.sport} tcp dport ${packet.dport} ct state invalid accept`,
  });
  return [{ when: 'now', text, ...change, price }];
}

/** What keeps the same from happening again. @param led the finer cause */
export function keepItFromHappening(subject: Case, led: string | null): readonly Remedy[] {
  const last =
    subject.entries.at(-1)?.state ??
    subject.events.filter((event) => event.kind !== 'DESTROY').at(-1)?.state ??
    'ESTABLISHED';
  if (led === 'entry-expired') {
    const setting = timeoutSysctl(last) ?? timeoutSysctl('ESTABLISHED')!;
    return [
      {
        when: 'lasting',
        text: 'have the endpoints send keepalives more often than the entry lives',
        command: 'sysctl -w net.ipv4.tcp_keepalive_time=600',
        undo: 'sysctl -w net.ipv4.tcp_keepalive_time=7200',
        price: 'only sockets that ask for SO_KEEPALIVE; a packet per connection and period',
      },
      {
        when: 'lasting',
        text: 'let entries of that state live longer than the connections are idle',
        command: `sysctl -w ${setting}=432000`,
        undo: `sysctl -w ${setting}=${subject.host.sysctls.find((row) => row.name === setting)?.value ?? 'ITS OLD VALUE'}`,
        price: 'dead connections keep their entries as long: watch nf_conntrack_count',
      },
    ];
  }
  if (led === 'entry-deleted-from-userspace') {
    return [
      {
        when: 'lasting',
        text: 'find who deletes entries (conntrack -D or -F in scripts, kube-proxy, docker, firewalld) and narrow it to the flows that must go',
        command: 'conntrack -E -e DESTROY -o userspace,timestamp',
        undo: '',
        price: 'none, it only watches',
      },
    ];
  }
  if (led === 'address-or-link-change') {
    const { rules } = subject.host;
    const translation = rules.masquerade();
    return [
      {
        when: 'lasting',
        text: 'use SNAT to a fixed address where the uplink has one (-j SNAT --to-source, snat to): such entries stay when the link flaps',
        command: translation === null ? '' : listedChain(rules, translation.rule, translation.rule.family === 'ip6'),
        undo: '',
        price: 'look first: this only lists; an address that really changes is then wrong for old flows',
      },
    ];
  }
  if (led === 'entry-evicted') {
    return [
      {
        when: 'lasting',
        text: 'raise the size of the table after finding who fills it',
        command: 'sysctl -w net.netfilter.nf_conntrack_max=NUMBER',
        undo: '',
        price: 'about 300 bytes an entry; buckets should grow with it',
      },
    ];
  }
  return [];
}

/** A host's own FIN and RST pass, whatever conntrack thinks of them. @param rule the one that drops them */
export function finAndRstAhead(rules: RuleBook, rule: Rule, isSix: boolean): PastedChange {
  const nft = "'tcp flags & (fin | rst) != 0 ct state invalid accept'";
  if (speaksNft(rules, rule)) return ruleAhead(rules, rule, isSix, { iptables: '', nft });
  const ahead = ['FIN', 'RST'].map((flag) =>
    ruleAhead(rules, rule, isSix, {
      iptables: `-p tcp --tcp-flags ${flag} ${flag} -m conntrack --ctstate INVALID -j ACCEPT`,
      nft,
    }),
  );
  return together(...ahead);
}

export function remediesFor(subject: Case, led: string | null, isOwn: boolean): readonly Remedy[] {
  const rule = subject.fate.rule;
  const ahead: readonly Remedy[] =
    subject.fate.fate === 'dropped' && rule !== null && isOwn
      ? [
          {
            when: 'lasting',
            text: `accept this host's own FIN and RST ahead of that rule, or drop INVALID in FORWARD only`,
            ...finAndRstAhead(subject.host.rules, rule, subject.flow.src.includes(':')),
            price: 'INVALID packets of this host leave it untranslated by NAT',
          },
        ]
      : [];
  return [...letItClose(subject), ...keepItFromHappening(subject, led), ...ahead];
}
