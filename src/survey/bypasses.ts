// What on this host takes packets past conntrack, or past netfilter's hooks: flowtables, offload in hardware, Open vSwitch, eBPF, bridges?
// Silence of the log counts only for packets that none of these took.

import type { ReadHost } from '../host/host.js';
import type { BypassFacts, FlowtableFact } from '../model/host-setup.js';
import { isThere } from './place.js';

interface Link {
  readonly ifname: string;
  readonly kind: string | null;
  readonly memberOf: string | null;
  readonly hasXdp: boolean;
  /** 'nf_call_iptables' of a bridge itself. */
  readonly callsIptables: boolean;
}

/** ethtool is asked of so many devices; a node with thousands of veths has none that could offload among the rest. */
const MOST_DEVICES = 64;

/** @param nftRuleset as `nft list ruleset` prints it; '' where there is none */
export async function readBypasses(host: ReadHost, nftRuleset: string): Promise<BypassFacts> {
  const unasked: string[] = [];
  const listed = await ask(host, 'ip', ['-d', '-j', 'link', 'show']);
  const links = listed === null ? null : parseLinks(listed);
  if (links === null) unasked.push('devices (ip)');
  const devices = (links ?? []).map(({ ifname }) => ifname);
  const masters = new Set((links ?? []).map(({ memberOf }) => memberOf));
  const bridges = (links ?? []).filter(({ kind, ifname }) => kind === 'bridge' && masters.has(ifname));
  const ovs = (links ?? []).filter(({ kind }) => kind === 'openvswitch').map(({ ifname }) => ifname);
  if (ovs.length === 0 && isThere(host, '/sys/module/openvswitch') && host.find('ovs-dpctl') !== null)
    ovs.push(...((await ask(host, 'ovs-dpctl', ['dump-dps']))?.split('\n').filter((line) => line !== '') ?? []));
  const called = host.readOrNull('/proc/sys/net/bridge/bridge-nf-call-iptables')?.trim();
  return {
    flowtables: parseFlowtables(nftRuleset),
    hardwareTc: await hardwareTc(host, links ?? [], unasked),
    ovs,
    programs: [
      ...(links ?? []).filter(({ hasXdp }) => hasXdp).map(({ ifname }) => `${ifname} (XDP)`),
      ...(await tcPrograms(host, devices, unasked)),
    ],
    bridges: bridges.filter(({ callsIptables }) => !callsIptables).map(({ ifname }) => ifname),
    // Without br_netfilter the setting does not exist.
    bridgeCallsIptables: called === undefined ? false : called === '1',
    unasked,
  };
}

async function ask(host: ReadHost, program: string, args: readonly string[]): Promise<string | null> {
  const result = await host.run(program, args, { timeoutMs: 10_000 }).catch(() => null);
  return result?.exitStatus === 0 ? result.stdout : null;
}

function parsed(text: string): readonly Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? '[]' : text);
    return Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : [];
  } catch {
    return [];
  }
}

const word = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const part = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** What `ip -d -j link show` prints. */
export function parseLinks(text: string): readonly Link[] {
  return parsed(text).flatMap((one): Link[] => {
    const ifname = word(one['ifname']);
    if (ifname === null) return [];
    const info = part(one['linkinfo']);
    return [
      {
        ifname,
        kind: word(info['info_kind']),
        memberOf: word(one['master']),
        hasXdp: 'xdp' in one,
        callsIptables: part(info['info_data'])['nf_call_iptables'] === 1,
      },
    ];
  });
}

/** 'flowtable ft {' with its flags, within 'table inet fw {'. */
export function parseFlowtables(ruleset: string): readonly FlowtableFact[] {
  const found: FlowtableFact[] = [];
  let table = '';
  for (const line of ruleset.split('\n')) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    const name = /^\s+flowtable (\S+) \{/.exec(line)?.[1];
    if (name !== undefined) found.push({ name: `${table} ${name}`, isHardware: false });
    const last = found.at(-1);
    if (last !== undefined && /^\s+flags offload\b/.test(line)) found[found.length - 1] = { ...last, isHardware: true };
  }
  return found;
}

async function hardwareTc(host: ReadHost, links: readonly Link[], unasked: string[]): Promise<readonly string[]> {
  const devices = links.filter(({ kind, ifname }) => kind === null && ifname !== 'lo').slice(0, MOST_DEVICES);
  if (devices.length === 0) return [];
  if (host.find('ethtool') === null) {
    unasked.push('hw-tc-offload (ethtool is not installed)');
    return [];
  }
  const on: string[] = [];
  for (const { ifname } of devices)
    if (/^hw-tc-offload: on\b/m.test((await ask(host, 'ethtool', ['-k', ifname])) ?? '')) on.push(ifname);
  return on;
}

/** Programs at tc: a clsact or ingress qdisc, and bpf filters in it. Asking lists; it makes no qdisc. */
async function tcPrograms(host: ReadHost, devices: readonly string[], unasked: string[]): Promise<readonly string[]> {
  if (host.find('tc') === null) {
    unasked.push('programs at tc (tc is not installed)');
    return [];
  }
  const found: string[] = [];
  const qdiscs = parsed((await ask(host, 'tc', ['-j', 'qdisc', 'show'])) ?? '');
  const entries = new Set(
    qdiscs.filter((one) => one['kind'] === 'clsact' || one['kind'] === 'ingress').map((one) => word(one['dev'])),
  );
  for (const device of devices.filter((name) => entries.has(name)).slice(0, MOST_DEVICES))
    for (const side of ['ingress', 'egress']) {
      const kinds = parsed((await ask(host, 'tc', ['-j', 'filter', 'show', 'dev', device, side])) ?? '').map(
        (one) => one['kind'],
      );
      const kind = kinds.includes('bpf') ? 'bpf' : kinds.length > 0 ? 'filters' : null;
      if (kind !== null) found.push(`${device} (tc ${side}, ${kind})`);
    }
  if (host.find('bpftool') !== null) {
    // tcx and netkit are attached without a qdisc (since 6.6).
    const net = parsed((await ask(host, 'bpftool', ['-j', 'net', 'show'])) ?? '');
    for (const one of net.flatMap((all) => (Array.isArray(all['tc']) ? (all['tc'] as unknown[]) : []))) {
      const { devname, kind } = part(one);
      const says = `${String(devname)} (${String(kind)})`;
      if (/tcx|netkit/.test(String(kind)) && !found.includes(says)) found.push(says);
    }
  }
  return found;
}
