// Joins the lines of one packet to its way through the host (a passage). A wrong join would be a wrong certainty, a missing one is only a
// shorter journey: so a line joins when exactly one open passage fits, and starts one of its own otherwise.

import { type Dump, finish, mix } from './dump.js';
import { AFTER_DNAT, FORWARD_HOOK, IN_AND_OUT, IN_ONLY, LAST_TABLES, NO_INTERFACE, OUT_ONLY, type Place, REACHABLE_BITS } from './hook-order.js';
import type { PathNode, PathTree } from './path-tree.js';

/** Lines of one packet are microseconds apart; a slow console or a queue makes it more. */
const LONGEST_GAP_US = 1_000_000;
/** Packets that look exactly like the one before them (no IP id) are joined within this only. */
const LONGEST_TWIN_GAP_US = 1_000;
/** … but for so long such a packet may still be under way, and is in doubt with others like it. */
const TWIN_DOUBT_US = 5_000;
const TWIN_WAY_US = 50_000;
/** Translated lines without a known place (LOG) are joined within this only. */
const LONGEST_TRANSLATED_GAP_US = 100_000;
/** Lines may overtake each other on their way into the log. */
const EARLIEST_US = -1_000;
/** A passage is handed on this long after its first line. */
const OPEN_US = 2_000_000;
/** So many open passages look alike that none can be told from the others. */
const MOST_LOOKED_AT = 64;
/** … and so many of other sequence numbers are passed by. */
const MOST_PASSED_BY = 1024;
/** Open passages at most: at 100,000 lines/s still those of the last 0.4 s. */
const RING = 1 << 13;
const BUCKETS = 1 << 14;

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

export interface PassageAssembler {
  /** Takes one line; joins it or starts a passage. `stable` hashes addresses the same way in every run. */
  add(facts: LineFacts, dump: Dump): void;
  /** Puts a line into a passage that is known to be its own (reading on from a resume point); NULL starts one. */
  addTo(passage: Passage | null, facts: LineFacts, dump: Dump): Passage;
  /** Hands on all open passages. */
  closeAll(): void;
  /** Open passages, oldest first. */
  open(): readonly Passage[];
  readonly counts: { lines: number; passages: number; ambiguous: number };
}

/**
 * @param paths tree the ways are kept in
 * @param stableAddress hash of an address that does not depend on when it was first seen
 * @param closed receives passages in the order of their first lines; the object is reused afterwards
 */
