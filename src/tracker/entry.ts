// What does conntrack remember of a connection? One entry, both sides of its window, and the notes on the last packet.

import type { Direction } from '../catalogue/tcp-states.js';
import type { TrackedProto } from './packet.js';

/** Marks of a side, as ctnetlink shows them (include/uapi/linux/netfilter/nf_conntrack_tcp.h, v6.18). */
export const OFFERS_SCALING = 0x01;
export const PERMITS_SACK = 0x02;
export const CLOSED_FIRST = 0x04;
export const LIBERAL = 0x08;
export const UNACKNOWLEDGED = 0x10;
export const MAX_ACK_KNOWN = 0x20;
/** These two are kept with the last packet only. */
export const CHALLENGE_ACK_EXPECTED = 0x40;
export const SIMULTANEOUS_OPEN = 0x80;

/** The window of one direction; sequence numbers are absolute, as on the wire. struct ip_ct_tcp_state. */
export interface TcpSide {
  /** td_end: highest byte sent, plus one. */
  end: number;
  /** td_maxend: highest byte that it may send, plus one. */
  maxEnd: number;
  /** td_maxwin: largest window that it advertised, in bytes; 0: it was not seen yet. */
  maxWin: number;
  /** td_maxack: highest acknowledgement that it sent. */
  maxAck: number;
  scale: number;
  flags: number;
}

/** The last packet that counted: struct ip_ct_tcp. lastWindow is not scaled on current kernels. */
export interface TcpMemory {
  /** Number of the state in TCP_STATES. */
  state: number;
  readonly sides: readonly [TcpSide, TcpSide];
  lastIndex: number;
  lastDir: Direction;
  lastSeq: number;
  lastAck: number;
  lastEnd: number;
  lastWindow: number;
  lastScale: number;
  lastFlags: number;
  retransmissions: number;
}

/** src, dst, and ports (for ICMP: id and type * 256 + code) of one direction. */
export interface TupleEnd {
  readonly src: string;
  readonly dst: string;
  readonly a: number;
  readonly b: number;
}

export interface Entry {
  readonly proto: TrackedProto;
  readonly zone: number;
  readonly original: TupleEnd;
  readonly reply: TupleEnd;
  isConfirmed: boolean;
  hasReply: boolean;
  isAssured: boolean;
  /** When it ends, on the clock of the packets, and what was set last. */
  deadlineMs: number;
  timeoutMs: number;
  /** UDP: from when on it counts as a stream. */
  streamAtMs: number;
  readonly tcp: TcpMemory;
}

const NO_INDEX = 5;

function newSide(): TcpSide {
  return { end: 0, maxEnd: 0, maxWin: 0, maxAck: 0, scale: 0, flags: 0 };
}

/** An entry nobody has filled in yet; `original` and `reply` are what its two directions look like. */
export function newEntry(proto: TrackedProto, zone: number, original: TupleEnd, reply: TupleEnd): Entry {
  return {
    proto,
    zone,
    original,
    reply,
    isConfirmed: false,
    hasReply: false,
    isAssured: false,
    deadlineMs: 0,
    timeoutMs: 0,
    streamAtMs: 0,
    tcp: {
      state: 0,
      sides: [newSide(), newSide()],
      lastIndex: NO_INDEX,
      lastDir: 0,
      lastSeq: 0,
      lastAck: 0,
      lastEnd: 0,
      lastWindow: 0,
      lastScale: 0,
      lastFlags: 0,
      retransmissions: 0,
    },
  };
}
