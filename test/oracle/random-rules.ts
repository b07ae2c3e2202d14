// Rulesets by chance, the same in the words of iptables and of nft, for comparing our evaluation with the kernel's.

import type { Random } from './random.js';

/** Interfaces and addresses that the rules name; packets of the test come from in0 and leave, forwarded, by out0. */
export const PLACES = {
  4: {
    inside: '192.0.2.1',
    peer: '192.0.2.2',
    beyond: ['198.51.100.2', '198.51.100.3'],
    sources: ['192.0.2.2', '192.0.2.77', '203.0.113.9'],
    nets: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/28', '192.0.2.64/26'],
  },
  6: {
    inside: '2001:db8:1::1',
    peer: '2001:db8:1::2',
    beyond: ['2001:db8:2::2', '2001:db8:2::3'],
    sources: ['2001:db8:1::2', '2001:db8:1::77', '2001:db8:9::9'],
    nets: ['2001:db8:1::/64', '2001:db8:2::/64', '2001:db8:9::/48', '2001:db8:1::70/124'],
  },
} as const;
export const PORTS = [22, 25, 80, 443, 8080] as const;

interface Words {
  readonly iptables: string;
  readonly nft: string;
}

const STATES = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];

/** Up to so many conditions by chance, no two of one kind: iptables takes most options once. @param proto the rule's own protocol, for what needs one */
function conditionsOf(random: Random, count: number, family: 4 | 6, proto: string | null, hook: string): Words[] {
  let [isNot, i, n] = [false, '', ''];
  const place = PLACES[family];
  const ip = family === 4 ? 'ip' : 'ip6';
  const side = random.pick(['s', 'd'] as const);
  const address = random.chance(0.5)
    ? random.pick(place.nets)
    : random.pick([...place.sources, ...place.beyond, place.inside]);
  const kinds: (() => Words)[] = [
    () => ({ iptables: `${i}-${side} ${address}`, nft: `${ip} ${side}addr ${n}${address}` }),
    () => {
      const range = [place.sources[0], place.sources[1]] as const;
      return {
        iptables: `-m iprange ${i}--src-range ${range[0]}-${range[1]}`,
        nft: `${ip} saddr ${n}${range[0]}-${range[1]}`,
      };
    },
    () => {
      const states = STATES.filter(() => random.chance(0.4));
      const some = states.length === 0 ? ['NEW'] : states;
      return {
        iptables: `-m conntrack ${i}--ctstate ${some.join(',')}`,
        nft: `ct state ${isNot ? '!= ' : ''}{ ${some.join(', ').toLowerCase()} }`,
      };
    },
    () => {
      const value = random.below(4);
      return { iptables: `-m mark ${i}--mark ${value}/0x3`, nft: `meta mark & 0x3 ${isNot ? '!=' : '=='} ${value}` };
    },
  ];
  if (hook !== 'POSTROUTING')
    kinds.push(() => {
      const device = random.pick(['in0', 'in+', 'out0']);
      return { iptables: `${i}-i ${device}`, nft: `iifname ${n}"${device.replace('+', '*')}"` };
    });
  if (hook === 'FORWARD')
    kinds.push(() => {
      const device = random.pick(['in0', 'out+', 'out0']);
      return { iptables: `${i}-o ${device}`, nft: `oifname ${n}"${device.replace('+', '*')}"` };
    });
  if (proto === 'tcp' || proto === 'udp')
    kinds.push(
      () => {
        const [from, to] = random.pick([
          [PORTS[0], PORTS[2]],
          [PORTS[1], PORTS[1]],
          [PORTS[4], PORTS[4]],
        ]);
        return from === to
          ? { iptables: `${i}--dport ${from}`, nft: `${proto} dport ${n}${from}` }
          : { iptables: `${i}--dport ${from}:${to}`, nft: `${proto} dport ${n}${from}-${to}` };
      },
      () => ({ iptables: `${i}--sport 30000:45000`, nft: `${proto} sport ${n}30000-45000` }),
      () => ({
        iptables: `-m multiport ${i}--dports ${PORTS[1]},${PORTS[3]}:${PORTS[4]}`,
        nft: `${proto} dport ${n}{ ${PORTS[1]}, ${PORTS[3]}-${PORTS[4]} }`,
      }),
    );
  if (proto === 'tcp')
    kinds.push(() => {
      const sign = isNot ? '!=' : '==';
      return random.chance(0.5)
        ? { iptables: `${i}--syn`, nft: `tcp flags & (fin|syn|rst|ack) ${sign} syn` }
        : { iptables: `${i}--tcp-flags SYN,ACK ACK`, nft: `tcp flags & (syn|ack) ${sign} ack` };
    });
  if (proto === 'icmp') kinds.push(() => ({ iptables: `${i}--icmp-type 8`, nft: `icmp type ${n}echo-request` }));
  if (proto === 'icmpv6')
    kinds.push(() => ({ iptables: `${i}--icmpv6-type 128`, nft: `icmpv6 type ${n}echo-request` }));
  return Array.from({ length: count }, () => {
    isNot = random.chance(0.25);
    [i, n] = isNot ? ['! ', '!= '] : ['', ''];
    return kinds.splice(random.below(kinds.length), 1)[0]!();
  });
}

