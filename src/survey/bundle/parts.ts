// What a bundle holds: the one declaration that both `ctwhy bundle` and the shell script of `ctwhy bundle --script` are made from.
// Every command reads; what would load a module or make a table is asked for only where that is there already.

/** What must be there before a command is run, so that asking changes nothing. */
export type Need =
  /** A file or folder. */
  | { readonly is: 'there'; readonly path: string }
  /** A file that lists something: legacy tables that exist (net/netfilter/x_tables.c: xt_table_seq_show(), v6.1), one a line. */
  | { readonly is: 'lists'; readonly path: string }
  /** A module that is loaded or built in. */
  | { readonly is: 'module'; readonly name: string };

/** A program and its arguments; words of [A-Za-z0-9_./,=^-] only, so that they mean the same to a shell. */
export type Words = readonly [string, ...string[]];

export interface BundlePart {
  readonly stem: string;
  readonly ending: 'txt' | 'json' | 'log';
  /** Tried in this order; the first that ends with 0 (and prints something, where it must) is kept. */
  readonly commands: readonly Words[];
  readonly need: Need | null;
  /** Moves while one looks: read before and after the wait of --for. */
  readonly isMoving: boolean;
  /** Nothing printed is an answer: no entries, no sockets. */
  readonly mayBeEmpty: boolean;
  /** The command is run for each network interface, its name behind the words; all in one file. */
  readonly isPerInterface: boolean;
}

type Traits = Partial<Pick<BundlePart, 'need' | 'isMoving' | 'mayBeEmpty' | 'isPerInterface'>>;

/** @param file 'conntrack-L.txt' @param commands as one would type them */
function part(file: string, commands: readonly string[], traits: Traits = {}): BundlePart {
  const dot = file.lastIndexOf('.');
  return {
    stem: file.slice(0, dot),
    ending: file.slice(dot + 1) as BundlePart['ending'],
    commands: commands.map((command) => command.split(' ') as unknown as Words),
    need: null,
    isMoving: false,
    mayBeEmpty: false,
    isPerInterface: false,
    ...traits,
  };
}

/** conntrack's own netlink messages would load conntrack. */
const TRACKER: Need = { is: 'there', path: '/proc/sys/net/netfilter/nf_conntrack_count' };
const NF_TABLES: Need = { is: 'module', name: 'nf_tables' };
const LEGACY_4: Need = { is: 'lists', path: '/proc/net/ip_tables_names' };
const LEGACY_6: Need = { is: 'lists', path: '/proc/net/ip6_tables_names' };

/** In the order of reading: what moves fastest first, the kernel log last, so that it holds what all the others saw. */
export const BUNDLE_PARTS: readonly BundlePart[] = [
  part('conntrack-L.txt', ['conntrack -L -o id,extended,ktimestamp', 'conntrack -L', 'cat /proc/net/nf_conntrack'], {
    need: TRACKER,
    isMoving: true,
    mayBeEmpty: true,
  }),
  part('conntrack-C.txt', ['conntrack -C', 'cat /proc/sys/net/netfilter/nf_conntrack_count'], {
    need: TRACKER,
    isMoving: true,
  }),
  part('conntrack-S.txt', ['conntrack -S', 'cat /proc/net/stat/nf_conntrack'], { need: TRACKER, isMoving: true }),
  part('ss.txt', ['ss -tanoei', 'ss -tano', 'netstat -tan'], { isMoving: true, mayBeEmpty: true }),
  part('iptables-legacy-save.txt', ['iptables-legacy-save -c', 'iptables-save -c'], { need: LEGACY_4, isMoving: true }),
  part('ip6tables-legacy-save.txt', ['ip6tables-legacy-save -c', 'ip6tables-save -c'], {
    need: LEGACY_6,
    isMoving: true,
  }),
  part('iptables-nft-save.txt', ['iptables-nft-save -c'], { need: NF_TABLES, isMoving: true, mayBeEmpty: true }),
  part('ip6tables-nft-save.txt', ['ip6tables-nft-save -c'], { need: NF_TABLES, isMoving: true, mayBeEmpty: true }),
  part('nft.txt', ['nft -a list ruleset'], { need: NF_TABLES, isMoving: true, mayBeEmpty: true }),
  part('nstat.txt', ['nstat -asz', 'cat /proc/net/snmp /proc/net/netstat'], { isMoving: true }),
  part('conntrack-L-dying.txt', ['conntrack -L dying -o id,extended'], { need: TRACKER, mayBeEmpty: true }),
  part('conntrack-L-unconfirmed.txt', ['conntrack -L unconfirmed -o id,extended'], { need: TRACKER, mayBeEmpty: true }),
  part('conntrack-L-expect.txt', ['conntrack -L expect'], { need: TRACKER, mayBeEmpty: true }),
  part('ipset.txt', ['ipset list'], { need: { is: 'module', name: 'ip_set' }, mayBeEmpty: true }),
  part('sysctl.txt', ['sysctl -a --pattern ^net.', 'sysctl -a']),
  part('nf_log.txt', ['cat /proc/net/netfilter/nf_log'], { need: { is: 'there', path: '/proc/net/netfilter/nf_log' } }),
  part('ip-addr.json', ['ip -j addr', 'ip addr']),
  part('ip-route.json', ['ip -j route show table all', 'ip route show table all', 'ip route'], { mayBeEmpty: true }),
  part('ip-rule.json', ['ip -j rule', 'ip rule'], { mayBeEmpty: true }),
  part('ip-neigh.json', ['ip -j neigh', 'ip neigh'], { mayBeEmpty: true }),
  part('ethtool-k.txt', ['ethtool -k'], { isPerInterface: true }),
  part('modules.txt', ['cat /proc/modules'], { need: { is: 'there', path: '/proc/modules' }, mayBeEmpty: true }),
  part('uname.txt', ['uname -a']),
  part('kern.log', ['journalctl -q -k -o short-precise --no-pager -n 200000', 'dmesg -x', 'dmesg']),
];

/** What is listened to during --for; the buffer is large because losses are silent to whoever reads the file. */
export const EVENTS_PART: BundlePart = part(
  'conntrack-E.txt',
  ['conntrack -E -b 8388608 -o timestamp,extended,id', 'conntrack -E -o timestamp,id'],
  { need: TRACKER, mayBeEmpty: true },
);

/** So many interfaces are asked for their offload settings; hosts of containers have thousands. */
export const MOST_INTERFACES = 20;

/** Lines of the MANIFEST that are the content of a file or the first line a program prints. */
export const HOST_STATEMENTS: readonly {
  readonly key: 'host' | 'kernel' | 'boot-id' | 'iptables' | 'nft' | 'conntrack';
  readonly command: Words;
}[] = [
  { key: 'host', command: ['cat', '/proc/sys/kernel/hostname'] },
  { key: 'kernel', command: ['cat', '/proc/sys/kernel/osrelease'] },
  { key: 'boot-id', command: ['cat', '/proc/sys/kernel/random/boot_id'] },
  { key: 'iptables', command: ['iptables', '--version'] },
  { key: 'nft', command: ['nft', '--version'] },
  { key: 'conntrack', command: ['conntrack', '--version'] },
];

/** When a part is read; NULL: once. */
export type Moment = 'before' | `during-${number}` | 'after' | null;

/** The file of a part read at a moment: 'conntrack-L-before.txt'. */
export function fileOf({ stem, ending }: BundlePart, moment: Moment): string {
  return `${stem}${moment === null || moment === 'after' ? '' : `-${moment}`}.${ending}`;
}
