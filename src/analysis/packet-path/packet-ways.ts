// Where a described packet would end: through which hooks it goes by its interfaces and this host's addresses, and every way that is open.

import type { Ruleset } from '../../model/ruleset.js';
import { isInPrefix } from '../../text/address.js';
import type { Choose } from '../ruleset/choice.js';
import { impliedBy } from '../ruleset/given.js';
import type { CtState } from '../ruleset/packet-facts.js';
import type { PacketState } from '../ruleset/rule-effects.js';
import { type Walk, type WalkPath, walkRuleset } from '../ruleset/walk.js';
import type { DescribedPacket } from './described-packet.js';
import { everyWay, isSameEnd, type Outcome, outcomesOf } from './every-way.js';

/** A walk of one state on one way through the hooks. */
export interface PacketWalk extends Walk {
  readonly state: CtState;
  /** As it went, routing included. */
  readonly path: 'input' | 'forward' | 'output' | 'loop';
}

export interface HostAddresses {
  readonly local: readonly string[];
  /** Of its networks: what is sent there is delivered here. */
  readonly broadcast: readonly string[];
}

export interface PacketWays {
  readonly outcomes: readonly Outcome<PacketWalk>[];
  /** More ways are open than were followed. */
  readonly isCut: boolean;
}

function isLoopback(address: string): boolean {
  return address === '::1' || isInPrefix(address, '127.0.0.0/8');
}

/** Goes to every host that listens: multicast, and broadcast to the own network. */
function isForMany(address: string): boolean {
  return address === '255.255.255.255' || isInPrefix(address, '224.0.0.0/4') || isInPrefix(address, 'ff00::/8');
}

/** NULL: not told. */
function isLocal(address: string | null, own: HostAddresses | null): boolean | null {
  if (address === null) return null;
  if (isLoopback(address)) return true;
  return own === null ? null : own.local.includes(address);
}

/** Where routing sends an arriving packet, as PREROUTING has left it; NULL: not told. */
function routeOf({ packet, isRedirected, given }: PacketState, own: HostAddresses | null): 'input' | 'forward' | null {
  if (isRedirected) return 'input';
  if (packet.dst !== null) {
    if (isForMany(packet.dst) || own?.broadcast.includes(packet.dst) === true) return 'input';
    const is = isLocal(packet.dst, own);
    return is === null ? null : is ? 'input' : 'forward';
  }
  if (own === null) return null;
  const isOwn = impliedBy(given, {
    field: 'dst',
    isNegated: false,
    values: [...own.local, ...own.broadcast],
    text: '',
    group: null,
  });
  return isOwn === 'unknown' ? null : isOwn === 'yes' ? 'input' : 'forward';
}

/** Whether it arrives, is sent or passes: by the interfaces that are told, else by the addresses, else chosen. */
function pathOf({ packet, facts }: DescribedPacket, own: HostAddresses | null, choose: Choose): WalkPath {
  const names = (field: string) => facts.given.some((one) => one.field === field && !one.isNegated);
  const comesIn = packet.inIf !== null || names('in');
  const goesOut = packet.outIf !== null || names('out');
  if (comesIn && goesOut) return 'forward';
  if (packet.inIf === 'lo') return 'input';
  if (comesIn) return 'arriving';
  if (packet.outIf === 'lo') return 'loop';
  if (goesOut && isLocal(packet.src, own) === false) return 'forward';
  if (goesOut && isLocal(packet.src, own) === true) return 'output';
  const isOurs = isLocal(packet.src, own);
  const isSent =
    isOurs ??
    choose({
      rule: null,
      because: 'neither -i nor -o nor the addresses tell whether this host sends it',
      ways: goesOut ? ['it is forwarded', 'this host sends it'] : ['it arrives from elsewhere', 'this host sends it'],
    }) === 1;
  if (goesOut) return isSent ? 'output' : 'forward';
  if (!isSent) return 'arriving';
  return isLocal(packet.dst, own) === true ? 'loop' : 'output';
}

function wentBy(path: WalkPath, routed: 'input' | 'forward' | null): PacketWalk['path'] {
  return path === 'arriving' ? (routed ?? 'forward') : path;
}

/**
 * @param rulesets all that the packet can meet, of every backend
 * @param own addresses of the host; NULL when nothing tells them
 */
export function packetWays(
  described: DescribedPacket,
  rulesets: readonly Ruleset[],
  own: HostAddresses | null,
): PacketWays {
  const { states, packet } = described;
  const walk = (choose: Choose): PacketWalk => {
    const state =
      states.length === 1
        ? states[0]!
        : states[
            choose({
              rule: null,
              because: 'its conntrack state is not told',
              ways: states.map((one) => `it is ${one}`),
            })
          ]!;
    const path = pathOf(described, own, choose);
    let routed: 'input' | 'forward' | null = null;
    const asked: Choose = (choice) => {
      const way = choose(choice);
      if (choice.rule === null) routed = way === 0 ? 'forward' : 'input';
      return way;
    };
    const route = (at: PacketState) => {
      routed = routeOf(at, own);
      return routed;
    };
    const walked = walkRuleset(rulesets, packet, factsFor(described, state, path), path, { choose: asked, route });
    return { ...walked, state, path: wentBy(path, routed) };
  };
  const { ways, isCut } = everyWay(walk);
  return { outcomes: outcomesOf(ways, (a, b) => isSameEnd(a, b) && a.path === b.path), isCut };
}

/** What goes without saying: a NEW entry has no mark, and what arrives has none that a rule has not given it. */
function factsFor({ facts, packet }: DescribedPacket, state: CtState, path: WalkPath): DescribedPacket['facts'] {
  const isGiven = (field: string) => facts.given.some((one) => one.field === field);
  const isSentHere = path === 'output' || path === 'loop';
  return {
    ...facts,
    ctstate: state,
    ctmark: facts.ctmark ?? (state === 'NEW' && !isGiven('ctmark') ? 0 : null),
    mark: packet.mark ?? (isSentHere || isGiven('mark') ? null : 0),
  };
}
