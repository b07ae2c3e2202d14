// Somebody flushes the whole table while several connections are idle. Two recordings: with events, and with two listings and a
// command that the investigator remembers.

import { delay, nowUs } from '../../lab/clock.js';
import { type FinwaitScene, finwaitProofs, playFinwait, SERVICE_PORT } from '../finwait.js';
import type { Incident, Truth } from '../incident.js';
import { connectAndIdle, pairAddresses } from '../scene.js';

const WATCHED = pairAddresses(63);
const UNWATCHED = pairAddresses(64);
const SPORT = 47263;
const WISH = { backend: 'legacy' } as const;

const truth: Truth = {
  class: 'entry-gone',
  cause: 'entry-flushed-from-userspace',
  confidenceAtMost: 'certain',
  causeConfidenceAtMost: 'certain',
  outcome: 'INVALID',
  droppedBy: { family: 'ip', table: 'filter', chain: 'OUTPUT', rule: 3 },
  note: 'All three entries (two TCP, one ICMP) are destroyed within a millisecond by one port id.',
};

/** A second connection and a ping, so that the flush has more than one entry to take; then the flush. */
async function flush({ client, addresses, bundle }: FinwaitScene): Promise<void> {
  await connectAndIdle(client, addresses.server, SERVICE_PORT, SPORT + 1);
  await client.run(`ping -c 1 -W 1 ${addresses.server}`);
  await bundle.take('conntrack-L-during.txt', 'conntrack -L -o extended', 'during');
  await client.play('conntrack -F');
  await delay(400);
}

export const finwaitFlushed: Incident = {
  name: 'finwait-flushed',
  story:
    'Two idle connections and the entry of a ping; conntrack -F takes all of them at once; then one of the programs is killed. ' +
    'Its FIN is INVALID and dropped; the other connection does not know yet.',
  truth,
  kernelLogForm: 'journal-json',
  addresses: Object.values(WATCHED),
  proofs: [
    ...finwaitProofs('journal-k.json', SPORT),
    { file: 'conntrack-E.txt', pattern: /\[DESTROY\].*portid=/, atLeast: 3, atMost: 3 },
    { file: 'conntrack-L-during.txt', pattern: /^./, atLeast: 3, atMost: 3 },
  ],
  play: (stage) => playFinwait(stage, { addresses: WATCHED, sport: SPORT, wish: WISH, happens: flush }),
};

export const finwaitFlushedUnwatched: Incident = {
  name: 'finwait-flushed-unwatched',
  story:
    'The same flush with nobody listening to events: the entries were born unwatched and die without an event (nf_conntrack_events=2). ' +
    'The listings before and after, and the command that was run, have to do.',
  truth: { ...truth, note: 'No events; `ran` in MANIFEST names conntrack -F between the two listings.' },
  kernelLogForm: 'dmesg-time',
  addresses: Object.values(UNWATCHED),
  proofs: [
    ...finwaitProofs('dmesg-T.txt', SPORT),
    { file: 'conntrack-L-during.txt', pattern: /^./, atLeast: 3, atMost: 3 },
  ],
  play: (stage) =>
    playFinwait(stage, {
      addresses: UNWATCHED,
      sport: SPORT,
      wish: WISH,
      record: 'without-events',
      async happens(scene) {
        await flush(scene);
        const flushed = stage.lab.played.find(({ command }) => command === 'conntrack -F');
        scene.bundle.ran(flushed?.atUs ?? nowUs(), 'conntrack -F');
        scene.bundle.state({ what: 'events', state: 'off', why: 'nobody listened' });
      },
    }),
};
