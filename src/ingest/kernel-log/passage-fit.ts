// May this line be the next of that packet? By what its dump, its place and its time tell. The true packet must always be among those that fit:
// only then is a single fit the true one. So a test may be generous, and must not turn a packet's own line away without need.

import type { Dump } from './dump.js';
import {
  AFTER_DNAT,
  FORWARD_HOOK,
  IN_AND_OUT,
  IN_ONLY,
  LAST_TABLES,
  NO_INTERFACE,
  OUT_ONLY,
  type Place,
  REACHABLE_BITS,
} from './hook-order.js';
import { type LineFacts, levelOf, type Passage } from './passage.js';

/** Lines of one packet are microseconds apart; a slow console or a queue makes it more. */
const LONGEST_GAP_US = 1_000_000;
/** Packets that look exactly like the one before them (no IP id) are joined within this only. */
const LONGEST_TWIN_GAP_US = 1_000;
/** … but for so long such a packet may still be under way, and is in doubt with others like it. */
const TWIN_DOUBT_US = 5_000;
/** Translated lines without a known place (LOG) are joined within this only. */
const LONGEST_TRANSLATED_GAP_US = 100_000;
/** Lines may overtake each other on their way into the log. */
const EARLIEST_US = -1_000;

/** Whether a line can be the next of a passage, by everything its dump, its place and its time tell. */
export function fits(passage: Passage, facts: LineFacts, dump: Dump): boolean {
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
export function differ(a: number, b: number): boolean {
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
export function isNear(passage: Passage, facts: LineFacts): boolean {
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
  // A trace that raw began shows raw's end before any other line of its packet. Where nf_tables set the mark, the first legacy table
  // that a packet meets may lie behind conntrack's own line; an IP id tells that it is the same packet.
  if (!passage.isTraced && !passage.isDistinct) return false;
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
  return (
    passage.isDistinct &&
    facts.place.chain < 0 &&
    facts.place.rank < 0 &&
    facts.us - passage.lastUs <= LONGEST_TRANSLATED_GAP_US
  );
}
