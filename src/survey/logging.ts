// Where would a line of the packet filter go on this host: which logger is bound for which family, and does this namespace reach the kernel log?

import type { ReadHost } from '../host/host.js';
import { firstNetns } from './first-netns.js';

export interface FamilyLogger {
  readonly family: 4 | 6;
  /** The sysctl's number: 2 for IPv4, 10 for IPv6. */
  readonly number: 2 | 10;
  /** 'nf_log_ipv4', 'nfnetlink_log', …; NULL: NONE. */
  readonly bound: string | null;
  /** Loggers that are registered for the family: what may be written to the setting. */
  readonly available: readonly string[];
  /** The setting cannot be read: conntrack's or the logger's settings are not there. */
  readonly isReadable: boolean;
}

export interface LoggingFacts {
  /** nf_conntrack_log_invalid as a number; NULL: conntrack is not loaded. */
  readonly logInvalid: number | null;
  readonly loggers: readonly FamilyLogger[];
  /** We are in the first namespace, whose lines always reach the kernel log. */
  readonly isFirstNetns: boolean;
  /** nf_log_all_netns; NULL where it cannot be read from here. */
  readonly allNetns: boolean | null;
}

/** The name of the logger that prints into the kernel log, the same in all versions (net/netfilter/nf_log_syslog.c and its predecessors). */
export const SYSLOG_LOGGER = { 4: 'nf_log_ipv4', 6: 'nf_log_ipv6' } as const;

/** Loggers of the namespace we are in. Settings of other namespaces are asked of nsenter, which needs root. */
export async function readLogging(host: ReadHost): Promise<LoggingFacts> {
  const logInvalid = host.readOrNull('/proc/sys/net/netfilter/nf_conntrack_log_invalid')?.trim() ?? null;
  // "%2lld %s (%s,%s)": family, the bound one or NONE, all registered (net/netfilter/nf_log.c: seq_show(), v6.1).
  const listed = host.readOrNull('/proc/net/netfilter/nf_log') ?? '';
  const loggers = ([4, 6] as const).map((family): FamilyLogger => {
    const number = family === 4 ? 2 : 10;
    const setting = host.readOrNull(`/proc/sys/net/netfilter/nf_log/${number}`)?.trim() ?? null;
    const line = new RegExp(`^ *${number} (\\S+) \\(([^)]*)\\)`, 'm').exec(listed);
    const bound = setting ?? line?.[1] ?? 'NONE';
    return {
      family,
      number,
      bound: bound === 'NONE' ? null : bound,
      available: (line?.[2] ?? '').split(',').filter((name) => name !== ''),
      isReadable: setting !== null,
    };
  });
  const first = await firstNetns(host);
  return {
    logInvalid: logInvalid === null ? null : Number(logInvalid),
    loggers,
    isFirstNetns: first === undefined,
    allNetns: first === null ? null : (await readAllNetns(host, first)) === '1',
  };
}

async function readAllNetns(host: ReadHost, first: string | undefined): Promise<string | null> {
  const path = '/proc/sys/net/netfilter/nf_log_all_netns';
  if (first === undefined) return host.readOrNull(path)?.trim() ?? null;
  const result = await host.run('cat', [path], { netns: first }).catch(() => null);
  return result?.exitStatus === 0 ? result.stdout.trim() : null;
}
