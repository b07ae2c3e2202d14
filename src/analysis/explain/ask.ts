// What is missing, in the words of someone who has ctwhy and of someone who has not. One place, so that the same gap is always named the same.

import type { Missing } from '../../model/finding.js';

function missing(what: string, command: string, ask: string): Missing {
  return { what, command, ask };
}

export const ASK = {
  events: missing(
    'events of the entry, from before it was lost',
    'ctwhy ingest conntrack-E.txt',
    'conntrack -E -o timestamp,id,extended > conntrack-E.txt   (start it before the connection)',
  ),
  listingBefore: missing(
    'the conntrack listing from before the fault',
    'ctwhy ingest conntrack-before.txt',
    'conntrack -L -o id,extended > conntrack-before.txt   (while the connection still works)',
  ),
  expectations: missing(
    'what helpers expect, while it happens',
    'ctwhy ingest conntrack-expect.txt',
    'conntrack -L expect > conntrack-expect.txt; conntrack -E expect > conntrack-E-expect.txt',
  ),
  listing: missing(
    'the conntrack listing',
    'ctwhy ingest conntrack.txt',
    'conntrack -L -o id,extended > conntrack.txt',
  ),
  sockets: missing('the sockets of this host', 'ctwhy ingest ss.txt', 'ss -tanoei > ss.txt'),
  ruleset: missing(
    'the ruleset with counters',
    'ctwhy ingest iptables-save.txt',
    'iptables-save -c > iptables-save.txt; nft -a list ruleset > nft.txt',
  ),
  rulesetTwice: missing(
    'the ruleset with counters, twice',
    'ctwhy ingest rules-1.txt rules-2.txt',
    'iptables-save -c > rules-1.txt   (and again as rules-2.txt after the fault)',
  ),
  logInvalid: missing(
    "the kernel's own reason",
    'ctwhy ingest kern.log',
    'sysctl -w net.netfilter.nf_conntrack_log_invalid=255; then the kernel log of the next occurrence',
  ),
  sysctls: missing('the conntrack settings', 'ctwhy ingest sysctl.txt', 'sysctl -a > sysctl.txt'),
  kernel: missing('the kernel release', 'add --kernel RELEASE', 'uname -r'),
  trace: missing(
    'a trace of the packet',
    'ctwhy ingest trace.txt',
    'nft monitor trace > trace.txt   (with a rule `meta nftrace set 1` for the flow)',
  ),
  statistics: missing(
    'the tracker statistics before and after',
    'ctwhy ingest stats-1.txt stats-2.txt',
    'conntrack -S > stats-1.txt   (and again as stats-2.txt)',
  ),
  addresses: missing(
    'changes of addresses',
    'ctwhy ingest ip-monitor.txt',
    'ip -timestamp monitor address link > ip-monitor.txt',
  ),
  capture: missing('what was on the wire', 'ctwhy ingest wire.pcap', 'tcpdump -ni any -w wire.pcap host ADDRESS'),
} as const;