export function openPassageAssembler(
  paths: PathTree,
  stableAddress: (family: number, address: number) => number,
  closed: (passage: Passage) => void,
): PassageAssembler {
  const ring: Passage[] = [];
  const buckets = new Int32Array(BUCKETS).fill(-1);
  const counts = { lines: 0, passages: 0, ambiguous: 0 };
  let oldest = 0;
  let used = 0;

  const closeOldest = (): void => {
    const passage = ring[oldest]!;
    if (passage.previous >= 0) ring[passage.previous]!.next = passage.next;
    else buckets[passage.bucket] = passage.next;
    if (passage.next >= 0) ring[passage.next]!.previous = passage.previous;
    passage.isOpen = false;
    oldest = (oldest + 1) % RING;
    used--;
    closed(passage);
  };

  const start = (facts: LineFacts, dump: Dump): Passage => {
    if (used === RING) closeOldest();
    const index = (oldest + used) % RING;
    used++;
    counts.passages++;
    const passage = ring[index] ?? (ring[index] = emptyPassage(index));
    const bucket = dump.wayHash & (BUCKETS - 1);
    passage.isOpen = true;
    passage.bucket = bucket;
    passage.previous = -1;
    passage.next = buckets[bucket]!;
    if (passage.next >= 0) ring[passage.next]!.previous = index;
    buckets[bucket] = index;
    beginPassage(passage, facts, dump);
    let hash = mix(mix(facts.headHash, stableAddress(dump.family, dump.src)), stableAddress(dump.family, dump.dst));
    hash = mix(mix(mix(hash, dump.sport), dump.dport), dump.ipId);
    hash = mix(mix(mix(hash, dump.lenBytes), dump.ttl), dump.seq);
    passage.bodyHash = finish(mix(mix(hash, dump.ack), (dump.window << 10) | (dump.flags & 1023)));
    return passage;
  };

  const put = (passage: Passage, facts: LineFacts, dump: Dump): void => {
    let slot = 0;
    if (dump.tuple !== passage.tuple) {
      slot = 1;
      passage.tuple2 = dump.tuple;
    }
    const lost = passage.ttl - dump.ttl;
    passage.node = paths.child(
      passage.node ?? paths.root,
      facts.head,
      dump.shape,
      slot,
      lost > 0 && lost < 256 ? lost : 0,
    );
    const step = passage.steps++;
    passage.heads[step] = facts.head;
    passage.us[step] = facts.us - passage.firstUs;
    passage.lines[step] = facts.line - passage.firstLine;
    if (facts.line !== passage.lastLine + 1) passage.isConsecutive = false;
    passage.lastUs = facts.us;
    passage.lastLine = facts.line;
    if (facts.numbers !== '') {
      passage.numbers += `${passage.numbers === '' ? '' : ','}"${step}":${facts.numbers}`;
    }
    learnMore(passage, dump);
    move(passage, facts.place);
  };

  return {
    counts,
    add(facts, dump) {
      counts.lines++;
      while (used > 0) {
        const first = ring[oldest]!;
        if (first.clock === facts.clock && facts.us - first.firstUs <= OPEN_US) break;
        closeOldest();
      }
      let found: Passage | null = null;
      let fitting = 0;
      let looked = 0;
      let passedBy = 0;
      for (let index = buckets[dump.wayHash & (BUCKETS - 1)]!; index >= 0; ) {
        const passage = ring[index]!;
        index = passage.next;
        if (passage.wayHash !== dump.wayHash) continue;
        // Chains begin with the newest: a packet without an id does not stay under way for long.
        if (!dump.isDistinct && facts.us - passage.firstUs > TWIN_WAY_US) break;
        if (differ(passage.seq, dump.seq) && ++passedBy < MOST_PASSED_BY) continue;
        if (++looked > MOST_LOOKED_AT) {
          fitting = 2;
          break;
        }
        if (!fits(passage, facts, dump)) continue;
        found = passage;
        if (++fitting > 1) break;
      }
      if (fitting === 1 && isNear(found!, facts)) {
        put(found!, facts, dump);
        return;
      }
      // The new passage stays open for others: whatever comes next of this packet must find it among those that fit.
      put(start(facts, dump), facts, dump);
      if (fitting > 1) counts.ambiguous++;
    },
    addTo(passage, facts, dump) {
      counts.lines++;
      const target = passage ?? start(facts, dump);
      put(target, facts, dump);
      return target;
    },
    closeAll() {
      while (used > 0) closeOldest();
    },
    open: () => Array.from({ length: used }, (_, i) => ring[(oldest + i) % RING]!),
  };
}

/** Whether a line can be the next of a passage, by everything its dump, its place and its time tell. */
function fits(passage: Passage, facts: LineFacts, dump: Dump): boolean {
  if (
    passage.clock !== facts.clock ||
    passage.src !== dump.src ||
    passage.sport !== dump.sport ||
    passage.proto !== dump.proto ||
    passage.family !== dump.family ||
    passage.ipId !== dump.ipId ||
    passage.lenBytes !== dump.lenBytes ||
    passage.flags !== dump.flags ||
    passage.tupleExtra !== dump.tupleExtra ||
    differ(passage.seq, dump.seq) ||
    differ(passage.ack, dump.ack) ||
    differ(passage.window, dump.window) ||
    differ(passage.mac, facts.mac)
  )
    return false;
  return fitsInTime(passage, facts) && fitsInPlace(passage, facts, dump) && fitsTranslation(passage, facts, dump);
}

/** Two told values that are not the same. */
function differ(a: number, b: number): boolean {
  return a !== b && a >= 0 && b >= 0;
}

function fitsInTime(passage: Passage, facts: LineFacts): boolean {
  const gap = facts.us - passage.lastUs;
  if (gap < EARLIEST_US || gap > LONGEST_GAP_US) return false;
  if (passage.isDistinct) return true;
  if (facts.isFine) return gap <= TWIN_DOUBT_US && (passage.isTraced || facts.line === passage.lastLine + 1);
  // Stamps in whole seconds do not tell twins apart: only neighbours in the log, and only lines whose order is known.
  return gap === 0 && facts.line === passage.lastLine + 1 && facts.place.chain >= 0;
}

/** The only passage that fits is near enough to be joined. */
function isNear(passage: Passage, facts: LineFacts): boolean {
  return passage.isDistinct || !facts.isFine || facts.us - passage.lastUs <= LONGEST_TWIN_GAP_US;
}

