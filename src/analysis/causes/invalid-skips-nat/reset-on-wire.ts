// A capture shows this host reset an answer of a connection that it translates and whose entry lives: the answer was not translated back, as
// INVALID is not. Told by the wire and the table, where no packet was logged.

import { type CapturedRow, elapsedUs, readCapturedTuples } from '../../../store/capture-reader.js';
import { readTuples, type TupleRow } from '../../../store/case-reader.js';
import { type EntryRow, readEntries } from '../../../store/evidence-reader.js';
import { distance } from '../../../tracker/serial.js';
import { inferred, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import { type Conversation, hasOwnNumbers, places, readConversations, wireLabel } from '../../explain/conversations.js';
import { storyLine, timeOfList } from '../../explain/host-measures.js';
import { type HostPicture, settingsNamed } from '../../explain/host-picture.js';
import type { HostVerdict } from '../../explain/host-verdict.js';
import { hasFlag } from '../../explain/segment-facts.js';
import type { HostCause } from '../cause.js';
import { endWords, flowWords } from '../words.js';
import { dropInvalid } from './remedies.js';

const MOST_CONNECTIONS = 40;
/** This host answers itself: no wire lies in between. */
const AT_ONCE_US = 5_000;
/** What hosts begin to count down from: no router has passed it on. */
const FIRST_TTLS = [64, 128, 255];
/** So long before and after, captures of both sides are of one stretch of the connection. */
const NEAR_BYTES = 2 ** 26;

interface Reset {
  readonly talk: Conversation;
  readonly answer: CapturedRow;
  readonly reset: CapturedRow;
  readonly entry: EntryRow;
  readonly orig: TupleRow;
  readonly reply: TupleRow;
}

/** An answer and the RST for it, with its acknowledgement for a number (net/ipv4/tcp_ipv4.c: tcp_v4_send_reset(), all versions). */
function resetIn(rows: readonly CapturedRow[]): { readonly answer: CapturedRow; readonly reset: CapturedRow } | null {
  for (const [at, reset] of rows.entries()) {
    if (!hasFlag(reset, 'RST') || reset.ttl === null || !FIRST_TTLS.includes(reset.ttl) || !hasOwnNumbers(reset))
      continue;
    const answer = rows[at - 1];
    if (answer === undefined || answer.tupleId === reset.tupleId || hasFlag(answer, 'RST') || hasFlag(answer, 'SYN'))
      continue;
    const late = elapsedUs(answer, reset);
    const isItsOwn = answer.ack !== null && answer.ack === reset.seq && hasOwnNumbers(answer);
    if (isItsOwn && late !== null && late >= 0 && late <= AT_ONCE_US) return { answer, reset };
  }
  return null;
}

/** The entry that translates the source of the connection, and lives. */
function translated(picture: HostPicture, talk: Conversation, answer: CapturedRow) {
  const entries = picture.read((db, hostId) => readEntries(db, hostId, talk.tupleIds));
  const entry = entries.findLast(
    (one) =>
      one.list === 'main' &&
      one.replyTupleId === answer.tupleId &&
      one.state === 'ESTABLISHED' &&
      (one.status ?? '').includes('ASSURED'),
  );
  if (entry === undefined) return null;
  const tuples = picture.read((db) => readTuples(db, [entry.tupleId, entry.replyTupleId]));
  const [orig, reply] = [tuples.get(entry.tupleId), tuples.get(entry.replyTupleId)];
  if (orig === undefined || reply === undefined || orig.src === reply.dst) return null;
  return { entry, orig, reply };
}

function resets(picture: HostPicture): readonly Reset[] {
  const talks = picture.read((db, hostId) => {
    const seen = readCapturedTuples(db, null).filter((one) => one.hostId === hostId);
    return readConversations(
      db,
      hostId,
      seen.slice(0, 2 * MOST_CONNECTIONS).map((one) => one.tupleId),
    );
  });
  return talks
    .filter(({ flow }) => flow.proto === 6)
    .flatMap((talk): readonly Reset[] => {
      const found = places(talk.rows)
        .map(resetIn)
        .find((one) => one !== null);
      const known = found == null ? null : translated(picture, talk, found.answer);
      return found == null || known === null ? [] : [{ talk, ...found, ...known }];
    });
}

/** Data of the same direction, as it came to the inner host: how far that was beyond the answer. */
function deliveredBeyond(picture: HostPicture, { answer, orig }: Reset) {
  const { seq } = answer;
  if (seq === null) return null;
  const [inner] = picture.read((db, hostId) => readConversations(db, hostId, [orig.id]));
  const row = (inner?.rows ?? []).find((one) => {
    const tuple = inner!.tuples.get(one.tupleId);
    const beyond = one.seq === null || !hasOwnNumbers(one) ? 0 : distance(one.seq, seq);
    return tuple?.src === orig.dst && tuple.sport === orig.dport && beyond > 0 && beyond < NEAR_BYTES;
  });
  return row === undefined ? null : { row, bytes: distance(row.seq!, seq) };
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const { cite } = picture;
  const found = resets(picture);
  const [first] = found;
  if (first === undefined) return [];
  const { answer, reset, entry, orig, reply } = first;
  const listed = cite.entry(entry, timeOfList(picture, entry.snapshotId));
  const both = [cite.wire(answer), cite.wire(reset)];
  const ahead = deliveredBeyond(picture, first);
  const here = endWords(reply.dst, reply.dport);
  const inside = endWords(orig.src, orig.sport);
  const steps: Step[] = [
    shown(`an answer to ${here} is reset at once, with its own acknowledgement for a number`, both),
    shown(`the RST has TTL ${reset.ttl}: no router passed it on, the host of that address made it`, [cite.wire(reset)]),
    shown(`the connection is translated and its entry ESTABLISHED: it is ${inside} behind ${here}`, [listed]),
    inferred('so the answer was not translated back: it was INVALID', both, true, ASK.logInvalid),
    ...(ahead === null
      ? []
      : [
          shown(
            `its number lies ${ahead.bytes} bytes behind what came to ${orig.src}: an old segment`,
            [cite.wire(answer), cite.wire(ahead.row)],
            false,
          ),
        ]),
  ];
  const liberal = settingsNamed(picture, 'nf_conntrack_tcp_be_liberal').at(-1);
  const lookAlikes = [
    ruledOutBy('rule-decided', 'the entry translates it: no NAT rule is missing', [listed], ASK.listing),
    ruledOutBy('entry-gone', 'the entry is there', [listed], ASK.listing),
    { cause: 'rst-rejected', ruledOut: null, wouldSettle: ASK.logInvalid },
  ];
  return [
    {
      class: 'invalid-skips-nat',
      argument: { id: 'invalid-skips-nat', steps, lookAlikes },
      led: { id: 'reset-downstream', steps, lookAlikes },
      title: `INVALID is not translated back: this host resets ${endWords(reply.src, reply.sport)}`,
      summary: `An answer to ${inside} came to ${here}, and this host itself reset it though the connection is ${inside}'s and its entry lives. What is INVALID is not translated back, so it is delivered to this host, which has no such socket. ${reply.src} then takes the connection for reset.`,
      missing: [],
      remedies: [
        dropInvalid({ flow: orig, host: picture.host }, 'INPUT', null),
        {
          when: 'lasting',
          text: 'or have the tracker tolerate segments outside of the window: they keep their entry and are translated',
          command: 'sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1',
          undo: `sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=${liberal?.value ?? 0}`,
          price: 'forged segments outside of the window pass too; a RST is still checked',
        },
      ],
      about: {
        outcome: 'INVALID',
        fate: 'delivered',
        flow: found.length === 1 ? { ...orig, zone: entry.zone } : null,
        tupleIds: found.flatMap((one) => [...one.talk.tupleIds, one.orig.id]),
        flowText: found.length === 1 ? flowWords(orig) : `${found.length} connections, e.g. ${flowWords(orig)}`,
        packetText: 'told by a capture',
        flows: found.length,
        count: found.length,
        firstAtUs: answer.atUs,
        lastAtUs: reset.atUs,
        reason: null,
        story: [
          storyLine(wireLabel(answer), `an answer to ${here}`, [cite.wire(answer)]),
          storyLine(wireLabel(reset), `RST, TTL ${reset.ttl}`, [cite.wire(reset)]),
          storyLine('entry', `ESTABLISHED [ASSURED], of ${inside}`, [listed]),
        ],
        notices: [],
      },
    },
  ];
}

export const resetOnWire: HostCause = {
  id: 'invalid-skips-nat',
  title: 'INVALID skips NAT, told by a capture',
  needs: 'a capture with TTLs and whole numbers on the outer side (tcpdump -vnS, or pcap), and the listing of entries',
  decides:
    'an answer to the translated address is reset at once with a TTL that no router has counted down, while the entry of the connection is ESTABLISHED',
  looksLike: ['rule-decided', 'entry-gone', 'rst-rejected'],
  causes: ['reset-downstream'],
  kernels: 'all',
  evidence: ['captures', 'entries'],
  argue,
};
