// The facts of this host, each asked by a reader of src/survey that changes nothing, and what of them could not be seen.

import type { HostFacts } from '../../model/host-setup.js';
import { readBypasses } from '../../survey/bypasses.js';
import { readClockStep } from '../../survey/clock-step.js';
import { readDebug } from '../../survey/debug.js';
import { isTracking, readFirewall } from '../../survey/firewall.js';
import { readKept } from '../../survey/kept-settings.js';
import { readKernelLog } from '../../survey/kernel-log.js';
import { readListeners, readNflogUsers } from '../../survey/listeners.js';
import { loggerModuleState } from '../../survey/logger-module.js';
import { readLogging } from '../../survey/logging.js';
import { readPlace } from '../../survey/place.js';
import { readPrograms } from '../../survey/programs.js';
import { readRulesets } from '../../survey/rulesets.js';
import { readTracker } from '../../survey/tracker.js';
import type { World } from '../../world.js';
import { readOwn } from './own-facts.js';

/** @param netns as it was named on the command line; NULL: where we were started */
export async function liveFacts(world: World, netns: string | null): Promise<HostFacts> {
  const { host } = world;
  const { name, kernelRelease, uid, netnsInode } = host.identity();
  const isRoot = uid === 0;
  const firewall = await readFirewall(host);
  const [{ rulesets, problem }, logging, programs, bypass, clockStepUs, own] = await Promise.all([
    readRulesets(host, firewall),
    readLogging(host),
    readPrograms(host),
    readBypasses(host, firewall.nftRuleset),
    readClockStep(host),
    readOwn(world),
  ]);
  // Rules that nobody could read may ask for conntrack, and so may Open vSwitch, tc and IPVS: only without them may it be called inactive.
  const isTold = rulesets !== null && problem === null;
  const mayOthersAsk =
    bypass.ovs.length > 0 ||
    bypass.programs.length > 0 ||
    bypass.unasked.length > 0 ||
    host.readOrNull('/proc/sys/net/ipv4/vs/conntrack')?.trim() === '1';
  const isActive = isTold && isTracking(host, firewall) ? true : isTold && !mayOthersAsk ? false : null;
  const debug = readDebug(host);
  const kernelLog = readKernelLog(host);
  // Without nfnetlink_log there are no groups; the file itself is for root only.
  const nflog = readNflogUsers(host) ?? (isRoot ? [] : null);
  const unseen = [
    problem === null ? null : { what: 'rules', why: problem },
    nflog === null ? { what: 'readers of NFLOG groups', why: 'needs root' } : null,
    own.problem === null ? null : { what: own.problem.what, why: own.problem.why },
    debug.callsites === null && debug.isBuiltIn === true && !isRoot
      ? { what: 'debug callsites', why: 'needs root' }
      : null,
    debug.isBuiltIn === null ? { what: 'dynamic debug', why: 'debugfs is not mounted, or not shown' } : null,
    kernelLog.mayReadRing === true ? null : { what: 'the kernel log', why: 'needs root (dmesg_restrict)' },
    logging.isFirstNetns || logging.allNetns !== null
      ? null
      : { what: 'nf_log_all_netns', why: 'it can be read in the first namespace only' },
  ];
  return {
    from: 'host',
    hostName: name,
    kernelRelease: kernelRelease === 'unknown' ? null : kernelRelease,
    isRoot,
    netns: netns ?? (logging.isFirstNetns || netnsInode === null ? null : String(netnsInode)),
    ...readPlace(host),
    programs,
    tracker: readTracker(host, isActive),
    log: {
      logInvalid: logging.logInvalid,
      loggers: logging.loggers,
      isFirstNetns: logging.isFirstNetns,
      allNetns: logging.allNetns,
      module: loggerModuleState(host),
    },
    kernelLog,
    rulesets,
    listeners: readListeners(host),
    nflog,
    bypass,
    debug,
    own: own.facts,
    clockStepUs,
    recorded: null,
    kept: readKept(host),
    unseen: unseen.filter((one) => one !== null),
  };
}
