// What NAT does to a packet without a rule being asked: an entry that is translated decides alone, and nat chains see few packets.

import type { CtState } from './packet-facts.js';
import { type PacketState, withoutGiven } from './rule-effects.js';

/** What an entry makes of the packet; NULL: that side stays. */
export interface Translation {
  readonly dst: { readonly address: string; readonly port: number | null } | null;
  readonly src: { readonly address: string; readonly port: number | null } | null;
}

/**
 * The packet behind NAT's place in a hook: at its priority, dst in PREROUTING and OUTPUT (-100), src in POSTROUTING and INPUT (100).
 * NULL: nothing to translate here, or the chain stands before that place.
 */
export function translatedByEntry(
  state: PacketState,
  translation: Translation | undefined,
  hook: string,
  priority: number,
): PacketState | null {
  const side =
    hook === 'PREROUTING' || hook === 'OUTPUT' ? 'dst' : hook === 'POSTROUTING' || hook === 'INPUT' ? 'src' : null;
  const to = side === null ? null : translation?.[side];
  if (!side || !to || priority < (side === 'dst' ? -100 : 100)) return null;
  const { packet } = state;
  return side === 'dst'
    ? {
        ...state,
        packet: { ...packet, dst: to.address, dport: to.port ?? packet.dport },
        given: withoutGiven(state.given, 'dst', 'dport'),
        translated: [...state.translated, 'DNAT'],
      }
    : {
        ...state,
        packet: { ...packet, src: to.address, sport: to.port ?? packet.sport },
        given: withoutGiven(state.given, 'src', 'sport'),
        translated: [...state.translated, 'SNAT'],
      };
}

/** nat chains see the first packet of an entry only (net/netfilter/nf_nat_core.c: nf_nat_inet_fn(), v6.1); NULL: they are asked. */
export function whyNatIsSkipped(state: CtState | null, isFirstOfEntry: boolean | undefined): string | null {
  if (state === 'INVALID' || state === 'UNTRACKED')
    return `nat is not asked for a packet without conntrack entry (${state})`;
  if (isFirstOfEntry === false) return 'nat is asked for the first packet of an entry only';
  if (state === 'ESTABLISHED') return 'nat is asked for NEW packets only, this one is ESTABLISHED';
  return null;
}
