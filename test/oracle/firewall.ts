// A firewall of its own namespace that forwards between two wires, and what its conntrack says about each packet sent through it.

import { fileURLToPath } from 'node:url';
import { openLab } from '../lab/lab.js';
import type { FirewallHost, FirewallLab } from './firewall-lab.js';
import { frameOf } from './frames.js';
import { type Place, SERVER_PORT, type Sequence, type Step } from './sequence.js';

const KERNEL_SIDE = fileURLToPath(new URL('kernel.py', import.meta.url));

/** Sysctls by short name, as the model takes them. */
export type Settings = Readonly<Record<string, number>>;

export interface KernelEntry {
  readonly src: string;
  readonly status: number;
  readonly timeout: number | null;
  readonly state?: number;
  readonly scale?: readonly [number, number];
  readonly flags?: readonly [number, number];
}

export interface KernelAnswer {
  /** Milliseconds on the kernel's clock of ticks, just before the packet was sent. */
  readonly atMs: number;
  /** Milliseconds from then on until the answer was complete: so much is unknown of when the kernel saw the packet. */
  readonly spentMs?: number;
  readonly verdict: string | null;
  readonly messages: readonly string[];
  readonly entry: KernelEntry | null;
}

export interface Sending {
  readonly atMs: number;
  readonly step: Step;
  readonly sequence: Sequence;
  readonly place: Place;
}

export interface Firewall {
  /** The release of the kernel, as `uname -r` says it. */
  readonly release: string;
  configure(settings: Settings): Promise<void>;
  /** Sends in order, none before its time; one answer for each. */
  send(sendings: readonly Sending[]): Promise<readonly KernelAnswer[]>;
  close(): void | Promise<void>;
}

const RULES = `
table inet oracle {
  chain seen {
    type filter hook prerouting priority mangle; policy accept;
    ct state invalid log prefix "INVALID" group 1
    ct state new log prefix "NEW" group 1
    ct state established log prefix "ESTABLISHED" group 1
    ct state related log prefix "RELATED" group 1
    ct state untracked log prefix "UNTRACKED" group 1
  }
}`;

/** Builds it, on the kernel of this machine unless the lab is elsewhere; close it in a finally. */
export async function openFirewall(lab: FirewallLab = openLab()): Promise<Firewall> {
  try {
    return await build(lab);
  } catch (error) {
    await lab.close();
    throw error;
  }
}

