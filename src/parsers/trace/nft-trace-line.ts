// One line of `nft monitor trace` as a step (nftables, src/netlink.c: netlink_events_trace_cb(), 1.0.6).

import type { RuleKind } from '../../model/kernel-line.js';
import type { TraceStep } from '../../model/trace.js';
import { numberOf, readNftPacket } from './nft-packet.js';

const HEAD = /^trace id ([0-9a-f]{1,8}) (ip6?|inet|arp|bridge|netdev) ("[^"]*"|\S+) ("[^"]*"|\S+) /;
const VERDICT = / ?\(verdict ([^()]*)\)\s*$/;

export type NftTraceLine =
  | { readonly is: 'step'; readonly step: TraceStep }
  | { readonly is: 'unread'; readonly reason: string; readonly at: number }
  | { readonly is: 'other' };

export function isNftTrace(text: string): boolean {
  return text.startsWith('trace id ') && /^trace id [0-9a-f]{1,8}\b/.test(text);
}

interface Parts {
  readonly ruleKind: RuleKind;
  readonly fields: Partial<TraceStep>;
}

function markOf(text: string): number | null {
  const match = /\bmeta mark (0x[0-9a-f]{1,8}|\d{1,10})/i.exec(text);
  return match === null ? null : numberOf(match[1]!);
}

/** 'ct direction original ct state new ct status dnat-done ct id 32'; the status may be several words. */
function conntrackWords(text: string): Partial<TraceStep> {
  const value = (key: string): string | null =>
    new RegExp(`\\bct ${key} (.*?)(?=\\s+ct (?:direction|state|status|id)\\b|\\s*$)`).exec(text)?.[1]?.trim() ?? null;
  const id = value('id');
  return {
    ctDirection: value('direction'),
    ctState: value('state'),
    ctStatus: value('status'),
    ctId: id === null ? null : numberOf(id),
  };
}

function partsOf(text: string): Parts | string {
  if (/^packet: ?/.test(text)) {
    const words = text.slice(7);
    return { ruleKind: 'packet', fields: { packet: readNftPacket(words), mark: markOf(words) } };
  }
  if (/^conntrack: ?/.test(text)) return { ruleKind: 'conntrack', fields: conntrackWords(text.slice(10)) };
  if (/^policy /.test(text)) {
    const policy = /^policy (accept|drop)\b/.exec(text);
    if (policy === null) return 'a policy that is neither accept nor drop';
    return { ruleKind: 'policy', fields: { verdict: policy[1]!, mark: markOf(text) } };
  }
  if (/^verdict /.test(text)) {
    const verdict = /^verdict (\S.*?)\s*(?:meta mark \S+\s*)?$/.exec(text);
    if (verdict === null) return 'no verdict behind the word';
    const words = verdict[1]!;
    return { ruleKind: words === 'return' ? 'return' : 'verdict', fields: { verdict: words, mark: markOf(text) } };
  }
  const unknown = /^unknown rule handle (\d+) ?(.*)$/.exec(text);
  const rule = unknown === null ? /^rule (.*)$/.exec(text) : null;
  if (unknown === null && rule === null) return 'neither packet, rule, verdict, policy nor conntrack';
  const rest = unknown?.[2] ?? rule?.[1] ?? '';
  const verdict = VERDICT.exec(rest);
  const ruleText = (verdict === null ? rest : rest.slice(0, verdict.index)).trim();
  const handle = unknown?.[1] ?? /\s# handle (\d+)$/.exec(ruleText)?.[1];
  return {
    ruleKind: 'rule',
    fields: {
      ruleText: unknown === null && ruleText !== '' ? ruleText.replace(/\s# handle \d+$/, '') : null,
      verdict: verdict?.[1]?.trim() ?? null,
      handle: handle === undefined ? null : Number(handle),
    },
  };
}

const unquoted = (name: string): string => name.replace(/^"(.*)"$/, '$1');

/** @param line a whole line; @param at where its text begins behind stamps and numbers */
export function readNftTraceLine(line: string, at: number): NftTraceLine {
  const text = line.slice(at);
  if (!isNftTrace(text)) return { is: 'other' };
  const head = HEAD.exec(`${text} `);
  if (head === null)
    return { is: 'unread', reason: 'the line ends before its chain', at: Math.min(line.length, at + 9) };
  const behind = Math.min(line.length, at + head[0].length);
  const parts = partsOf(line.slice(behind));
  if (typeof parts === 'string') return { is: 'unread', reason: parts, at: behind };
  return {
    is: 'step',
    step: {
      tool: 'nft',
      traceId: head[1]!,
      family: head[2]!,
      table: unquoted(head[3]!),
      chain: unquoted(head[4]!),
      ruleKind: parts.ruleKind,
      handle: null,
      ruleNumber: null,
      ruleText: null,
      verdict: null,
      packet: null,
      ctDirection: null,
      ctState: null,
      ctStatus: null,
      ctId: null,
      mark: null,
      ...parts.fields,
    },
  };
}
