// The arithmetic of a packet that went wrong, told in words: which check, by how many bytes, and where its bound came from.

import { reasonById } from '../../catalogue/all-reasons.js';
import { duration } from '../../text/time.js';
import type { CheckName } from '../../tracker/outcome.js';
import { ACK, SYN } from '../../tracker/packet.js';
import { distance, plus } from '../../tracker/serial.js';
import { onlyAmount, onlyNumber } from '../../tracker/unseen/range.js';
import { endOf } from '../../tracker/unseen/segment.js';
import type { End } from '../../tracker/unseen/world.js';
import { endWords } from '../causes/words.js';
import { type Bases, grouped, shown } from './numbers.js';
import type { Replay, ReplayRow } from './replay.js';

function nameOf(replay: Replay, end: End): string {
  const { flow } = replay;
  return end === 0 ? endWords(flow.src, flow.sport) : endWords(flow.dst, flow.dport);
}

function bytes(count: number): string {
  return `${grouped(count)} byte${count === 1 ? '' : 's'}`;
}

/** The segment that gave a side the right to send up to maxend: an acknowledgement of the other one, and its window. */
function grantWords(replay: Replay, row: ReplayRow, maxEnd: number, from: End, bases: Bases): string {
  const to: End = from === 0 ? 1 : 0;
  for (let at = row.number - 2; at >= 0; at -= 1) {
    const one = replay.rows[at]!;
    const { segment } = one.packet;
    if (segment === null || segment.from !== to || segment.window === null || segment.ack === null) continue;
    if ((segment.flags & ACK) === 0) continue;
    const scale = (segment.flags & SYN) !== 0 ? 0 : onlyAmount(one.sidesAfter[to]?.scale ?? { lo: 0, hi: 1 });
    if (scale === null) continue;
    const window = segment.window << scale;
    const allowed = plus(segment.ack, window + (window === 0 ? 1 : 0));
    if (allowed !== maxEnd) continue;
    const scaled = scale === 0 ? grouped(segment.window) : `${grouped(segment.window)} x ${2 ** scale}`;
    return `packet ${one.number} allowed it: ACK ${shown(segment.ack, from, bases)} + window ${scaled} = ${shown(maxEnd, from, bases)}`;
  }
  return `${nameOf(replay, to)} had allowed up to ${shown(maxEnd, from, bases)}`;
}

/** The last packet that moved the end of a side to here. */
function sentWords(replay: Replay, row: ReplayRow, end: number, from: End): string {
  for (let at = row.number - 2; at >= 0; at -= 1) {
    const one = replay.rows[at]!;
    const { segment } = one.packet;
    if (segment !== null && segment.from === from && onlyNumber(endOf(segment)) === end && one.verdict !== 'INVALID')
      return `, which packet ${one.number} reached`;
  }
  return '';
}

/** How far the segment lies outside of what a check allows; NULL where a number is not known. */
export function bytesOutside(row: ReplayRow, check: CheckName): number | null {
  const { segment } = row.packet;
  const bound = onlyNumber(row.bounds?.[check] ?? null);
  if (segment === null || bound === null) return null;
  if (check === 'I') return segment.seq === null ? null : distance(segment.seq, bound) + 1;
  if (check === 'II') {
    const end = onlyNumber(endOf(segment));
    return end === null ? null : distance(bound, end) + 1;
  }
  if (segment.ack === null) return null;
  return check === 'III' ? distance(segment.ack, bound) + 1 : distance(bound, segment.ack) + 1;
}

