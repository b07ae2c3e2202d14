// A packet filter as iptables words, for hosts without nf_tables and for rules that stand in somebody's chain.

import { changeComment } from '../../model/change.js';
import type { PortRange } from '../../model/flow-filter.js';
import { type PacketFilter, turned } from '../../model/packet-filter.js';
import { type Rate, rateText, type TagOptions } from './nft-table-script.js';

const port = ({ from, to }: PortRange) => (from === to ? String(from) : `${from}:${to}`);

function portWords(name: 'sport' | 'dport', ranges: readonly PortRange[] | null): readonly string[] {
  if (ranges === null) return [];
  if (ranges.length === 1) return [`--${name}`, port(ranges[0]!)];
  return ['-m', 'multiport', `--${name}s`, ranges.map(port).join(',')];
}

/** One rule's matches for each protocol; iptables tests one at a time. */
function oneWay(filter: PacketFilter, family: 4 | 6, chain: 'PREROUTING' | 'OUTPUT'): readonly (readonly string[])[] {
  if (filter.inIf !== null && chain === 'OUTPUT') return [];
  if (filter.outIf !== null && chain === 'PREROUTING') return [];
  const isOf = (address: string) => address.includes(':') === (family === 6);
  const list = (addresses: readonly string[] | null) => addresses?.filter(isOf) ?? null;
  const [src, dst] = [list(filter.src), list(filter.dst)];
  if (src?.length === 0 || dst?.length === 0 || (filter.family !== null && filter.family !== family)) return [];
  const protos = filter.protos?.filter((proto) => (family === 4 ? proto !== 58 : proto !== 1)) ?? [null];
  return protos.map((proto) => [
    ...(src === null ? [] : ['-s', src.join(',')]),
    ...(dst === null ? [] : ['-d', dst.join(',')]),
    ...(filter.inIf === null ? [] : ['-i', filter.inIf]),
    ...(filter.outIf === null ? [] : ['-o', filter.outIf]),
    ...(proto === null ? [] : ['-p', String(proto)]),
    ...portWords('sport', filter.sport),
    ...portWords('dport', filter.dport),
    ...(filter.icmpType === null ? [] : [family === 4 ? '--icmp-type' : '--icmpv6-type', String(filter.icmpType)]),
    ...(filter.flags === null || filter.flags.length === 0
      ? []
      : ['--tcp-flags', filter.flags.join(','), filter.flags.join(',')]),
    ...(filter.mark === null ? [] : ['-m', 'mark', '--mark', String(filter.mark)]),
  ]);
}

/** The matches of all rules that the filter needs in a chain, in both directions; -s with a list would be taken apart by iptables itself. */
export function literalWords(
  filter: PacketFilter,
  family: 4 | 6,
  chain: 'PREROUTING' | 'OUTPUT',
): readonly (readonly string[])[] {
  const single = (one: PacketFilter): readonly PacketFilter[] =>
    (one.src ?? [null]).flatMap((src) =>
      (one.dst ?? [null]).map((dst) => ({
        ...one,
        src: src === null ? null : [src],
        dst: dst === null ? null : [dst],
      })),
    );
  const rules = [filter, turned(filter)].flatMap(single).flatMap((one) => oneWay(one, family, chain));
  return [...new Map(rules.map((words) => [words.join(' '), words])).values()];
}

/** Marks the rule as ours. */
export function ourComment(number: number, index: number): readonly string[] {
  return ['-m', 'comment', '--comment', changeComment(number, index)];
}

/** A limit for each flow, or for each pair of addresses where there are no ports. */
export function flowLimit(number: number, index: number, rate: Rate, hasPorts: boolean): readonly string[] {
  return [
    ...['-m', 'hashlimit', '--hashlimit-upto', rateText(rate), '--hashlimit-burst', String(rate.count)],
    ...['--hashlimit-mode', hasPorts ? 'srcip,dstip,srcport,dstport' : 'srcip,dstip'],
    ...['--hashlimit-name', `ctwhy${number}_${index}`],
  ];
}

/** -j LOG with these options. */
export function logTarget(prefix: string, options: TagOptions): readonly string[] {
  return [
    ...['-j', 'LOG', '--log-prefix', prefix, '--log-level', options.level],
    ...(options.tcpSequence ? ['--log-tcp-sequence'] : []),
    ...(options.tcpOptions ? ['--log-tcp-options'] : []),
    ...(options.ipOptions ? ['--log-ip-options'] : []),
    ...(options.uid ? ['--log-uid'] : []),
  ];
}
