// Builds hosts out of network namespaces, wires them together, runs commands on them, and takes everything away again,
// whatever way the process ends (return, exception, exit, signal).

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { nowUs } from './clock.js';
import { type Background, type Finished, runCommand, startCommand } from './process.js';
import { openResidentShell, type ResidentShell } from './resident-shell.js';

/** Begins the name of each namespace of ours; the process id that made it follows. */
const NAME_PREFIX = 'ctwhylab';
const NAMESPACE_FOLDER = '/run/netns';

export interface Played {
  readonly atUs: number;
  readonly role: string;
  readonly command: string;
}

export interface LabHost {
  readonly role: string;
  readonly namespace: string;
  /** Inode of the namespace file: the number that the kernel prints in "table full in netns N". */
  readonly inode: number;
  /** Runs a command, `input` on its standard input; rejects when it fails. */
  run(command: string, input?: string): Promise<Finished>;
  /** Runs a command and hands on its failure too. */
  attempt(command: string): Promise<Finished>;
  /** run(), written down as a part of the story. */
  play(command: string): Promise<Finished>;
  /** Starts a process that lasts; it ends with the lab at the latest. */
  start(command: string): Background;
  /** Nothing of ours stays in the namespace: it goes when its name is taken away. */
  vacate(): void;
  /** Sets sysctls of the namespace, by name without `net.`: `{ 'netfilter.nf_conntrack_acct': 1 }`. */
  setSysctls(values: Readonly<Record<string, number | string>>): Promise<void>;
}

/** One end of a wire: where, what the interface is called there, and its addresses with prefix length. */
export interface WireEnd extends NamedEnd {
  readonly host: LabHost;
}

export interface NamedEnd {
  readonly host: { readonly namespace: string };
  readonly interface: string;
  readonly addresses: readonly string[];
}

export interface Lab {
  readonly played: readonly Played[];
  addHost(role: string): Promise<LabHost>;
  /** A veth pair, up, with MAC addresses from the documentation range 00:00:5e:00:53:xx (RFC 7042). */
  wire(a: WireEnd, b: WireEnd): Promise<void>;
  close(): void;
}

/** Why a lab cannot be built here, in one line; null when it can. */
export function whyNoLab(): string | null {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'needs ip(8) with network namespaces';
  }
}

const openLabs = new Set<() => void>();
let labCount = 0;

/** Builds an empty lab. Close it in a finally; exit and signals close it too. */
export function openLab(): Lab {
  closeLabsAtExit();
  removeStrayNamespaces();
  const labNumber = ++labCount;
  const namespaces: string[] = [];
  const backgrounds: Background[] = [];
  const shells: ResidentShell[] = [];
  const played: Played[] = [];
  let wireCount = 0;

  function close(): void {
    openLabs.delete(close);
    for (const background of backgrounds) if (background.isRunning()) endProcess(background.pid);
    for (const shell of shells.splice(0)) shell.close();
    for (const namespace of namespaces.splice(0)) removeNamespace(namespace);
  }
  openLabs.add(close);

  async function addHost(role: string): Promise<LabHost> {
    const namespace = `${NAME_PREFIX}-${process.pid}-${labNumber}-${role}`;
    namespaces.push(namespace);
    const wrapper = ['ip', 'netns', 'exec', namespace];
    await outside(`ip netns add ${namespace}`);
    let shell = process.env['CTWHY_TEST_RESIDENT'] === undefined ? null : openResidentShell(wrapper);
    if (shell !== null) shells.push(shell);
    const begin = (command: string, input?: string): Promise<Finished> =>
      shell === null ? runCommand(wrapper, command, input) : shell.run(command, input);
    const attempt = (command: string): Promise<Finished> => begin(command);
    const run = async (command: string, input?: string): Promise<Finished> =>
      orThrow(role, await begin(command, input));
    await run('ip link set lo up');
    return {
      role,
      namespace,
      inode: statSync(`${NAMESPACE_FOLDER}/${namespace}`).ino,
      attempt,
      run,
      play(command) {
        played.push({ atUs: nowUs(), role, command });
        return run(command);
      },
      start(command) {
        const background = startCommand(wrapper, command);
        backgrounds.push(background);
        return background;
      },
      vacate() {
        shell?.close();
        shell = null;
      },
      async setSysctls(values) {
        await run(sysctlCommand(values));
      },
    };
  }

  async function wire(a: WireEnd, b: WireEnd): Promise<void> {
    await outside(wireCommand(a, b, ++wireCount));
    for (const end of [a, b]) for (const command of endCommands(end)) await end.host.run(command);
  }

  return { played, addHost, wire, close };
}

