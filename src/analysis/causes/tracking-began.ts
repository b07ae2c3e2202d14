// NEW, or INVALID, in the middle of a connection because conntrack began with it only then: ctwhy itself had switched tracking on. The host
// is not to blame, and nothing of its table may be concluded from it.

import { timeOfDay } from '../../text/time.js';
import { inferred, type Step, shown, type Verdict } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import type { Case } from '../explain/case.js';
import { citePacket, firstPacket, livesBefore, packetMoment } from '../explain/flow-facts.js';
import { startOfTracking } from '../explain/own-changes.js';
import type { Cause } from './cause.js';
import { flowWords } from './words.js';

/** A connection without flags that was under way shows itself within this time (nf_conntrack_udp_timeout); a later one is new. */
const UNDER_WAY_US = 30_000_000;

/** Later, a connection may have opened unseen since, and lost its entry again. */
const SOON_US = 60_000_000;

const isOpening = (flags: string | null) => flags !== null && /\bSYN\b/.test(flags);

export const trackingBegan: Cause = {
  id: 'midstream-pickup',
  title: 'Tracking began with ctwhy, in the middle of the connection',
  needs: "the journal of ctwhy's changes, and the first packets after one that made tracking begin",
  decides: 'no entry could be there: nothing was tracked before',
  looksLike: ['entry-gone'],
  causes: ['tracking-began-by-ctwhy'],
  kernels: 'all',
  evidence: ['kernel log', 'trace', 'changes of ctwhy', 'entries', 'events'],
  argue(subject: Case): Verdict | null {
    if (subject.outcome !== 'NEW' && subject.outcome !== 'INVALID') return null;
    const packet = firstPacket(subject);
    const started = startOfTracking(
      subject.host.ownChanges,
      subject.packets.flatMap(({ steps }) => steps),
      packet.row.atUs,
    );
    if (started === null) return null;
    const isTcp = subject.flow.proto === 6;
    const sinceUs = packet.row.atUs! - started.madeAtUs;
    // A connection that opened since, or had an entry since, is the host's own.
    const openedSince = subject.all.some(
      (one) => isOpening(one.flags) && one.row.atUs !== null && one.row.atUs >= started.madeAtUs,
    );
    if (isTcp ? openedSince || isOpening(packet.flags) : sinceUs > UNDER_WAY_US) return null;
    const lives = livesBefore(subject, packetMoment(packet)).filter(
      ({ kind, moment }) => kind !== 'packet' && moment.atUs !== null && moment.atUs > started.madeAtUs,
    );
    if (lives.length > 0) return null;
    const cited = citePacket(subject, packet);
    const change = subject.cite.change(started);
    const at = timeOfDay(started.madeAtUs, 0);
    const steps: Step[] = [
      packet.stateIs === 'shown'
        ? shown(`the packet is ${subject.outcome}`, [cited])
        : inferred(`the packet is ${subject.outcome}`, [cited], true, ASK.trace),
      shown(`nothing was tracked here before ${started.id} of ctwhy, ${at} UTC`, [change]),
      isTcp && sinceUs <= SOON_US
        ? shown(`it comes from the middle of a connection (${packet.flags ?? 'no SYN'})`, [cited])
        : inferred('its connection was under way by then', [cited], true, ASK.events),
    ];
    const isHarmed = subject.fate.fate === 'dropped';
    return {
      // Only where a rule dropped it by that is there something to do.
      class: isHarmed ? 'midstream-pickup' : 'normal',
      argument: {
        id: 'midstream-pickup',
        steps,
        // One that opened since without being seen, and lost its entry, would look the same.
        lookAlikes: [{ cause: 'entry-gone', ruledOut: null, wouldSettle: ASK.events }],
      },
      led: {
        id: 'tracking-began-by-ctwhy',
        steps: [shown(`${started.id} made tracking begin`, [change])],
        lookAlikes: [],
      },
      title: `${subject.outcome} because tracking began by ctwhy: ${flowWords(subject.flow)}`,
      summary: `Connection tracking began with ${started.id} (${started.change.command}) at ${at} UTC. Connections that were under way by then have no entry, so their next packet is ${subject.outcome}. ${isHarmed ? 'A rule drops it for that: it is not the host that lost the connection.' : 'This tells nothing against the host.'}`,
      missing: [],
      remedies: [],
    };
  },
};
