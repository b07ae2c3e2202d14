// Kernel lines that name no packet (their addresses were cut off, or never printed) as the subject of an argument; and what numbers are left in them.

import type { Fate, Outcome } from '../../model/finding.js';
import type { NoticeRow } from '../../store/evidence-reader.js';
import { citeNotices, spanOf, storyLine, timeLabel } from './host-measures.js';
import type { HostPicture } from './host-picture.js';
import type { HostSubject } from './host-verdict.js';

/** A finding about messages. @param rows those it accounts for, at least one */
export function aboutNotices(
  picture: HostPicture,
  rows: readonly NoticeRow[],
  is: { readonly outcome: Outcome; readonly fate: Fate; readonly flowText: string },
): HostSubject {
  const { firstAtUs, lastAtUs } = spanOf(rows);
  const first = rows[0]!;
  return {
    ...is,
    flow: null,
    tupleIds: [],
    standsAlone: true,
    packetText: rows.length === 1 ? '1 message' : `${rows.length} messages`,
    flows: 0,
    count: rows.length,
    firstAtUs,
    lastAtUs,
    reason: first.reasonId === null ? null : { id: first.reasonId, message: first.text.trim() },
    story: rows
      .slice(0, 4)
      .map((row) => storyLine(timeLabel(row.atUs), wordsOf(picture, row), citeNotices(picture, [row]))),
    notices: rows,
  };
}

/** The message as it stands in its line, without the dump behind it. */
function wordsOf(picture: HostPicture, row: NoticeRow): string {
  const text = lineOf(picture, row);
  const said = /(?:nf_ct_\w+|ip_ct_\w+): (.*?)(?= (?:\.\.|IN=|SRC=|LEN=|SEQ=)|$)/.exec(text)?.[1];
  return said ?? row.text.trim();
}

/** The whole line of a message where its text is kept, else the message. */
export function lineOf(picture: HostPicture, row: NoticeRow): string {
  return picture.cite.notice(row).text;
}

/** What is left of a dump whose addresses were cut off. NULL: not in it. */
export interface NumbersLeft {
  readonly row: NoticeRow;
  /** The bound in the message, where it has one. */
  readonly bound: number | null;
  readonly seq: number | null;
  readonly ack: number | null;
  readonly len: number | null;
  readonly window: number | null;
}

export function numbersLeft(picture: HostPicture, row: NoticeRow): NumbersLeft {
  const text = lineOf(picture, row);
  const field = (name: string) => {
    const found = new RegExp(`\\b${name}=(\\d+)\\b`).exec(text)?.[1];
    return found === undefined ? null : Number(found);
  };
  const bound = /\b(?:upper|lower) bound (\d+)\b/.exec(text)?.[1];
  return {
    row,
    bound: bound === undefined ? null : Number(bound),
    seq: field('SEQ'),
    ack: field('ACK'),
    len: field('LEN'),
    window: field('WINDOW'),
  };
}
