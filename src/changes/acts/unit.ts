// A unit of systemd that is to run now and at each boot. systemd judges its files before it is started.

import { HostError } from '../../host/host.js';
import type { UnitAct } from '../../model/change.js';
import { firstLine, mustRun } from '../change-host.js';
import type { ActKind } from './act-kind.js';

const RELOAD = 'systemctl daemon-reload';

export const unitKind: ActKind<UnitAct> = {
  is: 'unit',
  isLasting: true,
  says: ({ unit }) => `${unit} enabled and started`,
  saysBack: ({ unit }) => `${unit} stopped and disabled`,
  doing: ({ unit, paths }) => [`systemd-analyze verify ${paths.join(' ')}`, RELOAD, `systemctl enable --now ${unit}`],
  undoing: ({ unit }) => [`systemctl disable --now ${unit}`],
  async look({ unit }, host) {
    const asked = async (word: string) => {
      const { exitStatus, stdout } = await host.run('systemctl', [word, unit], { timeoutMs: 10_000 });
      return { isSo: exitStatus === 0, said: firstLine(stdout) || 'not found' };
    };
    const [enabled, active] = [await asked('is-enabled'), await asked('is-active')];
    const found = `${enabled.said}, ${active.said}`;
    // Somebody who stopped it for a while does not mind when it goes.
    return { is: enabled.isSo || active.isSo ? 'after' : 'before', found };
  },
  async apply(act, host) {
    // Older systemd has no such word, and a small host no such program: systemctl judges too, when it starts the unit.
    if (host.find('systemd-analyze') !== null) {
      const judged = await host.run('systemd-analyze', ['verify', ...act.paths], { timeoutMs: 30_000 });
      const said = firstLine(judged.stderr);
      if (judged.exitStatus !== 0 && !/Unknown operation/.test(said))
        throw new HostError('failed', act.unit, `systemd-analyze verify: ${said || `status ${judged.exitStatus}`}`);
    }
    await mustRun(host, undefined, 'systemctl', ['daemon-reload'], { timeoutMs: 30_000 });
    await mustRun(host, undefined, 'systemctl', ['enable', '--now', act.unit], { timeoutMs: 30_000 });
    return act;
  },
  async revert({ unit }, host) {
    await mustRun(host, undefined, 'systemctl', ['disable', '--now', unit], { timeoutMs: 30_000 });
  },
};
