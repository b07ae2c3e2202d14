// The table of connections is full: packets that would open a connection are dropped before any rule sees them
// (net/netfilter/nf_conntrack_core.c: __nf_conntrack_alloc(), all versions).

import type { EvidenceItem, Remedy, StoryLine } from '../../../model/finding.js';
import type { NoticeRow } from '../../../store/evidence-reader.js';
import { type ListSize, readListSizes } from '../../../store/table-shape.js';
import { inferred, type LookAlike, open, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import {
  citeMove,
  citeNotices,
  heldBack,
  spanOf,
  storyLine,
  type TableLevel,
  tableLevels,
  timeLabel,
} from '../../explain/host-measures.js';
import type { HostPicture } from '../../explain/host-picture.js';
import type { HostVerdict } from '../../explain/host-verdict.js';
import { type CounterMove, statisticMove } from '../../explain/statistics.js';
import type { HostCause } from '../cause.js';
import { countGaps } from '../count-leak.js';
import { type Filling, whoFillsIt } from './who-fills-it.js';

/** Above this part of the limit the collector evicts (nf_conntrack_core.c: gc_worker(), since 4.12), so a table this full is full. */
const NEARLY = 0.95;
/** A listing with this part of what the count says accounts for it; entries come and go while it is read. */
const ACCOUNTS = 0.8;

/** Packets that lose the race into the table are counted as dropped, too: drops beyond these are of another kind. */
const DROPS_PER_LOSS = 2;

/** Messages and a reading of the count within this of each other speak of the same time. */
const WITHIN_US = 600_000_000;

/** 'netns 4026532177' of the line; NULL: the first namespace, or a kernel before 6.17, which does not tell. */
function namespaceOf(row: NoticeRow): number | null {
  const inode = /\bin netns (\d+)/.exec(row.text)?.[1];
  return inode === undefined ? null : Number(inode);
}

/** The reading that shows the table fullest; NULL: none with a limit. */
function fullest(levels: readonly TableLevel[]): TableLevel | null {
  const known = levels.filter((level) => level.max !== null && level.max > 0);
  return known.reduce<TableLevel | null>(
    (best, level) => (best === null || level.count / level.max! > best.count / best.max! ? level : best),
    null,
  );
}

interface Signs {
  readonly picture: HostPicture;
  readonly rows: readonly NoticeRow[];
  readonly level: TableLevel | null;
  readonly isAtLimit: boolean;
  readonly sizes: readonly ListSize[];
}

/** How many entries the main list has in the snapshot of a level, and whether they account for the count. */
function listed({ sizes, level }: Signs): ListSize | undefined {
  return sizes.find((one) => one.list === 'main' && one.snapshotId === level?.snapshot.id);
}

/** Whether a reading is of the time of the messages, as far as both times are known. */
function isOfThatTime({ rows, level }: Signs): boolean {
  const { firstAtUs, lastAtUs } = spanOf(rows);
  const at = level?.snapshot.takenAtUs ?? null;
  return (
    at === null ||
    firstAtUs === null ||
    lastAtUs === null ||
    (at >= firstAtUs - WITHIN_US && at <= lastAtUs + WITHIN_US)
  );
}

/**
 * Entries were evicted for others while packets were dropped: the counter early_drop is moved by an allocation that finds more entries
 * than the limit, by nothing else (nf_conntrack_core.c: early_drop(), __nf_conntrack_alloc()). NULL: it did not move, or lost races
 * account for the drops.
 */
function evictions(picture: HostPicture): { readonly evicted: CounterMove; readonly dropped: CounterMove } | null {
  const evicted = statisticMove(picture, 'early_drop');
  const dropped = statisticMove(picture, 'drop');
  if (evicted === null || dropped === null || evicted.delta === 0) return null;
  const lost = statisticMove(picture, 'insert_failed')?.delta ?? 0;
  return dropped.delta > lost * DROPS_PER_LOSS ? { evicted, dropped } : null;
}

/** What was shown without a message of the kernel. */
function silentStep({ picture, level }: Signs): Step {
  const both = evictions(picture);
  return both === null
    ? inferred(
        'packets that would open a connection were dropped: the table was full and drops were counted',
        [...citeMove(picture, statisticMove(picture, 'drop')!), ...level!.evidence],
        true,
        ASK.kernelLog,
      )
    : shown(
        `${both.dropped.delta} packets were dropped while ${both.evicted.delta} entries were evicted for others, which the kernel does at the limit only`,
        [...citeMove(picture, both.dropped), ...citeMove(picture, both.evicted)],
      );
}

function levelStep(signs: Signs): Step {
  const { level, isAtLimit, picture } = signs;
  if (level !== null && isAtLimit && !isOfThatTime(signs))
    return inferred(
      `at another time the table had ${level.count} of ${level.max} entries`,
      level.evidence,
      false,
      ASK.counts,
    );
  if (level !== null && isAtLimit) return shown(`the table had ${level.count} of ${level.max} entries`, level.evidence);
  if (level === null) {
    const last = tableLevels(picture).at(-1);
    return last === undefined
      ? open('how full the table was', false, ASK.counts)
      : inferred(
          `the table had ${last.count} entries; its limit is not known`,
          last.evidence.slice(0, 1),
          false,
          ASK.counts,
        );
  }
  return inferred(
    `when it was read (${level.count} of ${level.max} entries) the table was not full: another moment, or another namespace`,
    level.evidence,
    false,
    ASK.counts,
  );
}

function dropStep({ picture }: Signs): { readonly step: Step; readonly dropped: number | null } {
  const drop = statisticMove(picture, 'drop');
  if (drop === null) return { step: open('how many packets it dropped', false, ASK.statistics), dropped: null };
  const early = statisticMove(picture, 'early_drop');
  const words = `${drop.delta} packets were dropped${early === null || early.delta === 0 ? ' and nothing was evicted for them' : `, ${early.delta} entries evicted for others`} between the readings`;
  return drop.delta > 0
    ? { step: shown(words, citeMove(picture, drop), false), dropped: drop.delta }
    : {
        step: inferred(
          'no drop was counted between the readings: it was at another time',
          citeMove(picture, drop),
          false,
          ASK.statistics,
        ),
        dropped: 0,
      };
}

function leakLookAlike(signs: Signs): LookAlike {
  const own = listed(signs);
  const part = signs.picture.host.parts.find((one) => one.snapshotId === own?.snapshotId && one.part === 'list:main');
  const accounts = own !== undefined && signs.level !== null && own.entries >= signs.level.count * ACCOUNTS;
  return ruledOutBy(
    'count-leak',
    `the listing has ${own?.entries} entries for a count of ${signs.level?.count}`,
    accounts && part?.why == null ? [signs.picture.cite.reading(part, `${own.entries} entries listed`)] : [],
    ASK.countAndListing,
  );
}

/** More room, with what it costs: the limit and the number of hash chains belong together. */
function moreRoom(max: number | null): Remedy {
  const wanted = max === null ? 'N' : String(max * 2);
  return {
    when: 'now',
    text: 'give the table twice the room',
    command: `sysctl -w net.netfilter.nf_conntrack_max=${wanted}; sysctl -w net.netfilter.nf_conntrack_buckets=${wanted}`,
    undo: max === null ? '' : `sysctl -w net.netfilter.nf_conntrack_max=${max}`,
    price:
      'kernel memory that cannot be swapped, some 400 bytes for each entry and 8 for each bucket; one limit for all namespaces; all entries are hashed anew. What fills the table fills the larger one as well',
  };
}

function titleOf(filling: Filling | null, certainlyWhy: string): string {
  return filling === null
    ? `Table full: new connections are dropped${certainlyWhy}`
    : `Table full (${filling.argument.id}): new connections are dropped`;
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const rows = picture.notices.filter((row) => row.reasonId === 'table-full');
  // Full of entries that are not there: that is another story.
  if (countGaps(picture).gaps.some((gap) => gap.isWhole)) return [];
  const levels = tableLevels(picture);
  const level = fullest(levels);
  const isAtLimit = level !== null && level.count >= level.max! * NEARLY;
  if (rows.length === 0 && !isAtLimit && evictions(picture) === null) return [];
  const signs: Signs = {
    picture,
    rows,
    level,
    isAtLimit,
    sizes: isAtLimit || rows.length > 0 ? picture.read(readListSizes) : [],
  };
  const { step: drops, dropped } = dropStep(signs);
  // A full table without a drop is a warning, not yet a fault.
  if (rows.length === 0 && (dropped ?? 0) === 0) return [];
  const held = heldBack(picture, rows);
  const cited = citeNotices(picture, rows);
  const said = `the kernel said "table full, dropping packet" ${rows.length === 1 ? 'once' : `${rows.length} times`}${held.count > 0 ? `; ${held.count} more messages were held back about then` : ''}`;
  const inodes = [...new Set(rows.map(namespaceOf).filter((inode) => inode !== null))];
  const steps: Step[] = [
    rows.length > 0
      ? shown(said, [...cited, ...held.rows.slice(0, 3).map((row) => picture.cite.notice(row))])
      : silentStep(signs),
    levelStep(signs),
    drops,
  ];
  const biggest = signs.sizes.filter((one) => one.list === 'main').sort((a, b) => b.entries - a.entries)[0];
  const chosen = listed(signs) ?? biggest;
  // A list of another namespace than the one that was full says nothing.
  const isOther = chosen?.netns != null && inodes.length > 0 && !inodes.includes(chosen.netns);
  const filling = chosen === undefined || isOther ? null : whoFillsIt(picture, chosen.snapshotId);
  const { firstAtUs, lastAtUs } = spanOf(rows);
  const story: StoryLine[] = [
    ...(rows.length > 0
      ? [
          storyLine(
            timeLabel(firstAtUs),
            `${rows[0]!.text.trim()}${rows.length === 1 ? '' : `, ${rows.length} times`}${held.count > 0 ? `, ${held.count} more held back` : ''}`,
            cited,
          ),
        ]
      : []),
    ...(level === null ? [] : [storyLine('table', `${level.count} of ${level.max} entries`, level.evidence)]),
    ...(drops.is === 'shown' ? [storyLine('statistics', drops.says, drops.evidence)] : []),
    ...(filling === null
      ? []
      : [
          storyLine(
            'filled by',
            filling.says,
            filling.argument.steps.flatMap((step) => step.evidence),
          ),
        ]),
  ];
  const where = inodes.length === 0 ? '' : ` in namespace ${inodes.join(', ')}`;
  const evidenceOfWords: readonly EvidenceItem[] = cited.slice(0, 1);
  return [
    {
      class: 'table-full',
      argument: {
        id: 'table-full',
        steps,
        lookAlikes: [
          ...(rows.length === 0
            ? []
            : [
                ruledOutBy(
                  'helper-expectation',
                  'the line speaks of the table of connections, not of expectations',
                  evidenceOfWords,
                ),
              ]),
          leakLookAlike(signs),
        ],
      },
      led: filling?.argument ?? null,
      title: titleOf(filling, where),
      summary: `A packet that would open a connection found no room${where} and was dropped in front of all rules: no rule, no LOG line and no trace sees it. ${filling === null ? 'What fills the table is not told by this evidence: raising the limit is the last step, not the first.' : `${filling.says}.`}`,
      missing: filling === null ? [ASK.listing] : [],
      remedies: [
        ...(filling?.remedies.filter((one) => one.when === 'now') ?? []),
        moreRoom(level?.max ?? null),
        ...(filling?.remedies.filter((one) => one.when === 'lasting') ?? []),
      ],
      about: {
        outcome: 'DROP',
        fate: 'dropped',
        flow: null,
        tupleIds: [],
        flowText: 'no packet is named',
        packetText:
          rows.length === 0
            ? `${dropped} drops`
            : `${rows.length} message${rows.length === 1 ? '' : 's'}${held.count > 0 ? ` and ${held.count} held back` : ''}`,
        flows: 0,
        count: Math.max(rows.length + held.count, dropped ?? 0),
        firstAtUs,
        lastAtUs,
        reason: rows.length === 0 ? null : { id: 'table-full', message: rows[0]!.text.trim() },
        story,
        notices: rows,
      },
    },
  ];
}

export const tableFull: HostCause = {
  id: 'table-full',
  title: 'Table full: new connections are dropped',
  needs:
    'the kernel\'s "table full, dropping packet", or drops in the statistics together with evictions or a count at its limit',
  decides:
    'the message, the count near the limit, drop and early_drop rising between two readings; a listing tells what fills it',
  looksLike: ['count-leak', 'helper-expectation'],
  causes: [
    'scan',
    'flood',
    'dead-target',
    'unanswered',
    'half-closed',
    'refused-or-lost-close',
    'idle-connections',
    'churn',
    'limit-too-low',
  ],
  kernels:
    'all; since 6.17 the message names the namespace when it is not the first; since 4.12 entries are evicted from 95 % on',
  evidence: ['kernel log', 'count and limit', 'statistics', 'entries', 'settings'],
  argue,
};
