// Addresses, routes, settings and counters of the host that are neither rules nor entries nor sockets.

export type HostFactKind = 'address' | 'link' | 'route' | 'rule' | 'neigh' | 'offload' | 'module' | 'file' | 'listener';

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
  | 'link-up'
  | 'link-down'
  | 'neigh-changed'
  | 'command';

/** ip monitor lines, and commands a manifest says were run. */
export interface HostEvent {
  readonly kind: HostEventKind;
  readonly atUs: number | null;
  readonly data: Readonly<Record<string, unknown>>;
}