function checkWords(replay: Replay, row: ReplayRow, check: CheckName, bases: Bases): readonly string[] {
  const segment = row.packet.segment!;
  const from = segment.from;
  const to: End = from === 0 ? 1 : 0;
  const bound = onlyNumber(row.bounds?.[check] ?? null);
  const by = bytesOutside(row, check);
  if (bound === null || by === null)
    return [`Check ${check} failed; by how much cannot be known, since its bound was not seen.`];
  const [sender, receiver] = [row.sidesBefore[from], row.sidesBefore[to]];
  if (check === 'I') {
    const last = plus(bound, -1);
    const over = row.reasonId === 'tcp-bytes-more-than-expected' ? ', little enough to be let through' : '';
    return [
      `SEQ ${shown(segment.seq!, from, bases)} is ${bytes(by)} above ${shown(last, from, bases)}, the highest that ${nameOf(replay, from)} may send (maxend)${over}; ${grantWords(replay, row, last, from, bases)}.`,
    ];
  }
  if (check === 'III') {
    const seen = plus(bound, -1);
    return [
      `ACK ${shown(segment.ack!, to, bases)} is ${bytes(by)} above ${shown(seen, to, bases)}, the end of what conntrack saw of ${nameOf(replay, to)}${sentWords(replay, row, seen, to)}: it acknowledges data that conntrack has not seen, or has not believed.`,
    ];
  }
  if (check === 'II') {
    const window = receiver === null ? null : onlyAmount(receiver.maxWin);
    const end = sender === null ? null : onlyNumber(sender.end);
    const how =
      window === null || end === null
        ? ''
        : ` = end ${shown(end, from, bases)} - largest window of ${nameOf(replay, to)} ${grouped(window)} - 1`;
    return [
      `It ends at ${shown(onlyNumber(endOf(segment))!, from, bases)}, ${bytes(by)} below what is still in the window: lower bound ${shown(bound, from, bases)}${how}.`,
      'Old data, sent again long after it was acknowledged.',
    ];
  }
  const window = sender === null ? null : onlyAmount(sender.maxWin);
  const back = window === null ? null : Math.max(66_000, window);
  const end = receiver === null ? null : onlyNumber(receiver.end);
  const how =
    back === null || end === null
      ? ''
      : ` = end of ${nameOf(replay, to)} ${shown(end, to, bases)} - ${grouped(back)} - 1`;
  return [
    `ACK ${shown(segment.ack!, to, bases)} is ${bytes(by)} below the lower bound ${shown(bound, to, bases)}${how}: an acknowledgement from long ago.`,
  ];
}

/** Why this row is as it is: the arithmetic, the entry that ran out, the row of the table; empty for an ordinary packet. */
export function whyWords(replay: Replay, row: ReplayRow, bases: Bases): readonly string[] {
  const lines: string[] = [];
  if (row.expiredMs !== null) {
    const { lo, hi } = row.expiredMs;
    const ago = lo === hi ? `${duration(lo * 1000)}` : `${duration(Math.max(0, lo) * 1000)} to ${duration(hi * 1000)}`;
    lines.push(`The entry had run out ${ago} before this packet.`);
  }
  if (row.agreement === 'disagrees') lines.push(disagreement(row));
  if (row.failed !== null) lines.push(...checkWords(replay, row, row.failed, bases));
  if (row.isForgiven) lines.push('Let through all the same: be_liberal, or a connection picked up in the middle.');
  if (
    row.failed === null &&
    row.reasonId !== null &&
    (row.verdict === 'INVALID' || row.verdict === 'DROP' || row.isIgnored)
  ) {
    const condition = reasonById(row.reasonId)?.condition;
    if (condition !== undefined) lines.push(`${row.reasonId}: ${condition}.`);
  }
  return lines;
}

function disagreement(row: ReplayRow): string {
  const { observed, isAfterGap, packet } = { ...row.packet, isAfterGap: row.isAfterGap, packet: row.packet };
  const said = packet.message !== null ? `"${packet.message}"` : (observed.verdict ?? 'another answer');
  const model = row.verdicts.join(' or ');
  const why = isAfterGap
    ? 'packets that nobody recorded, or other settings'
    : 'packets that were not recorded, other settings, or a setting of the entry (NAT, helper, offload) that is not modelled';
  return `The kernel said ${said}; the model says ${model}. That can be: ${why}.`;
}
