// Joins the lines of one packet to its way through the host (a passage). A wrong join would be a wrong certainty, a missing one is only a
// shorter journey: so a line joins when exactly one open passage fits, and starts one of its own otherwise.

import { type Dump, finish, mix } from './dump.js';
import { beginPassage, emptyPassage, type LineFacts, learnMore, move, type Passage } from './passage.js';
import { differ, fits, isNear } from './passage-fit.js';
import type { PathTree } from './path-tree.js';

const TWIN_WAY_US = 50_000;
/** A passage is handed on this long after its first line. */
const OPEN_US = 2_000_000;
/** So many open passages look alike that none can be told from the others. */
const MOST_LOOKED_AT = 64;
/** … and so many of other sequence numbers are passed by. */
const MOST_PASSED_BY = 1024;
/** Open passages at most: at 100,000 lines/s still those of the last 0.4 s. */
const RING = 1 << 13;
const BUCKETS = 1 << 14;

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
    if (index === ring.length) ring.push(emptyPassage(index));
    const passage = ring[index]!;
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
