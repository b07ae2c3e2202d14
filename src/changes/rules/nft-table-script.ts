// Our tables in nf_tables, as text for `nft -f`: chains at the hooks, a limit for each flow, and counters that tell what the limit held back.

import { changeComment } from '../../model/change.js';
import type { PacketFilter } from '../../model/packet-filter.js';
import { connectionMatches, type HookSide, literalMatches } from './nft-match.js';

export interface Rate {
  readonly count: number;
  readonly per: 'second' | 'minute' | 'hour' | 'day';
}

/** '20/s', '5/min', '100/second'. NULL for other words. */
export function parseRate(text: string): Rate | null {
  const found = /^(\d{1,6})\/(s|sec|second|m|min|minute|h|hour|d|day)$/.exec(text.trim());
  if (found === null || Number(found[1]) === 0) return null;
  const per = { s: 'second', m: 'minute', h: 'hour', d: 'day' } as const;
  return { count: Number(found[1]), per: per[found[2]![0] as keyof typeof per] };
}

export function rateText({ count, per }: Rate): string {
  return `${count}/${per}`;
}

interface Hook {
  readonly name: string;
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly type: 'filter' | 'nat';
  readonly priority: number;
  readonly side: HookSide;
  readonly matches: (filter: PacketFilter, side: HookSide) => readonly string[];
}

const INPUT: HookSide = { hasInput: true, hasOutput: false };
const OUTPUT: HookSide = { hasInput: false, hasOutput: true };
const BOTH: HookSide = { hasInput: true, hasOutput: true };

/** Before raw (-300) the packet is as it arrived; conntrack has not seen it. */
const BEFORE_RAW: readonly Hook[] = [
  { name: 'before_in', hook: 'prerouting', type: 'filter', priority: -301, side: INPUT, matches: literalMatches },
  { name: 'before_out', hook: 'output', type: 'filter', priority: -301, side: OUTPUT, matches: literalMatches },
];
/** Just behind conntrack (-200): every packet has its state, and none has been changed by DNAT (-100). */
const BEHIND_CONNTRACK: readonly Hook[] = [
  { name: 'tracked_in', hook: 'prerouting', type: 'filter', priority: -199, side: INPUT, matches: connectionMatches },
  { name: 'tracked_out', hook: 'output', type: 'filter', priority: -199, side: OUTPUT, matches: connectionMatches },
];

/** Where tags go when a table is named: just before the table's own chains. */
const AT_TABLE: Readonly<Record<'mangle' | 'filter' | 'nat', readonly Hook[]>> = {
  mangle: [
    { name: 'in', hook: 'prerouting', type: 'filter', priority: -151, side: INPUT, matches: connectionMatches },
    { name: 'out', hook: 'output', type: 'filter', priority: -151, side: OUTPUT, matches: connectionMatches },
  ],
  filter: [
    { name: 'in', hook: 'input', type: 'filter', priority: -1, side: INPUT, matches: connectionMatches },
    { name: 'through', hook: 'forward', type: 'filter', priority: -1, side: BOTH, matches: connectionMatches },
    { name: 'out', hook: 'output', type: 'filter', priority: -1, side: OUTPUT, matches: connectionMatches },
  ],
  nat: [
    { name: 'in', hook: 'prerouting', type: 'nat', priority: -101, side: INPUT, matches: connectionMatches },
    { name: 'out', hook: 'output', type: 'nat', priority: -101, side: OUTPUT, matches: connectionMatches },
  ],
};
export type TagTable = keyof typeof AT_TABLE;

/** What tells flows apart for the limit. Ports are read where the transport header stands; of other protocols these are other words. */
const FLOW_KEY = {
  4: 'ip saddr . ip daddr . meta l4proto . th sport . th dport',
  6: 'ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport',
} as const;
const KEY_TYPE = {
  4: 'ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service',
  6: 'ipv6_addr . ipv6_addr . inet_proto . inet_service . inet_service',
} as const;

/** A set that holds a limit for each flow, and forgets flows after a minute; when it is full, further flows show nothing. */
function flowSet(name: string, family: 4 | 6): readonly string[] {
  return [
    `  set ${name}${family} {`,
    `    type ${KEY_TYPE[family]}`,
    '    size 65535',
    '    flags dynamic,timeout',
    '    timeout 1m',
    '  }',
  ];
}

function limitedAction(set: string, rate: Rate, match: string, action: string): readonly string[] {
  return ([4, 6] as const).map(
    (family) =>
      `    meta nfproto ipv${family}${match === '' ? '' : ` ${match}`} update @${set}${family} { ${FLOW_KEY[family]} limit rate ${rateText(rate)} burst ${rate.count} packets } counter name shown ${action}`,
  );
}

function tableScript(parts: {
  readonly number: number;
  readonly hooks: readonly Hook[];
  readonly filter: PacketFilter;
  readonly extra: Readonly<Record<string, readonly string[]>>;
  readonly sets: readonly string[];
  /** The socket that makes the table owns it, and takes it along when it closes. */
  readonly isOwned?: boolean;
  /** Behind the match: what counts as seen, and what is shown of it. */
  readonly hit: (hook: Hook) => {
    readonly chain: string;
    readonly seen: string | readonly string[];
    readonly lines: readonly string[];
  };
}): string {
  const { number, hooks, filter } = parts;
  const chains = hooks.flatMap((hook) => {
    const { chain, seen, lines } = parts.hit(hook);
    const matches = [...hook.matches(filter, hook.side), ...(parts.extra[hook.name] ?? [])];
    if (matches.length === 0) return [];
    return [
      `  chain ${chain} {`,
      ...(typeof seen === 'string' ? [seen] : seen).map((one) => `    ${one === '' ? '' : `${one} `}counter name seen`),
      ...lines,
      '  }',
      `  chain ${hook.name} {`,
      `    type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept;`,
      ...matches.map((match) => `    ${match} goto ${chain} comment "${changeComment(number)}"`),
      '  }',
    ];
  });
  return [
    // Not "add": a table of this number that somebody pasted or loaded from a file must not be mixed with ours.
    `create table inet ctwhy_${number}${parts.isOwned === true ? ' { flags owner; }' : ''}`,
    `table inet ctwhy_${number} {`,
    ...(parts.isOwned === true ? ['  flags owner'] : []),
    '  counter seen { }',
    '  counter shown { }',
    ...parts.sets.flatMap((set) => [...flowSet(set, 4), ...flowSet(set, 6)]),
    ...chains,
    '}',
    '',
  ].join('\n');
}

