// The kernel as the judge of path --packet: rules by chance, packets by chance, and the counters of the rules say what each packet met.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type DescribedPacket, describePacket } from '../../src/analysis/packet-path/described-packet.js';
import { type PacketWalk, packetWays } from '../../src/analysis/packet-path/packet-ways.js';
import { packetWords } from '../../src/commands/path/packet-words.js';
import type { Ruleset } from '../../src/model/ruleset.js';
import { iptablesSaveForm } from '../../src/parsers/forms/ruleset-iptables-save.js';
import { nftForm } from '../../src/parsers/forms/ruleset-nft.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import { type PlainPacket, plainFrame } from '../lab/plain-frame.js';
import { createRandom, type Random } from '../oracle/random.js';
import { OBSERVED, PLACES, PORTS, randomRules } from '../oracle/random-rules.js';
import { readForm } from '../unit/parsers/read-form.js';

const SEED = Number(process.env['CTWHY_SEED'] ?? 20261121);
const RULESETS = Number(process.env['CTWHY_RULESETS'] ?? 3);
const PACKETS = 12;
const SENDER = fileURLToPath(new URL('../lab/send-and-count.py', import.meta.url));
const TOOLS = { 4: ['iptables-legacy', 'iptables-nft', 'nft'], 6: ['ip6tables-legacy', 'nft'] } as const;
const MACS = { from: '00:00:5e:00:53:01', to: '00:00:5e:00:53:02' };

const isThere = (tool: string) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
const obstacle = whyNoLab() ?? (isThere('python3') ? null : 'needs python3');
if (obstacle !== null) console.warn(`oracle of path --packet skipped: ${obstacle}`);

async function firewall(lab: Lab): Promise<{ readonly edge: LabHost; readonly host: LabHost }> {
  const [edge, host] = [await lab.addHost('edge'), await lab.addHost('host')];
  // The rules are to count the packets sent alone: groups joined are told at once, and not again a second later.
  const quiet = {
    'ipv6.conf.all.accept_ra': 0,
    'ipv6.conf.default.accept_ra': 0,
    'ipv6.conf.default.accept_dad': 0,
    'ipv6.conf.all.mldv2_unsolicited_report_interval': 1,
    'ipv6.conf.default.mldv2_unsolicited_report_interval': 1,
  };
  await host.setSysctls(quiet);
  // Frames are sent as they are: the edge itself is to say nothing (neighbours, groups), which would be counted.
  await edge.setSysctls({ 'ipv6.conf.all.disable_ipv6': 1, 'ipv6.conf.default.disable_ipv6': 1 });
  await lab.wire(
    { host: edge, interface: 'edge0', addresses: ['192.0.2.2/24'] },
    { host, interface: 'in0', addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] },
  );
  await lab.wire(
    { host, interface: 'out0', addresses: ['198.51.100.1/24', '2001:db8:2::1/64'] },
    { host: edge, interface: 'edge1', addresses: [] },
  );
  await host.setSysctls({
    'ipv4.ip_forward': 1,
    'ipv6.conf.all.forwarding': 1,
    'ipv4.conf.all.rp_filter': 0,
    'ipv4.conf.in0.rp_filter': 0,
    'netfilter.nf_conntrack_tcp_loose': 1,
  });
  // Nobody answers there, so that no packet comes back through the rules.
  for (const family of [4, 6] as const)
    for (const address of [...PLACES[family].beyond, PLACES[family].peer])
      await host.run(
        `ip neigh replace ${address} lladdr 00:00:5e:00:53:99 dev ${address === PLACES[family].peer ? 'in0' : 'out0'} nud permanent`,
      );
  await host.run('ip route add 203.0.113.0/24 dev in0; ip -6 route add 2001:db8:9::/48 dev in0');
  return { edge, host };
}

/** What the command prints before the first and after each frame, in a firewall of its own with these rules. */
async function sent(script: string, frames: readonly string[], command: string): Promise<string> {
  const lab = openLab();
  try {
    const { edge, host } = await firewall(lab);
    await host.run('sh -es', script);
    const { stdout } = await host.run(
      `python3 '${SENDER}' ${edge.namespace} edge0 ${command}`,
      `${frames.join('\n')}\n`,
    );
    return stdout;
  } finally {
    lab.close();
  }
}

function randomPacket(random: Random, family: 4 | 6, number: number): PlainPacket {
  const place = PLACES[family];
  return {
    src: random.pick(place.sources),
    dst: random.pick([place.inside, ...place.beyond]),
    proto: random.pick(['tcp', 'tcp', 'udp', family === 4 ? ('icmp' as const) : ('icmpv6' as const)]),
    // Each its own: a tuple that is not known yet.
    sport: 25_000 + number * 37,
    dport: random.pick(PORTS),
    flags: random.weigh([
      [0x02, 4],
      [0x10, 2],
      [0x12, 1],
      [0x04, 1],
      [0x00, 1],
      [0x03, 1],
      [0x18, 1],
    ]),
    icmpType: family === 4 ? random.pick([8, 13, 0]) : random.pick([128, 129]),
  };
}

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];

