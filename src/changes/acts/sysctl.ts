// A setting of the kernel. What is there is compared as the kernel prints it: 'nf_log_ipv4' or '6', without line feed.

import { HostError } from '../../host/host.js';
import type { WriteHost } from '../../host/write-host.js';
import type { SysctlAct } from '../../model/change.js';
import { firstNetns } from '../../survey/first-netns.js';
import { type NetnsPath, readIn, writeIn } from '../change-host.js';
import type { ActKind } from './act-kind.js';

/** 'nf_conntrack_log_invalid' is what people call net.netfilter.nf_conntrack_log_invalid. */
function shortName(name: string): string {
  return name.replace(/^net\.netfilter\.(nf_conntrack_)?/, '');
}

/** Where the setting is. @throws HostError when it is in the first namespace and that cannot be reached */
export async function placeOfSetting(
  act: Pick<SysctlAct, 'inFirstNetns' | 'name'>,
  host: WriteHost,
  netns: NetnsPath,
): Promise<NetnsPath> {
  if (!act.inFirstNetns) return netns;
  const first = await firstNetns(host);
  if (first === null)
    throw new HostError(
      'missing',
      act.name,
      `${act.name} is a setting of the first network namespace, which cannot be reached from here`,
    );
  return first;
}

const typed = (act: SysctlAct, value: string) =>
  `${act.inFirstNetns ? 'nsenter --net=/proc/1/ns/net ' : ''}sysctl -w ${act.name}=${value}`;

export const sysctlKind: ActKind<SysctlAct> = {
  is: 'sysctl',
  says: (act) => `${shortName(act.name)} ${act.before} -> ${act.after}`,
  saysBack: (act) => `${shortName(act.name)} is ${act.original} again`,
  doing: (act) => [typed(act, act.after)],
  undoing: (act) => [typed(act, act.original)],
  async look(act, host, netns) {
    const found = await readIn(host, await placeOfSetting(act, host, netns), act.path);
    return { is: found === act.after ? 'after' : found === act.original ? 'before' : 'other', found };
  },
  async apply(act, host, netns) {
    if (act.after !== act.before) await writeIn(host, await placeOfSetting(act, host, netns), act.path, act.after);
    return act;
  },
  async revert(act, host, netns) {
    await writeIn(host, await placeOfSetting(act, host, netns), act.path, act.original);
  },
  sharedAs: (act) => act.path,
};
