// A busy gateway on which nothing is wrong: thousands of ordinary flows, and the noise that every such host has.

import { fileURLToPath } from 'node:url';
import { delay } from '../../lab/clock.js';
import type { LabHost } from '../../lab/lab.js';
import { waitUntil } from '../../lab/process.js';
import { type RawSegment, sendSegments } from '../../lab/raw-segments.js';
import { takeState, takeSurroundings } from '../host-state.js';
import type { Incident } from '../incident.js';
import { playAll, turnOnTracker } from '../scene.js';

const TRAFFIC = `python3 '${fileURLToPath(new URL('../../lab/busy-traffic.py', import.meta.url))}'`;
const OUTSIDE = '203.0.113.140';
const CLIENTS = Array.from({ length: 10 }, (_, at) => `192.0.2.${140 + at}`);
const SERVERS = Array.from({ length: 20 }, (_, at) => `198.51.100.${10 + at}`);
const SILENT = '198.51.100.250';
const SCANNER = '198.51.100.200';
const TCP = 3300;
const UDP = 1400;
const PINGS = 200;
const HELD = 60;
const SCANNED_PORTS = 300;
const RESET_PORT = 30_000;
const RESETS = 40;
const RULES = [
  'iptables -t nat -A POSTROUTING -o eth1 -j MASQUERADE',
  'iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  'iptables -A INPUT -m conntrack --ctstate INVALID -j DROP',
  'iptables -A INPUT -i lo -j ACCEPT',
  'iptables -A INPUT -p icmp -j ACCEPT',
  'iptables -A INPUT -j LOG --log-prefix "INPUT BLOCK: "',
  'iptables -P INPUT DROP',
  'iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  'iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP',
  'iptables -A FORWARD -i eth0 -o eth1 -j ACCEPT',
  'iptables -A FORWARD -j LOG --log-prefix "FORWARD BLOCK: "',
  'iptables -P FORWARD DROP',
];

/** SYNs to many ports, and what scanners send besides to tell one system from another. */
const SCAN: readonly RawSegment[] = [
  ...Array.from({ length: SCANNED_PORTS }, (_, at) => ({ sport: 51_000, dport: 1 + at * 7, flags: 'S', seq: 77_000 })),
  ...Array.from({ length: 20 }, (_, at) => ({ sport: 51_001, dport: 22 + at, flags: '', seq: 0 })),
  ...Array.from({ length: 20 }, (_, at) => ({ sport: 51_002, dport: 22 + at, flags: 'FPU', seq: 0 })),
  ...Array.from({ length: 20 }, (_, at) => ({ sport: 51_003, dport: 22 + at, flags: 'A', seq: 5, ack: 9 })),
];

async function addAddresses(host: LabHost, device: string, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) await host.run(`ip addr add ${address} dev ${device}`);
}

export const busyHealthy: Incident = {
  name: 'busy-healthy',
  story:
    `Ten clients behind a gateway that masquerades: ${TCP} TCP visits, ${UDP} UDP questions, ${PINGS} pings and ${HELD} connections that stay open, all well. ` +
    `${RESETS} connections are ended by an RST, and the peer's FIN comes after their entries have run out. Somebody outside scans ${SCANNED_PORTS} ports of the ` +
    'gateway, with NULL, XMAS and ACK probes; 60 connections are tried to a host that does not answer.',
  truth: {
    class: 'normal',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'NEW',
    droppedBy: null,
    note: 'Nothing is wrong: scans meet the policy of INPUT, late closing packets its INVALID rule. Nobody waits for anything.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: [OUTSIDE, ...CLIENTS],
  proofs: [
    { file: 'kern.log', pattern: /INPUT BLOCK: .* DPT=\d+ /, atLeast: SCANNED_PORTS },
    { file: 'kern.log', pattern: /SPT=443 DPT=300\d\d .*FIN/, atLeast: RESETS },
    { file: 'conntrack-E.txt.gz', pattern: /\[NEW\]/, atLeast: 5000 },
    { file: 'conntrack-L.txt.gz', pattern: /ESTABLISHED.*ASSURED/, atLeast: HELD },
    { file: 'conntrack-S.txt', pattern: /insert_failed=[1-9]|early_drop=[1-9]/, atLeast: 0, atMost: 0 },
  ],
  async play({ lab, observe }) {
    const client = await lab.addHost('client');
    const gateway = await lab.addHost('gateway');
    const internet = await lab.addHost('internet');
    await lab.wire(
      { host: client, interface: 'eth0', addresses: CLIENTS.map((address) => `${address}/24`) },
      { host: gateway, interface: 'eth0', addresses: ['192.0.2.1/24'] },
    );
    await lab.wire(
      { host: gateway, interface: 'eth1', addresses: [`${OUTSIDE}/24`] },
      { host: internet, interface: 'eth0', addresses: ['203.0.113.1/24'] },
    );
    await client.run('ip route add default via 192.0.2.1');
    await gateway.run('ip route add default via 203.0.113.1');
    await gateway.setSysctls({ 'ipv4.ip_forward': 1 });
    await internet.run('ip link set lo up');
    await addAddresses(internet, 'lo', [...SERVERS, SILENT, SCANNER]);
    // It answers neither what is not for it nor what it has not asked for.
    await internet.run(`iptables-legacy -A INPUT -d ${SILENT} -j DROP`);
    await internet.run(`iptables-legacy -A INPUT -d ${SCANNER} -j DROP`);
    const bundle = observe(gateway);
    await turnOnTracker(gateway, bundle, { 'netfilter.nf_conntrack_log_invalid': 255 });
    await playAll(gateway, RULES);
    const server = internet.start(`${TRAFFIC} serve ${SERVERS.join(' ')}`);
    await waitUntil('the servers answer', () => server.output().includes('ready'));
    const events = await bundle.listen({
      file: 'conntrack-E.txt.gz',
      command: 'conntrack -E -b 16777216 -o timestamp,extended,id',
      covers: ['events'],
    });
    await takeState(bundle, 'before', { backend: 'nft', zeroCounters: true });
    await client.run(`${TRAFFIC} reset ${RESET_PORT} ${RESETS} ${CLIENTS[0]} ${SERVERS[0]}`);
    const holder = client.start(`${TRAFFIC} hold ${HELD} ${CLIENTS.join(' ')} -- ${SERVERS[1]}`);
    await waitUntil('connections are held', () => holder.output().includes('ready'), 60_000);
    await client.run(`${TRAFFIC} visit ${TCP} ${UDP} ${PINGS} ${CLIENTS.join(' ')} -- ${SERVERS.join(' ')}`);
    await client.run(`${TRAFFIC} knock 60 ${CLIENTS[3]} ${SILENT}`);
    await sendSegments(internet, SCANNER, OUTSIDE, SCAN);
    // An entry that an RST has closed lives ten seconds.
    await waitUntil(
      'the reset connections are forgotten',
      async () => !(await gateway.run('conntrack -L -p tcp --state CLOSE')).stdout.includes(` CLOSE `),
      30_000,
    );
    await sendSegments(
      internet,
      SERVERS[0]!,
      OUTSIDE,
      Array.from({ length: RESETS }, (_, at) => ({
        sport: 443,
        dport: RESET_PORT + at,
        flags: 'FA',
        seq: 70_000 + at,
        ack: 90_000,
        win: 501,
      })),
    );
    await delay(500);
    await takeState(bundle, 'after', { backend: 'nft', zeroCounters: true, isBusy: true });
    await takeSurroundings(bundle);
    await events.stop();
  },
};
