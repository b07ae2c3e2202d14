// A connection dies after a silence that is somebody else's idle timeout, while this host's entry had plenty of time: not conntrack here.

import { type CapturedRow, readCaptured, readCapturedTuples } from '../../store/capture-reader.js';
import { readTuples, type TupleRow, withReversed } from '../../store/case-reader.js';
import { type EntryRow, readEntries } from '../../store/evidence-reader.js';
import { duration } from '../../text/time.js';
import { inferred, open, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { storyLine, timeLabel, timeOfList } from '../explain/host-measures.js';
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
/** What answers the packet behind the silence comes soon, or not at all. */
const SOON_US = 5_000_000;

interface Silence {
  readonly flow: TupleRow;
  readonly tupleIds: readonly number[];
  readonly before: CapturedRow;
  readonly after: CapturedRow;
  /** The RST that answered; NULL: nobody did. */
  readonly reset: CapturedRow | null;
  readonly seconds: number;
}

function turned(a: TupleRow, b: TupleRow): boolean {
  return a.src === b.dst && a.sport === b.dport && a.dst === b.src && a.dport === b.sport;
}

/** The longest silence of a connection that ends with a packet nobody answers, or a RST answers. */
function silenceOf(
  flow: TupleRow,
  tuples: ReadonlyMap<number, TupleRow>,
  rows: readonly CapturedRow[],
): Silence | null {
  let found: Silence | null = null;
  rows.forEach((after, index) => {
    const before = rows[index - 1];
    if (before?.atUs == null || after.atUs === null || /\b(SYN|RST)\b/.test(after.flags ?? '')) return;
    const seconds = (after.atUs - before.atUs) / 1e6;
    if (seconds < 200 || (found !== null && seconds <= found.seconds)) return;
    const sender = tuples.get(after.tupleId);
    const answers = rows.slice(index + 1).filter((row) => {
      const tuple = tuples.get(row.tupleId);
      return tuple !== undefined && sender !== undefined && turned(tuple, sender);
    });
    const [answer] = answers;
    const reset =
      answer !== undefined && /\bRST\b/.test(answer.flags ?? '') && (answer.atUs ?? 0) - after.atUs <= SOON_US;
    if (answer !== undefined && !reset) return;
    found = { flow, tupleIds: [...tuples.keys()], before, after, reset: reset ? answer : null, seconds };
  });
  return found;
}

function silences(picture: HostPicture): readonly Silence[] {
  const read = picture.read((db, hostId) => {
    const seen = readCapturedTuples(db, null).filter((one) => one.hostId === hostId && one.count <= MOST_PACKETS);
    const done = new Set<number>();
    const found: Silence[] = [];
    for (const { tupleId } of seen.slice(0, 2 * MOST_CONNECTIONS)) {
      if (done.has(tupleId)) continue;
      const ids = withReversed(db, readTuples(db, [tupleId]));
      for (const id of ids) done.add(id);
      const tuples = readTuples(db, ids);
      const flow = tuples.get(tupleId);
      if (flow?.proto !== 6) continue;
      const silence = silenceOf(flow, tuples, readCaptured(db, hostId, ids, null, null, MOST_PACKETS));
      if (silence !== null) found.push(silence);
    }
    return found;
  });
  return read;
}

/** The entry of the connection, established and with more time than the silence took; NULL: none listed. */
function livingEntry(picture: HostPicture, silence: Silence): EntryRow | null {
  const entries = picture.read((db, hostId) => readEntries(db, hostId, silence.tupleIds));
  return (
    entries.find(
      (entry) =>
        entry.list === 'main' &&
        entry.state === 'ESTABLISHED' &&
        (entry.status ?? '').includes('ASSURED') &&
        (entry.timeoutS ?? 0) > 60,
    ) ?? null
  );
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const { cite } = picture;
  const named = silences(picture).flatMap((silence) => {
    const known = KNOWN.find(({ seconds }) => silence.seconds >= seconds && silence.seconds <= seconds + LATE_S);
    return known === undefined ? [] : [{ silence, known }];
  });
  const [first] = named;
  if (first === undefined) return [];
  const { silence, known } = first;
  const entry = livingEntry(picture, silence);
  const cited = entry === null ? null : cite.entry(entry, timeOfList(picture, entry.snapshotId));
  const setting = settingsNamed(picture, 'nf_conntrack_tcp_timeout_established').at(-1);
  const isLonger = setting !== undefined && Number(setting.value) > silence.seconds;
  const name = flowWords(silence.flow);
  const wire = [
    cite.wire(silence.before),
    cite.wire(silence.after),
    ...(silence.reset === null ? [] : [cite.wire(silence.reset)]),
  ];
  const ended = silence.reset === null ? 'nobody answers it' : 'a RST answers it';
  const steps: Step[] = [
    shown(
      `the connection was silent for ${Math.round(silence.seconds)} s; the next packet finds it dead: ${ended}`,
      wire,
    ),
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
    inferred(`${known.seconds} s is the idle timeout of ${known.whose}`, wire.slice(0, 2), false, ASK.capture),
  ];
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
      title: `Dead after ${Math.round(silence.seconds)} s of silence, and not by this host's conntrack`,
      summary: `${name} was silent for ${duration(silence.seconds * 1e6)}; then ${ended}. ${cited === null ? 'An entry lives longer than that here' : 'Its entry here had plenty of time'}: something else on the way forgot the connection. ${known.seconds} s is what ${known.whose} allow.`,
      missing: [],
      remedies: [
        {
          when: 'lasting',
          text: `have the endpoints send keepalives more often than every ${known.seconds} s`,
          command: `sysctl -w net.ipv4.tcp_keepalive_time=${Math.floor(known.seconds / 2)}`,
          undo: 'sysctl -w net.ipv4.tcp_keepalive_time=7200',
          price: 'only sockets that ask for SO_KEEPALIVE; a packet per connection and period',
        },
      ],
      about: {
        outcome: 'OTHER',
        fate: 'unknown',
        flow: { ...silence.flow, zone: entry?.zone ?? null },
        tupleIds: silence.tupleIds,
        flowText: named.length === 1 ? name : `${named.length} connections, e.g. ${name}`,
        packetText: `${wire.length} packets`,
        flows: named.length,
        count: 0,
        firstAtUs: silence.before.atUs,
        lastAtUs: silence.reset?.atUs ?? silence.after.atUs,
        reason: null,
        story: [
          storyLine(timeLabel(silence.before.atUs), 'the last packet before the silence', wire.slice(0, 1)),
          storyLine(
            timeLabel(silence.after.atUs),
            `${silence.after.flags ?? 'a packet'}, after ${Math.round(silence.seconds)} s`,
            wire.slice(1, 2),
          ),
          ...(silence.reset === null ? [] : [storyLine(timeLabel(silence.reset.atUs), 'RST', wire.slice(2))]),
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
  needs: 'a capture with times, and the listing of entries or the settings of this host',
  decides:
    'the connection is dead after a silence equal to a known idle timeout, and its entry here is ESTABLISHED [ASSURED] with plenty of time',
  looksLike: ['entry-gone', 'rst-rejected'],
  causes: ['idle-timeout-elsewhere'],
  kernels: 'all',
  evidence: ['captures', 'entries', 'settings'],
  argue,
};
