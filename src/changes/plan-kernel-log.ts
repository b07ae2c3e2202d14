// What has to be set so that lines of the packet filter reach somebody: a logger for the family, and the kernel log for a namespace.

import type { Act, ModuleAct } from '../model/change.js';
import { type FamilyLogger, type LoggingFacts, SYSLOG_LOGGER } from '../survey/logging.js';
import { UnsupportedError } from '../text/errors.js';
import { type PlanContext, planSysctl } from './plan.js';

export interface KernelLogPlan {
  readonly acts: readonly Act[];
  readonly stays: readonly string[];
  /** Where lines will appear, a sentence each. */
  readonly seeAt: readonly string[];
}

/**
 * Opens the way for log_invalid, helper and legacy TRACE lines of these families. LOG rules need only the second part (openKernelLog).
 * @param loadableLogger kernel module that brings the syslog logger of a family; NULL where there is none to load
 * @throws UnsupportedError when lines cannot appear on this host
 */
export async function planKernelLog(
  context: PlanContext,
  facts: LoggingFacts,
  families: readonly (4 | 6)[],
  loadableLogger: (family: 4 | 6) => string | null,
): Promise<KernelLogPlan> {
  const acts: Act[] = [];
  const seeAt: string[] = [];
  const stays: string[] = [];
  for (const logger of facts.loggers.filter(({ family }) => families.includes(family))) {
    const needed = await loggerActs(context, logger, loadableLogger);
    acts.push(...needed.acts);
    stays.push(...needed.stays);
    seeAt.push(...needed.seeAt);
  }
  if (seeAt.some((text) => text.includes(KERNEL_LOG))) acts.push(...(await openKernelLog(context, facts)));
  const isAll = seeAt.length === 2 && seeAt.every((text) => text.includes(KERNEL_LOG));
  return { acts, stays: [...new Set(stays)], seeAt: isAll ? [KERNEL_LOG] : seeAt };
}

const KERNEL_LOG = 'the kernel log (dmesg -w, journalctl -kf)';

/** nf_log_all_netns, where this namespace needs it. @throws UnsupportedError */
export async function openKernelLog(context: PlanContext, facts: LoggingFacts): Promise<readonly Act[]> {
  return facts.isFirstNetns ? [] : await allNetnsActs(context, facts);
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
  const seeAt = [`IPv${logger.family}: ${KERNEL_LOG}`];
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
