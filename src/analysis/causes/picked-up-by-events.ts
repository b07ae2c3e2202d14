// Events show entries made in ESTABLISHED, without a SYN: connections that were there before the table knew them. Told by the events
// alone, where no packet was logged.

import { readMidstreamBirths } from '../../store/event-summary.js';
import type { EventRow } from '../../store/evidence-reader.js';
import { inferred, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { type EventLife, eventLives, leftAtEnd } from '../explain/event-lives.js';
import { storyLine, timeLabel } from '../explain/host-measures.js';
import type { HostPicture } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import type { HostCause } from './cause.js';
import { flowWords } from './words.js';

/** So many at once are a table that was lost, not connections that ran out one by one. */
const AT_ONCE = 3;
const WITHIN_US = 10_000_000;
const CITED = 6;

interface Birth {
  readonly life: EventLife;
  readonly born: EventRow;
  /** The end of the entry that the connection had before, in the same stream; NULL: not on record. */
  readonly lost: EventLife | null;
}

/** Births by conntrackd or a restore are somebody's doing: a program made them. */
function births(lives: readonly EventLife[]): readonly Birth[] {
  return lives.flatMap((life, index) => {
    const [born] = life.course;
    const isPickUp =
      born?.kind === 'NEW' && born.state === 'ESTABLISHED' && born.isUserSpace !== 1 && (born.portId ?? 0) === 0;
    if (!isPickUp) return [];
    const before = lives[index - 1];
    const isSame =
      before !== undefined && before.flow.id === life.flow.id && before.destroy?.sourceId === born.sourceId;
    return [{ life, born, lost: isSame ? before : null }];
  });
}

function areAtOnce(found: readonly Birth[]): boolean {
  const times = found.map(({ born }) => born.atUs).filter((at): at is number => at !== null);
  return times.length >= AT_ONCE && Math.max(...times) - Math.min(...times) <= WITHIN_US;
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const found = births(eventLives(picture, readMidstreamBirths));
  const first = found.find((one) => one.lost !== null) ?? found[0];
  if (first === undefined) return [];
  const { cite } = picture;
  const { born, lost, life } = first;
  const isBurst = areAtOnce(found);
  const left = lost === null ? null : leftAtEnd(lost);
  const wasTaken = left !== null && left > 2;
  const cited = found.slice(0, CITED).map((one) => cite.event(one.born));
  const name = flowWords(life.flow);
  const some = found.length === 1 ? 'a connection was' : `${found.length} connections were`;
  const steps: Step[] = [
    shown(`${some} taken up in ESTABLISHED, without a SYN`, cited),
    lost?.destroy != null
      ? shown(
          wasTaken
            ? `its old entry had been taken away with ${Math.floor(left)} s left`
            : 'its old entry had gone before',
          [cite.event(lost.destroy)],
        )
      : inferred('the table did not know connections that were open', cited, true, ASK.eventsOfPrograms),
    ...(isBurst
      ? [shown('all at once', cited, false)]
      : [inferred('how many lost their entries is not told', cited, false, ASK.listingBefore)]),
  ];
  return [
    {
      class: 'midstream-pickup',
      argument: {
        id: 'midstream-pickup',
        steps,
        lookAlikes: [
          ruledOutBy(
            'entry-gone',
            wasTaken ? 'the old entry had not run out' : 'many at once did not run out one by one',
            wasTaken ? [cite.event(lost!.destroy!)] : isBurst ? cited : [],
            ASK.listingBefore,
          ),
          { cause: 'asymmetric-syn-unseen', ruledOut: null, wouldSettle: ASK.capture },
        ],
      },
      led: null,
      title: `${found.length === 1 ? 'A connection' : `${found.length} connections`} taken up in the middle: ${name}`,
      summary: `Events show entries that began in ESTABLISHED: the table did not know connections that were open. It was flushed or lost (reboot, fail-over, reload), began to track late, or never saw their SYNs. Until both ends have answered such an entry lives 5 min, and its window is only guessed.`,
      missing: [],
      remedies: [
        {
          when: 'lasting',
          text: 'find who deletes entries, and narrow it; between fail-over partners synchronise the table (conntrackd)',
          command: 'conntrack -E -e DESTROY -o userspace,timestamp',
          undo: '',
          price: 'none, it only watches',
        },
      ],
      about: {
        outcome: 'NEW',
        fate: 'unknown',
        flow: found.length === 1 ? { ...life.flow, zone: born.zone } : null,
        tupleIds: found.map((one) => one.life.flow.id),
        // The packet that met no entry, or the loss of the entry itself, has been argued.
        ...(found.length === 1 ? { alsoToldAs: ['entry-gone'] } : {}),
        flowText: found.length === 1 ? name : `${found.length} connections, e.g. ${name}`,
        packetText: `${found.length} event${found.length === 1 ? '' : 's'}`,
        flows: found.length,
        count: 0,
        firstAtUs: born.atUs,
        lastAtUs: found.at(-1)!.born.atUs,
        reason: null,
        story: [
          ...(lost?.destroy == null
            ? []
            : [storyLine(timeLabel(lost.destroy.atUs), 'the old entry destroyed', [cite.event(lost.destroy)])]),
          storyLine(timeLabel(born.atUs), 'entry NEW, ESTABLISHED, without a SYN', cited),
        ],
        notices: [],
      },
    },
  ];
}

export const pickedUpByEvents: HostCause = {
  id: 'midstream-pickup',
  title: 'Taken up in the middle, told by events',
  needs: 'events, from before it happened',
  decides: 'NEW events in ESTABLISHED, by no program, after their old entries were taken away early or many at once',
  looksLike: ['entry-gone', 'asymmetric-syn-unseen'],
  causes: [],
  kernels: 'all; since 3.10 such an entry lives 300 s until it is answered',
  evidence: ['events'],
  argue,
};
