// Reads one line of `conntrack -E`: a stamp of its own or of people, [NEW] [UPDATE] [DESTROY], an entry or an expectation, and who asked.

import type { CtEvent, CtEventKind } from '../../model/conntrack.js';
import type { Stamp } from '../../model/kernel-line.js';
import { clearDraft, draftedEntry, newDraft, PORT_ID, told } from './entry-draft.js';
import { readEntryLine, type Unreadable } from './entry-line.js';
import { findExpectation, readExpectationLine } from './expectation-line.js';
import { readOwnStamp } from './own-stamp.js';

type Tag = 'NEW' | 'UPDATE' | 'DESTROY';

const TAG = /\[(NEW|UPDATE|DESTROY)\]/;
/** conntrack's own stamp with six digits of microseconds, the common case. */
const OWN_STAMP = /^\[(\d{10})\.(\d{6})\]\s*$/;
/** What can stand between the tag and the addresses: `tcp 6 120 SYN_SENT`, also with words of /proc's. */
const ENTRY_HEAD = /^\s*(?:ipv[46]\s+\d+\s+)?[a-z][\w.-]*\s+\d/;

const EXPECTATION_KINDS: Readonly<Record<Tag, CtEventKind>> = {
  NEW: 'EXP_NEW',
  UPDATE: 'EXP_UPDATE',
  DESTROY: 'EXP_DESTROY',
};

const draft = newDraft();

export interface EventReading {
  readonly event: CtEvent;
}

function stampOf(prefix: string): Stamp | null {
  if (prefix.trim() === '') return null;
  const own = OWN_STAMP.exec(prefix);
  if (own !== null) return { kind: 'epoch', us: Number(own[1]) * 1_000_000 + Number(own[2]) };
  return readOwnStamp(prefix);
}

/** Where a line's event tag is; NULL for a line without one, or whose rest is neither entry nor expectation. */
export function findEvent(
  text: string,
): { readonly tag: Tag; readonly tagAt: number; readonly bodyAt: number; readonly isExpectation: boolean } | null {
  const found = TAG.exec(text);
  if (found === null) return null;
  const bodyAt = found.index + found[0].length;
  const body = text.slice(bodyAt);
  const isExpectation = findExpectation(body) !== null;
  if (!isExpectation && !ENTRY_HEAD.test(body)) return null;
  return { tag: found[1] as Tag, tagAt: found.index, bodyAt, isExpectation };
}

/**
 * Reads an event.
 * @param showsUserSpace whether this output would have said '[USERSPACE]' had a program asked for the change; NULL: not known
 * @returns the event, why the line cannot be read, or NULL for a line that is no event. Never throws.
 */
export function readEventLine(text: string, showsUserSpace: boolean | null): EventReading | Unreadable | null {
  const place = findEvent(text);
  if (place === null) return null;
  const stamp = stampOf(text.slice(0, place.tagAt));
  const atUs = stamp?.kind === 'epoch' ? stamp.us : null;
  const userSpace = (isPrinted: boolean): boolean | null => (isPrinted ? true : showsUserSpace === true ? false : null);
  if (place.isExpectation) {
    const reading = readExpectationLine(text, place.bodyAt);
    if ('reason' in reading) return reading;
    const { expectation, portId, isUserSpace } = reading;
    return {
      event: {
        kind: EXPECTATION_KINDS[place.tag],
        atUs,
        stamp,
        entry: null,
        expectation,
        portId,
        isUserSpace: userSpace(isUserSpace),
      },
    };
  }
  clearDraft(draft);
  const wrong = readEntryLine(draft, text, place.bodyAt, false);
  if (wrong !== null) return wrong;
  return {
    event: {
      kind: place.tag,
      atUs,
      stamp,
      entry: draftedEntry(draft),
      expectation: null,
      portId: told(draft, PORT_ID),
      isUserSpace: userSpace(draft.isUserSpace),
    },
  };
}
