// A connection dies after a silence that is somebody else's idle timeout, while this host's entry had plenty of time: not conntrack here.

import { type CapturedRow, elapsedUs, readCapturedTuples } from '../../store/capture-reader.js';
import type { TupleRow } from '../../store/case-reader.js';
import { type EntryRow, readEntries, type ValueRow } from '../../store/evidence-reader.js';
import { duration } from '../../text/time.js';
import { inferred, open, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { type Conversation, readConversations, wireLabel } from '../explain/conversations.js';
import { storyLine, timeOfList } from '../explain/host-measures.js';
import { citeValue, type HostPicture, settingsNamed } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import type { HostCause } from './cause.js';
import { flowWords } from './words.js';

/** Idle timeouts of middle boxes that many connections pass, in seconds, with whose they are. */
const KNOWN: readonly { readonly seconds: number; readonly whose: string }[] = [
  { seconds: 350, whose: 'AWS NAT gateways and network load balancers' },
  { seconds: 240, whose: 'Azure load balancers and NAT' },
  { seconds: 900, whose: 'IPVS (ipvsadm --set, kube-proxy in IPVS mode)' },
  { seconds: 600, whose: 'Google Cloud firewalls' },
];
/** A middle box forgets within some seconds behind its timeout; the next packet may come late. */
const LATE_S = 30;
const MOST_CONNECTIONS = 20;
const MOST_PACKETS = 3000;
/** Silences shorter than this are nobody's idle timeout for TCP. */
const LEAST_SILENCE_S = 200;
/** Hosts send with 64 or 128 to begin with, many routers and middle boxes with 255; so far a packet of theirs travels. */
const MOST_HOPS = 10;
/** What answers the packet behind the silence comes soon, or not at all. */
const SOON_US = 5_000_000;

interface Silence {
  readonly talk: Conversation;
  /** The last packet before; NULL: it was not captured, the time left of the entry tells of the silence. */
  readonly before: CapturedRow | null;
  readonly after: CapturedRow;
  /** The RST that answered; NULL: nobody did. */
  readonly reset: CapturedRow | null;
  readonly seconds: number;
}

function turned(a: TupleRow, b: TupleRow): boolean {
  return a.src === b.dst && a.sport === b.dport && a.dst === b.src && a.dport === b.sport;
}

/** What became of a packet: answered by a RST at once, by nobody, or ordinarily (NULL). */
function endAt({ tuples, rows }: Conversation, index: number): { readonly reset: CapturedRow | null } | null {
  const after = rows[index]!;
  const sender = tuples.get(after.tupleId);
  const answer = rows.slice(index + 1).find((row) => {
    const tuple = tuples.get(row.tupleId);
    return tuple !== undefined && sender !== undefined && turned(tuple, sender);
  });
  if (answer === undefined) return { reset: null };
  return /\bRST\b/.test(answer.flags ?? '') && (elapsedUs(after, answer) ?? 0) <= SOON_US ? { reset: answer } : null;
}

/** The longest silence of a connection that ends with a packet nobody answers, or a RST answers. */
function silenceOf(talk: Conversation): Silence | null {
  let found: Silence | null = null;
  talk.rows.forEach((after, index) => {
    const before = talk.rows[index - 1];
    const lateUs = before === undefined ? null : elapsedUs(before, after);
    if (before === undefined || lateUs === null || /\b(SYN|RST)\b/.test(after.flags ?? '')) return;
    const seconds = lateUs / 1e6;
    if (seconds < LEAST_SILENCE_S || (found !== null && seconds <= found.seconds)) return;
    const end = endAt(talk, index);
    if (end !== null) found = { talk, before, after, reset: end.reset, seconds };
  });
  return found;
}

/** The first packet that was captured is reset at once: how long it was silent before, its entry tells. */
function silenceByEntry(talk: Conversation, entry: EntryRow | null, lives: ValueRow | undefined): Silence | null {
  const [after] = talk.rows;
  if (after === undefined || entry?.timeoutS == null || lives === undefined) return null;
  if (/\b(SYN|RST|FIN)\b/.test(after.flags ?? '')) return null;
  const seconds = Number(lives.value) - entry.timeoutS;
  const reset = endAt(talk, 0)?.reset ?? null;
  return seconds >= LEAST_SILENCE_S && reset !== null ? { talk, before: null, after, reset, seconds } : null;
}

function conversations(picture: HostPicture): readonly Conversation[] {
  return picture
    .read((db, hostId) => {
      const seen = readCapturedTuples(db, null).filter((one) => one.hostId === hostId && one.count <= MOST_PACKETS);
      return readConversations(
        db,
        hostId,
        seen.slice(0, 2 * MOST_CONNECTIONS).map((one) => one.tupleId),
      );
    })
    .filter(({ flow }) => flow.proto === 6);
}

/** The entry of the connection, established and with more time than the silence took; NULL: none listed. */
function livingEntry(picture: HostPicture, { tupleIds }: Conversation, moreThanS: number): EntryRow | null {
  const entries = picture.read((db, hostId) => readEntries(db, hostId, tupleIds));
  return (
    entries.findLast(
      (entry) =>
        entry.list === 'main' &&
        entry.state === 'ESTABLISHED' &&
        (entry.status ?? '').includes('ASSURED') &&
        (entry.timeoutS ?? 0) > moreThanS,
    ) ?? null
  );
}

/** Where the RST was made, by how far it had come: not where the peer is, or at a device that is no host. NULL: its TTL does not tell. */
function madeElsewhere({ cite }: HostPicture, { talk, reset }: Silence): Step | null {
  if (reset?.ttl == null) return null;
  const peers = talk.rows.filter(
    (row) => row.tupleId === reset.tupleId && row.ttl !== null && !/\bRST\b/.test(row.flags ?? ''),
  );
  const [peer] = peers;
  if (peer !== undefined)
    return peers.some((row) => row.ttl === reset.ttl)
      ? null
      : shown(`the RST came with TTL ${reset.ttl}, what the peer sends with ${peer.ttl}: another host made it`, [
          cite.wire(peer),
          cite.wire(reset),
        ]);
  return reset.ttl < 255 - MOST_HOPS
    ? null
    : inferred(
        `the RST came with TTL ${reset.ttl}: it began at 255 close by, as routers and middle boxes do and most hosts do not`,
        [cite.wire(reset)],
        true,
        ASK.capture,
      );
}

interface Dead {
  readonly silence: Silence;
  readonly entry: EntryRow | null;
  readonly known: (typeof KNOWN)[number] | null;
  readonly elsewhere: Step | null;
}

function deadAfterSilence(picture: HostPicture, lives: ValueRow | undefined): readonly Dead[] {
  return conversations(picture).flatMap((talk): readonly Dead[] => {
    const silence = silenceOf(talk) ?? silenceByEntry(talk, livingEntry(picture, talk, 60), lives);
    if (silence === null) return [];
    const { seconds } = silence;
    const entry = livingEntry(picture, talk, silence.before === null ? 60 : seconds);
    const known = KNOWN.find((one) => seconds >= one.seconds && seconds <= one.seconds + LATE_S) ?? null;
    const elsewhere = madeElsewhere(picture, silence);
    // Of a length nobody is known for, it takes a living entry here and a RST that the peer did not make.
    return known === null && (entry === null || elsewhere === null) ? [] : [{ silence, entry, known, elsewhere }];
  });
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const { cite } = picture;
  const setting = settingsNamed(picture, 'nf_conntrack_tcp_timeout_established').at(-1);
  const dead = deadAfterSilence(picture, setting);
  const [first] = dead;
  if (first === undefined) return [];
  const { silence, entry, known, elsewhere } = first;
  const { before, after, reset, talk } = silence;
  const cited = entry === null ? null : cite.entry(entry, timeOfList(picture, entry.snapshotId));
  const isLonger = setting !== undefined && Number(setting.value) > silence.seconds;
  const name = flowWords(talk.flow);
  const wire = [before, after, reset].flatMap((row) => (row === null ? [] : [cite.wire(row)]));
  const told = before === null ? [cited, citeValue(picture, setting!), ...wire] : wire;
  const ended = reset === null ? 'nobody answers it' : 'a RST answers it';
  const silent = `${Math.round(silence.seconds)} s`;
  const steps: Step[] = [
    shown(`the connection was silent for ${silent}; the next packet finds it dead: ${ended}`, told),
    cited !== null
      ? shown(`its entry here is ESTABLISHED [ASSURED] with ${entry!.timeoutS} s to live`, [cited])
      : isLonger
        ? inferred(
            `an established entry here lives ${setting.value} s, longer than that silence`,
            [citeValue(picture, setting)],
            true,
            ASK.listing,
          )
        : open('that the entry here was still alive', true, ASK.listing),
    ...(known === null
      ? []
      : [inferred(`${known.seconds} s is the idle timeout of ${known.whose}`, told, false, ASK.capture)]),
    ...(elsewhere === null ? [] : [known === null ? elsewhere : { ...elsewhere, isEssential: false }]),
  ];
  const below =
    known ?? KNOWN.filter(({ seconds }) => seconds <= silence.seconds).sort((a, b) => b.seconds - a.seconds)[0];
  const allows =
    known !== null
      ? ` ${known.seconds} s is what ${known.whose} allow.`
      : below === undefined
        ? ''
        : ` Of known ones ${below.whose} come nearest, with ${below.seconds} s.`;
  const keepaliveS = Math.floor(Math.min(known?.seconds ?? silence.seconds, below?.seconds ?? silence.seconds) / 2);
  return [
    {
      class: 'not-conntrack',
      argument: {
        id: 'not-conntrack',
        steps,
        lookAlikes: [
          ruledOutBy('entry-gone', 'the entry is there, with plenty of time', [cited], ASK.listing),
          { cause: 'rst-rejected', ruledOut: null, wouldSettle: ASK.capture },
        ],
      },
      led: { id: 'idle-timeout-elsewhere', steps, lookAlikes: [] },
      title: `Dead after ${silent} of silence, and not by this host's conntrack`,
      summary: `${name} was silent for ${duration(silence.seconds * 1e6)}; then ${ended}. ${cited === null ? 'An entry lives longer than that here' : 'Its entry here had plenty of time'}: something else on the way forgot the connection.${allows}`,
      missing: [],
      remedies: [
        {
          when: 'lasting',
          text: `have the endpoints send keepalives more often than every ${below?.seconds ?? Math.floor(silence.seconds)} s`,
          command: `sysctl -w net.ipv4.tcp_keepalive_time=${keepaliveS}`,
          undo: 'sysctl -w net.ipv4.tcp_keepalive_time=7200',
          price: 'only sockets that ask for SO_KEEPALIVE; a packet per connection and period',
        },
      ],
      about: {
        outcome: 'OTHER',
        fate: 'unknown',
        flow: { ...talk.flow, zone: entry?.zone ?? null },
        tupleIds: talk.tupleIds,
        flowText: dead.length === 1 ? name : `${dead.length} connections, e.g. ${name}`,
        packetText: `${wire.length} packets`,
        flows: dead.length,
        count: 0,
        firstAtUs: before?.atUs ?? after.atUs,
        lastAtUs: reset?.atUs ?? after.atUs,
        reason: null,
        story: [
          ...(before === null
            ? []
            : [storyLine(wireLabel(before), 'the last packet before the silence', [cite.wire(before)])]),
          storyLine(wireLabel(after), `${after.flags ?? 'a packet'}, after ${silent}`, [cite.wire(after)]),
          ...(reset === null ? [] : [storyLine(wireLabel(reset), 'RST', [cite.wire(reset)])]),
          ...(cited === null
            ? []
            : [storyLine('entry', `ESTABLISHED [ASSURED], ${entry!.timeoutS} s to live`, [cited])]),
        ],
        notices: [],
      },
    },
  ];
}

export const idleElsewhere: HostCause = {
  id: 'not-conntrack',
  title: "Somebody else's idle timeout",
  needs: 'a capture with times (of -v for the TTL), and the listing of entries or the settings of this host',
  decides:
    'the connection is dead after a silence equal to a known idle timeout, or by a RST whose TTL is not that of the peer, and its entry here is ESTABLISHED [ASSURED] with plenty of time',
  looksLike: ['entry-gone', 'rst-rejected'],
  causes: ['idle-timeout-elsewhere'],
  kernels: 'all',
  evidence: ['captures', 'entries', 'settings'],
  argue,
};
