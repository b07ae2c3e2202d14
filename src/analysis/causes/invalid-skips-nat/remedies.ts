// What keeps untranslated packets in: drop INVALID where it would leave or be taken for this host's own, in this host's kind of rules.

import type { Remedy } from '../../../model/finding.js';
import type { Case } from '../../explain/case.js';
import { firstPacket } from '../../explain/flow-facts.js';
import { shellWord } from '../entry-gone/remedies.js';

const PRICE =
  'a packet that the tracker misjudges is lost instead of leaking; the endpoints send it again, and stall if it is misjudged each time';

/** The chain of the host's own filter at a hook, for commands of nft. */
function filterChain(subject: Case, hook: 'FORWARD' | 'INPUT') {
  return (
    subject.host.rules.rulesets
      .flatMap((ruleset) => ruleset.chains)
      .find((chain) => chain.hook === hook && chain.type === 'filter' && !/^ctwhy/.test(chain.table)) ?? null
  );
}

export function dropInvalid(subject: Case, hook: 'FORWARD' | 'INPUT', outIf: string | null): Remedy {
  const isSix = subject.flow.src.includes(':');
  const text =
    hook === 'FORWARD'
      ? 'drop INVALID on its way out, ahead of everything that accepts'
      : 'drop INVALID in INPUT ahead of everything that accepts';
  if (subject.host.rules.backend === 'nft') {
    const chain = filterChain(subject, hook);
    const out = hook === 'FORWARD' && outIf !== null ? `oifname ${shellWord(outIf)} ` : '';
    if (chain !== null) {
      const where = `${chain.family} ${shellWord(chain.table)} ${shellWord(chain.name)}`;
      return {
        when: 'now',
        text,
        command: `nft insert rule ${where} ${out}ct state invalid drop`,
        undo: `nft -a list chain ${where}   (then: nft delete rule ${where} handle N)`,
        price: PRICE,
      };
    }
    return {
      when: 'now',
      text,
      command: `nft add table inet invalid_drop; nft add chain inet invalid_drop guard "{ type filter hook ${hook.toLowerCase()} priority -1; }"; nft add rule inet invalid_drop guard ${out}ct state invalid drop`,
      undo: 'nft delete table inet invalid_drop',
      price: PRICE,
    };
  }
  const match = `${hook === 'FORWARD' && outIf !== null ? `-o ${shellWord(outIf)} ` : ''}-m conntrack --ctstate INVALID -j DROP`;
  const program = isSix ? 'ip6tables' : 'iptables';
  return {
    when: 'now',
    text,
    command: `${program} -I ${hook} 1 ${match}`,
    undo: `${program} -D ${hook} ${match}`,
    price: PRICE,
  };
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
