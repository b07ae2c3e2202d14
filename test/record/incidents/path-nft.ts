// Native nftables with a trace: one flow is led through DNAT, a jump, a set and a verdict map to its server, another ends at a policy.

import type { Incident } from '../incident.js';
import { knock, playPath, serveOnce, visit } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(76);

const RULESET = `table inet fw {
  set allowed { type ipv4_addr; flags interval; elements = { 192.0.2.64/26 }; }
  map verdicts { type inet_service : verdict; elements = { 22 : drop, 80 : jump web }; }
  chain trace { type filter hook prerouting priority raw; tcp dport { 8080, 2525 } meta nftrace set 1; tcp sport 80 meta nftrace set 1; }
  chain dstnat { type nat hook prerouting priority dstnat; ip daddr 192.0.2.1 tcp dport 8080 dnat ip to ${ADDRESSES.server}:80; }
  chain web { ip saddr 203.0.113.0/24 return; counter accept comment "the shop"; }
  chain early { meta l4proto udp drop; meta mark 0x20 drop; }
  chain forward { type filter hook forward priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iifname "eth0" meta mark set 0x10
    jump early
    ip saddr @allowed tcp dport vmap @verdicts
    log prefix "fw forward end: " counter
  }
  chain srcnat { type nat hook postrouting priority srcnat; oifname "eth1" masquerade; }
}`;

export const pathNft: Incident = {
  name: 'path-nft',
  story:
    'A native nft ruleset with meta nftrace: port 8080 is led by DNAT, jump, set and verdict map to the server and accepted; port 2525 falls ' +
    'through to the policy of the forward chain.',
  truth: {
    class: 'rule-decided',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'DROP',
    droppedBy: { family: 'inet', table: 'fw', chain: 'forward', rule: 'policy' },
    note: 'About port 2525 (sport 40177). The flow to port 8080 (sport 40176) is accepted in chain web and healthy.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'nft-trace.txt', pattern: /inet fw forward policy drop/, atLeast: 2 },
    { file: 'nft-trace.txt', pattern: /inet fw web rule .*accept/ },
    { file: 'nft-trace.txt', pattern: /inet fw dstnat rule .*dnat/, atMost: 1 },
    { file: 'kern.log', pattern: /fw forward end: /, atLeast: 2 },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      wish: { backend: 'nft' },
      traces: ['nft'],
      rules: [`nft -f - <<'EOF'\n${RULESET}\nEOF`],
      async traffic({ client, server, bundle }) {
        await serveOnce(server, 80);
        await visit(client, '192.0.2.1', 8080, 40176);
        await knock(client, ADDRESSES.server, 2525, 2, '-p 40177');
        await bundle.take('nft.json', 'nft -j list ruleset', 'after');
      },
    }),
};
