// Would a line of conntrack's own logging appear, and where? The one thing that several questions rest on.

import type { HostFacts } from '../../model/host-setup.js';

export type Reach =
  | { readonly is: 'kernel log'; readonly families: readonly (4 | 6)[] }
  | { readonly is: 'nflog'; readonly families: readonly (4 | 6)[] }
  | { readonly is: 'nowhere'; readonly why: 'no logger' | 'namespace' }
  | { readonly is: 'unknown' };

/** Where lines of log_invalid, helpers and legacy TRACE go from this namespace (net/netfilter/nf_log.c: nf_log_packet(), v6.1). */
export function logReach({ log }: HostFacts): Reach {
  const readable = log.loggers.filter(({ isReadable }) => isReadable);
  if (readable.length === 0) return { is: 'unknown' };
  const families = (name: (bound: string) => boolean) =>
    readable.filter(({ bound }) => bound !== null && name(bound)).map(({ family }) => family);
  const toNflog = families((bound) => bound === 'nfnetlink_log');
  const toLog = families((bound) => bound !== 'nfnetlink_log');
  if (toLog.length === 0 && toNflog.length === 0) return { is: 'nowhere', why: 'no logger' };
  if (toLog.length === 0) return { is: 'nflog', families: toNflog };
  if (log.isFirstNetns === false && log.allNetns === false) return { is: 'nowhere', why: 'namespace' };
  if (log.isFirstNetns === false && log.allNetns === null) return { is: 'unknown' };
  return { is: 'kernel log', families: toLog };
}
