// A flow of ulogd's plugin NFCT as a conntrack event, from its JSON and GPRINT fields or from the words of PRINTFLOW (LOGEMU, SYSLOG).
// Keys: ulogd2 2.0.8, input/flow/ulogd_inpflow_NFCT.c: nfct_okeys; output/ulogd_output_JSON.c renames the original addresses.

import type { CtCounters, CtEntry, CtEvent, CtEventKind } from '../../model/conntrack.js';
import type { Stamp } from '../../model/kernel-line.js';
import type { Tuple } from '../../model/tuple.js';
import { canonicalAddress } from '../../text/address.js';
import { protocolNumber } from '../../text/protocols.js';
import { address, momentOf, number, type UlogdFields } from './ulogd-object.js';

const NO_COUNTERS: CtCounters = { packets: null, bytes: null };

/** What a flow tells; everything else of an entry ulogd leaves out. */
function entryOf(told: Pick<CtEntry, 'family' | 'orig' | 'reply'> & Partial<CtEntry>): CtEntry {
  return {
    timeoutS: null,
    state: null,
    status: [],
    zone: null,
    zoneOrig: null,
    zoneReply: null,
    id: null,
    mark: null,
    use: null,
    helper: null,
    labels: null,
    secctx: null,
    origCounters: NO_COUNTERS,
    replyCounters: NO_COUNTERS,
    deltaTimeS: null,
    startedAtUs: null,
    stoppedAtUs: null,
    startedLocal: null,
    stoppedLocal: null,
    activeSinceS: null,
    isOffloaded: false,
    unknown: [],
    ...told,
  };
}

function eventOf(kind: CtEventKind, atUs: number | null, stamp: Stamp | null, entry: CtEntry): CtEvent {
  return { kind, atUs, stamp, entry, expectation: null, portId: null, isUserSpace: null };
}

/** enum nfct_msg_type of libnetfilter_conntrack, as 'ct.event' holds it. */
const KINDS: ReadonlyMap<number, CtEventKind> = new Map([
  [1, 'NEW'],
  [2, 'UPDATE'],
  [4, 'DESTROY'],
]);

function icmpWords(type: number | null, code: number | null): string | null {
  return type === null ? null : `type=${type} code=${code ?? 0}`;
}

function sideOf(fields: UlogdFields, side: 'orig' | 'reply', renamed: readonly [string, string] | null): Tuple | null {
  const src = address(fields, ...(renamed === null ? [] : [renamed[0]]), `${side}.ip.saddr.str`, `${side}.ip.saddr`);
  const dst = address(fields, ...(renamed === null ? [] : [renamed[1]]), `${side}.ip.daddr.str`, `${side}.ip.daddr`);
  const proto = number(fields, `${side}.ip.protocol`);
  if (src === null || dst === null || proto === null) return null;
  return {
    proto,
    src,
    dst,
    sport: number(fields, `${side}.l4.sport`),
    dport: number(fields, `${side}.l4.dport`),
    extra: side === 'orig' ? icmpWords(number(fields, 'icmp.type'), number(fields, 'icmp.code')) : null,
  };
}

function timeOf(fields: UlogdFields, which: 'start' | 'end'): number | null {
  const seconds = number(fields, `flow.${which}.sec`);
  return seconds === null || seconds === 0 ? null : seconds * 1e6 + (number(fields, `flow.${which}.usec`) ?? 0);
}

/** NULL when the fields do not name both ends, or no kind of event. */
export function ulogdFlow(fields: UlogdFields): CtEvent | null {
  const orig = sideOf(fields, 'orig', ['src_ip', 'dest_ip']);
  const kind = KINDS.get(number(fields, 'ct.event') ?? 4);
  if (orig === null || kind === undefined) return null;
  const counters = (side: 'orig' | 'reply'): CtCounters => ({
    packets: number(fields, `${side}.raw.pktcount`),
    bytes: number(fields, `${side}.raw.pktlen`),
  });
  const startedAtUs = timeOf(fields, 'start');
  const stoppedAtUs = kind === 'DESTROY' ? timeOf(fields, 'end') : null;
  // Without nf_conntrack_acct the plugin prints zeros.
  const hasCounters = (counters('orig').packets ?? 0) + (counters('reply').packets ?? 0) > 0;
  const { stamp, atUs } = momentOf(fields);
  const ownAtUs = kind === 'NEW' ? startedAtUs : kind === 'DESTROY' ? stoppedAtUs : null;
  return eventOf(
    kind,
    ownAtUs ?? atUs,
    ownAtUs === null ? stamp : null,
    entryOf({
      family: orig.src.includes(':') ? 'ip6' : 'ip',
      orig,
      reply: sideOf(fields, 'reply', null),
      id: number(fields, 'ct.id'),
      mark: number(fields, 'ct.mark'),
      startedAtUs,
      stoppedAtUs,
      ...(hasCounters ? { origCounters: counters('orig'), replyCounters: counters('reply') } : {}),
    }),
  );
}

const FLOW = /\[(NEW|UPDATE|DESTROY)\] (?:ORIG: )?SRC=/;
const SIDE =
  /SRC=(\S+) DST=(\S+) PROTO=(\S+) (?:SPT=(\d+) DPT=(\d+) |TYPE=(\d+) CODE=(\d+) )?(?:PKTS=(\d+) BYTES=(\d+) )?/;

export function isPrintedFlow(text: string): boolean {
  return FLOW.test(text);
}

/**
 * A line of util/printflow.c: printflow_print(): '[DESTROY] ORIG: SRC=… , REPLY: SRC=…'.
 * @param stamp of the syslog-like head; NULL when it has none. @returns NULL when the line is cut before its first ports.
 */
export function printedFlow(text: string, stamp: Stamp | null): CtEvent | null {
  const kind = FLOW.exec(text)?.[1] as CtEventKind | undefined;
  if (kind === undefined) return null;
  const [before, behind] = text.split(/, REPLY: /);
  const read = (part: string | undefined): { readonly tuple: Tuple; readonly counters: CtCounters } | null => {
    const match = part === undefined ? null : SIDE.exec(part);
    const proto = match === null ? null : protocolNumber(match[3] ?? '');
    if (match === null || proto === null) return null;
    const count = (at: number): number | null => (match[at] === undefined ? null : Number(match[at]));
    // 2.0.8 prints the code under TYPE and the type under CODE; of the types that make entries none is 0.
    const isTurned = count(6) === 0 && (count(7) ?? 0) > 0;
    return {
      tuple: {
        proto,
        src: canonicalAddress(match[1]!),
        dst: canonicalAddress(match[2]!),
        sport: count(4),
        dport: count(5),
        extra: part === before ? icmpWords(count(isTurned ? 7 : 6), count(isTurned ? 6 : 7)) : null,
      },
      counters: { packets: count(8), bytes: count(9) },
    };
  };
  const orig = read(before);
  if (orig === null) return null;
  const reply = read(behind);
  return eventOf(
    kind,
    stamp?.kind === 'epoch' ? stamp.us : null,
    stamp?.kind === 'epoch' ? null : stamp,
    entryOf({
      family: orig.tuple.src.includes(':') ? 'ip6' : 'ip',
      orig: orig.tuple,
      reply: reply?.tuple ?? null,
      origCounters: orig.counters,
      replyCounters: reply?.counters ?? NO_COUNTERS,
    }),
  );
}
