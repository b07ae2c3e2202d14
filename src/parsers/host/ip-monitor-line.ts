// One line of `ip monitor` as an event: stamp, label, 'Deleted', and the object as `ip` prints it elsewhere.

import type { HostEventKind } from '../../model/host-fact.js';
import type { Stamp } from '../../model/kernel-line.js';
import { readAddress, readLinkHead } from './ip-link-words.js';
import { readNeigh, readRoute, readRule } from './ip-route-words.js';
import type { Data } from './ip-vocabulary.js';

const SHORT_STAMP = /^\[(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\] ?/;
/** -t: a line of its own in front of the event, as asctime() writes it. */
const LONG_STAMP =
  /^Timestamp: [A-Z][a-z]{2} ([A-Z][a-z]{2})\s+(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4}) (\d{1,6}) usec\s*$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const LABELS =
  /^(?:\[nsid (?:\d+|current)\]|\[(?:LINK|ADDR|ROUTE|MROUTE|RULE|NEIGH|PREFIX|NETCONF|NSID|STATS|NEXTHOP|NHBUCKET)\]) ?/;
const ADDRESS = /^(\d+): (\S+?)\s+(inet6? .*)$/;
/** Objects that say nothing of addresses, links, routes, rules and neighbours. */
const BESIDE =
  /^(?:Deleted )?(?:nsid \d|(?:ipv4|ipv6|mpls|inet6?) \S+(?: (?:forwarding|mc_forwarding) |\s*$)|(?:ipv4|ipv6|mpls) dev |prefix |\(\S+, ?\S+\)|id \d+ |stats |\S+ dev \S+ (?:forwarding|rp_filter|mc_forwarding|proxy_neigh)|Unknown message|all addresses flushed)/;

export interface MonitorStamp {
  readonly stamp: Stamp;
  /** Where the event begins; the length of the line for a stamp on a line of its own. */
  readonly at: number;
}

const wall = (year: number, month: number, day: number, clock: readonly number[], micros: number): Stamp => ({
  kind: 'wall',
  year,
  month,
  day,
  usOfDay: ((clock[0] ?? 0) * 3600 + (clock[1] ?? 0) * 60 + (clock[2] ?? 0)) * 1e6 + micros,
});

/** The stamp of -ts at the start of a line, or that of -t on its own line; local time of the host. */
export function readMonitorStamp(line: string): MonitorStamp | null {
  const short = SHORT_STAMP.exec(line);
  if (short !== null) {
    const [year, month, day, ...clock] = short.slice(1, 7).map(Number) as [number, number, number, ...number[]];
    return { stamp: wall(year, month, day, clock, Number((short[7] ?? '').padEnd(6, '0'))), at: short[0].length };
  }
  const long = LONG_STAMP.exec(line);
  if (long === null) return null;
  const month = MONTHS.findIndex((name) => long[1]?.startsWith(name)) + 1;
  const clock = long.slice(3, 6).map(Number);
  return { stamp: wall(Number(long[6]), month, Number(long[2]), clock, Number(long[7])), at: line.length };
}

export interface MonitorObject {
  readonly kind: HostEventKind;
  readonly data: Data;
}

function objectOf(text: string, isDeleted: boolean): MonitorObject | null {
  const link = readLinkHead(text);
  if (link !== null) {
    const flags = link['flags'];
    const isUp = !isDeleted && Array.isArray(flags) && flags.includes('UP') && link['operstate'] !== 'DOWN';
    if (isDeleted) link['deleted'] = true;
    return { kind: isUp ? 'link-up' : 'link-down', data: link };
  }
  const address = ADDRESS.exec(text);
  const readOne =
    address === null
      ? null
      : readAddress(address[3]!, { ifname: address[2]!.split('@')[0]!, ifindex: Number(address[1]) });
  if (readOne !== null) return { kind: isDeleted ? 'address-deleted' : 'address-added', data: readOne };
  const rule = readRule(text);
  if (rule !== null) return { kind: isDeleted ? 'rule-deleted' : 'rule-added', data: rule };
  const neigh = readNeigh(text);
  if (neigh !== null) return { kind: 'neigh-changed', data: isDeleted ? { ...neigh, deleted: true } : neigh };
  const route = readRoute(text);
  return route === null ? null : { kind: isDeleted ? 'route-deleted' : 'route-added', data: route };
}

export type MonitorLine =
  | { readonly is: 'object'; readonly object: MonitorObject; readonly hasLabel: boolean; readonly isDeleted: boolean }
  | { readonly is: 'beside' }
  | { readonly is: 'other'; readonly hasLabel: boolean };

/** @param text behind the stamp */
export function readMonitorLine(text: string): MonitorLine {
  let rest = text;
  let hasLabel = false;
  for (let label = LABELS.exec(rest); label !== null; label = LABELS.exec(rest)) {
    rest = rest.slice(label[0].length);
    hasLabel = true;
  }
  const isDeleted = rest.startsWith('Deleted ');
  const object = objectOf(isDeleted ? rest.slice(8) : rest, isDeleted);
  if (object !== null) return { is: 'object', object, hasLabel, isDeleted };
  return BESIDE.test(rest) || (hasLabel && rest.trim() === '') ? { is: 'beside' } : { is: 'other', hasLabel };
}
