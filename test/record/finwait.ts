// The common course of the stuck FIN-WAIT-1 incidents: connect, idle, something happens to the entry, the program is killed, FINs
// go nowhere. What happens, and what is recorded of it, is each incident's own.

import { delay } from '../lab/clock.js';
import type { LabHost } from '../lab/lab.js';
import type { Background } from '../lab/process.js';
import type { Bundle } from './bundle.js';
import { type StateWish, takeState, takeSurroundings } from './host-state.js';
import type { Proof, Stage } from './incident.js';
import { isKernelSince } from './kernel-release.js';
import {
  type Addresses,
  buildPair,
  connectAndIdle,
  listenToEvents,
  playAll,
  serve,
  tagAndDropInvalid,
  turnOnTracker,
} from './scene.js';

export interface FinwaitCourse {
  readonly addresses: Addresses;
  readonly sport: number;
  readonly wish: StateWish;
  readonly sysctls?: Readonly<Record<string, number>>;
  /** What is recorded besides the kernel log: 'poor' leaves out events, listings and everything before; default 'rich'. */
  readonly record?: 'rich' | 'without-events' | 'poor';
  /** Rules are there before the connection unless `happens` brings them. */
  readonly rulesFirst?: boolean;
  prepare?(client: LabHost, server: LabHost, bundle: Bundle): Promise<void>;
  /** Between connection and the first reading of the state. */
  before?(scene: FinwaitScene): Promise<void>;
  happens(scene: FinwaitScene): Promise<void>;
  afterwards?(scene: FinwaitScene): Promise<void>;
}

export interface FinwaitScene {
  readonly addresses: Addresses;
  readonly client: LabHost;
  readonly server: LabHost;
  readonly bundle: Bundle;
  readonly connection: Background;
  readonly service: Background;
  /** What `conntrack -E` has printed so far. */
  events(): string;
}

export const SERVICE_PORT = 8080;
const RETRIES_MS = 3300;

/** The rules of the client: tags for NEW and INVALID, then the drop (rule 3 of filter OUTPUT). */
export function finwaitRules(wish: StateWish): string[] {
  return tagAndDropInvalid(wish.backend === 'legacy' ? 'iptables-legacy' : 'iptables', 'OUTPUT');
}

export async function playFinwait({ lab, observe }: Stage, course: FinwaitCourse): Promise<void> {
  const { addresses, sport, wish, record = 'rich' } = course;
  const { client, server } = await buildPair(lab, addresses);
  const bundle = observe(client);
  if (course.rulesFirst !== false) {
    await turnOnTracker(client, bundle, course.sysctls);
    await playAll(client, finwaitRules(wish));
  }
  await course.prepare?.(client, server, bundle);
  const service = await serve(server, SERVICE_PORT);
  const listener = record === 'rich' ? await listenToEvents(bundle) : null;
  const connection = await connectAndIdle(client, addresses.server, SERVICE_PORT, sport);
  const scene: FinwaitScene = {
    addresses,
    client,
    server,
    bundle,
    connection,
    service,
    events: () => listener?.output() ?? '',
  };
  await course.before?.(scene);
  if (record !== 'poor') await takeState(bundle, 'before', wish);
  await course.happens(scene);
  await connection.stop('SIGKILL');
  await delay(RETRIES_MS);
  if (record === 'poor') {
    await bundle.take('iptables-save.txt', 'iptables-legacy-save', 'after');
  } else {
    await takeState(bundle, 'after', wish);
    await takeSurroundings(bundle);
  }
  await course.afterwards?.(scene);
  await listener?.stop();
}

/** FINs tagged and dropped, the socket stuck as only a drop on its own host leaves it. */
export function finwaitProofs(logFile: string, sport: number): Proof[] {
  return [
    // Until 6.6 the kernel refuses it without a word.
    isKernelSince('6.7')
      ? { file: logFile, pattern: new RegExp(`nf_ct_proto_6: invalid new .*SPT=${sport} .* FIN`), atLeast: 4 }
      : { file: logFile, pattern: /nf_ct_proto_6/, atLeast: 0, atMost: 0 },
    { file: logFile, pattern: new RegExp(`OUTPUT INVALID: .*SPT=${sport} .* FIN`), atLeast: 4 },
    { file: 'conntrack-L.txt', pattern: new RegExp(`sport=${sport}`), atLeast: 0, atMost: 0 },
    { file: 'ss.txt', pattern: new RegExp(`^FIN-WAIT-1.*:${sport} .*timer:\\(persist`) },
    { file: 'ss.txt', pattern: /notsent:1/ },
  ];
}
