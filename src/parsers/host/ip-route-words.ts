// Lines of `ip route`, `ip rule` and `ip neigh` as data with the keys that `ip -j` gives (iproute2 6.1).

import { isIP } from 'node:net';
import { addFlag, type Data, readWords, type Vocabulary } from './ip-vocabulary.js';

const ROUTE_TYPES: ReadonlySet<string> = new Set([
  'unicast',
  'local',
  'broadcast',
  'multicast',
  'throw',
  'unreachable',
  'prohibit',
  'blackhole',
  'nat',
  'anycast',
]);
const ROUTE_FLAGS = [
  'onlink',
  'linkdown',
  'dead',
  'pervasive',
  'offload',
  'trap',
  'notify',
  'rt_offload',
  'rt_trap',
  'unresolved',
];
const ROUTE: Vocabulary = {
  valued: {
    via: 'gateway',
    dev: 'dev',
    proto: 'protocol',
    scope: 'scope',
    src: 'prefsrc',
    metric: 'metric',
    table: 'table',
    from: 'from',
    tos: 'tos',
    dsfield: 'tos',
    iif: 'iif',
    oif: 'oif',
    mark: 'mark',
    uid: 'uid',
    mtu: 'mtu',
    advmss: 'advmss',
    hoplimit: 'hoplimit',
    initcwnd: 'initcwnd',
    initrwnd: 'initrwnd',
    window: 'window',
    rtt: 'rtt',
    realm: 'realm',
    realms: 'realm',
    error: 'error',
    pref: 'pref',
    weight: 'weight',
    nhid: 'nhid',
    rto_min: 'rto_min',
    quickack: 'quickack',
    congctl: 'congctl',
    encap: 'encap',
  },
  alone: Object.fromEntries(ROUTE_FLAGS.map((flag) => [flag, addFlag(flag)])),
};
const DESTINATION = /^(?:default|[0-9a-fA-F:.]+(?:\/\d{1,3})?)$/;

/** Volatile words of a route that would make every reading differ. */
function withoutVolatile(words: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (/^(?:expires|users|used|age)$/.test(word)) at++;
    else kept.push(word);
  }
  return kept;
}

/** 'default via 192.0.2.1 dev eth0 proto dhcp metric 100', also with a type before it; NULL for other lines. */
export function readRoute(line: string): Data | null {
  // -o folds continuation lines with a backslash.
  const [first, ...more] = line.split('\\');
  let words = (first ?? '').trim().split(/\s+/);
  if (words[0] === '') return null;
  const data: Data = {};
  if (ROUTE_TYPES.has(words[0]!)) {
    data['type'] = words[0];
    words = words.slice(1);
  }
  const destination = words[0];
  if (destination === undefined || !DESTINATION.test(destination)) return null;
  const bare = destination.split('/')[0]!;
  if (destination !== 'default' && isIP(bare) === 0 && !/^\d{1,3}(?:\.\d{1,3}){0,3}$/.test(bare)) return null;
  data['dst'] = destination;
  const known = words.slice(1);
  const hasMeaning =
    known.length === 0 ||
    known.some((word) => ['dev', 'via', 'scope', 'proto', 'nhid', 'metric', 'table', 'nexthop'].includes(word));
  if (!hasMeaning && data['type'] === undefined) return null;
  // 'via inet6 fe80::1': a gateway of the other family.
  const direct = withoutVolatile(known.filter((word, at) => !(/^inet6?$/.test(word) && known[at - 1] === 'via')));
  const hop = direct.indexOf('nexthop');
  readWords(data, hop < 0 ? direct : direct.slice(0, hop), ROUTE);
  for (const part of more) readRouteContinuation(data, part);
  if (hop >= 0) readRouteContinuation(data, direct.slice(hop).join(' '));
  if (typeof data['table'] === 'number') data['table'] = String(data['table']);
  return data;
}

