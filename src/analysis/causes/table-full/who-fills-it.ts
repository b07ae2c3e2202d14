// Who fills the table: entries nobody answers, connections that are over for one side, connections that are idle for long, plain churn.
// The kinds of entries decide, and the addresses and ports they share.

import type { Missing, Remedy } from '../../../model/finding.js';
import { type EntryKindShare, type EntryTop, readEntryShares, readEntryTops } from '../../../store/table-shape.js';
import { duration } from '../../../text/time.js';
import { type Argument, inferred, type LookAlike, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import { citeVersions } from '../../explain/host-measures.js';
import { citeValue, type HostPicture, settingsNamed } from '../../explain/host-picture.js';
import { endWords } from '../words.js';

/** This part of all entries makes a kind the one that fills the table. */
const MOST = 0.5;
/** A listing of fewer entries shows a few connections, not what fills a table. */
const FEWEST_ENTRIES = 20;
/** An end that has this part of the entries of a kind is behind them. */
const BEHIND = 0.5;
/** Idle for longer than this, a connection is kept by its timeout, not by use. */
const LONG_IDLE_S = 3600;

interface Kind {
  readonly id: string;
  readonly words: string;
  readonly states: readonly string[] | null;
  readonly isUnreplied: boolean | null;
  has(share: EntryKindShare): boolean;
}

const HALF_CLOSED = ['FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK'];
const CLOSED = ['TIME_WAIT', 'CLOSE'];

const KINDS: readonly Kind[] = [
  {
    id: 'unanswered',
    words: 'entries nobody answers',
    states: null,
    isUnreplied: true,
    has: ({ isUnreplied }) => isUnreplied === 1,
  },
  {
    id: 'half-closed',
    words: 'connections that one side closed',
    states: HALF_CLOSED,
    isUnreplied: null,
    has: ({ state }) => HALF_CLOSED.includes(state ?? ''),
  },
  {
    id: 'established',
    words: 'ESTABLISHED connections',
    states: ['ESTABLISHED'],
    isUnreplied: false,
    has: ({ state, isUnreplied }) => state === 'ESTABLISHED' && isUnreplied === 0,
  },
  {
    id: 'churn',
    words: 'connections that are over, or short exchanges, kept until they run out',
    states: null,
    isUnreplied: false,
    has: ({ state, proto, isUnreplied }) =>
      CLOSED.includes(state ?? '') || ((proto === 17 || proto === 1 || proto === 58) && isUnreplied === 0),
  },
];

export interface Filling {
  /** 'scan', 'dead-target', 'half-closed', 'idle-connections' … */
  readonly argument: Argument;
  /** '180 of 199 entries are …' */
  readonly says: string;
  readonly remedies: readonly Remedy[];
}

function percent(part: number, whole: number): string {
  return `${Math.floor((100 * part) / whole)} %`;
}

function serviceWords(value: string): string {
  const at = value.lastIndexOf(' ');
  const port = Number(value.slice(at + 1));
  return endWords(value.slice(0, at), value.slice(at + 1) === '' || Number.isNaN(port) ? null : port);
}

/** Who is behind entries of a kind, by the ends they share. */
function behind(
  tops: readonly EntryTop[],
  entries: number,
): { readonly id: string; readonly says: string; readonly top: EntryTop } | null {
  const of = (what: EntryTop['what']) => tops.find((top) => top.what === what && top.entries >= entries * BEHIND);
  const [service, src, dst] = [of('service'), of('src'), of('dst')];
  // One destination asked by whoever: it is the destination that is dead, or flooded.
  if (service !== undefined && (src === undefined || src.others <= 2 || service.entries > src.entries))
    return {
      id: service.others > 20 ? 'flood' : 'dead-target',
      says: `${service.entries} of them go to ${serviceWords(service.value)}, from ${service.others} ${service.others === 1 ? 'address' : 'addresses'}`,
      top: service,
    };
  if (src !== undefined)
    return {
      id: src.others > 10 ? 'scan' : 'dead-target',
      says: `${src.entries} of them come from ${src.value}, to ${src.others} ${src.others === 1 ? 'service' : 'services'}`,
      top: src,
    };
  if (dst !== undefined)
    return { id: 'scan', says: `${dst.entries} of them go to ${dst.value}, on many ports`, top: dst };
  return null;
}

/** Least time since the last packet of the most recent of these, from the time left and the timeout of their state; NULL: not known. */
function idleAtLeast(picture: HostPicture, state: string, mostLeftS: number | null) {
  const row = settingsNamed(picture, `nf_conntrack_tcp_timeout_${state.toLowerCase()}`).at(-1);
  if (row === undefined || mostLeftS === null) return null;
  const timeoutS = Number(row.value);
  return { idleS: timeoutS - mostLeftS, timeoutS, evidence: citeValue(picture, row) };
}

function timeoutRemedy(picture: HostPicture, state: string, wantedS: number, text: string, price: string): Remedy {
  const name = `net.netfilter.nf_conntrack_tcp_timeout_${state.toLowerCase()}`;
  const row = settingsNamed(picture, name).at(-1);
  return {
    when: 'lasting',
    text,
    command: `sysctl -w ${name}=${wantedS}`,
    undo: row === undefined ? '' : `sysctl -w ${name}=${row.value}`,
    price,
  };
}

function lookAgain(picture: HostPicture): Missing {
  return picture.host.sysctls.some((row) => row.name.includes('timeout')) ? ASK.listing : ASK.sysctls;
}

/** What an established or half-closed majority says, by how long nothing was heard of it. */
function ofConnections(
  picture: HostPicture,
  kind: Kind,
  own: readonly EntryKindShare[],
  entries: number,
  steps: Step[],
) {
  const few = own.reduce<number | null>(
    (sum, one) => (one.fewPackets === null || sum === null ? null : sum + one.fewPackets),
    0,
  );
  if (kind.id === 'half-closed')
    return {
      id: 'half-closed',
      remedies: [
        timeoutRemedy(
          picture,
          'CLOSE_WAIT',
          60,
          'keep half-closed connections for a minute, as the kernel does by default',
          'a side that goes on sending after the other has closed is cut off when it pauses longer than that',
        ),
      ],
    };
  if (few !== null && few >= entries * BEHIND) {
    steps.push(
      inferred(
        `${few} of them have seen two packets each way at most`,
        citeVersions(
          picture,
          own.slice(0, 1).map((one) => one.versionId),
        ),
      ),
    );
    return {
      id: 'refused-or-lost-close',
      remedies: [
        timeoutRemedy(
          picture,
          'ESTABLISHED',
          86_400,
          'let connections whose end was not seen go earlier; then find what resets or loses their closing packets',
          'connections that are idle for longer lose their entry: applications need keepalives below it',
        ),
      ],
    };
  }
  const left = own.map((one) => one.mostLeftS).filter((one): one is number => one !== null);
  const idle = idleAtLeast(picture, 'ESTABLISHED', left.length === 0 ? null : Math.max(...left));
  if (idle !== null && idle.idleS > LONG_IDLE_S) {
    steps.push(
      shown(
        `of all of them nothing was heard for ${duration(idle.idleS * 1e6)} at least: they are kept by their timeout (${idle.timeoutS} s)`,
        [idle.evidence],
      ),
    );
    return {
      id: 'idle-connections',
      remedies: [
        timeoutRemedy(
          picture,
          'ESTABLISHED',
          86_400,
          'let idle connections go after a day instead of five',
          'connections that are idle for longer lose their entry: applications need keepalives below it',
        ),
      ],
    };
  }
  return { id: 'limit-too-low', remedies: [] };
}

function lookAlikesOf(id: string, others: EntryKindShare | undefined, picture: HostPicture): readonly LookAlike[] {
  if (id === 'scan' || id === 'flood' || id === 'dead-target')
    return [
      ruledOutBy(
        'limit-too-low',
        'no answered connection has its share',
        others === undefined ? [] : citeVersions(picture, [others.versionId]),
      ),
      // From one listing a service that is down and one that is flooded look the same.
      ...(id === 'scan'
        ? []
        : [{ cause: id === 'flood' ? 'dead-target' : 'flood', ruledOut: null, wouldSettle: ASK.capture }]),
    ];
  const other = id === 'limit-too-low' ? 'idle-connections' : 'limit-too-low';
  return [{ cause: other, ruledOut: null, wouldSettle: lookAgain(picture) }];
}

/**
 * What fills the table of a snapshot, by its main list.
 * @returns NULL where too few entries were listed to say
 */
export function whoFillsIt(picture: HostPicture, snapshotId: number): Filling | null {
  const shares = picture.read((db) => readEntryShares(db, snapshotId));
  const total = shares.reduce((sum, one) => sum + one.entries, 0);
  if (total < FEWEST_ENTRIES) return null;
  const counted = KINDS.map((kind) => {
    const own = shares.filter((share) => kind.has(share));
    return { kind, own, entries: own.reduce((sum, one) => sum + one.entries, 0) };
  });
  const found = counted.find(({ entries }) => entries >= total * MOST);
  if (found === undefined) {
    const says = `its ${total} entries are of many kinds, none of them the most`;
    const argument: Argument = {
      id: 'limit-too-low',
      steps: [
        inferred(
          says,
          citeVersions(
            picture,
            shares.slice(0, 3).map((one) => one.versionId),
          ),
        ),
      ],
      lookAlikes: [{ cause: 'scan', ruledOut: null, wouldSettle: ASK.statistics }],
    };
    return { argument, says, remedies: [] };
  }
  const { kind, own, entries } = found;
  const examples = citeVersions(
    picture,
    own.slice(0, 2).map((one) => one.versionId),
  );
  const says = `${entries} of ${total} entries (${percent(entries, total)}) are ${kind.words}`;
  const steps: Step[] = [shown(says, examples)];
  const tops = picture.read((db) =>
    readEntryTops(db, snapshotId, { proto: null, states: kind.states, isUnreplied: kind.isUnreplied }),
  );
  const who = behind(tops, entries);
  if (who !== null) steps.push(shown(who.says, citeVersions(picture, [who.top.versionId])));
  const others = shares.find((share) => !kind.has(share));
  if (kind.id === 'unanswered') {
    const id = who?.id ?? 'unanswered';
    return {
      argument: { id, steps, lookAlikes: lookAlikesOf(id, others, picture) },
      says: who === null ? says : `${says}; ${who.says}`,
      remedies: [
        {
          when: 'lasting',
          text:
            who === null
              ? 'find who asks and gets no answer'
              : 'keep these packets from being tracked, or stop whoever sends them',
          command: `ctwhy query who-fills-the-table`,
          undo: '',
          price: 'looks only',
        },
        timeoutRemedy(
          picture,
          'SYN_SENT',
          30,
          'let a SYN without an answer go earlier',
          'a peer that answers later than that is not let in',
        ),
      ],
    };
  }
  if (kind.id === 'churn')
    return {
      argument: { id: 'churn', steps, lookAlikes: lookAlikesOf('churn', others, picture) },
      says: who === null ? says : `${says}; ${who.says}`,
      remedies: [
        timeoutRemedy(
          picture,
          'TIME_WAIT',
          30,
          'let closed connections go earlier',
          'a port that is used again within that time may meet a peer that still remembers it',
        ),
      ],
    };
  const { id, remedies } = ofConnections(picture, kind, own, entries, steps);
  return {
    argument: { id, steps, lookAlikes: lookAlikesOf(id, others, picture) },
    says: who === null ? says : `${says}; ${who.says}`,
    remedies,
  };
}
