// Where are we: which distribution, in a container, under lockdown, and was dynamic debug built into this kernel?

import type { ReadHost } from '../host/host.js';

export interface PlaceFacts {
  readonly distribution: readonly string[];
  readonly container: string | null;
  readonly lockdown: string | null;
  readonly hasNetAdmin: boolean | null;
}

export function readPlace(host: ReadHost): PlaceFacts {
  return {
    distribution: distribution(host),
    container: container(host),
    lockdown: lockdown(host),
    hasNetAdmin: hasNetAdmin(host),
  };
}

/** ID first, then what it is like: ['ubuntu', 'debian']. */
function distribution(host: ReadHost): readonly string[] {
  const text = host.readOrNull('/etc/os-release') ?? host.readOrNull('/usr/lib/os-release') ?? '';
  const value = (key: string) => new RegExp(`^${key}=["']?([^"'\\n]*)`, 'm').exec(text)?.[1] ?? '';
  return `${value('ID')} ${value('ID_LIKE')}`.split(/\s+/).filter((word) => word !== '');
}

function container(host: ReadHost): string | null {
  const said = host.readOrNull('/run/systemd/container')?.trim();
  if (said !== undefined && said !== '') return said;
  const environment = /(?:^|\0)container=([^\0]+)/.exec(host.readOrNull('/proc/1/environ') ?? '')?.[1];
  if (environment !== undefined) return environment;
  if (isThere(host, '/run/.containerenv')) return 'podman';
  if (isThere(host, '/.dockerenv')) return 'docker';
  const group = /(docker|kubepods|lxc|libpod|crio|containerd)/.exec(host.readOrNull('/proc/1/cgroup') ?? '')?.[1];
  return group ?? null;
}

/** '[none] integrity confidentiality' (security/lockdown/lockdown.c: lockdown_read(), v5.4). */
function lockdown(host: ReadHost): string | null {
  return /\[(\w+)\]/.exec(host.readOrNull('/sys/kernel/security/lockdown') ?? '')?.[1] ?? null;
}

/** Whether the kernel was built with an option; NULL where no file tells. */
export function kernelHas(host: ReadHost, option: string): boolean | null {
  const release = host.identity().kernelRelease;
  for (const path of [
    `/boot/config-${release}`,
    `/lib/modules/${release}/config`,
    `/usr/lib/modules/${release}/config`,
  ]) {
    const text = host.readOrNull(path);
    if (text !== null) return new RegExp(`^${option}=[ym]$`, 'm').test(text);
  }
  return null;
}

export function isThere(host: ReadHost, path: string): boolean {
  try {
    return host.look(path) !== null;
  } catch {
    return true; // it may not be asked, so something is there
  }
}

/** include/uapi/linux/capability.h: CAP_NET_ADMIN. */
const CAP_NET_ADMIN = 12n;

/** Root in a container often lacks it, and then netfilter can be neither read nor changed. */
function hasNetAdmin(host: ReadHost): boolean | null {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(host.readOrNull('/proc/self/status') ?? '')?.[1];
  return effective === undefined ? null : ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}
