// What dies in the routing, or behind it, although the rules let it pass: each of the ways that leave a trace which simply ends.

import { sendSegments } from '../../lab/raw-segments.js';
import type { Incident, Proof, Truth } from '../incident.js';
import { knock, type PathCourse, playPath } from '../path.js';
import { type Addresses, pairAddresses } from '../scene.js';

const NFT_RULES = [
  'nft add table inet fw',
  'nft add chain inet fw pre "{ type filter hook prerouting priority raw; }"',
  'nft add rule inet fw pre ip daddr != 192.0.2.0/24 meta l4proto { tcp, icmp } meta nftrace set 1',
  'nft add chain inet fw late "{ type filter hook prerouting priority filter; }"',
  'nft add chain inet fw through "{ type filter hook forward priority filter; policy accept; }"',
  'nft add rule inet fw through ct state established,related accept',
  'nft add chain inet fw post "{ type filter hook postrouting priority filter; policy accept; }"',
];
const LEGACY_RULES = [
  'iptables-legacy -t raw -A PREROUTING -p tcp --dport 80 -j TRACE',
  'iptables-legacy -t mangle -A PREROUTING -p tcp --dport 80 -j MARK --set-mark 1',
  'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  'iptables-legacy -A FORWARD -p tcp --dport 80 -j ACCEPT',
  'iptables-legacy -P FORWARD DROP',
];

interface Course {
  readonly name: string;
  readonly story: string;
  readonly cause: string;
  readonly note: string;
  readonly truth?: Partial<Truth>;
  readonly addresses: Addresses;
  /** More words that name it in the kernel log. */
  readonly far?: string;
  readonly isLegacy?: boolean;
  readonly proofs: readonly Proof[];
  readonly prepare?: PathCourse['prepare'];
  readonly traffic: PathCourse['traffic'];
}

function lost(course: Course): Incident {
  const { name, story, cause, note, addresses, far, proofs } = course;
  const isLegacy = course.isLegacy === true;
  return {
    name,
    story,
    truth: {
      class: 'routing-dropped',
      cause,
      confidenceAtMost: 'certain',
      causeConfidenceAtMost: 'certain',
      outcome: 'DROP',
      droppedBy: null,
      note,
      ...course.truth,
    },
    kernelLogForm: isLegacy ? 'rsyslog-rfc3339' : 'dmesg',
    addresses: [addresses.client, ...(far === undefined ? [] : [far])],
    proofs,
    play: (stage) =>
      playPath(stage, {
        addresses,
        wish: { backend: isLegacy ? 'legacy' : 'nft', zeroCounters: true },
        ...(isLegacy ? {} : { traces: ['nft'] }),
        rules: isLegacy ? LEGACY_RULES : NFT_RULES,
        ...(course.prepare === undefined ? {} : { prepare: course.prepare }),
        traffic: course.traffic,
      }),
  };
}

const NEIGHBOUR = pairAddresses(141);
const SILENT = '198.51.100.241';
export const routingNeighbour = lost({
  name: 'routing-neighbour',
  story: `The client knocks at ${SILENT}, which has no host: the firewall forwards, asks who has the address, and nobody answers. The nft trace ends behind postrouting.`,
  cause: 'neighbour-unresolved',
  note: `ip neigh has ${SILENT} as FAILED or INCOMPLETE; the entries stay SYN_SENT [UNREPLIED].`,
  addresses: NEIGHBOUR,
  far: SILENT,
  proofs: [
    { file: 'nft-trace.txt', pattern: /inet fw post/, atLeast: 2 },
    { file: 'ip-neigh.json', pattern: /198\.51\.100\.241.*(FAILED|INCOMPLETE)/ },
  ],
  traffic: async ({ client }) => {
    await knock(client, SILENT, 80, 2, '-p 40141');
    await knock(client, SILENT, 80, 2, '-p 40142');
  },
});

const FORBIDDEN = pairAddresses(142);
const PROHIBITED = '203.0.113.142';
export const routingForbidden = lost({
  name: 'routing-forbidden',
  story: `A prohibit route for 203.0.113.0/24 on the firewall. The client knocks at ${PROHIBITED}: legacy TRACE ends after PREROUTING, and the client hears that it is forbidden.`,
  cause: 'forbidden-route',
  note: 'ip route has it as prohibit; no counter of the other reasons moves; no entry is confirmed.',
  addresses: FORBIDDEN,
  far: PROHIBITED,
  isLegacy: true,
  proofs: [
    { file: 'kern.log', pattern: /TRACE: mangle:PREROUTING:policy:2 /, atLeast: 2 },
    { file: 'kern.log', pattern: /FORWARD/, atLeast: 0, atMost: 0 },
    { file: 'ip-route.json', pattern: /prohibit/ },
  ],
  prepare: async ({ firewall }) => {
    await firewall.run('ip route add prohibit 203.0.113.0/24');
  },
  traffic: async ({ client }) => {
    await knock(client, PROHIBITED, 80, 2, '-p 40142');
    await knock(client, PROHIBITED, 80, 2, '-p 40143');
  },
});

const OUTLIVED = pairAddresses(143);
export const routingTtl = lost({
  name: 'routing-ttl',
  story:
    'SYNs that come to the firewall with a TTL of 1, as behind a loop or one hop too many. The nft trace ends after prerouting.',
  cause: 'ttl-exceeded',
  note: 'The trace shows ip ttl 1; the sender is told by ICMP.',
  addresses: OUTLIVED,
  proofs: [
    { file: 'nft-trace.txt', pattern: /ip ttl 1 /, atLeast: 3 },
    { file: 'nft-trace.txt', pattern: /inet fw through/, atLeast: 0, atMost: 0 },
  ],
  traffic: async ({ client }) => {
    const one = { sport: 40_143, dport: 80, flags: 'S', seq: 1000, ttl: 1, options: '020405b4' };
    await sendSegments(client, OUTLIVED.client, OUTLIVED.server, [one, { ...one, wait: 0.3 }, { ...one, wait: 0.3 }]);
  },
});

const BIG = pairAddresses(144);
const BIG_ENDS = [BIG.server, '198.51.100.145', '198.51.100.146'];
export const routingTooBig = lost({
  name: 'routing-too-big',
  story:
    'The link behind the firewall takes 1280 bytes. Pings of 1400 bytes that may not be cut up come in; the nft trace ends after prerouting, nstat counts IpFragFails.',
  cause: 'too-big',
  note: 'Three packets to three addresses, as many in IpFragFails. The sender is told by ICMP.',
  addresses: BIG,
  proofs: [
    { file: 'nft-trace.txt', pattern: /ip length 1400/, atLeast: 3 },
    { file: 'nft-trace.txt', pattern: /inet fw post/, atLeast: 0, atMost: 0 },
    { file: 'nstat.txt', pattern: /^IpFragFails +3 / },
  ],
  prepare: async ({ firewall, server }) => {
    await firewall.run('ip link set eth1 mtu 1280');
    await server.run('ip link set eth0 mtu 1280');
    for (const address of BIG_ENDS.slice(1)) await server.run(`ip addr add ${address}/24 dev eth0`);
  },
  traffic: async ({ client }) => {
    // What the client has learnt of one end it does not send a second time.
    for (const address of BIG_ENDS) await client.attempt(`ping -q -M do -s 1372 -c 1 -W 1 ${address}`);
  },
});
