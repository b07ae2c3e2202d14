// The chains that iptables tables have from birth: where they sit in the packet's way and which table a bare listing shows.

const HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

/** Built-in chains by table, in the order in which they are listed; nat INPUT came with 2.6.36. */
const CHAINS_OF_TABLE: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['filter', ['INPUT', 'FORWARD', 'OUTPUT']],
  ['nat', ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING']],
  ['nat', ['PREROUTING', 'OUTPUT', 'POSTROUTING']],
  ['mangle', ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']],
  ['raw', ['PREROUTING', 'OUTPUT']],
];

/** Priorities of the legacy tables (include/uapi/linux/netfilter_ipv4.h: enum nf_ip_hook_priorities). nat has two: see priorityOfTable(). */
const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0, security: 50, rawpost: 50 };

export function isBuiltInChain(name: string): boolean {
  return HOOKS.includes(name);
}

/** Position in the order of a listing, from 0; -1 for user chains. */
export function builtInOrder(name: string): number {
  return HOOKS.indexOf(name);
}

export function hookOfChain(name: string): string | null {
  return HOOKS.includes(name) ? name : null;
}

/** NULL for a table that is not known. */
export function priorityOfTable(table: string, chain: string): number | null {
  if (table === 'nat') return chain === 'PREROUTING' || chain === 'OUTPUT' ? -100 : 100;
  return PRIORITIES[table] ?? null;
}

/** 'route' for mangle OUTPUT, which routes again after it changed the packet (net/ipv4/netfilter/iptable_mangle.c). */
export function typeOfTable(table: string, chain: string): string {
  if (table === 'nat') return 'nat';
  return table === 'mangle' && chain === 'OUTPUT' ? 'route' : 'filter';
}

/** The table that has exactly these built-in chains; NULL when none has. `filter` stands also for security, which looks the same. */
export function tableOfBuiltIns(names: readonly string[]): string | null {
  const sorted = HOOKS.filter((hook) => names.includes(hook)).join();
  return CHAINS_OF_TABLE.find(([, chains]) => chains.join() === sorted)?.[0] ?? null;
}
