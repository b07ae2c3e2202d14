// Where on a packet's way does a line stand, and may one line come after another?
// A packet meets its hooks in one order and never turns back; inside a chain, rule numbers only grow.
// Priorities: include/uapi/linux/netfilter_ipv4.h: enum nf_ip_hook_priorities (v6.18); xtables tables register at them.

export type Hook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

/** Hooks a packet may reach next from each, itself included. */
const REACHABLE: Readonly<Record<Hook, readonly Hook[]>> = {
  PREROUTING: ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING'],
  OUTPUT: ['OUTPUT', 'POSTROUTING'],
  INPUT: ['INPUT'],
  FORWARD: ['FORWARD', 'POSTROUTING'],
  POSTROUTING: ['POSTROUTING'],
};

/** Tables in order of priority at every hook; nat comes before filter where destinations are translated and behind it otherwise. */
const EARLY = ['raw', 'conntrack', 'mangle', 'nat', 'filter', 'security'];
const LATE = ['raw', 'conntrack', 'mangle', 'filter', 'security', 'nat'];
const TABLES: Readonly<Record<Hook, readonly string[]>> = {
  PREROUTING: EARLY,
  OUTPUT: EARLY,
  INPUT: LATE,
  FORWARD: LATE,
  POSTROUTING: LATE,
};
const HOOKS: readonly Hook[] = ['PREROUTING', 'OUTPUT', 'INPUT', 'FORWARD', 'POSTROUTING'];
const HOOK_BASE: Readonly<Record<Hook, number>> = { PREROUTING: 0, OUTPUT: 0, INPUT: 10, FORWARD: 10, POSTROUTING: 20 };

/** Interfaces a line showed: none, the incoming one only (before routing, or for this host), both (forwarded), the outgoing one only. */
export const NO_INTERFACE = 0;
export const IN_ONLY = 1;
export const IN_AND_OUT = 2;
export const OUT_ONLY = 3;

/** What is known of the place of a line, in small numbers. -1: not known. */
export interface Place {
  /** Grows along the way; equal only within one table of one hook. */
  readonly rank: number;
  /** Index of its hook. */
  readonly hook: number;
  /** Number of its table's name, also for lines of user chains; -1 for lines that name none. */
  readonly table: number;
  /** Number of its chain's name, of chains that have rules; -1 for other lines. */
  readonly chain: number;
  readonly isBuiltIn: boolean;
  readonly ruleNumber: number;
  /** 'rule', so that a jump may follow. */
  readonly mayJump: boolean;
  /** 'policy': nothing of this table follows. */
  readonly isEnd: boolean;
  readonly interfaces: number;
  readonly inIf: string | null;
  readonly outIf: string | null;
}

export interface PlacedLine {
  readonly kind: string;
  readonly table: string | null;
  readonly chain: string | null;
  readonly ruleKind: string | null;
  readonly ruleNumber: number | null;
  readonly inIf: string | null;
  readonly outIf: string | null;
}

/** Ranks from here on lie behind translation of the destination. */
export const AFTER_DNAT = 4;

/** Ranks from here on, filter at INPUT and everything at POSTROUTING, may be a packet's last table. */
export const LAST_TABLES = 13;
export const FORWARD_HOOK = HOOKS.indexOf('FORWARD');

/** Works out places; names of tables and chains get numbers that stay the same for one source. */
export function openPlaces(): (line: PlacedLine) => Place {
  const names = new Map<string, number>();
  const numberOf = (name: string): number => {
    const known = names.get(name);
    if (known !== undefined) return known;
    names.set(name, names.size);
    return names.size - 1;
  };

  return (line) => {
    const isIn = line.inIf !== null && line.inIf !== '';
    const isOut = line.outIf !== null && line.outIf !== '';
    const interfaces = isIn ? (isOut ? IN_AND_OUT : IN_ONLY) : isOut ? OUT_ONLY : NO_INTERFACE;
    const unplaced: Place = {
      rank: -1,
      hook: -1,
      table: -1,
      chain: -1,
      isBuiltIn: false,
      ruleNumber: -1,
      mayJump: false,
      isEnd: false,
      interfaces,
      inIf: isIn ? line.inIf : null,
      outIf: isOut ? line.outIf : null,
    };
    if (line.kind === 'log-invalid') {
      // net/netfilter/nf_conntrack_core.c: nf_conntrack_in() runs at PREROUTING and OUTPUT only.
      const hook: Hook | null = interfaces === IN_ONLY ? 'PREROUTING' : interfaces === OUT_ONLY ? 'OUTPUT' : null;
      return hook === null ? unplaced : { ...unplaced, ...rankOf(hook, 'conntrack') };
    }
    if (line.kind !== 'trace' || line.table === null || line.chain === null) return unplaced;
    const named = {
      ...unplaced,
      chain: numberOf(`${line.table} ${line.chain}`),
      ruleNumber: line.ruleNumber ?? -1,
      mayJump: line.ruleKind === 'rule',
      isEnd: line.ruleKind === 'policy',
    };
    // nf_tables of 3.13 to 4.17 printed lines of this form with names of the user's own: their order is not known.
    if (!EARLY.includes(line.table)) return unplaced;
    const table = numberOf(line.table);
    const hook = HOOKS.find((name) => name === line.chain);
    if (hook === undefined) return { ...named, table };
    return { ...named, ...rankOf(hook, line.table), table, isBuiltIn: true };
  };
}

function rankOf(hook: Hook, table: string): { readonly rank: number; readonly hook: number } {
  return { rank: HOOK_BASE[hook] + TABLES[hook].indexOf(table), hook: HOOKS.indexOf(hook) };
}

/** REACHABLE as bits: REACHABLE_BITS[from] & (1 << to). */
export const REACHABLE_BITS: readonly number[] = HOOKS.map((from) =>
  REACHABLE[from].reduce((bits, to) => bits | (1 << HOOKS.indexOf(to)), 0),
);
