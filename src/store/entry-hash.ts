// Two independent 53-bit hashes of an entry: one finds it among a million others, the other tells whether anything about it changed.

import type { CtEntry, CtList } from '../model/conntrack.js';
import type { Tuple } from '../model/tuple.js';

/** Both halves of a running hash; 53 bits of them make the result. */
interface Running {
  a: number;
  b: number;
}

function feedText(hash: Running, text: string): void {
  let { a, b } = hash;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 2_654_435_761);
    b = Math.imul(b ^ code, 1_597_334_677);
  }
  hash.a = Math.imul(a ^ text.length, 2_654_435_761);
  hash.b = Math.imul(b ^ 0x5f, 1_597_334_677);
}

/** NULL is told apart from every number. */
function feedNumber(hash: Running, value: number | null): void {
  const low = value === null ? 0x7fed_cba9 : value | 0;
  const high = value === null ? 1 : Math.floor(value / 4_294_967_296) << 1;
  hash.a = Math.imul(hash.a ^ low, 2_654_435_761) ^ high;
  hash.b = Math.imul(hash.b ^ low, 1_597_334_677) ^ (high + 7);
  hash.a ^= hash.a >>> 15;
  hash.b ^= hash.b >>> 13;
}

function feedOptional(hash: Running, text: string | null): void {
  if (text === null) feedNumber(hash, null);
  else feedText(hash, text);
}

function feedTuple(hash: Running, tuple: Tuple | null): void {
  if (tuple === null) {
    feedNumber(hash, null);
    return;
  }
  feedText(hash, tuple.src);
  feedText(hash, tuple.dst);
  feedNumber(hash, tuple.proto);
  feedNumber(hash, tuple.sport);
  feedNumber(hash, tuple.dport);
  feedOptional(hash, tuple.extra);
}

function finished({ a, b }: Running): number {
  let low = Math.imul(a ^ (a >>> 16), 2_246_822_507);
  low ^= Math.imul(b ^ (b >>> 13), 3_266_489_909);
  let high = Math.imul(b ^ (b >>> 16), 2_246_822_507);
  high ^= Math.imul(a ^ (a >>> 13), 3_266_489_909);
  return 4_294_967_296 * (high & 0x1f_ffff) + (low >>> 0);
}

const running: Running = { a: 0, b: 0 };

function begin(seed: number): Running {
  running.a = 0xdead_beef ^ seed;
  running.b = 0x41c6_ce57 ^ seed;
  return running;
}

/** Both 32-bit halves of a tuple's hash, in an object that the next call reuses. */
export function tupleHash(tuple: Tuple): { readonly a: number; readonly b: number } {
  const hash = begin(3);
  feedTuple(hash, tuple);
  return hash;
}

/** Hash of what finds an entry: its list, original tuple and zones. The id is no part of it, since not every listing prints it. */
export function keyHash(list: CtList, entry: CtEntry): number {
  const hash = begin(1);
  feedText(hash, list);
  feedTuple(hash, entry.orig);
  feedNumber(hash, entry.zone ?? 0);
  feedNumber(hash, entry.zoneOrig);
  feedNumber(hash, entry.zoneReply);
  return finished(hash);
}

/** Hash of all that a version is made of, what finds it included, under another seed. Time left and counters are no part of it. */
export function contentHash(list: CtList, entry: CtEntry): number {
  const hash = begin(0x9e37_79b9);
  feedText(hash, list);
  feedTuple(hash, entry.orig);
  feedTuple(hash, entry.reply);
  feedNumber(hash, entry.zone ?? 0);
  feedNumber(hash, entry.zoneOrig);
  feedNumber(hash, entry.zoneReply);
  feedNumber(hash, entry.id);
  feedOptional(hash, entry.state);
  for (const word of entry.status) feedText(hash, word);
  feedNumber(hash, entry.mark);
  feedOptional(hash, entry.helper);
  feedOptional(hash, entry.labels);
  feedOptional(hash, entry.secctx);
  feedNumber(hash, entry.startedAtUs);
  return finished(hash);
}

/** Hash of both directions' counters; -1 where none were told. */
export function countersHash(
  packets: number | null,
  bytes: number | null,
  replyPackets: number | null,
  replyBytes: number | null,
): number {
  if (packets === null && bytes === null && replyPackets === null && replyBytes === null) return -1;
  const hash = begin(2);
  feedNumber(hash, packets);
  feedNumber(hash, bytes);
  feedNumber(hash, replyPackets);
  feedNumber(hash, replyBytes);
  return finished(hash);
}
