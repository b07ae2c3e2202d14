// What changed between two snapshots? Groups before rows, and only what both of them could show.

import type { Db } from '../../store/open-store.js';
import { type CounterDelta, readCounterDeltas } from '../../store/ruleset-reader.js';
import {
  type EntrySeen,
  type EntryWithoutSocket,
  entriesOnlyIn,
  entriesWithoutSocket,
  type FactSeen,
  type RuleSeen,
  readFactsOf,
  readKept,
  readRulesOf,
  readSettings,
  readUntouched,
} from '../../store/snapshot-changes.js';
import { countEntries, type PartFacts, readParts, type SnapshotFacts } from '../../store/snapshot-reader.js';
import { type SocketToLookUp, socketsLookedUp, socketsWithoutEntry } from '../../store/socket-lookups.js';
import { readStatisticDeltas, type StatisticDelta } from '../../store/values-reader.js';
import { protocolName } from '../../text/protocols.js';
import { lastPacketAtUs } from './last-packet.js';

export interface EntryChange {
  readonly proto: string;
  readonly state: string | null;
  readonly status: string | null;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  readonly zone: number;
  readonly ctId: number | null;
  readonly isTranslated: boolean;
  /** Changed entries: what the state was. */
  readonly wasState: string | null;
  readonly wasStatus: string | null;
  /** Seconds left at the later snapshot, as the earlier one knew it; negative: it had run out. NULL: not known. */
  readonly leftS: number | null;
  readonly lastPacketAtUs: number | null;
}

export interface ChangeGroup {
  readonly proto: string;
  readonly state: string | null;
  /** Of what changed: the state before. */
  readonly wasState: string | null;
  readonly dport: number | null;
  readonly entries: number;
}

export interface EntryChanges {
  readonly entries: number;
  /** By protocol, state and destination port, the most first. */
  readonly groups: readonly ChangeGroup[];
  readonly rows: readonly EntryChange[];
}

export interface Setting {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
}

export interface SocketWithoutEntry {
  readonly state: string;
  readonly local: string;
  readonly lport: number;
  readonly peer: string;
  readonly pport: number;
  readonly sendQ: number | null;
  readonly timer: string | null;
  /** 'no-entry': the tracker was asked for it; 'not-asked': the listings alone say so. */
  readonly outcome: 'no-entry' | 'not-asked';
}

export interface SnapshotDiff {
  readonly from: SnapshotFacts;
  readonly to: SnapshotFacts;
  readonly fromEntries: number | null;
  readonly toEntries: number | null;
  /** NULL: one of them has no whole main list. */
  readonly changes: {
    readonly gone: EntryChanges;
    readonly born: EntryChanges;
    readonly changed: EntryChanges;
    readonly stuck: EntryChanges;
    /** NULL: the two are of different series, whose readings cannot be told apart. */
    readonly refreshed: number | null;
    readonly untouched: number | null;
  } | null;
  /** NULL: not read in both. */
  readonly statistics: readonly StatisticDelta[] | null;
  readonly counters: readonly CounterDelta[];
  readonly countedRules: number;
  readonly rulesAdded: readonly RuleSeen[] | null;
  readonly rulesRemoved: readonly RuleSeen[] | null;
  readonly settings: readonly Setting[] | null;
  readonly facts: { readonly added: readonly FactSeen[]; readonly removed: readonly FactSeen[] };
  /** Kinds of facts that both read. */
  readonly factKinds: readonly string[];
  readonly socketsWithoutEntry: readonly SocketWithoutEntry[];
  /** NULL: not all sockets, or no addresses were read. */
  readonly entriesWithoutSocket: readonly EntryWithoutSocket[] | null;
  readonly absent: readonly (PartFacts & { readonly snapshot: 'from' | 'to' | 'both' })[];
  /** Why some of it cannot be compared. */
  readonly notes: readonly string[];
}

