// What would conntrack of this kernel, with these settings, answer to one packet after the other?
// The path of a packet through net/netfilter/nf_conntrack_core.c: nf_conntrack_in(), v6.18, and confirmation behind it.

import { inverseIcmpType } from '../catalogue/icmp-types.js';
import type { Direction } from '../catalogue/tcp-states.js';
import type { Decision } from './context.js';
import { type Entry, newEntry, type TupleEnd } from './entry.js';
import type { Slot } from './entry-table.js';
import { handleIcmp, icmpKinds, judgeIcmpError } from './icmp.js';
import { openContext, type TrackerOptions } from './open-context.js';
import { clearOutcome, newOutcome, type Outcome, stateName } from './outcome.js';
import type { TrackedPacket, TrackedProto } from './packet.js';
import type { RuleName } from './rules.js';
import { handleTcp } from './tcp.js';
import { handleUdp } from './udp.js';

export interface Tracker {
  /** Judges the next packet. The record is filled anew by the next call: `keepOutcome` makes a lasting copy. */
  track(packet: TrackedPacket): Outcome;
  /** The entry that the packet would meet, alive or run out; NULL when there is none. Changes nothing. */
  peek(packet: TrackedPacket): Entry | null;
  /** Entries in the table, those counted that have run out and were not looked up since. */
  readonly size: number;
  /** Rules that the version number leaves open; the model follows the newer behaviour in them. */
  readonly open: readonly RuleName[];
}

/**
 * A tracker with an empty table. Throws RangeError for a sysctl that it does not obey, that this kernel does not have, or that has
 * no whole number.
 */
export function createTracker(options: TrackerOptions): Tracker {
  const { context, open } = openContext(options);
  const { table } = context;
  const kinds = icmpKinds(options.kernel);
  const out = newOutcome();

  /** Entries that have run out are removed when they are met (nf_ct_gc_expired(), v4.9 and newer; a timer before). */
  function find(
    proto: TrackedProto,
    zone: number,
    src: string,
    dst: string,
    a: number,
    b: number,
    nowMs: number,
  ): Slot | null {
    const slot = table.find(proto, zone, src, dst, a, b);
    if (slot === null || slot.entry.deadlineMs > nowMs) return slot;
    table.remove(slot.entry);
    return null;
  }

  function track(packet: TrackedPacket): Outcome {
    clearOutcome(out);
    if (packet.proto === 'icmp' || packet.proto === 'icmpv6') {
      const decision = judgeIcmpError(context, kinds, packet, find, out);
      if (decision === 'refuse') return out;
      if (decision === 'related' || decision === 'untracked') {
        out.verdict = decision === 'related' ? 'RELATED' : 'UNTRACKED';
        return out;
      }
    } else if (packet.fault === 'no-ports') {
      out.reasonId = 'tuple-unreadable';
      return out;
    }
    return lookUp(packet, false);
  }

  function lookUp(packet: TrackedPacket, isRepeated: boolean): Outcome {
    const slot = find(packet.proto, packet.zone, packet.src, packet.dst, portA(packet), portB(packet), packet.atMs);
    const entry = slot === null ? openEntry(packet) : slot.entry;
    if (entry === null) {
      out.reasonId = packet.proto === 'icmp' ? 'icmp-no-inverse-type' : 'icmpv6-no-inverse-type';
      return out;
    }
    const dir: Direction = slot === null ? 0 : slot.dir;
    const isNew = dir === 0 && !entry.hasReply;
    const isTcp = packet.proto === 'tcp';
    if (isTcp && !isRepeated) out.stateBefore = stateName(entry.tcp.state);

    const decision = handle(packet, entry, dir);
    if (decision === 'repeat') {
      out.isReopened = true;
      return lookUp(packet, true);
    }
    if (isTcp) out.stateAfter = stateName(entry.tcp.state);
    if (decision !== 'accept') {
      // A packet that is refused leaves an entry that it would have opened behind it, unconfirmed.
      if (slot === null) out.stateAfter = null;
      else noteEntry(entry, dir);
      out.verdict = decision === 'drop' ? 'DROP' : 'INVALID';
      return out;
    }
    noteEntry(entry, dir);
    if (dir === 1) entry.hasReply = true;
    if (slot === null && !out.isClosed && packet.isDropped !== true) table.insert(entry);
    if (out.isReopened) out.reasonId = 'tcp-new-reopen';
    out.verdict = isNew ? 'NEW' : 'ESTABLISHED';
    if (isNew && out.reasonId === null) out.reasonId = 'new-unreplied';
    return out;
  }

  function noteEntry(entry: Entry, dir: Direction): void {
    out.entry = entry;
    out.dir = dir;
  }

  function handle(packet: TrackedPacket, entry: Entry, dir: Direction): Decision {
    if (packet.proto === 'tcp') return handleTcp(context, entry, dir, packet, out);
    return packet.proto === 'udp' ? handleUdp(context, entry, packet, out) : handleIcmp(context, entry, packet, out);
  }

  return {
    track,
    peek(packet) {
      const slot = table.find(packet.proto, packet.zone, packet.src, packet.dst, portA(packet), portB(packet));
      return slot?.entry ?? null;
    },
    get size() {
      return table.size;
    },
    open,
  };
}

/** An entry for this packet and its answers; NULL when nothing can answer it (an ICMP type without a counterpart). */
function openEntry(packet: TrackedPacket): Entry | null {
  const original: TupleEnd = { src: packet.src, dst: packet.dst, a: portA(packet), b: portB(packet) };
  const swapped = { src: packet.dst, dst: packet.src };
  if (packet.proto === 'tcp' || packet.proto === 'udp') {
    return newEntry(packet.proto, packet.zone, original, { ...swapped, a: original.b, b: original.a });
  }
  const type = inverseIcmpType(packet.proto, packet.type);
  if (type === null) return null;
  return newEntry(packet.proto, packet.zone, original, { ...swapped, a: packet.id, b: (type << 8) | packet.code });
}

function portA(packet: TrackedPacket): number {
  return packet.proto === 'tcp' || packet.proto === 'udp' ? packet.sport : packet.id;
}

function portB(packet: TrackedPacket): number {
  return packet.proto === 'tcp' || packet.proto === 'udp' ? packet.dport : (packet.type << 8) | packet.code;
}
