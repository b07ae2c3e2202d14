// The count says that the table is full of entries that no listing shows: somebody holds them. Packets are dropped as with a full table,
// but nothing in the table can be removed to make room (net/netfilter/nf_conntrack_core.c: the count goes down when an entry is freed).

import type { EvidenceItem } from '../../model/finding.js';
import type { ListedOf } from '../../model/record.js';
import { type HostFactRow, readHostFacts } from '../../store/evidence-reader.js';
import { type ListSize, readListSizes } from '../../store/table-shape.js';
import { inferred, type LookAlike, open, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import {
  citeNotices,
  heldBack,
  spanOf,
  storyLine,
  type TableLevel,
  tableLevels,
  timeLabel,
} from '../explain/host-measures.js';
import { type HostPicture, snapshotOf } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import type { HostCause } from './cause.js';

/** Entries run out, are in flight, or come and go while a listing is read: only more than these are a leak. */
const LEAST_GAP = 50;
const LEAST_PART = 0.5;

interface Gap {
  readonly level: TableLevel;
  readonly listed: number;
  readonly missing: number;
  /** /proc shows every entry of both families; what conntrack -L showed may have been asked for with a filter. */
  readonly isWhole: boolean;
  readonly evidence: readonly EvidenceItem[];
}

function factsOf(picture: HostPicture): readonly HostFactRow[] {
  return picture.read(readListed);
}

function readListed(...[db, hostId]: Parameters<Parameters<HostPicture['read']>[0]>): readonly HostFactRow[] {
  return readHostFacts(db, hostId, ['listed', 'module']);
}

function factTime(picture: HostPicture, fact: HostFactRow): number | null {
  return snapshotOf(picture, fact.snapshotId)?.takenAtUs ?? null;
}

/** How long the listing of a snapshot was, by who made it; a listing somebody may have cut does not count. */
function listedAt(picture: HostPicture, level: TableLevel, sizes: readonly ListSize[]) {
  const { id } = level.snapshot;
  const said = factsOf(picture).filter(
    (fact) => fact.snapshotId === id && fact.kind === 'listed' && fact.data['what'] === 'entries',
  );
  const of = (list: string) => sizes.find((one) => one.snapshotId === id && one.list === list);
  const waiting = (of('dying')?.entries ?? 0) + (of('unconfirmed')?.entries ?? 0);
  const part = picture.host.parts.find((one) => one.snapshotId === id && one.part === 'list:main');
  if (part !== undefined && part.why !== null) return null;
  if (said.length > 0) {
    const sum = (facts: readonly HostFactRow[]) => facts.reduce((all, fact) => all + Number(fact.data['shown']), 0);
    const counted = (what: ListedOf) => said.filter((fact) => fact.data['of'] === what);
    const everything = counted('everything');
    const others = said.filter((fact) => !everything.includes(fact));
    return {
      entries: Math.max(...everything.map((fact) => Number(fact.data['shown'])), sum(others)) + waiting,
      isWhole:
        everything.length > 0 || (counted('ip').length > 0 && counted('ip6').length > 0) || (of('main')?.ipv6 ?? 0) > 0,
      evidence: said.map((fact) => picture.cite.hostFact(fact, factTime(picture, fact))),
    };
  }
  // Only who knows when it was read knows that it was read whole.
  if (part === undefined || part.atUs === null) return null;
  const entries = (of('main')?.entries ?? 0) + waiting;
  const cited = picture.cite.reading(part, `${entries} entries listed`);
  return cited === null ? null : { entries, isWhole: (of('main')?.ipv6 ?? 0) > 0, evidence: [cited] };
}

/** Readings in which most of what the count says was not listed, the oldest first. */
export function countGaps(picture: HostPicture): { readonly gaps: readonly Gap[]; readonly readings: number } {
  const levels = tableLevels(picture);
  if (!levels.some((level) => level.count >= LEAST_GAP)) return { gaps: [], readings: 0 };
  const sizes = picture.read(readListSizes);
  const read = levels.flatMap((level): readonly Gap[] => {
    const listed = listedAt(picture, level, sizes);
    if (listed === null) return [];
    return [
      {
        level,
        listed: listed.entries,
        missing: level.count - listed.entries,
        isWhole: listed.isWhole,
        evidence: [level.evidence[0]!, ...listed.evidence],
      },
    ];
  });
  return {
    gaps: read.filter(({ level, missing }) => missing >= LEAST_GAP && missing >= level.count * LEAST_PART),
    readings: read.length,
  };
}

/** A module that is not of the kernel's own tree, or rules that hand packets to a program: who may hold what is not listed. */
function holders(picture: HostPicture): readonly { readonly name: string; readonly evidence: EvidenceItem }[] {
  const modules = factsOf(picture)
    .filter((fact) => fact.kind === 'module' && /[OP]/.test(String(fact.data['taint'] ?? '')))
    .map((fact) => ({
      name: `module ${String(fact.data['name'])}`,
      evidence: picture.cite.hostFact(fact, factTime(picture, fact)),
    }));
  const told = picture.notices.flatMap((row) => {
    const loading = /^([\w-]+): loading out-of-tree module/.exec(row.text)?.[1];
    const linked = row.text.startsWith('Modules linked in:')
      ? [...row.text.matchAll(/([\w-]+)\((?=[A-Z]*[OP])[A-Z]+\)/g)].map(([, name]) => name!)
      : [];
    return [...(loading === undefined ? [] : [loading]), ...linked].map((name) => ({
      name: `module ${name}`,
      evidence: picture.cite.notice(row),
    }));
  });
  const known = [...modules, ...told];
  return known.filter((one, index) => known.findIndex((other) => other.name === one.name) === index);
}

function lookAlikes(gaps: readonly Gap[], isLasting: boolean): readonly LookAlike[] {
  const whole = gaps.filter((gap) => gap.isWhole);
  return [
    ruledOutBy(
      'a listing of one family, or with a filter',
      'what was listed is everything, of both families',
      whole.slice(0, 1).flatMap((gap) => gap.evidence),
      ASK.countAndListing,
    ),
    ruledOutBy(
      'entries that have run out and wait for the collector',
      'it stays so from reading to reading',
      isLasting && gaps.length > 2 ? [gaps[0]!, gaps.at(-1)!].flatMap((gap) => gap.evidence) : [],
      ASK.countAndListing,
    ),
  ];
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const { gaps, readings } = countGaps(picture);
  const last = gaps.at(-1);
  if (last === undefined) return [];
  const first = gaps[0]!;
  // A reading in between that has no gap: what was not listed went away by itself.
  const isLasting = gaps.length > 1 && gaps.length === readings;
  const rows = picture.notices.filter((row) => row.reasonId === 'table-full');
  const held = heldBack(picture, rows);
  const cited = citeNotices(picture, rows);
  const found = holders(picture);
  const numbers = (gap: Gap) => `${gap.level.count} counted, ${gap.listed} listed`;
  const evidence = gaps.slice(0, 4).flatMap((gap) => gap.evidence);
  const steps: Step[] = [
    isLasting && gaps.every((gap) => gap.isWhole)
      ? shown(
          `in ${gaps.length} readings most of the entries that are counted are not listed: ${gaps.slice(0, 4).map(numbers).join('; ')}`,
          evidence,
        )
      : inferred(
          `most of the entries that are counted are not listed: ${numbers(last)}`,
          evidence,
          true,
          ASK.countAndListing,
        ),
    isLasting && gaps.every((gap) => gap.isWhole) && last.missing >= first.missing
      ? shown(
          `what is not listed does not become less: ${first.missing} at first, ${last.missing} at last`,
          evidence,
          false,
        )
      : open('that it does not become less when traffic stops', false, ASK.countAndListing),
    ...(rows.length > 0
      ? [
          shown(
            `packets are dropped for it: "table full", ${rows.length === 1 ? 'once' : `${rows.length} times`}`,
            cited,
            false,
          ),
        ]
      : []),
    found.length > 0
      ? inferred(
          `who may hold them: ${found.map((one) => one.name).join(', ')}`,
          found.map((one) => one.evidence),
          false,
          ASK.holders,
        )
      : open('who holds them', false, ASK.holders),
  ];
  const { firstAtUs, lastAtUs } = spanOf(rows);
  return [
    {
      class: 'count-leak',
      argument: { id: 'count-leak', steps, lookAlikes: lookAlikes(gaps, isLasting) },
      led: null,
      title: 'The table counts entries that are not in it',
      summary: `nf_conntrack_count says ${last.level.count}, the listing has ${last.listed}: the rest is held by somebody and not freed. ${rows.length > 0 ? 'The kernel drops new connections because of a table that is nearly empty; deleting entries does not help, raising the limit only delays it.' : 'When the count reaches the limit, new connections are dropped though the table is nearly empty.'}${found.length > 0 ? ` ${found[0]!.name} is not of the kernel's own tree.` : ''}`,
      missing: [],
      remedies: [
        {
          when: 'now',
          text: 'gain time: a higher limit is reached later',
          command: `sysctl -w net.netfilter.nf_conntrack_max=${last.level.max === null ? 'N' : last.level.max * 2}`,
          undo: last.level.max === null ? '' : `sysctl -w net.netfilter.nf_conntrack_max=${last.level.max}`,
          price: 'what leaks goes on leaking, in kernel memory that cannot be swapped; only a reboot gives it back',
        },
        {
          when: 'lasting',
          text: 'find who holds packets: out-of-tree modules, programs behind NFQUEUE, listeners that do not read; unload it or update the kernel, then reboot',
          command: 'lsmod; cat /proc/net/netfilter/nfnetlink_queue',
          undo: '',
          price: 'looks only; the reboot ends every connection',
        },
      ],
      about: {
        outcome: rows.length > 0 ? 'DROP' : 'OTHER',
        fate: rows.length > 0 ? 'dropped' : 'unknown',
        flow: null,
        tupleIds: [],
        flowText: 'no packet is named',
        packetText:
          rows.length === 0 ? `${last.missing} entries held` : `${rows.length} message${rows.length === 1 ? '' : 's'}`,
        flows: 0,
        count: rows.length + held.count,
        firstAtUs,
        lastAtUs,
        reason: rows.length === 0 ? null : { id: 'table-full', message: rows[0]!.text.trim() },
        story: [
          ...(rows.length > 0
            ? [
                storyLine(
                  timeLabel(firstAtUs),
                  `${rows[0]!.text.trim()}${rows.length === 1 ? '' : `, ${rows.length} times`}`,
                  cited,
                ),
              ]
            : []),
          ...gaps
            .slice(0, 4)
            .map((gap, index) =>
              storyLine(
                gap.level.snapshot.takenAtUs === null
                  ? index === 0
                    ? 'table'
                    : ''
                  : timeLabel(gap.level.snapshot.takenAtUs),
                numbers(gap),
                gap.evidence,
              ),
            ),
          ...(found.length === 0
            ? []
            : [
                storyLine(
                  'loaded',
                  found.map((one) => one.name).join(', '),
                  found.map((one) => one.evidence),
                ),
              ]),
        ],
        notices: rows,
      },
    },
  ];
}

export const countLeak: HostCause = {
  id: 'count-leak',
  title: 'The table counts entries that are not in it',
  needs: 'the count and a whole listing of the same moment, of both families',
  decides:
    'most of what is counted is not listed, in several readings, and it does not become less; who holds packets is named beside',
  looksLike: ['table-full'],
  causes: [],
  kernels: 'all; unconfirmed and dying entries can be listed until 5.18 only',
  evidence: ['count and limit', 'entries', 'kernel log', 'modules'],
  argue,
};
