// By which way the kernel's lines come: its log, or NFLOG, which has no console, no ring that others fill, one namespace, and whole packets.

import { NFLOG_GROUP } from '../../changes/plan-capture.js';
import type { ReadHost } from '../../host/host.js';
import type { FirewallFacts } from '../../survey/firewall.js';
import { readNflogUsers } from '../../survey/listeners.js';
import { type LoggingFacts, SYSLOG_LOGGER } from '../../survey/logging.js';
import { UnsupportedError } from '../../text/errors.js';

export type Via = 'log' | 'nflog';

export interface ChosenVia {
  readonly via: Via;
  /** Why, for whoever asks. */
  readonly why: string;
}

/** @param wanted of --via; NULL: what suits this host @throws UnsupportedError when what was asked for cannot be had */
export async function chooseVia(
  host: ReadHost,
  facts: { readonly logging: LoggingFacts; readonly firewall: FirewallFacts },
  wanted: Via | null,
): Promise<ChosenVia> {
  if (wanted === 'log') return { via: 'log', why: 'as asked' };
  const against = (await whyNotNflog(host)) ?? whyNotOurs(host, facts);
  if (against === null)
    return { via: 'nflog', why: wanted === 'nflog' ? 'as asked' : 'tcpdump is here and nobody else uses the logger' };
  if (wanted === 'nflog') throw new UnsupportedError(`--via nflog is not possible here: ${against}`);
  return { via: 'log', why: against };
}

async function whyNotNflog(host: ReadHost): Promise<string | null> {
  if (host.find('tcpdump') === null) return 'tcpdump, which reads NFLOG, is not installed';
  const devices = await host.run('tcpdump', ['-D'], { timeoutMs: 5000 }).catch(() => null);
  if (!/\bnflog\b/.test(devices?.stdout ?? '')) return 'this tcpdump cannot read NFLOG';
  const registered = (host.readOrNull('/proc/net/netfilter/nf_log') ?? '').includes('nfnetlink_log');
  const isLoadable = (host.readOrNull(`/lib/modules/${host.identity().kernelRelease}/modules.dep`) ?? '').includes(
    '/nfnetlink_log.ko',
  );
  return registered || isLoadable ? null : 'this kernel has no nfnetlink_log';
}

/** Binding the logger moves every line of conntrack, helpers and legacy TRACE of this namespace: nobody may be reading them elsewhere. */
function whyNotOurs(
  host: ReadHost,
  { logging, firewall }: { logging: LoggingFacts; firewall: FirewallFacts },
): string | null {
  const foreign = foreignLogger(logging, [4, 6]);
  if (foreign !== null) return foreign;
  if (logging.loggers.some(({ isReadable }) => !isReadable)) return 'the logger of this namespace cannot be set';
  const user = (readNflogUsers(host) ?? []).find(({ group }) => group === NFLOG_GROUP);
  if (user !== undefined) return `NFLOG group ${NFLOG_GROUP} is read by ${user.process ?? `port ${user.port}`}`;
  if ((logging.logInvalid ?? 0) !== 0) return 'log_invalid is on already, and its lines are read in the kernel log';
  if (firewall.legacyRulesets.some((rules) => /-j TRACE\b/.test(rules)))
    return 'somebody traces into the kernel log here';
  return null;
}

/** A logger of these families that somebody else has bound, in words; NULL: none. */
export function foreignLogger({ loggers }: LoggingFacts, families: readonly (4 | 6)[]): string | null {
  const found = loggers.find(
    ({ family, bound }) => families.includes(family) && bound !== null && bound !== SYSLOG_LOGGER[family],
  );
  return found === undefined ? null : `nf_log.${found.number} is bound to ${found.bound} by somebody else`;
}
