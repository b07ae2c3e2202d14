// What is missing, in words that can be run: `ask` by someone without ctwhy (a shell line, remarks behind #), `command` with ctwhy
// afterwards. One place, so that the same gap is always named the same.

import type { Missing } from '../../model/finding.js';
import type { Case } from './case.js';
import { firstPacket, isForwarded } from './flow-facts.js';

function missing(what: string, command: string, ask: string): Missing {
  return { what, command, ask };
}

export const ASK = {
  events: missing(
    'events of the entry, from before it was lost',
    'ctwhy ingest conntrack-E.txt',
    'conntrack -E -o timestamp,id,extended > conntrack-E.txt   # start it before the connection',
  ),
  eventsOfPrograms: missing(
    'events that name the program which deleted an entry',
    'ctwhy ingest conntrack-E.txt',
    'conntrack -E -e DESTROY -o userspace,timestamp,id > conntrack-E.txt   # start it before the connection',
  ),
  namespaceOfLines: missing(
    'whether they are of this network namespace: the kernel log names none, and nothing read in it knows the connection',
    'ctwhy ingest nflog.pcap',
    'tcpdump -i nflog:0 -w nflog.pcap   # with nf_log set to nfnetlink_log: it hands on packets of its own namespace only',
  ),
  listingBefore: missing(
    'the conntrack listing from before the fault',
    'ctwhy ingest conntrack-before.txt',
    'conntrack -L -o id,extended > conntrack-before.txt   # while the connection still works',
  ),
  expectationCount: missing(
    'how many connections are expected, and how many may be',
    'ctwhy ingest conntrack-expect.txt sysctl.txt',
    'conntrack -L expect > conntrack-expect.txt; sysctl net.netfilter.nf_conntrack_expect_max > sysctl.txt',
  ),
  expectations: missing(
    'what helpers expect, while it happens',
    'ctwhy ingest conntrack-expect.txt',
    'conntrack -L expect > conntrack-expect.txt',
  ),
  listingTwice: missing(
    'the entry twice, some seconds apart',
    'ctwhy ingest conntrack-1.txt conntrack-2.txt',
    'conntrack -L -o id,extended > conntrack-1.txt; sleep 20; conntrack -L -o id,extended > conntrack-2.txt',
  ),
  listing: missing(
    'the conntrack listing',
    'ctwhy ingest conntrack.txt',
    'conntrack -L -o id,extended > conntrack.txt',
  ),
  sockets: missing('the sockets of this host', 'ctwhy ingest ss.txt', 'ss -tanoei > ss.txt'),
  ruleset: missing(
    'the ruleset with counters',
    'ctwhy ingest iptables-save.txt nft.txt',
    'iptables-save -c > iptables-save.txt; nft -a list ruleset > nft.txt',
  ),
  rulesetTwice: missing(
    'the ruleset with counters, twice',
    'ctwhy ingest rules-1.txt rules-2.txt',
    'iptables-save -c > rules-1.txt; sleep 60; iptables-save -c > rules-2.txt   # the fault in between',
  ),
  logInvalid: missing(
    "the kernel's own reason",
    'ctwhy ingest kern.log',
    'sysctl -w net.netfilter.nf_conntrack_log_invalid=255; sleep 600; journalctl -k -o short-precise > kern.log',
  ),
  wholeLine: missing(
    'the kernel log with whole lines: addresses are cut off here',
    'ctwhy ingest kern.log',
    'journalctl -k -o short-precise > kern.log',
  ),
  counts: missing(
    'how full the table is, while it happens',
    'ctwhy ingest counts.txt',
    'sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max > counts.txt',
  ),
  countAndListing: missing(
    'count and listing of one moment, of both families',
    'ctwhy ingest counts.txt conntrack.txt',
    'sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max > counts.txt; conntrack -L -o id,extended > conntrack.txt',
  ),
  holders: missing(
    'the loaded modules, and who takes packets out of the kernel',
    'ctwhy ingest lsmod.txt',
    'cat /proc/modules > lsmod.txt; cat /proc/net/netfilter/nfnetlink_queue > nfqueue.txt',
  ),
  kernelLog: missing('the kernel log', 'ctwhy ingest kern.log', 'journalctl -k -o short-precise > kern.log'),
  sysctls: missing('the conntrack settings', 'ctwhy ingest sysctl.txt', 'sysctl -a > sysctl.txt'),
  kernel: missing('the kernel release', 'ctwhy explain --kernel RELEASE', 'uname -r'),
  trace: missing(
    'a trace of the packet',
    'ctwhy ingest trace.txt',
    'nft add table inet t; nft add chain inet t c "{ type filter hook prerouting priority -350; }"; nft add rule inet t c {match} meta nftrace set 1; nft monitor trace > trace.txt   # then: nft delete table inet t',
  ),
  statistics: missing(
    'the tracker statistics before and after',
    'ctwhy ingest stats-1.txt stats-2.txt',
    'conntrack -S > stats-1.txt; sleep 60; conntrack -S > stats-2.txt   # the fault in between',
  ),
  stackCounters: missing(
    'the counters of the network stack, twice',
    'ctwhy ingest nstat-1.txt nstat-2.txt',
    'nstat -asz > nstat-1.txt; sleep 60; nstat -asz > nstat-2.txt   # the fault in between',
  ),
  routing: missing(
    'addresses, routes and routing rules',
    'ctwhy ingest ip-addr.txt ip-route.txt ip-rule.txt',
    'ip -j addr > ip-addr.txt; ip -j route > ip-route.txt; ip -j rule > ip-rule.txt',
  ),
  addresses: missing(
    'changes of addresses',
    'ctwhy ingest ip-monitor.txt',
    'ip -timestamp monitor address link > ip-monitor.txt',
  ),
  bridgeSettings: missing(
    'whether bridged frames pass the IP hooks',
    'ctwhy ingest bridge.txt',
    'sysctl net.bridge > bridge.txt   # nothing there: br_netfilter is not loaded, they do not',
  ),
  addressesAndLinks: missing(
    'addresses and links of this host',
    'ctwhy ingest ip-addr.json ip-link.json',
    'ip -d -j addr > ip-addr.json; ip -d -j link > ip-link.json',
  ),
  captureHere: missing(
    'what arrived, captured on the receiver',
    'ctwhy ingest wire.pcap',
    'tcpdump -ni any -w wire.pcap',
  ),
  capture: missing('what was on the wire', 'ctwhy ingest wire.pcap', 'tcpdump -ni any -w wire.pcap host {src}'),
} as const;

/** Whose sockets would tell: this host's, or those of the end whose packets only pass through here. */
export function askSockets(subject: Case): Missing {
  if (!isForwarded(subject)) return ASK.sockets;
  const src = firstPacket(subject).tuples[0]?.src ?? subject.flow.src;
  return missing(
    `the sockets of the host that has ${src} (this one only forwards)`,
    'ctwhy ingest ss.txt --host END_HOST',
    `ss -tanoei > ss.txt   # on the host that has ${src}`,
  );
}

/** What is missing, with a flow in its commands; without one they ask for everything. */
export function askedFor(one: Missing, { flow }: { readonly flow: { readonly src: string } | null }): Missing {
  if (flow === null) return { ...one, ask: one.ask.replace(' {match}', '').replace(' host {src}', '') };
  const match = `${flow.src.includes(':') ? 'ip6' : 'ip'} saddr ${flow.src}`;
  return { ...one, ask: one.ask.replace('{match}', match).replace('{src}', flow.src) };
}
