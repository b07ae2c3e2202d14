// A connection's life told by its events alone, from SYN to the end: nothing is wrong. Said only where that is all somebody has, so that
// a busy host's stream of events stays quiet.

import { readEvidenceSizes, readTcpEventFlows } from '../../store/event-summary.js';
import { ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { type EventLife, eventLives, isOffloaded, leftAtEnd } from '../explain/event-lives.js';
import { storyLine, timeLabel } from '../explain/host-measures.js';
import type { HostPicture } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import type { HostCause } from './cause.js';
import { flowWords } from './words.js';

/** More connections than this are a host's traffic, not somebody's question. */
const MOST_FLOWS = 8;
/** net/netfilter/nf_conntrack_proto_tcp.c: tcp_conntracks; what an event can show after another in an ordinary life. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  SYN_SENT: ['SYN_RECV'],
  SYN_RECV: ['ESTABLISHED', 'FIN_WAIT', 'CLOSE'],
  ESTABLISHED: ['ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'CLOSE'],
  FIN_WAIT: ['CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE'],
  CLOSE_WAIT: ['LAST_ACK', 'TIME_WAIT', 'CLOSE'],
  LAST_ACK: ['TIME_WAIT', 'CLOSE'],
  TIME_WAIT: ['CLOSE'],
  CLOSE: [],
};
const ENDED = ['TIME_WAIT', 'CLOSE'];

/** NULL: something about it is not ordinary, or it did not come to its end. */
function ordinary(life: EventLife): { readonly life: EventLife; readonly isReset: boolean } | null {
  const { course, destroy } = life;
  const [first] = course;
  const last = course.at(-1);
  if (first?.kind !== 'NEW' || first.state !== 'SYN_SENT' || last === undefined || course.some(isOffloaded))
    return null;
  const isInOrder = course.every(
    (event, index) => index === 0 || (NEXT[course[index - 1]!.state ?? ''] ?? []).includes(event.state ?? ''),
  );
  if (!isInOrder || !course.some((event) => event.state === 'ESTABLISHED') || !ENDED.includes(last.state ?? ''))
    return null;
  const left = leftAtEnd(life);
  const isByProgram = destroy?.isUserSpace === 1 || (destroy?.portId ?? 0) > 0;
  if (destroy !== null && (isByProgram || (left !== null && left > 2))) return null;
  return { life, isReset: last.state === 'CLOSE' };
}

/** As far as it was listened to: begun in order, its end not on record. */
function isBegun({ course, destroy }: EventLife): boolean {
  return (
    destroy === null &&
    course[0]?.kind === 'NEW' &&
    course[0].state === 'SYN_SENT' &&
    course.every(
      (event, index) => index === 0 || (NEXT[course[index - 1]!.state ?? ''] ?? []).includes(event.state ?? ''),
    )
  );
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const sizes = picture.read(readEvidenceSizes);
  if (sizes.events === 0 || sizes.packets > 0 || sizes.captured > 0 || sizes.eventFlows > MOST_FLOWS) return [];
  const lives = eventLives(picture, readTcpEventFlows);
  const whole = lives.map(ordinary).filter((one) => one !== null);
  const [first] = whole;
  // One strange life among them is somebody's question, and the others do not answer it.
  if (first === undefined || lives.some((life) => ordinary(life) === null && !isBegun(life))) return [];
  const { cite } = picture;
  const { life, isReset } = first;
  const last = life.course.at(-1)!;
  const states = life.course.map((event) => event.state ?? '?').join(', ');
  const steps: Step[] = [
    shown(
      `it began with a SYN and was answered: ${states}`,
      life.course.map((event) => cite.event(event)),
    ),
    shown(isReset ? 'one of its ends closed it with a RST: CLOSE' : 'both ends closed it: TIME_WAIT', [
      cite.event(last),
    ]),
    ...(life.destroy === null
      ? []
      : [shown('its entry went when its time had run out', [cite.event(last), cite.event(life.destroy)], false)]),
  ];
  const name = flowWords(life.flow);
  return [
    {
      class: 'normal',
      argument: {
        id: 'normal',
        steps,
        lookAlikes: [
          ruledOutBy(
            'entry-gone',
            'its entry outlived the connection',
            life.destroy === null ? [] : [cite.event(last), cite.event(life.destroy)],
            ASK.events,
          ),
          { cause: 'not-conntrack', ruledOut: null, wouldSettle: ASK.capture },
        ],
      },
      led: null,
      title: `ordinary: ${name}, from SYN to ${isReset ? 'RST' : 'TIME_WAIT'}`,
      summary: `Conntrack followed this connection as it should: it was opened, answered and ${isReset ? 'reset by one of its own ends' : 'closed by both ends'}, and its entry went in its own time.${isReset ? ' If the RST was not meant, ask the end that sent it: conntrack sends none.' : ''}`,
      missing: [],
      remedies: [],
      about: {
        outcome: 'OTHER',
        fate: 'unknown',
        flow: whole.length === 1 ? { ...life.flow, zone: last.zone } : null,
        tupleIds: whole.map((one) => one.life.flow.id),
        flowText: whole.length === 1 ? name : `${whole.length} connections, e.g. ${name}`,
        packetText: `${life.course.length + (life.destroy === null ? 0 : 1)} events`,
        flows: whole.length,
        count: 0,
        firstAtUs: life.course[0]!.atUs,
        lastAtUs: life.destroy?.atUs ?? last.atUs,
        reason: null,
        story: [
          storyLine(
            timeLabel(life.course[0]!.atUs),
            states,
            life.course.map((event) => cite.event(event)),
          ),
          ...(life.destroy === null
            ? []
            : [
                storyLine(timeLabel(life.destroy.atUs), `destroyed in ${life.destroy.state ?? last.state}`, [
                  cite.event(life.destroy),
                ]),
              ]),
        ],
        notices: [],
      },
    },
  ];
}

export const normalByEvents: HostCause = {
  id: 'normal',
  title: 'An ordinary life, told by its events',
  needs: 'events of few connections, from NEW to the closing states, and no packet',
  decides:
    'the states follow each other as the table of the tracker has them, and the entry goes when its time is over',
  looksLike: ['entry-gone', 'not-conntrack'],
  causes: [],
  kernels: 'all',
  evidence: ['events'],
  argue,
};
