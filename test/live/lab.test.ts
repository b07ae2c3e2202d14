import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, describe, expect, it } from 'vitest';
import { nowUs, patient } from '../lab/clock.js';
import { openKernelLog } from '../lab/kernel-log.js';
import { type Lab, type LabHost, listNamespaces, openLab, whyNoLab } from '../lab/lab.js';
import { listensToNetlinkGroup, waitUntil } from '../lab/process.js';

const obstacle = whyNoLab();
if (obstacle !== null) console.warn(`lab tests skipped: ${obstacle}`);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SWITCH = '/proc/sys/net/netfilter/nf_log_all_netns';

const labs: Lab[] = [];

afterEach(() => {
  for (const lab of labs.splice(0)) lab.close();
});

async function wiredPair(): Promise<{ lab: Lab; left: LabHost; right: LabHost }> {
  const lab = openLab();
  labs.push(lab);
  const left = await lab.addHost('left');
  const right = await lab.addHost('right');
  await lab.wire(
    { host: left, interface: 'eth0', addresses: ['192.0.2.241/24', '2001:db8:241::1/64'] },
    { host: right, interface: 'eth0', addresses: ['192.0.2.242/24', '2001:db8:241::2/64'] },
  );
  return { lab, left, right };
}

function ownNamespaces(pid: number): string[] {
  return listNamespaces().filter((name) => name.startsWith(`ctwhylab-${pid}-`));
}

/** A process with a lab of one host and a kernel log, which then does `then`. */
function labProcess(then: string) {
  const lab = new URL('../lab/lab.ts', import.meta.url).href;
  const kernelLog = new URL('../lab/kernel-log.ts', import.meta.url).href;
  const code = `
    const { openLab } = await import('${lab}');
    const { openKernelLog } = await import('${kernelLog}');
    const lab = openLab();
    openKernelLog();
    const host = await lab.addHost('only');
    const sleeper = host.start('sleep 600');
    console.log('sleeper ' + sleeper.pid);
    ${then}`;
  return execa(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { cwd: ROOT, reject: false });
}

async function sleeperOf(child: ReturnType<typeof labProcess>): Promise<number> {
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await waitUntil('the lab of the other process is up', () => said.includes('\n'), 15_000);
  return Number(/^sleeper (\d+)/.exec(said)?.[1]);
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

describe.skipIf(obstacle !== null)('a lab of network namespaces', () => {
  it('wires hosts that reach each other in both families', async () => {
    const { left } = await wiredPair();
    await left.run('ping -q -c 1 -W 2 192.0.2.242');
    await left.run('ping -q -c 1 -W 2 2001:db8:241::2');
    expect((await left.run('cat /sys/class/net/eth0/address')).stdout).toMatch(/^00:00:5e:00:53:/);
  });

  it('reports a failing command with its words', async () => {
    const { left } = await wiredPair();
    expect((await left.attempt('sh -c "echo no >&2; exit 3"')).exitStatus).toBe(3);
    await expect(left.run('ip addr add nonsense dev eth0')).rejects.toThrow(/left: ip addr add nonsense.*exit/);
  });

  it('knows when a program listens to netlink', async () => {
    const { left } = await wiredPair();
    const monitor = left.start('ip monitor address');
    const sleeper = left.start('sleep 30');
    await waitUntil('ip monitor listens', () => listensToNetlinkGroup(monitor.pid));
    expect(listensToNetlinkGroup(sleeper.pid)).toBe(false);
    await left.run('ip addr add 192.0.2.243/32 dev lo');
    await waitUntil('the address is seen', () => monitor.output().includes('192.0.2.243'));
  });

  it('takes namespaces and processes away when closed', async () => {
    const { lab, left } = await wiredPair();
    const sleeper = left.start('sleep 600');
    expect(ownNamespaces(process.pid)).toContain(left.namespace);
    lab.close();
    expect(ownNamespaces(process.pid)).not.toContain(left.namespace);
    await waitUntil('the process is gone', () => !isAlive(sleeper.pid));
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('cleans up after %s', async (signal, status) => {
    const found = readFileSync(SWITCH, 'utf8');
    const child = labProcess('await new Promise((resolve) => setTimeout(resolve, 60_000));');
    const sleeper = await sleeperOf(child);
    expect(ownNamespaces(child.pid ?? 0)).toHaveLength(1);
    child.kill(signal);
    expect((await child).exitCode).toBe(status);
    expect(ownNamespaces(child.pid ?? 0)).toEqual([]);
    await waitUntil('its process is gone', () => !isAlive(sleeper));
    expect(readFileSync(SWITCH, 'utf8')).toBe(found);
  });

  it('cleans up after an exception that nobody catches', async () => {
    const child = labProcess(`throw new Error('on purpose');`);
    await sleeperOf(child);
    expect((await child).exitCode).not.toBe(0);
    expect(ownNamespaces(child.pid ?? 0)).toEqual([]);
  });

  it('removes what a killed process left behind when the next lab opens', async () => {
    const found = readFileSync(SWITCH, 'utf8');
    const child = labProcess('await new Promise((resolve) => setTimeout(resolve, 60_000));');
    const sleeper = await sleeperOf(child);
    child.kill('SIGKILL');
    await child;
    expect(ownNamespaces(child.pid ?? 0)).toHaveLength(1);
    labs.push(openLab());
    expect(ownNamespaces(child.pid ?? 0)).toEqual([]);
    expect(readFileSync(SWITCH, 'utf8').trim()).toBe('1');
    openKernelLog().close();
    expect(readFileSync(SWITCH, 'utf8')).toBe(found);
    await waitUntil('its process is gone', () => !isAlive(sleeper));
  });
});

describe.skipIf(obstacle !== null)('the kernel log beside other readers', () => {
  it('reads lines of a namespace from its start on, and puts the switch back', async () => {
    const found = readFileSync(SWITCH, 'utf8');
    const { left } = await wiredPair();
    const kernelLog = openKernelLog();
    try {
      expect(readFileSync(SWITCH, 'utf8').trim()).toBe('1');
      await left.run('iptables-legacy -A OUTPUT -d 192.0.2.242 -j LOG --log-prefix "lab test: "');
      await left.run('ping -q -c 1 192.0.2.242');
      const lines = kernelLog.records((text) => text.startsWith('lab test: ') && text.includes('DST=192.0.2.242 '));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatchObject({ priority: 4, facility: 0 });
      expect(Math.abs((lines[0]?.readAtUs ?? 0) - nowUs())).toBeLessThan(5_000_000);
    } finally {
      kernelLog.close();
    }
    expect(readFileSync(SWITCH, 'utf8')).toBe(found);
  });

  it('ties its clock to the epoch', () => {
    const kernelLog = openKernelLog();
    try {
      const sample = kernelLog.sampleClock();
      const uptimeS = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
      expect(sample.errorUs).toBeLessThan(patient(50_000));
      expect(Math.abs(sample.uptimeUs / 1e6 - uptimeS)).toBeLessThan(2);
      expect(Math.abs(sample.epochUs / 1000 - Date.now())).toBeLessThan(2000);
    } finally {
      kernelLog.close();
    }
  });
});
