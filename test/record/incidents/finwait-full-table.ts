// What a full table does to a connection that is idle: its entry is evicted while it is not ASSURED; or it is deleted, and the FIN is not
// even INVALID, because no entry can be made to look at it.

import { fileURLToPath } from 'node:url';
import { delay } from '../../lab/clock.js';
import type { LabHost } from '../../lab/lab.js';
import { waitUntil } from '../../lab/process.js';
import { makeTableSmall } from '../../lab/small-table.js';
import { finwaitProofs, finwaitRules, playFinwait, SERVICE_PORT } from '../finwait.js';
import type { Incident, Truth } from '../incident.js';
import { isKernelSince } from '../kernel-release.js';
import { pairAddresses, playAll, turnOnTracker } from '../scene.js';

const EVICTED = pairAddresses(73);
const FULL = pairAddresses(74);
const DELETED = pairAddresses(75);
const HOLDER = fileURLToPath(new URL('../../lab/hold-connections.py', import.meta.url));
const LIMIT = 200;
const FILL_PORT = 9000;
const WISH = { backend: 'legacy', zeroCounters: true } as const;
const TABLE_FULL = isKernelSince('6.17') ? /table full in netns \d+, dropping packet/ : /table full, dropping packet/;

const evictedTruth: Truth = {
  class: 'entry-gone',
  cause: 'entry-evicted',
  confidenceAtMost: 'certain',
  causeConfidenceAtMost: 'certain',
  outcome: 'INVALID',
  droppedBy: { family: 'ip', table: 'filter', chain: 'OUTPUT', rule: 3 },
  note: 'The entry was taken up in the middle (NEW, ESTABLISHED, never ASSURED); early_drop rises while UDP fills the table; DESTROY with minutes left and no port id.',
};

/** ASSURED entries up to `count`: real connections, held by two programs. */
async function fill(client: LabHost, server: LabHost, to: string, count: number): Promise<void> {
  server.start(`python3 '${HOLDER}' serve ${FILL_PORT}`);
  await waitUntil('port 9000 is open', async () => (await server.run(`ss -Htln sport = :${FILL_PORT}`)).stdout !== '');
  const holder = client.start(`python3 '${HOLDER}' tcp ${to} ${FILL_PORT} ${count}`);
  await waitUntil('connections are held', () => holder.output().includes('ready'));
}

/** A hundred new flows: each looks for something to evict near its own place in the table. */
function flood(to: string): string {
  return `python3 '${HOLDER}' udp ${to} 9001 100`;
}

async function countOf(host: LabHost): Promise<number> {
  return Number((await host.run('conntrack -C')).stdout);
}

export const finwaitEarlyDrop: Incident = {
  name: 'finwait-early-drop',
  story:
    'A connection is older than the rules: its first packet afterwards is taken up in the middle and its entry never becomes ASSURED. The table ' +
    `(limit ${LIMIT} for the seconds of this) is filled with connections and then flooded with UDP: early drop evicts the entry. The program is killed.`,
  truth: evictedTruth,
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(EVICTED),
  proofs: [
    ...finwaitProofs('kern.log', 47273),
    { file: 'conntrack-E.txt', pattern: /\[NEW\].*ESTABLISHED.*sport=47273/, atMost: 1 },
    { file: 'conntrack-E.txt', pattern: /ASSURED.*sport=47273 |sport=47273 .*ASSURED/, atLeast: 0, atMost: 0 },
    { file: 'conntrack-E.txt', pattern: /\[DESTROY\].*sport=47273/, atMost: 1 },
    { file: 'conntrack-S.txt', pattern: /early_drop=[1-9]/ },
  ],
  play: (stage) =>
    playFinwait(stage, {
      addresses: EVICTED,
      sport: 47273,
      wish: WISH,
      rulesFirst: false,
      async before({ client, bundle, connection }) {
        await turnOnTracker(client, bundle);
        await playAll(client, finwaitRules(WISH));
        connection.say('more\n');
        await delay(300);
      },
      async happens({ client, server, addresses }) {
        await fill(client, server, addresses.server, LIMIT - 20);
        const small = makeTableSmall(LIMIT);
        try {
          for (let burst = 0; burst < 60; burst++) {
            await client.run(flood(addresses.server));
            if ((await client.run('conntrack -L -p tcp --sport 47273')).stdout === '') break;
          }
        } finally {
          small.putBack();
        }
        await delay(200);
      },
    }),
};

