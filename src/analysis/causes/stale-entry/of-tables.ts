// An entry made before the rule that would translate its connection keeps the connection away from it, as long as packets refresh it:
// NAT rules are asked for the first packet of an entry only (net/netfilter/nf_nat_core.c: nf_nat_inet_fn(), all versions). Told here from
// listings; of-packets.ts tells it of packets.

import { readEntries, readHostFacts } from '../../../store/evidence-reader.js';
import type { Db } from '../../../store/open-store.js';
import {
  areBeside,
  type EntryWithEnds,
  readTranslatedSiblings,
  readUnanswered,
  readUntranslatedAmongTranslated,
} from '../../../store/stale-suspects.js';
import { readListSizes } from '../../../store/table-shape.js';
import { timeOfList } from '../../explain/host-measures.js';
import type { HostPicture } from '../../explain/host-picture.js';
import { flowOfEntry, type HostVerdict } from '../../explain/host-verdict.js';
import type { HostCause } from '../cause.js';
import { flowWords } from '../words.js';
import { argueStale, type Refresh, STALE_WORDS, type StaleSigns } from './argue-stale.js';
import { translatingRule } from './nat-rule.js';

/** Listings of so few entries were picked by hand, for what is wrong with them. */
const HAND_PICKED = 3;
/** Unanswered entries that are held against the rules. */
const HELD_AGAINST_RULES = 200;

/** Whether the entry was seen with more time than its age allows: packets came meanwhile. */
export function refreshOf(picture: HostPicture, own: EntryWithEnds): Refresh | null {
  const seen = picture
    .read((db, hostId) => readEntries(db, hostId, [own.tupleId]))
    .filter((row) => row.list === 'main' && row.tupleId === own.tupleId && row.replyTupleId === own.replyTupleId);
  for (const [index, row] of seen.entries()) {
    const later = seen.slice(index + 1).find((other) => {
      if (other.snapshotId === row.snapshotId) return false;
      if (row.expiresAtUs !== null && other.expiresAtUs !== null)
        return other.expiresAtUs > row.expiresAtUs + 1_500_000;
      return row.timeoutS !== null && other.timeoutS !== null && other.timeoutS > row.timeoutS;
    });
    if (later === undefined) continue;
    const cited = [row, later].map((one) => picture.cite.entry(one, timeOfList(picture, one.snapshotId)));
    return {
      says: `packets refresh it: ${row.timeoutS} s left at one reading, ${later.timeoutS} s at a later one`,
      evidence: cited.filter((item) => item !== null),
    };
  }
  return null;
}

/** Whether an address is this host's own; NULL: its addresses are not known. */
function isLocal({ host }: HostPicture, address: string): boolean | null {
  const own = host.facts.filter((fact) => fact.kind === 'address').map((fact) => fact.data['local']);
  return own.length === 0 ? null : own.includes(address);
}

function readPicked(db: Db, hostId: number) {
  return readHostFacts(db, hostId, ['listed']);
}

/** How many entries a tool says it listed, where only few of them are here. */
function pickedFrom(picture: HostPicture, here: number): number | null {
  const said = picture
    .read(readPicked)
    .filter((fact) => fact.data['what'] === 'entries')
    .map((fact) => Number(fact.data['shown']));
  const most = Math.max(0, ...said);
  return most > here ? most : null;
}

function verdictOf(
  picture: HostPicture,
  own: EntryWithEnds,
  signs: Omit<StaleSigns, 'own' | 'ownEvidence' | 'refresh'>,
): HostVerdict {
  const ownEvidence = picture.cite.entry(own, timeOfList(picture, own.snapshotId));
  const argued = argueStale({
    ...signs,
    own,
    ownEvidence: ownEvidence === null ? [] : [ownEvidence],
    refresh: refreshOf(picture, own),
  });
  return {
    ...argued.verdict,
    about: {
      outcome: 'OTHER',
      fate: 'unknown',
      flow: flowOfEntry(own),
      tupleIds: [own.tupleId, own.replyTupleId],
      flowText: flowWords({ ...own, extra: null }),
      packetText: '1 entry',
      flows: 1,
      count: 0,
      firstAtUs: null,
      lastAtUs: null,
      reason: null,
      story: argued.story,
      notices: [],
    },
  };
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const cite = (row: EntryWithEnds) => picture.cite.entry(row, timeOfList(picture, row.snapshotId));
  const among = picture.read(readUntranslatedAmongTranslated);
  const known = new Set<number>();
  const verdicts: HostVerdict[] = [];
  for (const own of among) {
    if (known.has(own.tupleId)) continue;
    known.add(own.tupleId);
    const siblings = picture.read((db, hostId) => readTranslatedSiblings(db, hostId, own));
    // The address that others are translated to needs no translation itself.
    if (siblings.some((one) => one.replyDst === own.src && one.src !== own.src)) continue;
    verdicts.push(
      verdictOf(picture, own, {
        siblings: siblings.map((one) => ({ ...one, evidence: cite(one), isBeside: areBeside(one, own) })),
        rule: translatingRule(picture.host, own, isLocal(picture, own.src)),
        isOnItsWay: isLocal(picture, own.src) !== null,
        pickedFrom: null,
      }),
    );
  }
  if (verdicts.length > 0) return verdicts;
  const open = picture.read((db, hostId) => readUnanswered(db, hostId, HELD_AGAINST_RULES));
  const plain = open.filter((one) => one.replySrc === one.dst && one.replyDst === one.src);
  for (const own of plain) {
    const rule = picture.host.rules.hasRules ? translatingRule(picture.host, own, isLocal(picture, own.src)) : null;
    if (rule !== null && !known.has(own.tupleId)) {
      known.add(own.tupleId);
      verdicts.push(
        verdictOf(picture, own, {
          siblings: [],
          rule,
          isOnItsWay: isLocal(picture, own.src) !== null,
          pickedFrom: null,
        }),
      );
    }
  }
  if (verdicts.length > 0 || picture.host.rules.hasRules || plain.length === 0) return verdicts;
  const here = picture
    .read(readListSizes)
    .filter((one) => one.list === 'main')
    .reduce((most, one) => Math.max(most, one.entries), 0);
  const picked = pickedFrom(picture, here);
  // One entry of many, unanswered: somebody looked at it for a reason. Of a whole table such entries are ordinary.
  if (here > HAND_PICKED || picked === null || open.length !== here) return [];
  return plain
    .slice(0, 1)
    .map((own) => verdictOf(picture, own, { siblings: [], rule: null, isOnItsWay: false, pickedFrom: picked }));
}

export const staleEntryOfTables: HostCause = { ...STALE_WORDS, argue };