interface Place {
  readonly table: string;
  readonly chain: string;
  readonly hook: string;
}

function target(random: Random, family: 4 | 6, { table, hook, chain }: Place, proto: string | null): Words {
  const ports = proto === 'tcp' || proto === 'udp';
  const to = PLACES[family].beyond[1];
  const host = family === 4 ? to : `[${to}]`;
  const choices: [Words, number][] = [
    [{ iptables: '', nft: 'counter' }, 2],
    [{ iptables: '-j ACCEPT', nft: 'counter accept' }, table === 'nat' ? 1 : 3],
    [{ iptables: '-j RETURN', nft: 'counter return' }, 1],
  ];
  if (table !== 'nat') choices.push([{ iptables: '-j DROP', nft: 'counter drop' }, 2]);
  // A chain of the user is entered from base chains only, and the second from the first.
  if (hook !== '' && table === 'filter')
    choices.push(
      [{ iptables: '-j u1', nft: 'counter jump u1' }, 3],
      [{ iptables: '-g u2', nft: 'counter goto u2' }, 1],
    );
  if (chain === 'u1') choices.push([{ iptables: '-j u2', nft: 'counter jump u2' }, 2]);
  if (table === 'mangle') {
    const value = random.below(4);
    choices.push([{ iptables: `-j MARK --set-mark ${value}`, nft: `counter meta mark set ${value}` }, 4]);
  }
  if (table === 'raw') choices.push([{ iptables: '-j CT --notrack', nft: 'counter notrack' }, 2]);
  if (table === 'nat' && hook === 'PREROUTING')
    choices.push([
      ports
        ? { iptables: `-j DNAT --to-destination ${host}:80`, nft: `counter dnat to ${host}:80` }
        : { iptables: `-j DNAT --to-destination ${to}`, nft: `counter dnat to ${to}` },
      3,
    ]);
  if (table === 'nat' && hook === 'PREROUTING' && ports)
    choices.push([{ iptables: '-j REDIRECT --to-ports 8080', nft: 'counter redirect to :8080' }, 2]);
  return random.weigh(choices);
}

function rule(random: Random, family: 4 | 6, place: Place): Words {
  const icmp = family === 4 ? 'icmp' : 'icmpv6';
  const named = random.pick(['tcp', 'udp', icmp, null, null]);
  // nft writes a port's protocol in front of it, iptables in the rule.
  const proto = place.table === 'nat' && named === null ? 'tcp' : named;
  const conditions = conditionsOf(random, random.below(3), family, proto, place.hook || 'u');
  const does = target(random, family, place, proto);
  const leaving: Words =
    place.hook === 'POSTROUTING' ? { iptables: '-o out0', nft: 'oifname "out0"' } : { iptables: '', nft: '' };
  const join = (words: readonly string[]) => words.filter((word) => word !== '').join(' ');
  return {
    iptables: join([
      leaving.iptables,
      proto === null ? '' : `-p ${proto}`,
      // Behind -m multiport, --sport would be short for one of its options.
      ...conditions
        .map(({ iptables }) => iptables)
        .sort((a, b) => Number(/multiport/.test(a)) - Number(/multiport/.test(b))),
      does.iptables,
    ]),
    nft: join([
      leaving.nft,
      proto === null ? '' : `meta l4proto ${proto === 'icmpv6' ? 'ipv6-icmp' : proto}`,
      ...conditions.map(({ nft }) => nft),
      does.nft,
    ]),
  };
}

