// What has to be set so that lines of the packet filter reach somebody: a logger for the family, and the kernel log for a namespace.

import type { Act, SysctlAct } from '../model/change.js';
import type { LoggerModule } from '../survey/logger-module.js';
import { type FamilyLogger, type LoggingFacts, SYSLOG_LOGGER } from '../survey/logging.js';
import { UnsupportedError } from '../text/errors.js';
import { type PlanContext, planSysctl } from './plan.js';

export interface KernelLogPlan {
  readonly acts: readonly Act[];
  readonly stays: readonly string[];
  /** Where lines will appear, a sentence each. */
  readonly seeAt: readonly string[];
}

/** The kernel module that brings the syslog logger of a family; NULL where there is none to load. */
export type LoadableLogger = (family: 4 | 6) => LoggerModule | null;

/**
 * Opens the way for log_invalid, helper and legacy TRACE lines of these families. LOG rules need less (planLogRules).
 * @throws UnsupportedError when lines cannot appear on this host
 */
export async function planKernelLog(
  context: PlanContext,
  facts: LoggingFacts,
  families: readonly (4 | 6)[],
  loadableLogger: LoadableLogger,
): Promise<KernelLogPlan> {
  const asked = facts.loggers.filter(({ family }) => families.includes(family));
  const unbound = asked.filter(({ bound }) => bound === null);
  const missing = unbound.find(({ family }) => isToLoad(facts, family) && loadableLogger(family) === null);
  if (missing !== undefined)
    throw new UnsupportedError(
      `no logger for IPv${missing.family} is registered and this kernel has no module that brings one: log_invalid would print nothing (use a rule: ctwhy tag add --ctstate INVALID)`,
    );
  const { acts: loading, stays } = await loadLoggers(
    context,
    facts,
    unbound.map(({ family }) => family),
    loadableLogger,
  );
  const acts: Act[] = [...loading];
  const seeAt: string[] = [];
  for (const logger of asked) {
    const binding = await bindingActs(context, logger);
    // What is loaded binds itself, and is in the plan already.
    acts.push(...binding.filter(({ path }) => !loading.some((act) => act.is === 'sysctl' && act.path === path)));
    seeAt.push(
      logger.bound === 'nfnetlink_log'
        ? `IPv${logger.family}: NFLOG group 0 (nfnetlink_log is bound; it is left as it is): tcpdump -i nflog:0`
        : `IPv${logger.family}: ${KERNEL_LOG}`,
    );
  }
  if (seeAt.some((text) => text.includes(KERNEL_LOG))) acts.push(...(await openKernelLog(context, facts)));
  const isAll = seeAt.length === 2 && seeAt.every((text) => text.includes(KERNEL_LOG));
  return { acts, stays, seeAt: isAll ? [KERNEL_LOG] : seeAt };
}

const KERNEL_LOG = 'the kernel log (dmesg -w, journalctl -kf)';

/**
 * Opens the way for LOG rules of these families. They name their logger themselves and need no binding, but the first of them has the
 * kernel load it, and loading binds (net/netfilter/nf_log.c: nf_logger_find_get(), v3.17 .. v6.18): so it is loaded and planned here.
 * @throws UnsupportedError when lines of this namespace cannot reach the kernel log
 */
export async function planLogRules(
  context: PlanContext,
  facts: LoggingFacts,
  families: readonly (4 | 6)[],
  loadableLogger: LoadableLogger,
): Promise<Pick<KernelLogPlan, 'acts' | 'stays'>> {
  const { acts, stays } = await loadLoggers(context, facts, families, loadableLogger);
  return { acts: [...acts, ...(await openKernelLog(context, facts))], stays };
}

/** nf_log_all_netns, where this namespace needs it. @throws UnsupportedError */
async function openKernelLog(context: PlanContext, facts: LoggingFacts): Promise<readonly Act[]> {
  return facts.isFirstNetns ? [] : await allNetnsActs(context, facts);
}

const isToLoad = (facts: LoggingFacts, wanted: 4 | 6) =>
  facts.loggers.some(({ family, available }) => family === wanted && !available.includes(SYSLOG_LOGGER[family]));

/**
 * Loads what brings the loggers of these families, where they are not registered. A logger that registers binds itself where none is bound:
 * each such setting of this namespace is a part of the change, so that undoing it gives NONE back.
 */
async function loadLoggers(
  context: PlanContext,
  facts: LoggingFacts,
  families: readonly (4 | 6)[],
  loadableLogger: LoadableLogger,
): Promise<Pick<KernelLogPlan, 'acts' | 'stays'>> {
  const wanted = families.filter((family) => isToLoad(facts, family)).flatMap((family) => loadableLogger(family) ?? []);
  const modules = [...new Map(wanted.map((one) => [one.module, one])).values()];
  const acts: Act[] = modules.map(({ module }) => ({ is: 'module', module }));
  for (const [number, logger] of modules.flatMap(({ binds }) => binds))
    acts.push(...(await planSysctl(context, loggerSetting(number), (before) => (before === 'NONE' ? logger : before))));
  return {
    acts,
    stays: modules.map(
      ({ module }) =>
        `module ${module}, loaded for its logger, which also binds itself in other network namespaces that had none`,
    ),
  };
}

const loggerSetting = (number: number) => ({
  name: `net.netfilter.nf_log.${number}`,
  path: `/proc/sys/net/netfilter/nf_log/${number}`,
  inFirstNetns: false,
});

/** Somebody's own binding needs nothing of us; one that another change of ours made is held. */
async function bindingActs(context: PlanContext, logger: FamilyLogger): Promise<readonly SysctlAct[]> {
  if (logger.bound === 'nfnetlink_log') return [];
  return await planSysctl(context, loggerSetting(logger.number), (before) =>
    logger.bound === null ? SYSLOG_LOGGER[logger.family] : before,
  );
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
