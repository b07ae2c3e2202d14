// Stages shared by many incidents: two hosts on a wire, or a client and a server with a firewall between them, and the rules
// that tag packets with their state.

import { delay, nowUs } from '../lab/clock.js';
import type { Lab, LabHost } from '../lab/lab.js';
import { type Background, waitUntil } from '../lab/process.js';
import type { Bundle, Listener } from './bundle.js';

export interface Pair {
  readonly client: LabHost;
  readonly server: LabHost;
}

export interface Routed extends Pair {
  readonly firewall: LabHost;
}

/** Addresses of an incident: distinct numbers keep the kernel-log lines of different incidents apart. */
export interface Addresses {
  readonly client: string;
  readonly server: string;
}

/** client 192.0.2.N — 198.51.100.N server, each the other's neighbour. */
export function pairAddresses(n: number): Addresses {
  return { client: `192.0.2.${n}`, server: `198.51.100.${n}` };
}

export async function buildPair(lab: Lab, { client: from, server: to }: Addresses): Promise<Pair> {
  const client = await lab.addHost('client');
  const server = await lab.addHost('server');
  await lab.wire(
    { host: client, interface: 'eth0', addresses: [`${from}/24`] },
    { host: server, interface: 'eth0', addresses: [`${to}/24`] },
  );
  await client.run(`ip route add ${to.replace(/\d+$/, '0/24')} dev eth0`);
  await server.run(`ip route add ${from.replace(/\d+$/, '0/24')} dev eth0`);
  return { client, server };
}

/**
 * Switches on what makes recordings richer: counters and times of each entry, log_invalid for TCP; and says so in the manifest.
 * More sysctls (without `net.`) can be set along with them.
 */
export async function turnOnTracker(
  host: LabHost,
  bundle: Bundle,
  more: Readonly<Record<string, number>> = {},
): Promise<void> {
  const protocol = more['netfilter.nf_conntrack_log_invalid'] ?? 6;
  await host.setSysctls({
    'netfilter.nf_conntrack_acct': 1,
    'netfilter.nf_conntrack_timestamp': 1,
    'netfilter.nf_conntrack_log_invalid': protocol,
    ...more,
  });
  const what = protocol === 6 ? 'log-invalid:tcp' : 'log-invalid:all';
  bundle.state({ what, state: protocol === 0 ? 'off' : 'complete', fromUs: nowUs() });
}

/** An echo-less TCP service that holds each connection open. */
export async function serve(host: LabHost, port: number, options = ''): Promise<Background> {
  const server = host.start(`nc ${options} -l -k ${port}`);
  await waitUntil(`port ${port} is open`, async () => (await host.run(`ss -Htln sport = :${port}`)).stdout !== '');
  return server;
}

/** An established connection with a few bytes sent and acknowledged, idle from then on. */
export async function connectAndIdle(host: LabHost, to: string, port: number, sport: number): Promise<Background> {
  const connection = host.start(`nc -p ${sport} ${to} ${port}`);
  connection.say('hello\n');
  await waitUntil('connection is established and acknowledged', async () => {
    const { stdout } = await host.run(`ss -Htni state established sport = :${sport}`);
    return stdout.includes('bytes_acked:7') && !stdout.includes('unacked');
  });
  await delay(200);
  return connection;
}

/** LOG rules that name a packet's state, then the rule that drops INVALID, in one chain. */
export function tagAndDropInvalid(program: string, chain: string): string[] {
  return [
    `${program} -A ${chain} -p tcp -m state --state NEW -j LOG --log-prefix "${chain} NEW: "`,
    `${program} -A ${chain} -p tcp -m state --state INVALID -j LOG --log-prefix "${chain} INVALID: "`,
    `${program} -A ${chain} -m state --state INVALID -j DROP`,
  ];
}

export async function playAll(host: LabHost, commands: readonly string[]): Promise<void> {
  for (const command of commands) await host.play(command);
}

/** `conntrack -E`, listening from now on. */
export function listenToEvents(bundle: Bundle): Promise<Listener> {
  return bundle.listen({
    file: 'conntrack-E.txt',
    command: 'conntrack -E -o timestamp,extended,id',
    covers: ['events'],
  });
}

/** client — (192.0.2.1) firewall (198.51.100.1) — server; the firewall forwards, both ends have it as their gateway. */
export async function buildRouted(
  lab: Lab,
  { client: from, server: to }: Addresses,
  [inner, outer]: readonly [string, string] = ['eth0', 'eth1'],
): Promise<Routed> {
  const client = await lab.addHost('client');
  const firewall = await lab.addHost('firewall');
  const server = await lab.addHost('server');
  await lab.wire(
    { host: client, interface: 'eth0', addresses: [`${from}/24`] },
    { host: firewall, interface: inner, addresses: ['192.0.2.1/24'] },
  );
  await lab.wire(
    { host: server, interface: 'eth0', addresses: [`${to}/24`] },
    { host: firewall, interface: outer, addresses: ['198.51.100.1/24'] },
  );
  await client.run('ip route add default via 192.0.2.1');
  await server.run('ip route add default via 198.51.100.1');
  await firewall.setSysctls({ 'ipv4.ip_forward': 1 });
  return { client, firewall, server };
}

/**
 * buildRouted() and a second way between client and server that avoids the firewall (203.0.113.1 and .2 on eth1 of each).
 * Nothing uses it until a route says so.
 */
export async function buildTriangle(lab: Lab, addresses: Addresses): Promise<Routed> {
  const hosts = await buildRouted(lab, addresses);
  await lab.wire(
    { host: hosts.client, interface: 'eth1', addresses: ['203.0.113.1/24'] },
    { host: hosts.server, interface: 'eth1', addresses: ['203.0.113.2/24'] },
  );
  for (const host of [hosts.client, hosts.server]) {
    await host.setSysctls({
      'ipv4.conf.all.rp_filter': 0,
      'ipv4.conf.eth0.rp_filter': 0,
      'ipv4.conf.eth1.rp_filter': 0,
    });
  }
  return hosts;
}
