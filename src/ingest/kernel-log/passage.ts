// One packet's way so far: what its lines told, and where it stands among hooks, tables and chains.

import type { Dump } from './dump.js';
import { NO_INTERFACE, type Place } from './hook-order.js';
import type { PathNode } from './path-tree.js';

export interface LineFacts {
  readonly clock: number;
  readonly us: number;
  /** Whether stamps tell microseconds apart. */
  readonly isFine: boolean;
  readonly line: number;
  readonly head: number;
  readonly headHash: number;
  readonly place: Place;
  readonly mac: number;
  /** JSON array of the numbers in the line's message; '' for none. */
  readonly numbers: string;
}

export interface Passage {
  index: number;
  isOpen: boolean;
  previous: number;
  next: number;
  bucket: number;
  wayHash: number;
  clock: number;
  firstUs: number;
  lastUs: number;
  firstLine: number;
  lastLine: number;
  isConsecutive: boolean;
  node: PathNode | null;
  /** Lines so far. The lists below are longer where the object was used before: emptying them would cost more than all else here. */
  steps: number;
  readonly us: number[];
  readonly lines: number[];
  readonly heads: number[];
  tuple: number;
  tuple2: number;
  family: number;
  src: number;
  sport: number;
  dport: number;
  proto: number;
  tupleExtra: number;
  ipId: number;
  lenBytes: number;
  ttl: number;
  ttlNow: number;
  seq: number;
  ack: number;
  window: number;
  mark: number;
  flags: number;
  isDistinct: boolean;
  mac: number;
  bodyHash: number;
  extra: string;
  numbers: string;
  rank: number;
  hook: number;
  table: number;
  isTableDone: boolean;
  /** Has lines of a trace: from its first table on, every table the packet meets leaves one. */
  isTraced: boolean;
  mayJump: boolean;
  /** Chains entered and not left, the built-in one first. */
  depth: number;
  readonly chains: number[];
  readonly chainNumbers: number[];
  interfaces: number;
  inIf: string | null;
  outIf: string | null;
}

/** Where a chain stands among those entered; -1 when it is not one of them. */
export function levelOf(passage: Passage, chain: number): number {
  let level = passage.depth - 1;
  while (level >= 0 && passage.chains[level] !== chain) level--;
  return level;
}

export function beginPassage(passage: Passage, facts: LineFacts, dump: Dump): void {
  passage.wayHash = dump.wayHash;
  passage.clock = facts.clock;
  passage.firstUs = facts.us;
  passage.firstLine = facts.line;
  passage.lastLine = facts.line - 1;
  passage.isConsecutive = true;
  passage.node = null;
  passage.steps = 0;
  passage.tuple = dump.tuple;
  passage.tuple2 = -1;
  passage.family = dump.family;
  passage.src = dump.src;
  passage.sport = dump.sport;
  passage.dport = dump.dport;
  passage.proto = dump.proto;
  passage.tupleExtra = dump.tupleExtra;
  passage.ipId = dump.ipId;
  passage.lenBytes = dump.lenBytes;
  passage.ttl = dump.ttl;
  passage.seq = -1;
  passage.ack = -1;
  passage.window = -1;
  passage.mark = -1;
  passage.flags = dump.flags;
  passage.isDistinct = dump.isDistinct;
  passage.mac = facts.mac;
  passage.extra = '';
  passage.numbers = '';
  passage.rank = -1;
  passage.hook = -1;
  passage.table = -1;
  passage.isTableDone = false;
  passage.isTraced = false;
  passage.mayJump = false;
  passage.depth = 0;
  passage.interfaces = NO_INTERFACE;
  passage.inIf = null;
  passage.outIf = null;
}

/** LOG lines leave out what TRACE and log_invalid lines of the same packet tell. */
export function learnMore(passage: Passage, dump: Dump): void {
  passage.ttlNow = dump.ttl;
  if (passage.seq < 0) passage.seq = dump.seq;
  if (passage.ack < 0) passage.ack = dump.ack;
  if (passage.window < 0) passage.window = dump.window;
  if (dump.mark >= 0) passage.mark = dump.mark;
  if (dump.extra.length > passage.extra.length) passage.extra = dump.extra;
}

export function move(passage: Passage, place: Place): void {
  if (place.interfaces !== NO_INTERFACE) {
    passage.interfaces = place.interfaces;
    passage.inIf = place.inIf;
    passage.outIf = place.outIf;
  }
  if (place.rank >= 0 && place.chain < 0) {
    if (place.rank > passage.rank) passage.table = -1;
    passage.rank = place.rank;
    passage.hook = place.hook;
    return;
  }
  if (place.chain < 0) return;
  if (place.isBuiltIn) {
    passage.rank = place.rank;
    passage.hook = place.hook;
    passage.depth = 0;
    passage.isTableDone = place.isEnd;
  } else {
    const level = levelOf(passage, place.chain);
    if (level >= 0) passage.depth = level;
  }
  passage.table = place.table;
  passage.isTraced = true;
  passage.chains[passage.depth] = place.chain;
  passage.chainNumbers[passage.depth] = place.ruleNumber;
  passage.depth++;
  passage.mayJump = place.mayJump;
}

export function emptyPassage(index: number): Passage {
  return {
    index,
    isOpen: false,
    previous: -1,
    next: -1,
    bucket: 0,
    wayHash: 0,
    clock: 0,
    firstUs: 0,
    lastUs: 0,
    firstLine: 0,
    lastLine: 0,
    isConsecutive: true,
    node: null,
    steps: 0,
    us: [],
    lines: [],
    heads: [],
    tuple: -1,
    tuple2: -1,
    family: 0,
    src: -1,
    sport: -1,
    dport: -1,
    proto: -1,
    tupleExtra: 0,
    ipId: -1,
    lenBytes: -1,
    ttl: -1,
    ttlNow: -1,
    seq: -1,
    ack: -1,
    window: -1,
    mark: -1,
    flags: -1,
    isDistinct: false,
    mac: -1,
    bodyHash: 0,
    extra: '',
    numbers: '',
    rank: -1,
    hook: -1,
    table: -1,
    isTableDone: false,
    isTraced: false,
    mayJump: false,
    depth: 0,
    chains: [],
    chainNumbers: [],
    interfaces: NO_INTERFACE,
    inIf: null,
    outIf: null,
  };
}