export interface TraceScript {
  readonly number: number;
  readonly filter: PacketFilter;
  readonly rate: Rate;
  /** False: rules that ask conntrack would switch tracking on; only the packet as it is on the wire is matched then. */
  readonly hasTracking: boolean;
  /** 'ct state invalid' or the like, for packets that conntrack has seen; NULL: every state, and before raw as well. */
  readonly state: string | null;
  /** More tuples as they are on the wire, for the chains before raw: those of entries that match now. */
  readonly entries: readonly PacketFilter[];
}

/** A table that marks packets for tracing. One `meta nftrace set 1` feeds nft's trace and the legacy tables' TRACE lines alike. */
export function traceTable({ number, filter, rate, hasTracking, state, entries }: TraceScript): string {
  const hooks = [...(state === null ? BEFORE_RAW : []), ...(hasTracking ? BEHIND_CONNTRACK : [])];
  const extra = Object.fromEntries(
    BEFORE_RAW.map((hook) => [hook.name, [...new Set(entries.flatMap((entry) => literalMatches(entry, hook.side)))]]),
  );
  return tableScript({
    number,
    hooks,
    filter,
    extra,
    sets: [...new Set(hooks.map((hook) => hook.name))],
    hit: (hook) => {
      const seen = state ?? '';
      return { chain: `${hook.name}_hit`, seen, lines: limitedAction(hook.name, rate, seen, 'meta nftrace set 1') };
    },
  });
}

export interface CaptureScript {
  readonly number: number;
  readonly filter: PacketFilter;
  readonly rate: Rate;
  /**
   * Which packets are marked, each an expression behind conntrack; no packet meets two of them. Each stands in the rule that marks, so that
   * the trace of that rule tells the state also on kernels whose trace does not (before 6.16). Empty: every packet, and before raw as well.
   */
  readonly conditions: readonly string[];
  readonly entries: readonly PacketFilter[];
  readonly isOwned: boolean;
}

/** A table that marks what a capture asks for. */
export function captureTable({ number, filter, rate, conditions, entries, isOwned }: CaptureScript): string {
  const isAll = conditions.length === 0;
  const hooks = [...(isAll ? BEFORE_RAW : []), ...BEHIND_CONNTRACK];
  const asked = isAll ? [''] : conditions;
  const extra = Object.fromEntries(
    BEFORE_RAW.map((hook) => [hook.name, [...new Set(entries.flatMap((entry) => literalMatches(entry, hook.side)))]]),
  );
  return tableScript({
    number,
    hooks,
    filter,
    extra,
    isOwned,
    sets: hooks.map((hook) => hook.name),
    hit: (hook) => ({
      chain: `${hook.name}_hit`,
      seen: asked,
      lines: asked.flatMap((condition) => limitedAction(hook.name, rate, condition, 'meta nftrace set 1')),
    }),
  });
}

export interface TagOptions {
  readonly level: string;
  readonly tcpSequence: boolean;
  readonly tcpOptions: boolean;
  readonly ipOptions: boolean;
  readonly uid: boolean;
}

/** nft's log statement with these options. */
export function nftLog(prefix: string, options: TagOptions): string {
  const tcp = [...(options.tcpSequence ? ['sequence'] : []), ...(options.tcpOptions ? ['options'] : [])].join(',');
  const flags = [
    ...(tcp === '' ? [] : [`flags tcp ${tcp}`]),
    ...(options.ipOptions ? ['flags ip options'] : []),
    ...(options.uid ? ['flags skuid'] : []),
  ];
  return [`log prefix "${prefix}"`, `level ${options.level}`, ...flags].join(' ');
}

/** 'ctwhy:C6:INVALID ': what the lines of a tag begin with; iptables takes 29 characters. */
export function tagPrefix(number: number, state: string): string {
  return `${changeComment(number)}:${state} `;
}

export interface TagScript {
  readonly number: number;
  readonly filter: PacketFilter;
  readonly rate: Rate;
  readonly states: readonly string[];
  readonly table: TagTable | null;
  readonly options: TagOptions;
}

/** A table whose rules print each packet's state. */
export function tagTable({ number, filter, rate, states, table, options }: TagScript): string {
  const hooks = table === null ? BEHIND_CONNTRACK : AT_TABLE[table];
  return tableScript({
    number,
    hooks,
    filter,
    extra: {},
    sets: hooks.map((hook) => hook.name),
    hit: (hook) => ({
      chain: `${hook.name}_hit`,
      seen: `ct state ${states.map((state) => state.toLowerCase()).join(',')}`,
      lines: states.flatMap((state) =>
        limitedAction(hook.name, rate, `ct state ${state.toLowerCase()}`, nftLog(tagPrefix(number, state), options)),
      ),
    }),
  });
}
