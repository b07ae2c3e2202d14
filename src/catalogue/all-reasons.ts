// Every way we know in which a packet becomes INVALID or NEW, is dropped by conntrack, or leaves no message: the whole catalogue.

import type { Reason } from './reason.js';
import { CORE_DROPS } from './reasons/core-drops.js';
import { CORE_REFUSALS } from './reasons/core-refusals.js';
import { DCCP_REASONS } from './reasons/dccp.js';
import { GRE_AND_GENERIC_REASONS } from './reasons/gre-and-generic.js';
import { HELPER_REASONS } from './reasons/helper.js';
import { ICMP_REASONS } from './reasons/icmp.js';
import { ICMPV6_REASONS } from './reasons/icmpv6.js';
import { NEW_OF_ANY_PROTOCOL } from './reasons/new-any.js';
import { SCTP_REASONS } from './reasons/sctp.js';
import { SILENCE_REASONS } from './reasons/silence.js';
import { TCP_ACCEPTED } from './reasons/tcp-accepted.js';
import { TCP_NEW } from './reasons/tcp-new.js';
import { TCP_REFUSALS } from './reasons/tcp-refusals.js';
import { TCP_WINDOW } from './reasons/tcp-window.js';
import { UDP_REASONS } from './reasons/udp.js';

/** In the order in which people read them: TCP first, the rare protocols and the reasons for silence last. */
export const REASONS: readonly Reason[] = [
  ...TCP_REFUSALS,
  ...TCP_WINDOW,
  ...TCP_ACCEPTED,
  ...TCP_NEW,
  ...UDP_REASONS,
  ...ICMP_REASONS,
  ...ICMPV6_REASONS,
  ...NEW_OF_ANY_PROTOCOL,
  ...HELPER_REASONS,
  ...CORE_REFUSALS,
  ...CORE_DROPS,
  ...SCTP_REASONS,
  ...GRE_AND_GENERIC_REASONS,
  ...DCCP_REASONS,
  ...SILENCE_REASONS,
];

const byId = new Map(REASONS.map((reason) => [reason.id, reason]));

/** The entry with this id; NULL when there is none. */
export function reasonById(id: string): Reason | null {
  return byId.get(id) ?? null;
}