const CHAINS: readonly (Place & { readonly priority: number; readonly rules: number })[] = [
  { table: 'raw', chain: 'PREROUTING', hook: 'PREROUTING', priority: -300, rules: 2 },
  { table: 'mangle', chain: 'PREROUTING', hook: 'PREROUTING', priority: -150, rules: 3 },
  { table: 'mangle', chain: 'FORWARD', hook: 'FORWARD', priority: -150, rules: 2 },
  { table: 'nat', chain: 'PREROUTING', hook: 'PREROUTING', priority: -100, rules: 3 },
  { table: 'filter', chain: 'u1', hook: '', priority: 0, rules: 3 },
  { table: 'filter', chain: 'u2', hook: '', priority: 0, rules: 3 },
  { table: 'filter', chain: 'INPUT', hook: 'INPUT', priority: 0, rules: 6 },
  { table: 'filter', chain: 'FORWARD', hook: 'FORWARD', priority: 0, rules: 6 },
  { table: 'mangle', chain: 'POSTROUTING', hook: 'POSTROUTING', priority: -150, rules: 2 },
];

/** First in mangle PREROUTING: counters that tell the state the kernel gave the packet. */
export const OBSERVED = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'] as const;

/** A script of commands that installs a ruleset by chance, and nothing else. */
export function randomRules(random: Random, family: 4 | 6, tool: 'nft' | string): string {
  const rules = CHAINS.map((place) => {
    const own = Array.from({ length: 1 + random.below(place.rules) }, () => rule(random, family, place));
    const observers: Words[] = OBSERVED.map((state) => ({
      iptables: `-m conntrack --ctstate ${state}`,
      nft: `ct state ${state.toLowerCase()} counter`,
    }));
    const isFirst = place.table === 'mangle' && place.hook === 'PREROUTING';
    return { ...place, rules: isFirst ? [...observers, ...own] : own };
  });
  const policy = random.chance(0.5) ? 'DROP' : 'ACCEPT';
  if (tool !== 'nft')
    return [
      `${tool} -t filter -N u1`,
      `${tool} -t filter -N u2`,
      `${tool} -t filter -P FORWARD ${policy}`,
      ...rules.flatMap(({ table, chain, rules: own }) =>
        own.map((one) => `${tool} -t ${table} -A ${chain} ${one.iptables}`),
      ),
    ].join('\n');
  const tables = [...new Set(rules.map(({ table }) => table))];
  const text = tables.map((table) => {
    const chains = rules
      .filter((one) => one.table === table)
      .sort((a, b) => (a.hook === '' ? 0 : 1) - (b.hook === '' ? 0 : 1) || b.chain.localeCompare(a.chain))
      .map(({ chain, hook, priority, rules: own }) => {
        const type = table === 'nat' ? 'nat' : 'filter';
        const head =
          hook === ''
            ? ''
            : `type ${type} hook ${hook.toLowerCase()} priority ${priority}; policy ${hook === 'FORWARD' && table === 'filter' ? policy.toLowerCase() : 'accept'};`;
        return `chain ${chain} { ${head}\n${own.map(({ nft }) => nft).join('\n')}\n}`;
      });
    // In a table of both families dnat would have to name one.
    const own = family === 4 ? 'ip' : 'ip6';
    return `table ${table === 'nat' ? own : random.pick(['inet', own])} ${table} {\n${chains.join('\n')}\n}`;
  });
  return `nft -f - <<'EOF'\n${text.join('\n')}\nEOF`;
}