/** The lines below a route: next hops, and the cache line of `ip route get`. Returns false for other lines. */
export function readRouteContinuation(data: Data, line: string): boolean {
  const words = line.trim().split(/\s+/);
  if (words[0] === 'nexthop') {
    const hop: Data = {};
    readWords(hop, words.slice(1), ROUTE);
    data['nexthops'] = [...(Array.isArray(data['nexthops']) ? (data['nexthops'] as unknown[]) : []), hop];
    return true;
  }
  if (words[0] === 'cache') {
    // As ip -j: a route with 'cache' is the answer to `ip route get`, no row of a table.
    data['cache'] = words
      .slice(1)
      .filter((word) => /^<.*>$/.test(word))
      .flatMap((word) => word.slice(1, -1).split(','));
    readWords(data, withoutVolatile(words.slice(1).filter((word) => !word.startsWith('<'))), ROUTE);
    return true;
  }
  return false;
}

const RULE: Vocabulary = {
  valued: {
    lookup: 'table',
    table: 'table',
    iif: 'iif',
    oif: 'oif',
    tos: 'tos',
    dsfield: 'tos',
    priority: 'priority',
    pref: 'priority',
    ipproto: 'ipproto',
    sport: 'sport',
    dport: 'dport',
    uidrange: 'uidrange',
    realms: 'realms',
    goto: 'goto',
    suppress_prefixlength: 'suppress_prefixlen',
    suppress_ifgroup: 'suppress_ifgroup',
    tun_id: 'tun_id',
    proto: 'protocol',
  },
  alone: {
    ...Object.fromEntries(
      ['unreachable', 'prohibit', 'blackhole', 'nop', 'masquerade'].map((action) => [
        action,
        (data: Data) => {
          data['action'] = action;
        },
      ]),
    ),
    l3mdev: (data) => {
      data['l3mdev'] = null;
    },
    '[l3mdev-table]': (data) => {
      data['l3mdev'] = null;
    },
    '[detached]': (data) => {
      data['iif_detached'] = null;
    },
    '[unresolved]': (data) => {
      data['unresolved'] = null;
    },
  },
};

function prefix(data: Data, key: 'src' | 'dst', text: string): void {
  const [address, bits] = text.split('/', 2);
  data[key] = address;
  if (bits !== undefined) data[`${key}len`] = Number(bits);
}

/** '100:	not from 192.0.2.0/24 fwmark 0x1/0xff iif eth0 lookup 100'; NULL for other lines. */
export function readRule(line: string): Data | null {
  const match = /^(\d+):\s+(not )?from (\S+)(?:\s+(.*))?$/.exec(line.trim());
  if (match === null) return null;
  const data: Data = { priority: Number(match[1]) };
  if (match[2] !== undefined) data['not'] = null;
  prefix(data, 'src', match[3]!);
  const words = (match[4] ?? '').split(/\s+/).filter((word) => word !== '');
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const value = words[at + 1];
    if (word === 'to' && value !== undefined) {
      prefix(data, 'dst', value);
      at++;
    } else if (word === 'fwmark' && value !== undefined) {
      const [mark, mask] = value.split('/', 2);
      data['fwmark'] = mark;
      if (mask !== undefined) data['fwmask'] = mask;
      at++;
    } else rest.push(word);
  }
  readWords(data, rest, RULE);
  if (typeof data['table'] === 'number') data['table'] = String(data['table']);
  return data;
}

const NEIGH_STATES: ReadonlySet<string> = new Set([
  'INCOMPLETE',
  'REACHABLE',
  'STALE',
  'DELAY',
  'PROBE',
  'FAILED',
  'NOARP',
  'PERMANENT',
  'NONE',
]);

/** '192.0.2.2 dev eth0 lladdr 00:00:5e:00:53:02 REACHABLE'; NULL for other lines. */
export function readNeigh(line: string): Data | null {
  const words = line.trim().split(/\s+/);
  if (words[1] !== 'dev' || words[2] === undefined || isIP(words[0] ?? '') === 0) return null;
  const states = words.slice(3).filter((word) => NEIGH_STATES.has(word));
  const isNeigh = states.length > 0 || words.includes('lladdr') || words.includes('proxy') || words[3] === 'FAILED';
  if (!isNeigh) return null;
  const data: Data = { dst: words[0], dev: words[2] };
  const lladdr = words[words.indexOf('lladdr') + 1];
  if (words.includes('lladdr') && lladdr !== undefined) data['lladdr'] = lladdr;
  for (const flag of ['router', 'proxy', 'extern_learn', 'offload', 'managed', 'extern_valid'])
    if (words.includes(flag)) data[flag] = null;
  if (states.length > 0) data['state'] = states;
  return data;
}
