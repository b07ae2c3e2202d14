// Loading a logger binds it in more places than were asked for: the plan takes back each of them, once.

import { describe, expect, it } from 'vitest';
import type { PlanContext } from '../../../src/changes/plan.js';
import { planKernelLog, planLogRules } from '../../../src/changes/plan-kernel-log.js';
import type { ReadHost } from '../../../src/host/host.js';
import { realWriteHost } from '../../../src/host/real-write-host.js';
import type { Act } from '../../../src/model/change.js';
import { loggerModule } from '../../../src/survey/logger-module.js';
import type { LoggingFacts } from '../../../src/survey/logging.js';

const SETTING = /^\/proc\/sys\/net\/netfilter\/nf_log\/(\d+)$/;

/** The first namespace, where nothing is bound but what is told. */
function contextWith(bound: Readonly<Record<number, string>> = {}): PlanContext {
  return {
    host: { ...realWriteHost(), read: (path) => `${bound[Number(SETTING.exec(path)![1])] ?? 'NONE'}\n` },
    netns: undefined,
    place: { netnsInode: 1, isFirstNetns: true, label: null },
    live: [],
  };
}

function facts(available: readonly string[], bound: string | null = null): LoggingFacts {
  const logger = { bound, available, isReadable: true };
  return {
    logInvalid: 0,
    loggers: [
      { family: 4, number: 2, ...logger },
      { family: 6, number: 10, ...logger },
    ],
    isFirstNetns: true,
    allNetns: false,
  };
}

/** A kernel that has these modules. */
const modulesOf =
  (...names: readonly string[]) =>
  (family: 4 | 6) =>
    loggerModule(
      {
        readOrNull: (path: string) =>
          path.endsWith('modules.dep') ? names.map((name) => `kernel/net/${name}.ko:\n`).join('') : null,
        look: () => ({}),
        identity: () => ({ kernelRelease: '6.1.0' }),
      } as unknown as ReadHost,
      family,
    );

const told = (acts: readonly Act[]) =>
  acts.map((act) => (act.is === 'sysctl' ? `${act.name.slice(14)} ${act.original} -> ${act.after}` : act.is));

describe('what log_invalid needs', () => {
  it('loads one module for both families and owns every binding that it brings', async () => {
    const plan = await planKernelLog(contextWith(), facts([]), [4, 6], modulesOf('nf_log_syslog'));
    expect(told(plan.acts)).toEqual([
      'module',
      'nf_log.2 NONE -> nf_log_ipv4',
      'nf_log.3 NONE -> nf_log_arp',
      'nf_log.5 NONE -> nf_log_netdev',
      'nf_log.7 NONE -> nf_log_bridge',
      'nf_log.10 NONE -> nf_log_ipv6',
    ]);
    expect(plan.stays).toEqual([expect.stringContaining('nf_log_syslog')]);
  });

  it('loads a module for each family up to 5.12, and only of the families asked for', async () => {
    const modules = modulesOf('nf_log_ipv4', 'nf_log_ipv6');
    const only = await planKernelLog(contextWith(), facts([]), [4], modules);
    expect(told(only.acts)).toEqual(['module', 'nf_log.2 NONE -> nf_log_ipv4']);
    const both = await planKernelLog(contextWith(), facts([]), [4, 6], modules);
    expect(told(both.acts)).toEqual([
      'module',
      'module',
      'nf_log.2 NONE -> nf_log_ipv4',
      'nf_log.10 NONE -> nf_log_ipv6',
    ]);
  });

  it('leaves a binding of somebody else, also where a module is loaded', async () => {
    const context = contextWith({ 10: 'nfnetlink_log' });
    const plan = await planKernelLog(context, facts([]), [4], modulesOf('nf_log_syslog'));
    expect(told(plan.acts).join()).not.toContain('nf_log.10');
    expect(plan.acts).toHaveLength(5);
  });

  it('binds what is registered without loading anything, and refuses where there is nothing', async () => {
    const plan = await planKernelLog(contextWith(), facts(['nf_log_ipv4', 'nf_log_ipv6']), [4], modulesOf());
    expect(told(plan.acts)).toEqual(['nf_log.2 NONE -> nf_log_ipv4']);
    expect(plan.stays).toEqual([]);
    await expect(planKernelLog(contextWith(), facts([]), [4], modulesOf())).rejects.toThrow('no logger for IPv4');
  });
});

describe('what LOG rules need', () => {
  it('loads the logger that the first rule would load, and binds nothing where it is there', async () => {
    const loaded = await planLogRules(contextWith(), facts([]), [4, 6], modulesOf('nf_log_syslog'));
    expect(loaded.acts).toHaveLength(6);
    const there = await planLogRules(contextWith(), facts(['nf_log_ipv4', 'nf_log_ipv6']), [4, 6], modulesOf());
    expect(there.acts).toEqual([]);
    // Where no module can be found the rule itself will tell.
    expect((await planLogRules(contextWith(), facts([]), [4], modulesOf())).acts).toEqual([]);
  });
});
