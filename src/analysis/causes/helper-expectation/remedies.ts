// How a helper is attached on this host, and what that costs.

import type { Remedy } from '../../../model/finding.js';
import type { HostContext } from '../../explain/case.js';
import { ruleBehind, speaksNft } from '../../explain/rule-commands.js';

const PRICE =
  'the helper reads every packet of that port and opens holes by what it reads there: name the server in the rule';

/** Which connections would need one is looked up first where nothing tells the helper. */
const LOOK: Remedy = {
  when: 'lasting',
  text: 'find the control connections that have no helper= (FTP 21, TFTP 69, PPTP 1723, SIP 5060), and attach one to each by a CT rule',
  command: "conntrack -L -o extended | grep -E 'dport=(21|69|1723|5060) '",
  undo: '',
  price: 'looks only',
};

/** A CT rule for a helper, in the words of this host's backend. @param helper NULL: nothing tells which */
export function attachHelper(
  { rules }: HostContext,
  helper: string | null,
  proto: 'tcp' | 'udp',
  given: number | null,
  isSix: boolean,
): readonly Remedy[] {
  if (helper === null) return [LOOK];
  const port = given ?? 'PORT';
  const module: Remedy = {
    when: 'now',
    text: 'load the helper',
    command: `modprobe nf_conntrack_${helper === 'RAS' || helper === 'Q.931' ? 'h323' : helper}`,
    undo: `modprobe -r nf_conntrack_${helper === 'RAS' || helper === 'Q.931' ? 'h323' : helper}`,
    price: 'a module more; alone it attaches nothing since 6.0',
  };
  const rule: Remedy = speaksNft(rules, null)
    ? {
        when: 'lasting',
        text: `attach the ${helper} helper by a rule`,
        command: `nft add table inet helpers; nft add ct helper inet helpers ${helper} "{ type \\"${helper}\\" protocol ${proto}; }"; nft add chain inet helpers pre "{ type filter hook prerouting priority 0; }"; nft add rule inet helpers pre ${proto} dport ${port} ct helper set "${helper}"`,
        undo: 'nft delete table inet helpers',
        price: PRICE,
      }
    : {
        when: 'lasting',
        text: `attach the ${helper} helper by a rule`,
        ...ruleBehind(rules, { family: isSix ? 'ip6' : 'ip', table: 'raw', chain: 'PREROUTING' }, isSix, {
          iptables: `-p ${proto} --dport ${port} -j CT --helper ${helper}`,
          nft: '',
        }),
        price: PRICE,
      };
  return [module, rule];
}
