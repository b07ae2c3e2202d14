// Addresses, routes, settings and counters of the host that are neither rules nor entries nor sockets.

import type { Stamp } from './kernel-line.js';

export type HostFactKind =
  | 'address'
  | 'link'
  | 'route'
  | 'rule'
  | 'neigh'
  | 'offload'
  | 'module'
  | 'file'
  | 'listener'
  /** How many there were by the word of whoever listed them: data.what ('entries', 'events', 'expectations' …), data.shown, data.of (ListedOf). */
  | 'listed';

/** data carries ip -j's own key names where ip prints them (ifname, local, prefixlen, dst, gateway, dev, table, prefsrc, metric, …). */
export interface HostFact {
  readonly kind: HostFactKind;
  readonly data: Readonly<Record<string, unknown>>;
}

export type HostEventKind =
  | 'address-added'
  | 'address-deleted'
  | 'route-added'
  | 'route-deleted'
  | 'rule-added'
  | 'rule-deleted'
  | 'link-up'
  | 'link-down'
  | 'neigh-changed'
  | 'command';

/** ip monitor lines, and commands a manifest says were run. */
export interface HostEvent {
  readonly kind: HostEventKind;
  readonly atUs: number | null;
  /** Date and time in a zone that the text does not tell (ip -ts monitor); NULL otherwise. */
  readonly stamp: Stamp | null;
  readonly data: Readonly<Record<string, unknown>>;
}
