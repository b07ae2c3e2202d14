// A kernel module that must be loaded. It stays loaded: what else came to use it meanwhile is not ours to break.

import type { ModuleAct } from '../../model/change.js';
import { mustRun } from '../change-host.js';
import type { ActKind } from './act-kind.js';

export const moduleKind: ActKind<ModuleAct> = {
  is: 'module',
  stays: true,
  says: (act) => `module ${act.module} loaded (stays)`,
  saysBack: (act) => `module ${act.module} stays`,
  doing: (act) => [`modprobe ${act.module}`],
  undoing: () => [],
  async look(act, host) {
    const isThere = host.look(`/sys/module/${act.module.replaceAll('-', '_')}`) !== null;
    return isThere ? { is: 'after', found: 'loaded' } : { is: 'before', found: 'not loaded' };
  },
  async apply(act, host) {
    await mustRun(host, undefined, 'modprobe', ['--', act.module]);
    return act;
  },
  async revert() {},
};