/** The packet in iptables' words, one option each. */
function wordsOf(packet: PlainPacket, state: string): readonly string[] {
  const ports = packet.proto === 'tcp' || packet.proto === 'udp';
  const set = FLAGS.filter((_, bit) => (packet.flags >> bit) & 1);
  return [
    `-s ${packet.src}`,
    `-d ${packet.dst}`,
    `--ctstate ${state}`,
    ...(ports ? [`--sport ${packet.sport}`, `--dport ${packet.dport}`] : []),
    ...(packet.proto === 'tcp' ? [`--tcp-flags ${FLAGS.join(',')} ${set.join(',') || 'NONE'}`] : []),
    ...(packet.proto === 'icmp' ? [`--icmp-type ${packet.icmpType}/0`] : []),
    ...(packet.proto === 'icmpv6' ? [`--icmpv6-type ${packet.icmpType}/0`] : []),
  ];
}

function counters(rulesets: readonly Ruleset[]): Map<string, number> {
  return new Map(
    rulesets.flatMap(({ chains }) =>
      chains.flatMap(({ rules }) =>
        rules.map((rule): [string, number] => [
          `${rule.table} ${rule.chain} ${rule.number} ${rule.text}`,
          rule.packets ?? 0,
        ]),
      ),
    ),
  );
}

/** How often each rule counted between two readings. */
function counted(before: readonly Ruleset[], after: readonly Ruleset[]): readonly string[] {
  const first = counters(before);
  return [...counters(after)]
    .flatMap(([rule, packets]) => Array<string>(packets - (first.get(rule) ?? 0)).fill(rule))
    .sort();
}

function matchedBy({ steps }: PacketWalk): readonly string[] {
  return steps
    .filter(({ kind, result }) => kind === 'rule' && result === 'match')
    .map(({ rule }) => `${rule?.table} ${rule?.chain} ${rule?.number} ${rule?.text}`)
    .sort();
}

function read(tool: string, text: string): readonly Ruleset[] {
  const { rulesets, unread } = readForm(tool === 'nft' ? nftForm : iptablesSaveForm, text);
  expect(unread).toEqual([]);
  return rulesets;
}

const OWN = {
  local: ['192.0.2.1', '198.51.100.1', '2001:db8:1::1', '2001:db8:2::1', '127.0.0.1', '::1'],
  broadcast: ['192.0.2.255', '198.51.100.255'],
};

function described(words: readonly string[], family: 4 | 6, proto: string): DescribedPacket {
  const { conditions } = packetWords(`-${family} -p ${proto} -i in0 ${words.join(' ')}`);
  const found = describePacket(conditions, family, OWN.local);
  // What is forwarded leaves by the only other interface: routing's decision, which the rules do not tell.
  return { ...found, facts: { ...found.facts, outIf: 'out0' } };
}

const endOf = ({ end, path }: PacketWalk) =>
  [end.fate, end.hook, end.table, end.chain, end.rule?.number ?? 'policy', path].join(' ');

describe.skipIf(obstacle !== null)('path --packet against the kernel', () => {
  const cases = ([4, 6] as const).flatMap((family) =>
    TOOLS[family].filter(isThere).map((tool) => ({ family, tool, name: `IPv${family}, ${tool}` })),
  );
  it.each(cases)('$name', { timeout: patient(120_000) }, async ({ family, tool }) => {
    const random = createRandom(SEED + family * 1000 + tool.length);
    let compared = 0;
    for (let ruleset = 0; ruleset < RULESETS; ruleset++) {
      const script = randomRules(random, family, tool);
      const packets = Array.from({ length: PACKETS }, (_, at) => randomPacket(random, family, at));
      const frames = packets.map((packet) => plainFrame(packet, MACS).toString('hex'));
      const command = tool === 'nft' ? 'nft list ruleset' : `${tool}-save -c`;
      const stdout = await sent(script, frames, command);
      const readings = stdout
        .split(/^@@ \d+\n/m)
        .filter((part) => part.trim() !== '')
        .map((part) => read(tool, part));
      expect(readings).toHaveLength(PACKETS + 1);
      packets.forEach((packet, at) => {
        const rulesets = readings[at + 1]!;
        const kernel = counted(readings[at]!, rulesets);
        const states = OBSERVED.filter((_, index) =>
          kernel.some((rule) => rule.startsWith(`mangle PREROUTING ${index + 1} `)),
        );
        // Dropped in raw: the state is nobody's to know.
        const state = states[0] ?? 'NEW';
        // What makes a packet untracked is a rule, which it meets as what it would have been.
        const words = wordsOf(packet, state === 'UNTRACKED' ? 'NEW' : state);
        const exact = packetWays(described(words, family, packet.proto), rulesets, OWN);
        const told = `${script}\n${JSON.stringify(packet)} ${words.join(' ')}`;
        expect(exact.outcomes, told).toHaveLength(1);
        const walk = exact.outcomes[0]!.way.walk;
        expect(matchedBy(walk), told).toEqual(kernel);
        // Told less, the end that was must be among those that are told.
        const fewer = words.filter(() => random.chance(0.6));
        const vague = packetWays(described(fewer, family, packet.proto), rulesets, OWN);
        if (!vague.isCut)
          expect(
            vague.outcomes.map(({ way }) => endOf(way.walk)),
            `${told}\n${fewer.join(' ')}`,
          ).toContain(endOf(walk));
        compared++;
      });
    }
    expect(compared).toBe(RULESETS * PACKETS);
  });
});