/** Sets sysctls of a namespace, by name without `net.`. */
export function sysctlCommand(values: Readonly<Record<string, number | string>>): string {
  return `sysctl -q -w ${Object.entries(values)
    .map(([name, value]) => `net.${name}='${value}'`)
    .join(' ')}`;
}

/** Makes the n-th veth pair of a lab, from 1. */
export function wireCommand(a: NamedEnd, b: NamedEnd, n: number): string {
  const mac = (number: number): string => `00:00:5e:00:53:${number.toString(16).padStart(2, '0')}`;
  return (
    `ip link add ${a.interface} address ${mac(2 * n - 1)} netns ${a.host.namespace} type veth ` +
    `peer name ${b.interface} address ${mac(2 * n)} netns ${b.host.namespace}`
  );
}

/** What is to be run on the host of an end of a wire. */
export function endCommands(end: NamedEnd): readonly string[] {
  return [
    ...end.addresses.map(
      (address) => `ip addr add ${address} dev ${end.interface}${address.includes(':') ? ' nodad' : ''}`,
    ),
    `ip link set ${end.interface} up`,
  ];
}

async function outside(command: string): Promise<void> {
  orThrow('lab', await runCommand([], command));
}

function orThrow(role: string, finished: Finished): Finished {
  if (finished.exitStatus === 0) return finished;
  throw new Error(`${role}: ${finished.command}: exit ${finished.exitStatus}: ${finished.stderr.trim()}`);
}

/** Kills by id; a process that is gone already is no fault. */
function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone between the question and the signal.
  }
}

function removeNamespace(namespace: string): void {
  try {
    // Taking the wires away first ends the traffic at once; a dying namespace is cleaned up by the kernel later.
    execFileSync('ip', ['netns', 'del', namespace], { stdio: 'ignore' });
  } catch {
    // Never made, or removed already.
  }
}

/** Namespaces of a process of ours that died without a chance to clean up (kill -9). */
function removeStrayNamespaces(): void {
  for (const namespace of listNamespaces()) {
    const owner = new RegExp(`^${NAME_PREFIX}-(\\d+)-`).exec(namespace)?.[1];
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    for (const pid of listProcesses(namespace)) endProcess(pid);
    removeNamespace(namespace);
  }
}

/** Ids of the processes whose namespace it is: in a lab, those that the lab started and their children. */
function listProcesses(namespace: string): number[] {
  try {
    const words = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).split(/\s+/);
    return words.filter((word) => word !== '').map(Number);
  } catch {
    return [];
  }
}

/** Names of the network namespaces on this machine; empty where there is no folder of them. */
export function listNamespaces(): string[] {
  try {
    return readdirSync(NAMESPACE_FOLDER);
  } catch {
    return [];
  }
}

let isHooked = false;

function closeLabsAtExit(): void {
  if (isHooked) return;
  isHooked = true;
  process.on('exit', () => {
    for (const close of [...openLabs]) close();
  });
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(status));
  }
}

/** Something to put back when the process ends, by whatever way. Returns the function that puts it back now (once). */
export function putBackAtExit(putBack: () => void): () => void {
  closeLabsAtExit();
  function once(): void {
    if (openLabs.delete(once)) putBack();
  }
  openLabs.add(once);
  return once;
}
