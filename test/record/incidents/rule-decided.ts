// Conntrack is fine, an ordinary rule decided: an earlier one, none although one was meant to, or the policy.

import type { Incident, Truth } from '../incident.js';
import { knock, playPath } from '../path.js';
import { pairAddresses } from '../scene.js';

const EARLY = pairAddresses(71);
const UNMATCHED = pairAddresses(100);
const POLICY = pairAddresses(73);

function decided(droppedBy: Truth['droppedBy'], note: string): Truth {
  return {
    class: 'rule-decided',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'DROP',
    droppedBy,
    note,
  };
}

export const ruleEndedEarly: Incident = {
  name: 'rule-ended-early',
  story:
    'The web server is to be open to all (FORWARD 3), but FORWARD 2 drops 192.0.2.0/24 where /28 was meant. A client in the upper part ' +
    'of the network tries three SYNs. Legacy TRACE is on.',
  truth: decided(
    { family: 'ip', table: 'filter', chain: 'FORWARD', rule: 2 },
    'Ended early: rule 2 (mask too wide) took the NEW packets that rule 3 was meant for.',
  ),
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(EARLY),
  proofs: [
    { file: 'kern.log', pattern: /TRACE: filter:FORWARD:rule:2 /, atLeast: 3 },
    { file: 'kern.log', pattern: /FORWARD:rule:3 /, atLeast: 0, atMost: 0 },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: EARLY,
      wish: { backend: 'legacy' },
      rules: [
        'iptables-legacy -t raw -A PREROUTING -p tcp --dport 80 -j TRACE',
        'iptables-legacy -t raw -A PREROUTING -p tcp --sport 80 -j TRACE',
        'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables-legacy -A FORWARD -s 192.0.2.0/24 -m comment --comment "guests" -j DROP',
        'iptables-legacy -A FORWARD -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT',
        'iptables-legacy -P FORWARD DROP',
      ],
      traffic: ({ client }) => knock(client, EARLY.server, 80, 4, '-p 40071'),
    }),
};

export const ruleNeverMatched: Incident = {
  name: 'rule-never-matched',
  story:
    'FORWARD 2 accepts 192.0.2.64/27 to port 443. The client is 192.0.2.100, just outside of the mask; the policy drops it. ' +
    'Rules of iptables-nft, traced over netlink (xtables-monitor and nft monitor).',
  truth: decided(
    { family: 'ip', table: 'filter', chain: 'FORWARD', rule: 'policy' },
    'Never matched: rule 2 wants -s 192.0.2.64/27, the packet has 192.0.2.100. Then the policy.',
  ),
  kernelLogForm: 'dmesg',
  addresses: Object.values(UNMATCHED),
  proofs: [
    { file: 'nft-trace.txt', pattern: /FORWARD.*policy drop/, atLeast: 2 },
    { file: 'xtables-trace.txt', pattern: /filter:FORWARD:.*DROP/, atLeast: 2 },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: UNMATCHED,
      wish: { backend: 'nft' },
      traces: ['nft', 'xtables'],
      rules: [
        'iptables -t raw -A PREROUTING -p tcp --dport 443 -j TRACE',
        'iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables -A FORWARD -s 192.0.2.64/27 -p tcp --dport 443 -j ACCEPT',
        'iptables -A FORWARD -p icmp -j ACCEPT',
        'iptables -P FORWARD DROP',
      ],
      traffic: ({ client }) => knock(client, UNMATCHED.server, 443, 2, '-p 40072'),
    }),
};

export const policyDecided: Incident = {
  name: 'policy-decided',
  story: 'Nothing in FORWARD is about port 2222; the policy is DROP. Two SYNs, legacy TRACE in the form of a journal.',
  truth: decided(
    { family: 'ip', table: 'filter', chain: 'FORWARD', rule: 'policy' },
    'Policy decided: no rule matched (filter:FORWARD:policy:4).',
  ),
  kernelLogForm: 'journal-short',
  addresses: Object.values(POLICY),
  proofs: [{ file: 'journal-k.txt', pattern: /TRACE: filter:FORWARD:policy:4 /, atLeast: 2 }],
  play: (stage) =>
    playPath(stage, {
      addresses: POLICY,
      wish: { backend: 'legacy' },
      rules: [
        'iptables-legacy -t raw -A PREROUTING -p tcp -m multiport --ports 2222 -j TRACE',
        'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables-legacy -A FORWARD -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT',
        'iptables-legacy -A FORWARD -p udp --dport 53 -j ACCEPT',
        'iptables-legacy -P FORWARD DROP',
      ],
      traffic: ({ client }) => knock(client, POLICY.server, 2222, 2, '-p 40073'),
    }),
};