function fitsInPlace(passage: Passage, facts: LineFacts, dump: Dump): boolean {
  const { place } = facts;
  if (!interfacesFollow(passage, place)) return false;
  if (dump.ttl !== passage.ttlNow) {
    // net/ipv4/ip_forward.c: ip_forward() takes one off before FORWARD.
    const isBehindRouting =
      place.interfaces !== IN_ONLY && (passage.interfaces === IN_ONLY || passage.interfaces === NO_INTERFACE);
    if (dump.ttl !== passage.ttlNow - 1 || !isBehindRouting) return false;
  }
  if (place.chain < 0) {
    if (place.rank >= 0 && place.rank < passage.rank) return false;
    return !isAtEnd(passage) && !hasMet(passage, facts.head);
  }
  // A trace begins before any other line of its packet, or the packet is not traced at all.
  if (!passage.isTraced) return false;
  return place.isBuiltIn ? builtInFollows(passage, place) : userChainFollows(passage, facts);
}

/** Behind the policy of its last hook's last table; the trace of a LOG rule there would have come before its line. */
function isAtEnd(passage: Passage): boolean {
  return passage.isTableDone && passage.rank >= LAST_TABLES && passage.hook !== FORWARD_HOOK;
}

function hasMet(passage: Passage, head: number): boolean {
  for (let step = 0; step < passage.steps; step++) if (passage.heads[step] === head) return true;
  return false;
}

/** Where a chain stands among those entered; -1 when it is not one of them. */
function levelOf(passage: Passage, chain: number): number {
  let level = passage.depth - 1;
  while (level >= 0 && passage.chains[level] !== chain) level--;
  return level;
}

function builtInFollows(passage: Passage, place: Place): boolean {
  if (place.rank < passage.rank) return false;
  if (passage.hook >= 0 && (REACHABLE_BITS[passage.hook]! & (1 << place.hook)) === 0) return false;
  // A trace may begin inside a user chain, whose hook is not known.
  if (place.rank > passage.rank) return passage.rank >= 0 || passage.table === place.table;
  return !passage.isTableDone && (passage.depth === 0 || place.ruleNumber > passage.chainNumbers[0]!);
}

function userChainFollows(passage: Passage, facts: LineFacts): boolean {
  const { place } = facts;
  if (place.table < 0 || place.table !== passage.table || passage.isTableDone) return false;
  const level = levelOf(passage, place.chain);
  if (level >= 0) return place.ruleNumber > passage.chainNumbers[level]!;
  return passage.mayJump;
}

function interfacesFollow(passage: Passage, place: Place): boolean {
  const before = passage.interfaces;
  const after = place.interfaces;
  if (before === NO_INTERFACE || after === NO_INTERFACE) return true;
  if (after < before) return false;
  if (before === IN_ONLY && after === OUT_ONLY && place.rank >= 0 && place.hook === 1) return false;
  if (after !== OUT_ONLY && passage.inIf !== place.inIf) return false;
  // Marking rules at OUTPUT may send a packet out elsewhere (net/ipv4/netfilter/iptable_mangle.c: ipt_mangle_out()).
  if (before !== IN_ONLY && passage.outIf !== place.outIf) return before === OUT_ONLY && place.rank > passage.rank;
  return !(before === IN_AND_OUT && after === OUT_ONLY && passage.outIf !== place.outIf);
}

/** On one way only the destination changes, at PREROUTING or OUTPUT; sources are rewritten behind the last rule that could show it. */
function fitsTranslation(passage: Passage, facts: LineFacts, dump: Dump): boolean {
  const now = passage.tuple2 >= 0 ? passage.tuple2 : passage.tuple;
  if (dump.tuple === now) return true;
  if (passage.tuple2 >= 0 || passage.rank >= AFTER_DNAT) return false;
  if (facts.place.rank >= AFTER_DNAT) return true;
  return passage.isDistinct && facts.place.chain < 0 && facts.place.rank < 0 && facts.us - passage.lastUs <= LONGEST_TRANSLATED_GAP_US;
}

function beginPassage(passage: Passage, facts: LineFacts, dump: Dump): void {
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
function learnMore(passage: Passage, dump: Dump): void {
  passage.ttlNow = dump.ttl;
  if (passage.seq < 0) passage.seq = dump.seq;
  if (passage.ack < 0) passage.ack = dump.ack;
  if (passage.window < 0) passage.window = dump.window;
  if (dump.mark >= 0) passage.mark = dump.mark;
  if (dump.extra.length > passage.extra.length) passage.extra = dump.extra;
}

function move(passage: Passage, place: Place): void {
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

function emptyPassage(index: number): Passage {
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
