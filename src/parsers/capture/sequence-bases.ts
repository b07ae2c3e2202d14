// tcpdump prints the first packet of a connection with its real sequence numbers and the rest relative to them, unless it was told -S
// (print-tcp.c: tcp_print(), tcpdump 4.99). Where that first packet is in the text, the real numbers can be had back.

import type { PacketDraft } from '../../model/packet.js';

interface Conversation {
  /** What tcpdump took off, by the side ('address.port') whose numbers they are; a side that is missing was not printed. */
  readonly bases: ReadonlyMap<string, number>;
  isRelative: boolean | null;
}

export interface SequenceBases {
  /** Turns seq and ack of a packet into real ones where it can. Returns whether they stay relative, and what the peer's are relative to. */
  restore(packet: PacketDraft): { readonly isRelative: boolean; readonly peerBase: number };
}

const WRAP = 2 ** 32;
/** Relative numbers are small; of random first numbers one in 256 is as small as that. */
const SMALL = 2 ** 24;
const UNCHANGED = { isRelative: false, peerBase: 0 };

const distance = (from: number, to: number): number => Math.min((to - from + WRAP) % WRAP, (from - to + WRAP) % WRAP);

export function openSequenceBases(): SequenceBases {
  const conversations = new Map<string, Conversation>();

  return {
    restore(packet) {
      const { seq, ack, flags } = packet;
      // A packet without ACK (a SYN, a bare RST) is printed as it is and begins nothing.
      if (packet.src === null || packet.dst === null || ack === null) return UNCHANGED;
      const here = `${packet.src}.${packet.sport}`;
      const peer = `${packet.dst}.${packet.dport}`;
      const key = here < peer ? `${here} ${peer}` : `${peer} ${here}`;
      const isSyn = flags?.includes('SYN') ?? false;
      const known = conversations.get(key);
      if (known === undefined || isSyn) {
        const isLater = !isSyn && Math.max(seq ?? 0, ack) < SMALL;
        const bases = new Map<string, number>();
        if (!isLater) {
          // A pure ACK is printed without its own number, which the next ones of its side are relative to all the same.
          if (seq !== null) bases.set(here, seq);
          bases.set(peer, (ack - 1 + WRAP) % WRAP);
        }
        conversations.set(key, { bases, isRelative: isLater ? true : null });
        return isLater ? { isRelative: true, peerBase: 0 } : UNCHANGED;
      }
      const ownBase = known.bases.get(here);
      const peerBase = known.bases.get(peer);
      known.isRelative ??= looksRelative(seq, ownBase) ?? looksRelative(ack, peerBase);
      // Both bases were hidden or the first packet was another's: small numbers are relative, large ones are not.
      if (!(known.isRelative ?? Math.max(seq ?? 0, ack) < SMALL)) return UNCHANGED;
      const canRestore = (seq === null || ownBase !== undefined) && peerBase !== undefined;
      if (!canRestore) return { isRelative: true, peerBase: 0 };
      if (seq !== null) packet.seq = (seq + (ownBase ?? 0)) % WRAP;
      packet.ack = (ack + peerBase) % WRAP;
      return { isRelative: false, peerBase };
    },
  };
}

/** Nearer to zero than to the first number: relative. NULL when nothing is known to compare with. */
function looksRelative(value: number | null, base: number | undefined): boolean | null {
  if (value === null || base === undefined) return null;
  return distance(0, value) < distance(base, value);
}
