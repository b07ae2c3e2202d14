// A capture shows a SYN that is answered by an ACK of another connection: the peer still has the one before it on the same ports. Told by
// the wire alone, as conntrack lets all of it pass and prints nothing unless it is asked for notes.

import { type CapturedRow, elapsedUs, readOpenedAndReset } from '../../store/capture-reader.js';
import { readTuples, type TupleRow, withReversed } from '../../store/case-reader.js';
import { type EventRow, readEvents } from '../../store/evidence-reader.js';
import { distance, plus } from '../../tracker/serial.js';
import { type Argument, inferred, type LookAlike, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import {
  type Conversation,
  hasOwnNumbers,
  places,
  readConversations,
  stampsOf,
  wireLabel,
} from '../explain/conversations.js';
import { storyLine } from '../explain/host-measures.js';
import { citeValue, type HostPicture, settingsNamed } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import { hasFlag, isSyn, isSynAck } from '../explain/segment-facts.js';
import type { HostCause } from './cause.js';
import { morePorts } from './port-reuse.js';
import { endWords, flowWords } from './words.js';

const MOST_CONNECTIONS = 40;
/** An answer comes before the SYN is sent a third time. */
const ANSWER_WITHIN_US = 3_000_000;
/** How far two clocks of one stack drift apart over an answer, in milliseconds. */
const TICK_SLACK_MS = 20;

interface Reuse {
  readonly talk: Conversation;
  readonly opener: TupleRow;
  readonly syn: CapturedRow;
  /** The ACK of a connection that is not the SYN's. */
  readonly answer: CapturedRow;
  /** The RST that the opener sends for it, with its number; NULL: not captured. */
  readonly reset: CapturedRow | null;
  /** The SYN again, and its answer. */
  readonly again: CapturedRow | null;
  readonly opened: CapturedRow | null;
  /** A packet from before that ends at the very number of the answer. */
  readonly earlier: CapturedRow | null;
}

function isSoon(from: CapturedRow, to: CapturedRow): boolean {
  const late = elapsedUs(from, to);
  return late !== null && late >= 0 && late <= ANSWER_WITHIN_US;
}

/** Where a segment ends: SYN and FIN count for one (RFC 9293, 3.4). */
function endOf({ seq, payload, flags }: CapturedRow): number | null {
  if (seq === null) return null;
  return plus(seq, (payload ?? 0) + (hasFlag({ flags }, 'FIN') ? 1 : 0) + (hasFlag({ flags }, 'SYN') ? 1 : 0));
}

function reuseIn(talk: Conversation, rows: readonly CapturedRow[]): Reuse | null {
  for (const [at, syn] of rows.entries()) {
    if (!isSyn(syn) || syn.seq === null || !hasOwnNumbers(syn)) continue;
    const { tupleId, seq } = syn;
    const behind = rows.slice(at + 1);
    const answer = behind.find((row) => row.tupleId !== tupleId);
    if (answer?.flags !== 'ACK' || answer.ack === null || !hasOwnNumbers(answer) || !isSoon(syn, answer)) continue;
    const { ack } = answer;
    // An ACK of this very SYN answers a copy of it (net/ipv4/tcp_input.c: tcp_validate_incoming(), all versions).
    if (ack === plus(seq, 1)) continue;
    const later = behind.slice(behind.indexOf(answer) + 1);
    const again = later.find((row) => row.tupleId === tupleId && isSyn(row) && row.seq === seq) ?? null;
    return {
      talk,
      opener: talk.tuples.get(tupleId)!,
      syn,
      answer,
      reset: later.find((row) => row.tupleId === tupleId && hasFlag(row, 'RST') && row.seq === ack) ?? null,
      again,
      opened: later.find((row) => row.tupleId !== tupleId && isSynAck(row) && row.ack === plus(seq, 1)) ?? null,
      earlier:
        rows
          .slice(0, at)
          .findLast((row) => hasOwnNumbers(row) && (row.tupleId === tupleId ? endOf(row) : row.ack) === ack) ?? null,
    };
  }
  return null;
}

function reuses(picture: HostPicture): readonly Reuse[] {
  const talks = picture.read((db, hostId) =>
    readConversations(db, hostId, readOpenedAndReset(db, hostId, MOST_CONNECTIONS)),
  );
  return talks
    .filter(({ flow }) => flow.proto === 6)
    .flatMap((talk) => {
      const found = places(talk.rows)
        .map((rows) => reuseIn(talk, rows))
        .find((one) => one !== null);
      return found === undefined || found.reset === null ? [] : [found];
    });
}

/** That the peer has an older connection: it was seen, or what it echoes was never sent with this SYN. */
function rememberedStep({ cite }: HostPicture, { syn, answer, earlier }: Reuse): Step {
  if (earlier !== null)
    return shown('the connection before on the same ports ended at that very number', [
      cite.wire(earlier),
      cite.wire(answer),
    ]);
  const [own, echoed] = [stampsOf(syn), stampsOf(answer)];
  const isForeign = own !== null && echoed !== null && echoed.echo !== own.value;
  return inferred(
    isForeign
      ? `the peer has an older connection: it echoes a time stamp (${echoed.echo}) that this SYN (${own.value}) never had`
      : 'the peer has an older connection on the same ports',
    [cite.wire(syn), cite.wire(answer)],
    true,
    ASK.capture,
  );
}

/** The clock of the peer went on from the ACK to its next packet as the capture's did: it was not old when it came. */
function isFresh({ answer, opened }: Reuse): boolean {
  if (opened === null) return false;
  const [first, next, late] = [stampsOf(answer), stampsOf(opened), elapsedUs(answer, opened)];
  if (first === null || next === null || late === null) return false;
  const ticks = distance(next.value, first.value);
  return ticks >= 0 && ticks <= late / 1000 + TICK_SLACK_MS;
}

function lookAlikes({ cite }: HostPicture, reuse: Reuse): readonly LookAlike[] {
  const { syn, answer, opened } = reuse;
  const both = [cite.wire(syn), cite.wire(answer)];
  return [
    ruledOutBy('insert-race', 'the SYN was not lost: the peer answers it', both, ASK.capture),
    ruledOutBy('asymmetric-reply-unseen', 'the answer comes by here', [cite.wire(answer)], ASK.capture),
    ruledOutBy(
      'rst-rejected',
      'the RST is believed: the same SYN is answered then',
      opened === null ? [] : [cite.wire(opened)],
      ASK.capture,
    ),
    ruledOutBy(
      'old-segment',
      "the peer's clock went on from this ACK as time did: it is no late copy",
      opened !== null && isFresh(reuse) ? [cite.wire(answer), cite.wire(opened)] : [],
      ASK.capture,
    ),
  ];
}

interface Forgotten {
  readonly gone: EventRow;
  readonly born: EventRow;
}

/** This host's entry of the older connection went in TIME_WAIT before the peer's memory did, and a new one took its ports. */
function forgottenHere(picture: HostPicture, { opener, talk }: Reuse): Forgotten | null {
  const events = picture.read((db, hostId) => {
    const ids = withReversed(db, readTuples(db, talk.tupleIds));
    return readEvents(db, hostId, ids);
  });
  const isOfIt = (row: EventRow) =>
    talk.tupleIds.includes(row.tupleId) || talk.tupleIds.includes(row.replyTupleId ?? -1);
  const own = events.filter(isOfIt);
  const at = own.findIndex((row) => row.kind === 'DESTROY' && row.state === 'TIME_WAIT');
  const gone = own[at];
  const born = own.slice(at + 1).find((row) => row.kind === 'NEW');
  return gone === undefined || born === undefined || born.sourceId !== gone.sourceId || opener.proto !== 6
    ? null
    : { gone, born };
}

function ledBy({ cite }: HostPicture, forgotten: Forgotten | null, steps: readonly Step[]): Argument {
  if (forgotten === null) return { id: 'peer-remembers', steps, lookAlikes: [] };
  const { gone, born } = forgotten;
  return {
    id: 'forgotten-here-first',
    steps: [
      shown('the entry of the older connection here had gone, in TIME_WAIT', [cite.event(gone)]),
      shown('a new one then got the same ports', [cite.event(born)]),
      ...steps.slice(0, 2),
    ],
    lookAlikes: [],
  };
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const { cite } = picture;
  const found = reuses(picture);
  const first = found.find((one) => one.earlier !== null) ?? found[0];
  if (first === undefined) return [];
  const { syn, answer, reset, again, opened, opener, earlier } = first;
  const forgotten = forgottenHere(picture, first);
  const setting = settingsNamed(picture, 'nf_conntrack_tcp_timeout_time_wait').at(-1);
  const isShort = forgotten !== null && setting !== undefined && Number(setting.value) < 60;
  const steps: Step[] = [
    shown(`a SYN (SEQ ${syn.seq}) is answered by an ACK of another connection (ACK ${answer.ack})`, [
      cite.wire(syn),
      cite.wire(answer),
    ]),
    rememberedStep(picture, first),
    shown('the opener resets that connection, with its number', [reset === null ? null : cite.wire(reset)], false),
    opened === null
      ? inferred(
          'the SYN is answered when it comes again',
          [again === null ? null : cite.wire(again)],
          false,
          ASK.capture,
        )
      : shown(
          'the same SYN is answered when it comes again',
          [again, opened].map((row) => (row === null ? null : cite.wire(row))),
          false,
        ),
    ...(forgotten === null
      ? []
      : [
          shown(
            'its entry here had gone before, and the ports were given away',
            [cite.event(forgotten.gone), cite.event(forgotten.born)],
            false,
          ),
        ]),
  ];
  const peer = endWords(opener.dst, opener.dport);
  const lateUs = opened === null ? null : elapsedUs(syn, opened);
  const late = lateUs === null ? '' : ` It took ${(lateUs / 1e6).toFixed(1)} s.`;
  const line = (row: CapturedRow | null, says: string) =>
    row === null ? [] : [storyLine(wireLabel(row), says, [cite.wire(row)])];
  return [
    {
      class: 'port-reuse',
      argument: { id: 'port-reuse', steps, lookAlikes: lookAlikes(picture, first) },
      led: ledBy(picture, forgotten, steps),
      title: `${peer} still has an old connection of these ports`,
      summary: `${flowWords(opener)} is opened while ${peer} still has a connection of the same ports: it answers the SYN with an ACK of the old one, the opener resets that, and only the SYN that comes again opens.${late} ${forgotten === null ? 'Who used the ports before, and who gave them away again so soon, is not in this evidence.' : `This host's entry of the old connection was gone${isShort ? ` (TIME_WAIT lives ${setting.value} s here)` : ''} and its ports were given to the next.`}`,
      missing: [],
      remedies: [
        ...(isShort
          ? [
              {
                when: 'now' as const,
                text: 'keep closed connections as long as their peers do, so that their ports are not given away',
                command: 'sysctl -w net.netfilter.nf_conntrack_tcp_timeout_time_wait=120',
                undo: `sysctl -w net.netfilter.nf_conntrack_tcp_timeout_time_wait=${setting.value}`,
                price: 'closed connections stay in the table longer: watch nf_conntrack_count',
              },
            ]
          : []),
        ...morePorts,
      ],
      about: {
        outcome: 'OTHER',
        fate: 'unknown',
        flow: found.length === 1 ? { ...opener, zone: null } : null,
        tupleIds: found.flatMap(({ talk }) => talk.tupleIds),
        flowText: found.length === 1 ? flowWords(opener) : `${found.length} connections, e.g. ${flowWords(opener)}`,
        packetText: 'told by a capture',
        flows: found.length,
        count: 0,
        firstAtUs: syn.atUs,
        lastAtUs: opened?.atUs ?? answer.atUs,
        reason: null,
        story: [
          ...line(earlier, 'the connection before'),
          ...line(syn, `SYN, SEQ ${syn.seq}`),
          ...line(answer, `answered by ACK ${answer.ack}, of the old connection`),
          ...line(reset, 'RST with that number'),
          ...line(again, 'the SYN again'),
          ...line(opened, 'SYN ACK'),
          ...(forgotten === null
            ? []
            : [
                storyLine('entry', 'gone in TIME_WAIT, then NEW on the same ports', [
                  cite.event(forgotten.gone),
                  cite.event(forgotten.born),
                ]),
              ]),
          ...(isShort
            ? [storyLine('setting', `${setting.name} = ${setting.value}`, [citeValue(picture, setting)])]
            : []),
        ],
        notices: [],
      },
    },
  ];
}

export const reuseOnWire: HostCause = {
  id: 'port-reuse',
  title: 'Ports used again, told by a capture',
  needs: 'a capture with whole numbers (tcpdump -S, or pcap) of the SYN, its answer and the RST',
  decides:
    "a SYN is answered by an ACK whose number is not the SYN's plus one, the opener resets with that number, and the same SYN is answered then",
  looksLike: ['insert-race', 'asymmetric-reply-unseen', 'rst-rejected', 'old-segment'],
  causes: ['peer-remembers', 'forgotten-here-first'],
  kernels: 'all; a peer in TIME_WAIT or in ESTABLISHED answers so (RFC 5961)',
  evidence: ['captures', 'events', 'settings'],
  argue,
};
