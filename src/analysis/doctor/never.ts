// What this kernel can never show, whatever is switched on: by release, or because it was built without.

import { between, type Holds, holds, since, until, type VersionRange } from '../../catalogue/kernel-version.js';
import type { Never } from '../../model/diagnosis.js';
import type { Asked } from './question.js';

interface Missing {
  readonly what: string;
  readonly range: VersionRange;
  readonly why: string;
}

const MISSING: readonly Missing[] = [
  { what: 'entries not yet confirmed', range: since('5.19'), why: 'that list is always empty since 5.19' },
  {
    what: 'dying entries',
    range: since('5.19'),
    why: 'only those whose destroy event could not be delivered',
  },
  { what: 'entries not yet confirmed, dying ones', range: until('3.2'), why: 'no such lists before 3.8' },
  {
    what: 'numbers behind a window violation',
    range: between('5.19', '6.0'),
    why: 'debug lines gone in 5.19, log lines with numbers since 6.1',
  },
  {
    what: 'new, delete and searched counters',
    range: since('4.9'),
    why: 'no longer counted since 4.9; insert counts netlink only',
  },
  {
    what: 'log lines of other namespaces',
    range: between('3.10', '4.10'),
    why: 'muted from 3.10 to 4.10 without a switch',
  },
  { what: 'interfaces of a log_invalid line', range: until('5.13'), why: 'IN= and OUT= are empty before 5.14' },
  { what: "an entry's id in nft traces", range: until('6.15'), why: 'since 6.16' },
  { what: 'why a TCP header cut short is INVALID', range: since('5.0'), why: 'refused without a line since 5.0' },
];

/** Dynamic debug shrank in two steps. */
const SHRUNK: readonly Missing[] = [
  { what: 'most debug lines of TCP', range: between('5.19', '6.2'), why: 'removed in 5.19' },
  { what: 'all but a few debug lines', range: since('6.3'), why: 'removed in 5.19 and 6.3' },
];

/** 'unknown' without a kernel or for one that may be either. */
export function holdsHere(range: VersionRange, { kernel }: Asked): Holds {
  return holds(range, kernel);
}

/** Only what surely holds: 'never' is a strong word. */
export function never(asked: Asked): readonly Never[] {
  const { debug } = asked.facts;
  const surely = (all: readonly Missing[]) =>
    all.filter(({ range }) => holdsHere(range, asked) === 'yes').map(({ what, why }) => ({ what, why }));
  return [
    ...(debug?.isBuiltIn === false ? [{ what: 'dynamic debug', why: 'not built into this kernel' }] : surely(SHRUNK)),
    ...surely(MISSING),
  ];
}
