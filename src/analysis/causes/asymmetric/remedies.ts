// What helps where one direction passes by: what to look at on both ends, and how to leave such connections untracked, in both directions.

import type { Missing, Remedy } from '../../../model/finding.js';
import type { Tuple } from '../../../model/tuple.js';
import type { Case, SeenPacket } from '../../explain/case.js';
import { ruleAhead, speaksNft, together } from '../../explain/rule-commands.js';

/** Where the missing half would be seen. */
export function askBothEnds(packet: SeenPacket): Missing {
  const tuple = packet.tuples[0];
  const ends = tuple === undefined ? 'both ends' : `${tuple.src} and ${tuple.dst}`;
  return {
    what: 'the road of the other direction',
    command: 'ctwhy ingest end.pcap --host END_HOST',
    ask: `tcpdump -ni any -w end.pcap ${tuple === undefined ? 'tcp' : `host ${tuple.src} and host ${tuple.dst}`}   # on ${ends}: which gateway does each use?`,
  };
}

/** One price for every way of not tracking. */
const PRICE = 'no NAT and no stateful rule for these packets: both directions need rules of their own that accept them';

/** Leaves the service untracked in both directions. @param answer a packet from the server */
export function notrackBoth({ host }: Case, answer: Tuple): readonly Remedy[] {
  if (answer.sport === null) return [];
  const isSix = answer.src.includes(':');
  const text = 'where the road must stay as it is: leave this service untracked, both directions';
  if (speaksNft(host.rules, null)) {
    const ip = isSix ? 'ip6' : 'ip';
    return [
      {
        when: 'lasting',
        text,
        command: `nft add table inet detour; nft add chain inet detour pre '{ type filter hook prerouting priority raw; }'; nft add rule inet detour pre ${ip} saddr ${answer.src} tcp sport ${answer.sport} notrack; nft add rule inet detour pre ${ip} daddr ${answer.src} tcp dport ${answer.sport} notrack`,
        undo: 'nft delete table inet detour',
        price: PRICE,
      },
    ];
  }
  const raw = { family: isSix ? 'ip6' : 'ip', table: 'raw', chain: 'PREROUTING' } as const;
  const untracked = (match: string) =>
    ruleAhead(host.rules, raw, isSix, { iptables: `-p tcp ${match} -j CT --notrack`, nft: '' });
  const both = together(
    untracked(`-s ${answer.src} --sport ${answer.sport}`),
    untracked(`-d ${answer.src} --dport ${answer.sport}`),
  );
  return [{ when: 'lasting', text, ...both, price: PRICE }];
}
