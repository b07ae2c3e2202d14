// What has to be set so that conntrack says why it refuses a packet, and somebody can read it.

import type { Act, ModuleAct } from '../model/change.js';
import type { FamilyLogger, LoggingFacts } from '../survey/logging.js';
import { SYSLOG_LOGGER } from '../survey/logging.js';
import { UnsupportedError } from '../text/errors.js';
import { protocolName } from '../text/protocols.js';
import { type Plan, type PlanContext, planSysctl } from './plan.js';

const LOG_INVALID = {
  name: 'net.netfilter.nf_conntrack_log_invalid',
  path: '/proc/sys/net/netfilter/nf_conntrack_log_invalid',
  inFirstNetns: false,
};
const ALL = 255;
const ICMP = 1;
const ICMPV6 = 58;

export interface LogInvalidWish {
  /** IP protocol numbers; NULL: all. ICMPv6 is 58 (the documentation's 41 logs nothing). */
  readonly protos: readonly number[] | null;
  readonly family: 4 | 6 | null;
  readonly forMs: number | null;
}

/**
 * The value that shows what is wanted and what is shown already: one number holds one protocol or all of them.
 * net/netfilter/nf_conntrack_proto.c: nf_ct_l4proto_log_invalid() compares with the packet's protocol or 255, v2.6.32 .. v6.18.
 */
export function logInvalidValue(before: number, protos: readonly number[] | null): number {
  const wanted = new Set([...(protos ?? [ALL]), ...(before === 0 ? [] : [before])]);
  return wanted.size === 1 ? [...wanted][0]! : ALL;
}

/**
 * Plans log_invalid with the loggers it needs.
 * @param loadableLogger kernel module that brings the syslog logger of a family on this kernel; NULL where there is none to load
 * @throws UnsupportedError when this kernel cannot show the lines
 */
export async function planLogInvalid(
  context: PlanContext,
  facts: LoggingFacts,
  wish: LogInvalidWish,
  loadableLogger: (family: 4 | 6) => string | null,
): Promise<Plan> {
  if (facts.logInvalid === null)
    throw new UnsupportedError(
      'conntrack is not loaded here: there is no net.netfilter.nf_conntrack_log_invalid, and no packet is INVALID; modprobe nf_conntrack brings it',
    );
  const acts: Act[] = [];
  const seeAt: string[] = [];
  const stays: string[] = [];
  for (const logger of facts.loggers.filter(({ family }) => isAsked(family, wish))) {
    const needed = await loggerActs(context, logger, loadableLogger);
    acts.push(...needed.acts);
    stays.push(...needed.stays);
    seeAt.push(...needed.seeAt);
  }
  const isKernelLog = seeAt.some((text) => text.includes('kernel log'));
  if (!facts.isFirstNetns && isKernelLog) acts.push(...(await allNetnsActs(context, facts)));
  const [value] = await planSysctl(context, LOG_INVALID, (before) =>
    String(logInvalidValue(Number(before), wish.protos)),
  );
  if (value !== undefined) acts.push(value);
  const after = value?.after ?? String(facts.logInvalid);
  const what = value === undefined ? `log_invalid is ${after}` : `log_invalid ${value.before} -> ${after}`;
  return {
    kind: 'log-invalid',
    what,
    acts: () => acts,
    forMs: wish.forMs,
    isStanding: false,
    stays,
    warnings: wider(wish.protos, Number(after)),
    seeAt: [...new Set(seeAt)],
  };
}

function isAsked(family: 4 | 6, { protos, family: only }: LogInvalidWish): boolean {
  if (only !== null && only !== family) return false;
  if (protos === null) return true;
  return protos.some((proto) => (proto === ICMP ? family === 4 : proto === ICMPV6 ? family === 6 : true));
}

async function loggerActs(
  context: PlanContext,
  logger: FamilyLogger,
  loadableLogger: (family: 4 | 6) => string | null,
): Promise<{ readonly acts: readonly Act[]; readonly stays: readonly string[]; readonly seeAt: readonly string[] }> {
  const wanted = SYSLOG_LOGGER[logger.family];
  if (logger.bound === 'nfnetlink_log')
    return {
      acts: [],
      stays: [],
      seeAt: [`IPv${logger.family}: NFLOG group 0 (nfnetlink_log is bound; it is left as it is): tcpdump -i nflog:0`],
    };
  const seeAt = [`IPv${logger.family}: the kernel log (dmesg -w, journalctl -kf)`];
  const acts: Act[] = [];
  const stays: string[] = [];
  if (logger.bound === null && !logger.available.includes(wanted)) {
    const module = loadableLogger(logger.family);
    if (module === null)
      throw new UnsupportedError(
        `no logger for IPv${logger.family} is registered and this kernel has no module that brings one: log_invalid would print nothing (use a rule: ctwhy tag add --ctstate INVALID)`,
      );
    const load: ModuleAct = { is: 'module', module };
    acts.push(load);
    stays.push(`module ${module}, loaded for its logger`);
  }
  // Binding follows loading: since 3.17 a logger that registers binds itself where none is bound, so the setting is read again then.
  if (logger.bound === null)
    acts.push(
      ...(await planSysctl(
        context,
        {
          name: `net.netfilter.nf_log.${logger.number}`,
          path: `/proc/sys/net/netfilter/nf_log/${logger.number}`,
          inFirstNetns: false,
        },
        () => wanted,
      )),
    );
  // Somebody's own binding needs nothing of us; one that another change of ours made is held.
  else
    acts.push(
      ...(await planSysctl(
        context,
        {
          name: `net.netfilter.nf_log.${logger.number}`,
          path: `/proc/sys/net/netfilter/nf_log/${logger.number}`,
          inFirstNetns: false,
        },
        (before) => before,
      )),
    );
  return { acts, stays, seeAt };
}

async function allNetnsActs(context: PlanContext, facts: LoggingFacts): Promise<readonly Act[]> {
  if (facts.allNetns === null)
    throw new UnsupportedError(
      'lines of this network namespace reach the kernel log only with net.netfilter.nf_log_all_netns=1 on the host, which cannot be set from here; set it there, or bind NFLOG (nf_log.2 = nfnetlink_log)',
    );
  return await planSysctl(
    context,
    {
      name: 'net.netfilter.nf_log_all_netns',
      path: '/proc/sys/net/netfilter/nf_log_all_netns',
      inFirstNetns: true,
    },
    () => '1',
  );
}

function wider(protos: readonly number[] | null, after: number): readonly string[] {
  if (after !== ALL || protos === null) return [];
  const names = protos.map((proto) => protocolName(proto)).join(', ');
  return [`one number holds one protocol or all: it is 255, and lines of other protocols than ${names} come too`];
}
