// Reads one line of `conntrack -o save`: an entry as the options that would create it again.

import type { CtEntry } from '../../model/conntrack.js';
import { protocolNumber } from '../../text/protocols.js';
import {
  addStatus,
  addUnknown,
  clearDraft,
  DPORT,
  DST_KEY,
  draftedEntry,
  ICMP_CODE,
  ICMP_ID,
  ICMP_TYPE,
  isMirrored,
  isTold,
  MARK,
  newDraft,
  PORT_ID,
  SIDE,
  SIDE_ZONE,
  SPORT,
  SRC_KEY,
  setNumber,
  TIMEOUT,
  told,
  ZONE,
} from './entry-draft.js';
import type { Unreadable } from './entry-line.js';
import { shared, sharedAddress } from './words.js';

/** conntrack-tools src/conntrack.c: attrs_generic, attrs_ip_map; extensions/libct_proto_*.c: print_opts. */
const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['-t', TIMEOUT],
  ['-w', ZONE],
  ['-m', MARK],
  ['--orig-zone', SIDE_ZONE],
  ['--reply-zone', SIDE + SIDE_ZONE],
  ['--sport', SPORT],
  ['--dport', DPORT],
  ['--reply-port-src', SIDE + SPORT],
  ['--reply-port-dst', SIDE + DPORT],
  ['--srckey', SRC_KEY],
  ['--dstkey', DST_KEY],
  ['--reply-key-src', SIDE + SRC_KEY],
  ['--reply-key-dst', SIDE + DST_KEY],
  ['--icmp-type', ICMP_TYPE],
  ['--icmp-code', ICMP_CODE],
  ['--icmp-id', ICMP_ID],
  ['--icmpv6-type', ICMP_TYPE],
  ['--icmpv6-code', ICMP_CODE],
  ['--icmpv6-id', ICMP_ID],
]);

/** -g and -n stand for -r and -q where the entry is translated. */
const ADDRESSES: ReadonlyMap<string, 'src' | 'dst' | 'replySrc' | 'replyDst'> = new Map([
  ['-s', 'src'],
  ['-d', 'dst'],
  ['-r', 'replySrc'],
  ['-g', 'replySrc'],
  ['-q', 'replyDst'],
  ['-n', 'replyDst'],
]);

export type SaveVerb = 'add' | 'update' | 'delete';
const VERBS: ReadonlyMap<string, SaveVerb> = new Map([
  ['-A', 'add'],
  ['-I', 'add'],
  ['-U', 'update'],
  ['-D', 'delete'],
]);

export interface SaveReading {
  readonly verb: SaveVerb;
  readonly entry: CtEntry;
  readonly portId: number | null;
  readonly isUserSpace: boolean;
}

const START = /^\s*(?:conntrack\s+)?-([AIUD])\s+(?=-)/;
const draft = newDraft();

/** Whether a line is an entry saved as options: a verb of conntrack's, addresses by -s and -d, both also of the reply. */
export function looksSaved(text: string): boolean {
  return START.test(text) && / -s \S+ -d \S+ -[rgqn] /.test(text);
}

function readStatus(words: string): void {
  const printed = words.split(',');
  if (!printed.includes('SEEN_REPLY')) addStatus(draft, 'UNREPLIED');
  for (const word of printed) if (word !== 'SEEN_REPLY' && word !== 'UNSET') addStatus(draft, shared(word));
}

/** Reads a saved entry. A line that is cut keeps what stands before the cut option. Never throws. */
export function readSaveLine(text: string): SaveReading | Unreadable {
  const start = START.exec(text);
  if (start === null) return { reason: 'no verb in front', at: 0 };
  clearDraft(draft);
  const words = text.slice(start[0].length).split(/\s+/).filter(Boolean);
  for (let index = 0; index < words.length; index++) {
    const option = words[index]!;
    if (option === '[USERSPACE]') draft.isUserSpace = true;
    else if (/^portid=\d+$/.test(option)) setNumber(draft, PORT_ID, Number(option.slice(7)));
    else if (!option.startsWith('-')) addUnknown(draft, option);
    else {
      const value = words[++index];
      if (value === undefined) break;
      const slot = NUMBERS.get(option);
      const address = ADDRESSES.get(option);
      const isLast = index === words.length - 1;
      if (slot !== undefined && /^\d{1,10}$/.test(value)) {
        if (!isLast || !mayBePart(slot, value)) setNumber(draft, slot, Number(value));
      } else if (address !== undefined) draft[address] = sharedAddress(value);
      else if (option === '-p') draft.proto = protocolNumber(value) ?? -1;
      else if (option === '-u') readStatus(value);
      else if (option === '--state') draft.state = shared(value);
      else addUnknown(draft, `${option} ${value}`);
    }
  }
  const at = start[0].length;
  if (draft.proto < 0) return { reason: 'cut before the protocol', at };
  mirrorIcmp();
  const entry = draftedEntry(draft);
  if (entry === null) return { reason: 'cut before both addresses were named', at };
  return {
    verb: VERBS.get(`-${start[1]}`)!,
    entry: isReplyWhole() ? entry : { ...entry, reply: null },
    portId: told(draft, PORT_ID),
    isUserSpace: draft.isUserSpace,
  };
}

/** Whether a value that ends the line may be the beginning of a longer one: an original port never ends a whole line. */
function mayBePart(slot: number, value: string): boolean {
  if (slot === SPORT || slot === DPORT || slot === SRC_KEY || slot === DST_KEY) return true;
  const mirror = told(draft, slot === SIDE + DPORT ? SPORT : SRC_KEY);
  const isLastOfReply = slot === SIDE + DPORT || slot === SIDE + DST_KEY;
  return isLastOfReply && mirror !== null && mirror !== Number(value) && String(mirror).startsWith(value);
}

/** Only the original's type is saved; the kernel makes the reply's of it (nf_conntrack_proto_icmp.c: invmap, v6.18). */
const ICMP_ANSWERS: ReadonlyMap<number, ReadonlyMap<number, number>> = new Map([
  [
    1,
    new Map([
      [8, 0],
      [0, 8],
      [13, 14],
      [14, 13],
      [15, 16],
      [16, 15],
      [17, 18],
      [18, 17],
    ]),
  ],
  [
    58,
    new Map([
      [128, 129],
      [129, 128],
      [139, 140],
      [140, 139],
    ]),
  ],
]);

function mirrorIcmp(): void {
  const answer = ICMP_ANSWERS.get(draft.proto)?.get(told(draft, ICMP_TYPE) ?? -1);
  if (answer === undefined || isTold(draft, SIDE + ICMP_TYPE)) return;
  setNumber(draft, SIDE + ICMP_TYPE, answer);
  for (const slot of [ICMP_CODE, ICMP_ID]) {
    const value = told(draft, slot);
    if (value !== null) setNumber(draft, SIDE + slot, value);
  }
}

function isReplyWhole(): boolean {
  return draft.replyDst !== null && isMirrored(draft, [SPORT, DPORT, DST_KEY, ICMP_ID]);
}