export const finwaitDeletedWhileFull: Incident = {
  name: 'finwait-deleted-while-full',
  story:
    'The look-alike of finwait-early-drop: early drop works as hard, but the entry of the idle connection is ASSURED and stays; a program deletes it ' +
    'afterwards. Then the program is killed.',
  truth: {
    ...evictedTruth,
    cause: 'entry-deleted-from-userspace',
    note: 'early_drop rises, but the entry was ASSURED and its DESTROY names a port id: nobody may say it was evicted.',
  },
  kernelLogForm: 'rsyslog-classic',
  addresses: Object.values(DELETED),
  proofs: [
    ...finwaitProofs('kern.log', 47275),
    { file: 'conntrack-E.txt', pattern: /\[DESTROY\].*sport=47275.*portid=/, atMost: 1 },
    { file: 'conntrack-S.txt', pattern: /early_drop=[1-9]/ },
  ],
  play: (stage) =>
    playFinwait(stage, {
      addresses: DELETED,
      sport: 47275,
      wish: WISH,
      async happens({ client, server, addresses }) {
        await fill(client, server, addresses.server, LIMIT - 20);
        const small = makeTableSmall(LIMIT);
        try {
          for (let burst = 0; burst < 12; burst++) {
            await client.run(flood(addresses.server));
            if (/early_drop=[1-9]/.test((await client.run('conntrack -S')).stdout)) break;
          }
        } finally {
          small.putBack();
        }
        await client.play(`conntrack -D -p tcp --sport 47275 --dport ${SERVICE_PORT}`);
        await delay(300);
      },
    }),
};

export const finwaitTableFull: Incident = {
  name: 'finwait-table-full',
  story:
    `The entry of an idle connection is deleted; the table (limit ${LIMIT} for the seconds of this) is full of ASSURED connections. The program is ` +
    'killed: for its FIN no entry can be made, so it is dropped before any rule sees it, without being INVALID.',
  truth: {
    class: 'table-full',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'DROP',
    droppedBy: null,
    note: '"table full, dropping packet" while the FIN is tried; no "invalid new", no LOG line; socket in FIN-WAIT-1. The look-alike of finwait-deleted.',
  },
  kernelLogForm: 'dmesg-time',
  addresses: Object.values(FULL),
  // Since 6.17 the line names the namespace.
  ...(isKernelSince('6.17') ? {} : { kernelWords: TABLE_FULL }),
  proofs: [
    { file: 'dmesg-T.txt', pattern: TABLE_FULL },
    { file: 'dmesg-T.txt', pattern: /invalid new|OUTPUT INVALID/, atLeast: 0, atMost: 0 },
    { file: 'ss.txt', pattern: /^FIN-WAIT-1.*:47274 / },
  ],
  async play(stage) {
    let small: ReturnType<typeof makeTableSmall> | null = null;
    try {
      await playFinwait(stage, {
        addresses: FULL,
        sport: 47274,
        wish: WISH,
        async happens({ client, server, addresses }) {
          await fill(client, server, addresses.server, LIMIT - 1);
          await client.play(`conntrack -D -p tcp --sport 47274 --dport ${SERVICE_PORT}`);
          small = makeTableSmall(await countOf(client));
          await delay(300);
        },
      });
    } finally {
      (small as ReturnType<typeof makeTableSmall> | null)?.putBack();
    }
  },
};
