// How a helper is attached on this host, and what that costs.

import type { Remedy } from '../../../model/finding.js';
import type { HostContext } from '../../explain/case.js';

const PRICE =
  'the helper reads every packet of that port and opens holes by what it reads there: name the server in the rule';

/** A CT rule for a helper, in the words of this host's backend. */
export function attachHelper(
  { rules }: HostContext,
  helper: string,
  proto: 'tcp' | 'udp',
  given: number | null,
): readonly Remedy[] {
  const port = given ?? 'PORT';
  const wanted = helper === 'a helper' ? 'HELPER' : helper;
  const module: Remedy = {
    when: 'now',
    text: 'load the helper',
    command: `modprobe nf_conntrack_${wanted === 'RAS' || wanted === 'Q.931' ? 'h323' : wanted}`,
    undo: `modprobe -r nf_conntrack_${wanted === 'RAS' || wanted === 'Q.931' ? 'h323' : wanted}`,
    price: 'a module more; alone it attaches nothing since 6.0',
  };
  const rule: Remedy =
    rules.backend === 'nft'
      ? {
          when: 'lasting',
          text: `attach the ${wanted} helper by a rule`,
          command: `nft add table inet helpers; nft add ct helper inet helpers ${wanted} "{ type \\"${wanted}\\" protocol ${proto}; }"; nft add chain inet helpers pre "{ type filter hook prerouting priority 0; }"; nft add rule inet helpers pre ${proto} dport ${port} ct helper set "${wanted}"`,
          undo: 'nft delete table inet helpers',
          price: PRICE,
        }
      : {
          when: 'lasting',
          text: `attach the ${wanted} helper by a rule`,
          command: `iptables -t raw -A PREROUTING -p ${proto} --dport ${port} -j CT --helper ${wanted}`,
          undo: `iptables -t raw -D PREROUTING -p ${proto} --dport ${port} -j CT --helper ${wanted}`,
          price: PRICE,
        };
  return [module, rule];
}
