// At which hook and priority does what sit: conntrack, NAT, defragmentation and the tables of iptables and nft?

export type Hook = 'ingress' | 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

export interface HookUser {
  readonly name: string;
  readonly priority: number;
  readonly hooks: readonly Hook[];
  /** What is known of a packet for a rule here. */
  readonly note: string;
}

/** include/uapi/linux/netfilter_ipv4.h: enum nf_ip_hook_priorities, v6.18. Lower runs first. */
export const HOOK_USERS: readonly HookUser[] = [
  {
    name: 'netdev chains',
    priority: 0,
    hooks: ['ingress'],
    note: 'A hook of its own, ahead of prerouting; conntrack knows nothing yet',
  },
  {
    name: 'defragmentation',
    priority: -400,
    hooks: ['prerouting', 'output'],
    note: 'Holds fragments until the packet is whole',
  },
  {
    name: 'raw',
    priority: -300,
    hooks: ['prerouting', 'output'],
    note: 'Every packet tests as INVALID here; NOTRACK and CT rules belong here',
  },
  { name: 'selinux', priority: -225, hooks: ['prerouting', 'output'], note: 'Security marks' },
  { name: 'conntrack', priority: -200, hooks: ['prerouting', 'output'], note: 'The state is decided here' },
  {
    name: 'mangle',
    priority: -150,
    hooks: ['prerouting', 'input', 'forward', 'output', 'postrouting'],
    note: 'First table that knows the state',
  },
  {
    name: 'dstnat',
    priority: -100,
    hooks: ['prerouting', 'output'],
    note: 'First packet of an entry only; never an INVALID one',
  },
  { name: 'filter', priority: 0, hooks: ['input', 'forward', 'output'], note: 'Addresses after DNAT, before SNAT' },
  { name: 'security', priority: 50, hooks: ['input', 'forward', 'output'], note: 'Mandatory access control' },
  {
    name: 'srcnat',
    priority: 100,
    hooks: ['input', 'postrouting'],
    note: 'First packet of an entry only; never an INVALID one',
  },
  {
    name: 'helper',
    priority: 300,
    hooks: ['input', 'postrouting'],
    note: 'A hook of its own until 5.0, part of confirm since',
  },
  {
    name: 'confirm',
    priority: 2_147_483_647,
    hooks: ['input', 'postrouting'],
    note: 'The entry enters the table; races are decided here',
  },
];

/** Priority of the conntrack hook: chains at this priority or below see no state. */
export const CONNTRACK_PRIORITY = -200;

/** Tables of iptables and ip6tables, their priorities and chains (raw has -300; nat depends on the hook). */
export const IPTABLES_TABLES: Readonly<Record<string, Readonly<Partial<Record<Hook, number>>>>> = {
  raw: { prerouting: -300, output: -300 },
  mangle: { prerouting: -150, input: -150, forward: -150, output: -150, postrouting: -150 },
  nat: { prerouting: -100, input: 100, output: -100, postrouting: 100 },
  filter: { input: 0, forward: 0, output: 0 },
  security: { input: 50, forward: 50, output: 50 },
};

/** Names that nft prints for priorities of the families ip, ip6 and inet. */
export const NFT_PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};

/** The same for the bridge family. */
export const NFT_BRIDGE_PRIORITIES: Readonly<Record<string, number>> = {
  dstnat: -300,
  filter: -200,
  out: 100,
  srcnat: 300,
};

/** Whether a rule of the families ip, ip6 and inet at this priority can know the state; ingress and egress chains never do. Bridge chains know it
 * only with nf_conntrack_bridge. */
export function seesState(hook: string, priority: number): boolean {
  const lower = hook.toLowerCase();
  return lower !== 'ingress' && lower !== 'egress' && priority > CONNTRACK_PRIORITY;
}
