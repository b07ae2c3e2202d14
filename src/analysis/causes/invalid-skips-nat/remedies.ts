// What keeps untranslated packets in: drop INVALID where it would leave or be taken for this host's own, in this host's kind of rules.

import type { Remedy } from '../../../model/finding.js';
import type { Tuple } from '../../../model/tuple.js';
import type { Case } from '../../explain/case.js';
import { firstPacket } from '../../explain/flow-facts.js';
import { ruleAhead, shellWord, speaksNft } from '../../explain/rule-commands.js';

const PRICE =
  'a packet that the tracker misjudges is lost instead of leaking; the endpoints send it again, and stall if it is misjudged each time';

/** The connection and the host that a rule is for. */
interface RuleFor {
  readonly flow: Tuple;
  readonly host: Case['host'];
}

/** The chain of the host's own filter at a hook; of two kinds of tables the one that holds rules. */
function filterChain({ host, flow }: RuleFor, hook: 'FORWARD' | 'INPUT') {
  const families = ['inet', flow.src.includes(':') ? 'ip6' : 'ip'];
  const chains = host.rules.rulesets
    .flatMap((ruleset) => ruleset.chains)
    .filter(
      (chain) =>
        chain.hook === hook &&
        chain.type === 'filter' &&
        (chain.priority === null || chain.priority >= 0) &&
        families.includes(chain.family) &&
        !/^ctwhy/.test(chain.table) &&
        chain.rules.every((rule) => !rule.isOurs),
    );
  return chains.toSorted((a, b) => Number(b.rules.length > 0) - Number(a.rules.length > 0))[0] ?? null;
}

export function dropInvalid(subject: RuleFor, hook: 'FORWARD' | 'INPUT', outIf: string | null): Remedy {
  const { rules } = subject.host;
  const isSix = subject.flow.src.includes(':');
  const text =
    hook === 'FORWARD'
      ? 'drop INVALID on its way out, ahead of everything that accepts'
      : 'drop INVALID in INPUT ahead of everything that accepts';
  const chain = filterChain(subject, hook);
  const isOut = hook === 'FORWARD' && outIf !== null;
  const nft = `${isOut ? `oifname ${shellWord(outIf)} ` : ''}ct state invalid drop`;
  const iptables = `${isOut ? `-o ${shellWord(outIf)} ` : ''}-m conntrack --ctstate INVALID -j DROP`;
  if (chain === null && speaksNft(rules, null))
    return {
      when: 'now',
      text,
      command: `nft add table inet invalid_drop; nft add chain inet invalid_drop guard "{ type filter hook ${hook.toLowerCase()} priority -1; }"; nft add rule inet invalid_drop guard ${nft}`,
      undo: 'nft delete table inet invalid_drop',
      price: PRICE,
    };
  const place =
    chain === null
      ? ({ family: isSix ? 'ip6' : 'ip', table: 'filter', chain: hook } as const)
      : { family: chain.family, table: chain.table, chain: chain.name };
  return { when: 'now', text, ...ruleAhead(rules, place, isSix, { iptables, nft }), price: PRICE };
}

/** Only what the window check refuses is let pass by it. */
export function beLiberal(subject: Case): readonly Remedy[] {
  const name = 'net.netfilter.nf_conntrack_tcp_be_liberal';
  const isWindow = /^tcp-(seq|ack)-|^tcp-bytes-more/.test(subject.reason?.id ?? '');
  const old = subject.host.sysctls.find((row) => row.name === name)?.value ?? 0;
  if (!isWindow) return [];
  return [
    {
      when: 'lasting',
      text: 'or have the tracker tolerate segments outside of the window: they keep their entry and are translated',
      command: `sysctl -w ${name}=1`,
      undo: `sysctl -w ${name}=${old}`,
      price: 'forged segments outside of the window pass too; a RST is still checked',
    },
  ];
}

/** The uplink, by the packet's own lines: where it left, or where the answer to one that had left came in. */
export function uplinkOf(subject: Case, isAnswer: boolean): string | null {
  const { steps } = firstPacket(subject);
  return (
    (isAnswer
      ? steps.find((step) => (step.inIf ?? '') !== '')?.inIf
      : steps.findLast((step) => (step.outIf ?? '') !== '')?.outIf) ?? null
  );
}
