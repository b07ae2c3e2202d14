// tcpdump prints the first packet of a connection with its real sequence numbers and the rest relative to them, unless it was told -S
// (print-tcp.c: tcp_print(), tcpdump 4.99). Where that first packet is in the text, the real numbers can be had back.

import type { PacketDraft } from '../../model/packet.js';

interface Conversation {
  /** First numbers that the text showed, by the side ('address.port') they belong to. */
  readonly bases: Map<string, number>;
  isRelative: boolean | null;
}

export interface SequenceBases {
  /** Turns seq and ack of a packet into real ones where it can. Returns whether they stay relative, and what the peer's are relative to. */
  restore(packet: PacketDraft): { readonly isRelative: boolean; readonly peerBase: number };
}

const WRAP = 2 ** 32;
/** Relative numbers are small; of random first numbers one in 256 is as small as that. */
const SMALL = 2 ** 24;

const distance = (from: number, to: number): number => Math.min((to - from + WRAP) % WRAP, (from - to + WRAP) % WRAP);

export function openSequenceBases(): SequenceBases {
  const conversations = new Map<string, Conversation>();

  return {
    restore(packet) {
      const unchanged = { isRelative: false, peerBase: 0 };
      const { seq, ack, flags } = packet;
      if (packet.src === null || packet.dst === null || (seq === null && ack === null)) return unchanged;
      const here = `${packet.src}.${packet.sport}`;
      const peer = `${packet.dst}.${packet.dport}`;
      const key = here < peer ? `${here} ${peer}` : `${peer} ${here}`;
      const isSyn = flags?.includes('SYN') ?? false;
      const known = conversations.get(key);
      const isFirst = isSyn || known === undefined || known.bases.size === 0;
      if (isFirst) {
        const isSmall = !isSyn && Math.max(seq ?? 0, ack ?? 0) < SMALL;
        // A SYN opens a new life of these ports; its answer still belongs to the same one.
        const isReset = known === undefined || (isSyn && ack === null);
        const conversation: Conversation = isReset ? { bases: new Map(), isRelative: null } : known;
        conversations.set(key, conversation);
        if (isSmall) {
          conversation.isRelative = true;
          return { isRelative: true, peerBase: 0 };
        }
        if (seq !== null) conversation.bases.set(here, seq);
        if (ack !== null && ack > 0) conversation.bases.set(peer, (ack - 1 + WRAP) % WRAP);
        return unchanged;
      }
      const ownBase = known.bases.get(here);
      const peerBase = known.bases.get(peer);
      known.isRelative ??= looksRelative(seq, ownBase) ?? looksRelative(ack, peerBase);
      if (known.isRelative !== true) {
        if (seq !== null && ownBase === undefined) known.bases.set(here, seq);
        return unchanged;
      }
      const canRestore = (seq === null || ownBase !== undefined) && (ack === null || peerBase !== undefined);
      if (!canRestore) return { isRelative: true, peerBase: 0 };
      if (seq !== null) packet.seq = (seq + (ownBase ?? 0)) % WRAP;
      if (ack !== null) packet.ack = (ack + (peerBase ?? 0)) % WRAP;
      return { isRelative: false, peerBase: peerBase ?? 0 };
    },
  };
}

/** Nearer to zero than to the first number: relative. NULL when nothing is known to compare with. */
function looksRelative(value: number | null, base: number | undefined): boolean | null {
  if (value === null || base === undefined) return null;
  return distance(0, value) < distance(base, value);
}