async function build(lab: FirewallLab): Promise<Firewall> {
  const wall = await lab.addHost('wall');
  const edge = await lab.addHost('edge');
  await edge.setSysctls({ 'ipv6.conf.all.disable_ipv6': 1, 'ipv6.conf.default.disable_ipv6': 1 });
  await wall.setSysctls({ 'ipv4.ip_forward': 1, 'ipv6.conf.all.forwarding': 1, 'ipv6.conf.default.accept_dad': 0 });
  await lab.wire(
    { host: wall, interface: 'clients', addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] },
    { host: edge, interface: 'clients', addresses: [] },
  );
  await lab.wire(
    { host: wall, interface: 'servers', addresses: ['198.51.100.1/24', '2001:db8:2::1/64'] },
    { host: edge, interface: 'servers', addresses: [] },
  );
  const macs = { clients: await macsOf(wall, edge, 'clients'), servers: await macsOf(wall, edge, 'servers') };
  for (const [device, four, six, net4, net6] of [
    ['clients', '192.0.2.2', '2001:db8:1::2', '203.0.113.0/25', '2001:db8:c::/48'],
    ['servers', '198.51.100.2', '2001:db8:2::2', '203.0.113.128/25', '2001:db8:d::/48'],
  ] as const) {
    await wall.run(`ip neigh add ${four} lladdr ${macs[device].from} dev ${device} nud permanent`);
    await wall.run(`ip -6 neigh add ${six} lladdr ${macs[device].from} dev ${device} nud permanent`);
    await wall.run(`ip route add ${net4} via ${four} dev ${device}`);
    await wall.run(`ip -6 route add ${net6} via ${six} dev ${device}`);
  }
  // log_invalid goes to the log groups: the kernel log would lose lines.
  await wall.setSysctls({ 'netfilter.nf_log.2': 'nfnetlink_log', 'netfilter.nf_log.10': 'nfnetlink_log' });
  await wall.run(`nft '${RULES}'`);
  await wall.setSysctls({ 'netfilter.nf_conntrack_log_invalid': 255 });
  const release = (await wall.run('uname -r')).stdout.trim();
  const defaults = new Map<string, string>();

  return {
    release,
    async configure(settings) {
      // What settings before these changed goes back.
      const names = Object.keys(settings);
      const fresh = names.filter((name) => !defaults.has(name));
      if (fresh.length > 0) {
        const found = await wall.run(`sysctl -n ${fresh.map((name) => `net.netfilter.${name}`).join(' ')}`);
        for (const [n, value] of found.stdout.trim().split('\n').entries()) defaults.set(fresh[n]!, value);
      }
      const wanted = new Map<string, number | string>([...defaults, ...Object.entries(settings)]);
      if (wanted.size === 0) return;
      await wall.setSysctls(Object.fromEntries([...wanted].map(([name, value]) => [`netfilter.${name}`, value])));
    },
    async send(sendings) {
      const input = [...sendings.map((sending) => lineOf(sending, macs)), 'end', ''].join('\n');
      const sent = await wall.run(`python3 '${KERNEL_SIDE}' ${edge.namespace} clients servers`, input);
      const lines = sent.stdout.trim().split('\n');
      if (lines.pop() !== 'end') throw new Error(`the sender stopped early: ${sent.stderr}`);
      return lines.map(readAnswer);
    },
    close: () => lab.close(),
  };
}

interface Macs {
  readonly from: string;
  readonly to: string;
}

async function macsOf(wall: FirewallHost, edge: FirewallHost, device: string): Promise<Macs> {
  const read = async (host: FirewallHost): Promise<string> =>
    (await host.run(`ip netns exec ${host.namespace} cat /sys/class/net/${device}/address`)).stdout.trim();
  return { from: await read(edge), to: await read(wall) };
}

/** AT_MS INTERFACE FRAME FAMILY PROTO SRC DST A B: the tuple is that of the sequence's flow. */
function lineOf(sending: Sending, macs: { readonly clients: Macs; readonly servers: Macs }): string {
  const { step, sequence, place, atMs } = sending;
  const frame = frameOf(step, sequence, place, step.from === 'client' ? macs.clients : macs.servers);
  const isQuery = sequence.proto === 'icmp';
  const proto = isQuery ? (sequence.family === 4 ? 1 : 58) : sequence.proto === 'tcp' ? 6 : 17;
  const b = isQuery ? (sequence.family === 4 ? 8 : 128) << 8 : SERVER_PORT;
  const tuple = `${sequence.family} ${proto} ${place.client} ${place.server} ${place.port} ${b}`;
  return `${atMs.toFixed(1)} ${step.from === 'client' ? 0 : 1} ${frame.toString('hex')} ${tuple}`;
}

interface AnswerLine {
  readonly at: number;
  readonly spent: number;
  readonly logs: readonly (readonly [number, string])[];
  readonly entry: KernelEntry | null;
}

function readAnswer(line: string): KernelAnswer {
  const { at, spent, logs, entry } = JSON.parse(line) as AnswerLine;
  const verdicts = logs.filter(([group]) => group === 1).map(([, prefix]) => prefix);
  return {
    atMs: at,
    spentMs: spent,
    verdict: verdicts.length > 1 ? verdicts.join('+') : (verdicts[0] ?? null),
    messages: logs.filter(([group]) => group === 0).map(([, prefix]) => prefix),
    entry,
  };
}
