// A lab inside a guest that runs another kernel; nothing has to be cleaned up there but the guest itself.

import { debianKernel, WANTED_KERNELS } from '../kernels/debian-kernel.js';
import { openGuest } from '../kernels/guest-session.js';
import { missingPrograms } from '../kernels/programs.js';
import { endCommands, sysctlCommand, wireCommand } from '../lab/lab.js';
import type { Finished } from '../lab/process.js';
import type { FirewallHost, FirewallLab } from './firewall-lab.js';

/** Why this kernel cannot be booted here, in one line; null when it can. */
export function whyNoGuest(name: string): string | null {
  if (!WANTED_KERNELS.some((wanted) => wanted.name === name)) {
    return `no kernel ${name}; known: ${WANTED_KERNELS.map((wanted) => wanted.name).join(', ')}`;
  }
  const missing = missingPrograms();
  return missing.length === 0 ? null : `lacking: ${missing.join(', ')}`;
}

/** `name` as in WANTED_KERNELS. Throws Lacking when the kernel cannot be fetched. */
export function openGuestLab(name: string): FirewallLab {
  const guest = openGuest(debianKernel(WANTED_KERNELS.find((wanted) => wanted.name === name)!, false));
  let wires = 0;

  async function run(command: string, input?: string): Promise<Finished> {
    const finished = await guest.run(command, input);
    if (finished.exitStatus === 0) return finished;
    throw new Error(`${name}: ${command}: exit ${finished.exitStatus}: ${finished.stderr.trim()}`);
  }

  /** Loggers that a setting names have to be there; what rules and sockets ask for comes by itself. */
  const hasModules = run('modprobe -a nfnetlink_log nf_conntrack_netlink');
  // Who waits for it first is told of a failure.
  hasModules.catch(() => undefined);

  async function addHost(role: string): Promise<FirewallHost> {
    await hasModules;
    await run(`ip netns add ${role} && ip -n ${role} link set lo up`);
    const runInside = (command: string, input?: string): Promise<Finished> =>
      run(`exec ip netns exec ${role} sh -c '${command.replaceAll("'", "'\\''")}'`, input);
    return {
      namespace: role,
      run: runInside,
      async setSysctls(values) {
        await runInside(sysctlCommand(values));
      },
    };
  }

  return {
    addHost,
    async wire(a, b) {
      await run(wireCommand(a, b, ++wires));
      for (const end of [a, b]) await end.host.run(endCommands(end).join(' && '));
    },
    close: () => guest.close(),
  };
}