/** States in which an entry waits for a packet that would end it. */
const WAITING = ['SYN_SENT', 'SYN_RECV', 'SYN_SENT2', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK'];
/** Rows kept in memory and shown with --rows; all are counted. */
const MOST_ROWS = 100_000;
/** Sockets and entries without each other that are told one by one. */
const MOST_SOCKETS = 1000;
const FACT_PARTS: Readonly<Record<string, string>> = {
  addresses: 'address',
  links: 'link',
  routes: 'route',
  'routing-rules': 'rule',
  neighbours: 'neigh',
  offload: 'offload',
};
/** What runs by itself: lifetimes, and whether a neighbour was heard of lately. */
const VOLATILE = new Set([
  'valid_life_time',
  'preferred_life_time',
  'expires',
  'used',
  'confirmed',
  'updated',
  'probes',
  'state',
  'refcnt',
]);

/** Compares the earlier with the later. @param from @param to snapshots of the same or of two series */
export function diffSnapshots(db: Db, from: SnapshotFacts, to: SnapshotFacts): SnapshotDiff {
  const [before, after] = [readParts(db, from.id), readParts(db, to.id)];
  const isRead = (part: string) =>
    [before, after].every((parts) =>
      parts.some((one) => (one.part === part || one.part.startsWith(`${part}:`)) && one.state === 'read'),
    );
  const settings = [readSettings(db, from), readSettings(db, to)] as const;
  const factKinds = Object.entries(FACT_PARTS).flatMap(([part, kind]) => (isRead(part) ? [kind] : []));
  const hasRules = isRead('rules');
  const rules = hasRules ? [readRulesOf(db, from.id), readRulesOf(db, to.id)] : [[], []];
  const hasList = isRead('list:main');
  return {
    from,
    to,
    fromEntries: from.entryCount ?? (hasList ? countEntries(db, from) : null),
    toEntries: to.entryCount ?? (hasList ? countEntries(db, to) : null),
    changes: hasList ? entryChanges(db, from, to, settings[1]) : null,
    statistics: readStatisticDeltas(db, from.id, to.id),
    counters: readCounterDeltas(db, from.id, to.id),
    countedRules: rules[1]!.length,
    rulesAdded: hasRules ? missingIn(rules[1]!, rules[0]!) : null,
    rulesRemoved: hasRules ? missingIn(rules[0]!, rules[1]!) : null,
    settings: isRead('sysctl') ? changedSettings(settings[0], settings[1]) : null,
    facts: changedFacts(readFactsOf(db, from), readFactsOf(db, to), factKinds),
    factKinds,
    socketsWithoutEntry: withoutEntry(db, to, hasList && isRead('sockets')),
    entriesWithoutSocket: hasAllSockets(after) ? entriesWithoutSocket(db, to, MOST_SOCKETS) : null,
    absent: absentParts(before, after),
    notes: notesOn(from, to),
  };
}

/** `snapshot take` asked the tracker for each; of listings in files only what they show can be told. */
function withoutEntry(db: Db, to: SnapshotFacts, isListed: boolean): readonly SocketWithoutEntry[] {
  if (to.madeBy !== 'ingest')
    return socketsLookedUp(db, to.id).flatMap(({ outcome, ...socket }) =>
      outcome === 'no-entry' ? [{ ...socket, outcome }] : [],
    );
  const sockets: readonly SocketToLookUp[] = isListed ? socketsWithoutEntry(db, to.seriesId, to.seq, MOST_SOCKETS) : [];
  return sockets.map((socket) => ({ ...socket, outcome: 'not-asked' }));
}

function hasAllSockets(parts: readonly PartFacts[]): boolean {
  const isWhole = (part: string) => parts.some((one) => one.part === part && one.state === 'read' && one.why === null);
  return isWhole('sockets') && isWhole('addresses') && isWhole('list:main');
}

function entryChanges(
  db: Db,
  from: SnapshotFacts,
  to: SnapshotFacts,
  settings: ReadonlyMap<string, string>,
): SnapshotDiff['changes'] {
  const toUs = to.takenAtUs;
  const gone = openChanges(toUs, settings);
  const born = openChanges(toUs, settings);
  const changed = openChanges(toUs, settings);
  const stuck = openChanges(toUs, settings);
  const earlier = new Map<string, EntrySeen>();
  for (const row of entriesOnlyIn(db, from, to)) earlier.set(keyOf(row), row);
  let same = 0;
  for (const row of entriesOnlyIn(db, to, from)) {
    const was = earlier.get(keyOf(row));
    // Another connection may have taken the tuple over: then one is gone and one is new.
    const isAnother = was !== undefined && was.ctId !== null && row.ctId !== null && was.ctId !== row.ctId;
    if (was === undefined || isAnother) born.add(row, null);
    else {
      earlier.delete(keyOf(row));
      if (was.state !== row.state || was.status !== row.status || was.mark !== row.mark) changed.add(row, was);
      else same++;
    }
  }
  for (const row of earlier.values()) gone.add(row, null);
  for (const row of readUntouched(db, from, to, WAITING)) stuck.add(row, null);
  const kept = readKept(db, from, to);
  const isOneSeries = from.seriesId === to.seriesId;
  const refreshed = kept.reduce((sum, group) => sum + group.refreshed, 0);
  return {
    gone: gone.done(),
    born: born.done(),
    changed: changed.done(),
    stuck: stuck.done(),
    refreshed: isOneSeries ? refreshed : null,
    untouched: isOneSeries ? kept.reduce((sum, group) => sum + group.entries, same) - refreshed : null,
  };
}

const keyOf = (row: EntrySeen): string => `${row.tupleId} ${row.zone} ${row.zoneOrig} ${row.zoneReply}`;

interface OpenChanges {
  add(row: EntrySeen, was: EntrySeen | null): void;
  done(): EntryChanges;
}

function openChanges(toUs: number | null, settings: ReadonlyMap<string, string>): OpenChanges {
  const groups = new Map<string, { readonly group: Omit<ChangeGroup, 'entries'>; entries: number }>();
  const rows: EntryChange[] = [];
  let entries = 0;
  return {
    add(row, was) {
      entries++;
      const proto = protocolName(row.proto);
      const wasState = was === null ? null : was.state;
      const key = `${proto} ${row.state} ${wasState} ${row.dport}`;
      const known = groups.get(key);
      if (known === undefined)
        groups.set(key, { group: { proto, state: row.state, wasState, dport: row.dport }, entries: 1 });
      else known.entries++;
      if (rows.length < MOST_ROWS) rows.push(changeOf(row, was, toUs, settings));
    },
    done: () => ({
      entries,
      groups: [...groups.values()]
        .map(({ group, entries: count }) => ({ ...group, entries: count }))
        .sort((a, b) => b.entries - a.entries || (a.dport ?? 0) - (b.dport ?? 0)),
      rows,
    }),
  };
}

function changeOf(
  row: EntrySeen,
  was: EntrySeen | null,
  toUs: number | null,
  settings: ReadonlyMap<string, string>,
): EntryChange {
  return {
    proto: protocolName(row.proto),
    state: row.state,
    status: row.status,
    src: row.src,
    sport: row.sport,
    dst: row.dst,
    dport: row.dport,
    zone: row.zone,
    ctId: row.ctId,
    isTranslated: isTranslated(row),
    wasState: was === null ? null : was.state,
    wasStatus: was === null ? null : was.status,
    leftS: row.expiresAtUs === null || toUs === null ? null : Math.floor((row.expiresAtUs - toUs) / 1e6),
    lastPacketAtUs: lastPacketAtUs(row, settings),
  };
}

/** ICMP has one id for both directions where others have two ports: those are the same, unless translated. */
function isTranslated(row: EntrySeen): boolean {
  if (row.replySrc === null) return false;
  if (row.replySrc !== row.dst || row.replyDst !== row.src) return true;
  const hasPorts = row.proto === 6 || row.proto === 17 || row.proto === 132 || row.proto === 33 || row.proto === 136;
  return hasPorts && (row.replySport !== row.dport || row.replyDport !== row.sport);
}

/** Rules of the first that the second lacks; the nth of equal ones is another rule. */
function missingIn(rules: readonly RuleSeen[], others: readonly RuleSeen[]): readonly RuleSeen[] {
  const placeOf = (rule: RuleSeen) =>
    `${rule.backend}\t${rule.form}\t${rule.family}\t${rule.table}\t${rule.chain}\t${rule.text}`;
  const left = new Map<string, number>();
  for (const rule of others) left.set(placeOf(rule), (left.get(placeOf(rule)) ?? 0) + 1);
  return rules.filter((rule) => {
    const count = left.get(placeOf(rule)) ?? 0;
    left.set(placeOf(rule), count - 1);
    return count <= 0;
  });
}

function changedSettings(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly Setting[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .filter((name) => !/_count$/.test(name) && before.get(name) !== after.get(name))
    .map((name) => ({ name, before: before.get(name) ?? null, after: after.get(name) ?? null }));
}

function changedFacts(
  before: readonly FactSeen[],
  after: readonly FactSeen[],
  kinds: readonly string[],
): SnapshotDiff['facts'] {
  const textOf = ({ kind, data }: FactSeen) =>
    `${kind} ${JSON.stringify(data, (key, value: unknown) => (VOLATILE.has(key) ? undefined : value))}`;
  const only = (facts: readonly FactSeen[], others: readonly FactSeen[]) => {
    const known = new Set(others.map(textOf));
    return facts.filter((fact) => kinds.includes(fact.kind) && !known.has(textOf(fact)));
  };
  return { added: only(after, before), removed: only(before, after) };
}

function absentParts(before: readonly PartFacts[], after: readonly PartFacts[]): SnapshotDiff['absent'] {
  const unread = (parts: readonly PartFacts[]) => parts.filter(({ state }) => state !== 'read');
  const early = new Set(unread(before).map(({ part }) => part));
  const late = new Set(unread(after).map(({ part }) => part));
  return [
    ...unread(after).map((part) => ({ ...part, snapshot: early.has(part.part) ? ('both' as const) : ('to' as const) })),
    ...unread(before)
      .filter(({ part }) => !late.has(part))
      .map((part) => ({ ...part, snapshot: 'from' as const })),
  ];
}

function notesOn(from: SnapshotFacts, to: SnapshotFacts): readonly string[] {
  const notes: string[] = [];
  if (from.host !== to.host) notes.push(`they are of two hosts: ${from.host} and ${to.host}`);
  else if (from.bootUuid !== null && to.bootUuid !== null && from.bootUuid !== to.bootUuid)
    notes.push('the host was booted in between: every counter began anew');
  if (from.host === to.host && from.netns !== to.netns)
    notes.push(`they are of two namespaces: ${from.netns ?? 'the first'} and ${to.netns ?? 'the first'}`);
  if (from.takenAtUs === null || to.takenAtUs === null)
    notes.push('when one of them was taken is not known: what was left of an entry cannot be told');
  return notes;
}
