// ctwhy help symptoms: what people see, what to ask for, which command answers. Only commands of this version.

import { type Line, segment } from '../../presentation/document.js';
import type { Topic } from './topic.js';

interface Symptom {
  readonly seen: string;
  /** Plain commands for somebody without ctwhy. */
  readonly ask: readonly string[];
  /** First word is the command. */
  readonly answer: readonly string[];
}

export const SYMPTOMS: readonly Symptom[] = [
  {
    seen: 'a socket is stuck in FIN-WAIT-1, LAST-ACK or CLOSING',
    ask: ['ss -tino state fin-wait-1', 'conntrack -L -p tcp -o id,extended', 'iptables-save -c', 'dmesg'],
    answer: ['check', 'capture --dport PORT', 'explain -r FILES', 'timeline -r FILES --dport PORT'],
  },
  {
    seen: 'a rule drops packets as INVALID',
    ask: ['sysctl net.netfilter', 'iptables-save -c  (twice, a minute apart)', 'conntrack -S', 'dmesg'],
    answer: ['check', 'capture --dport PORT', 'explain -r FILES', 'replay 1 -r FILES', 'query drops-by-rule'],
  },
  {
    seen: '"SEQ is over upper bound", and its like: by how much, and what if a setting were otherwise',
    ask: ['tcpdump -ni any -w wire.pcap host ADDR  (from before the connection)', 'dmesg', 'sysctl net.netfilter'],
    answer: ['replay -r FILES', 'replay -r FILES --set nf_conntrack_tcp_be_liberal=1', 'replay -r FILES --kernel 5.10'],
  },
  {
    seen: 'SYNs arrive, nobody answers',
    ask: ['conntrack -L -p tcp --state SYN_SENT', 'ip route; ip rule', 'nstat -az', 'iptables-save -c'],
    answer: ['explain -r FILES --dport PORT', 'query stuck-syn-sent'],
  },
  {
    seen: 'connections break after some quiet time',
    ask: ['conntrack -E -o timestamp,id,extended', 'sysctl net.netfilter net.ipv4.tcp_keepalive_time'],
    answer: ['explain -r FILES', 'query timeouts-soon', 'query stuck-sockets-without-entry'],
  },
  {
    seen: 'NEW where ESTABLISHED was expected',
    ask: ['dmesg', 'conntrack -E -o timestamp,id', 'sysctl net.netfilter.nf_conntrack_tcp_loose'],
    answer: ['explain -r FILES --ctstate NEW', 'query new-without-syn'],
  },
  {
    seen: '"table full, dropping packet"',
    ask: ['conntrack -L', 'conntrack -C; conntrack -S', 'sysctl net.netfilter'],
    answer: ['query who-fills-the-table', 'query when-full', 'query pressure-by-hour'],
  },
  {
    seen: 'a packet vanishes between two chains',
    ask: ['dmesg  (with TRACE lines)', 'iptables-save -c', 'ip route; sysctl -a | grep rp_filter', 'nstat -az'],
    answer: ['path -r FILES', 'query dropped-journeys'],
  },
  {
    seen: 'a message of the kernel that nobody knows',
    ask: ['the line, and uname -r'],
    answer: ['reasons list', 'reasons show ID'],
  },
  {
    seen: 'the log says nothing',
    ask: ['sysctl net.netfilter', 'iptables-save -c; nft -a list ruleset', 'ip -d -j link'],
    answer: ['doctor', 'doctor -r FILES'],
  },
  { seen: 'nothing yet', ask: [], answer: ['demo'] },
];

export const symptomsTopic: Topic = {
  name: 'symptoms',
  says: 'what you see, what to ask for, which command answers',
  async lines(world, knownCommands) {
    const has = (answer: string) =>
      knownCommands.some(
        (known) => answer === known || answer.startsWith(`${known} `) || known === answer.split(' ')[0],
      );
    return SYMPTOMS.flatMap(({ seen, ask, answer }): readonly Line[] => {
      const answers = answer.filter(has);
      if (answers.length === 0) return [];
      return [
        [segment('head', seen)],
        ...ask.map((text, at) => `  ${at === 0 ? 'ask for ' : '        '}  ${text}`),
        ...answers.map(
          (text, at): Line => [
            segment('plain', `  ${at === 0 ? 'then    ' : '        '}  `),
            segment('cmd', `${world.programName} ${text}`),
          ],
        ),
        '',
      ];
    }).slice(0, -1);
  },
};
