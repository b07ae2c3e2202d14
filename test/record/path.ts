// The common course of the incidents about a packet's way through the rules: a firewall between two hosts, its rules traced, some
// traffic. Rules, traffic and truth are each incident's own.

import { delay, nowUs } from '../lab/clock.js';
import type { LabHost } from '../lab/lab.js';
import { type Background, waitUntil } from '../lab/process.js';
import type { Bundle, Listener, ListenerWords } from './bundle.js';
import { type StateWish, takeState, takeSurroundings } from './host-state.js';
import type { Stage } from './incident.js';
import {
  type Addresses,
  buildRouted,
  buildTriangle,
  listenToEvents,
  playAll,
  type Routed,
  turnOnTracker,
} from './scene.js';

export interface PathCourse {
  readonly addresses: Addresses;
  readonly wish: StateWish;
  /** Names of the firewall's interfaces: towards the client, towards the server. */
  readonly interfaces?: readonly [string, string];
  /** true: client and server have a second way that avoids the firewall (see buildTriangle). */
  readonly hasDetour?: boolean;
  readonly rules: readonly string[];
  /** Netlink traces to listen to, besides the kernel log. */
  readonly traces?: readonly TraceName[];
  readonly sysctls?: Readonly<Record<string, number>>;
  /** Packets that a rule hands to NFLOG, kept as nflog.pcap. */
  readonly nflogGroup?: number;
  prepare?(scene: Routed & { bundle: Bundle }): Promise<void>;
  traffic(scene: Routed & { bundle: Bundle }): Promise<void>;
}

export type TraceName = 'nft' | 'xtables';

const TRACES: Readonly<Record<TraceName, ListenerWords>> = {
  nft: { file: 'nft-trace.txt', command: 'nft monitor trace', covers: ['trace:netlink'] },
  xtables: { file: 'xtables-trace.txt', command: 'xtables-monitor --trace', covers: ['trace:netlink'] },
};

/** Time for the last trace and event lines to be printed. */
const SETTLE_MS = 250;
/** The kernel hands NFLOG packets on when its buffer is full or a second old. */
const NFLOG_SETTLE_MS = 1300;

export async function playPath({ lab, observe }: Stage, course: PathCourse): Promise<void> {
  const hosts =
    course.hasDetour === true
      ? await buildTriangle(lab, course.addresses)
      : await buildRouted(lab, course.addresses, course.interfaces);
  const { firewall } = hosts;
  const bundle = observe(firewall);
  const scene = { ...hosts, bundle };
  await turnOnTracker(firewall, bundle, course.sysctls);
  await course.prepare?.(scene);
  await playAll(firewall, course.rules);
  if (course.rules.some((rule) => rule.endsWith('-j TRACE')))
    bundle.state({ what: 'trace', state: 'complete', fromUs: nowUs() });
  const listeners: Listener[] = [await listenToEvents(bundle)];
  for (const trace of course.traces ?? []) listeners.push(await bundle.listen(TRACES[trace]));
  if (course.nflogGroup !== undefined) listeners.push(await listenToNflog(bundle, course.nflogGroup));
  await takeState(bundle, 'before', course.wish);
  await course.traffic(scene);
  await delay(course.nflogGroup === undefined ? SETTLE_MS : NFLOG_SETTLE_MS);
  await takeState(bundle, 'after', course.wish);
  await takeSurroundings(bundle);
  for (const listener of listeners) await listener.stop();
}

/** A capture of what rules hand to an NFLOG group (link type 239), written to standard output and kept as nflog.pcap. */
function listenToNflog(bundle: Bundle, group: number): Promise<Listener> {
  return bundle.listen({
    file: 'nflog.pcap',
    command: `tcpdump -i nflog:${group} -U -w -`,
    covers: [`nflog:${group}`],
    isBinary: true,
    isReady: (background: Background) => background.errors().includes('listening on'),
  });
}

/** Tries to connect for `seconds`; says nothing when nobody answers. */
export async function knock(host: LabHost, to: string, port: number, seconds: number, options = ''): Promise<void> {
  await host.attempt(`nc ${options} -w ${seconds} -z ${to} ${port}`);
}

/** A service that answers one line to each connection and closes; and the visit that reads it. */
export async function serveOnce(host: LabHost, port: number): Promise<void> {
  const service = host.start(`nc -l -N ${port}`);
  service.say('welcome\n');
  service.hangUp();
  await waitUntil(`port ${port} is open`, async () => (await host.run(`ss -Htln sport = :${port}`)).stdout !== '');
}

export async function visit(host: LabHost, to: string, port: number, sport: number): Promise<void> {
  const { stdout } = await host.attempt(`echo hello | nc -N -w 3 -p ${sport} ${to} ${port}`);
  if (!stdout.includes('welcome')) throw new Error(`${to} port ${port} did not answer`);
}
