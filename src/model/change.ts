// What ctwhy changed on a host, as its journal keeps it: one record a change, each made of acts that know their before and after.

/** What the person asked for; each is undone as a whole. */
export type ChangeKind = 'log-invalid' | 'dyndbg' | 'trace' | 'tag' | 'capture' | 'snapshot-schedule';

/** A kernel setting with one value that several changes may need at once. */
export interface SysctlAct {
  readonly is: 'sysctl';
  /** As sysctl(8) names it: net.netfilter.nf_log.2 */
  readonly name: string;
  /** The file in /proc/sys; it shows the namespace of whoever reads it. */
  readonly path: string;
  /** The setting exists in the first namespace only (nf_log_all_netns), wherever the change was asked for. */
  readonly inFirstNetns: boolean;
  /** Found when the change was planned. */
  readonly before: string;
  readonly after: string;
  /** What the last change that needs the setting puts back: the value from before the first of them. */
  readonly original: string;
}

/** An nft table of our own: installed and removed in one transaction. */
export interface NftTableAct {
  readonly is: 'nft-table';
  readonly family: 'inet' | 'bridge';
  readonly table: string;
  /** What `nft -f` was given. */
  readonly script: string;
  /** `nft -s -t list table` after it was installed; NULL until then. Another text means another hand. */
  readonly listing: string | null;
}

/**
 * A table of our own that the kernel removes when a process of ours ends (`flags owner`): only the netlink socket that made it may change or
 * delete it (net/netfilter/nf_tables_api.c: nft_table_lookup(), nft_rcv_nl_event(), v5.12 .. v6.18).
 */
export interface NftOwnedTableAct {
  readonly is: 'nft-owned-table';
  readonly family: 'inet';
  readonly table: string;
  /** What the holder was given; holds `flags owner`. */
  readonly script: string;
  readonly listing: string | null;
  /** The nft whose socket owns the table; NULL until it was started. */
  readonly holderPid: number | null;
}

/** One rule of ours within somebody's nft chain, in front of a rule of theirs. */
export interface NftRuleAct {
  readonly is: 'nft-rule';
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** The rule it stands in front of; NULL: at the end of the chain. */
  readonly beforeHandle: number | null;
  /** The statement with its comment "ctwhy:C6". */
  readonly text: string;
  readonly comment: string;
  readonly handle: number | null;
}

/** One iptables rule of ours, known by its comment. */
export interface IptablesRuleAct {
  readonly is: 'iptables-rule';
  /** 'iptables-legacy', 'ip6tables-nft' …: the program that holds the chain. */
  readonly program: string;
  readonly table: string;
  readonly chain: string;
  /** Where it goes, from 1. */
  readonly position: number;
  /** Matches and target, a word each; holds `-m comment --comment ctwhy:C6`. */
  readonly words: readonly string[];
  readonly comment: string;
}

/** Flags of a dynamic-debug callsite. It is found by these words each time: line numbers are another kernel's tomorrow. */
export interface CallsiteAct {
  readonly is: 'callsite';
  readonly control: string;
  readonly file: string;
  readonly function: string;
  readonly module: string;
  /** As the control file prints it, escapes and all. */
  readonly format: string;
  /** Which of those that these words name, from 0 in the order of the lines. */
  readonly nth: number;
  /** '_' for none, as the control file prints them behind '='. */
  readonly before: string;
  readonly after: string;
  readonly original: string;
}

/** A kernel module that must be there. It stays: unloading could take more with it than was brought. */
export interface ModuleAct {
  readonly is: 'module';
  readonly module: string;
}

/** A file of systemd's that we write as a whole. */
export interface UnitFileAct {
  readonly is: 'unit-file';
  /** In /etc/systemd/system. */
  readonly path: string;
  readonly text: string;
  /** What was there; NULL: nothing. */
  readonly before: string | null;
}

/** A unit of systemd's that is started now and at each boot. */
export interface UnitAct {
  readonly is: 'unit';
  readonly unit: string;
  /** The files it is made of, which systemd is asked about before it is started. */
  readonly paths: readonly string[];
}

export type Act =
  | UnitFileAct
  | UnitAct
  | SysctlAct
  | NftTableAct
  | NftOwnedTableAct
  | NftRuleAct
  | IptablesRuleAct
  | CallsiteAct
  | ModuleAct;

export type EndedHow = 'undone' | 'time ran out' | 'breaker' | 'failed' | 'rebooted' | 'namespace gone';

/** A part that was not put back, and why. */
export interface Leftover {
  readonly what: string;
  readonly why: string;
  /** The host refused: asking again may help. False: somebody else's hand is on it. */
  readonly isRetryable: boolean;
}

export interface ChangeResult {
  readonly endedAtUs: number;
  readonly how: EndedHow;
  readonly left: readonly Leftover[];
  /** What came of it in words: '2,412 lines/s in the kernel log'. */
  readonly note: string | null;
}

/** Where the change was made. */
export interface ChangePlace {
  /** Inode of the namespace's file: what the kernel calls it. */
  readonly netnsInode: number | null;
  readonly isFirstNetns: boolean;
  /** Name, path or process by which it was reached; NULL: the caller was in it. */
  readonly label: string | null;
}

export interface Ending {
  /** systemd timer that ends it; NULL where there is no systemd. */
  readonly timerUnit: string | null;
  /** systemd service that watches it; NULL where there is no systemd. */
  readonly keeperUnit: string | null;
  readonly keeperPid: number | null;
}

export interface Change {
  readonly schema: 'ctwhy.change/1';
  readonly number: number;
  readonly kind: ChangeKind;
  /** One line: 'log_invalid 0 -> 6'. */
  readonly what: string;
  /** The words that asked for it. */
  readonly command: string;
  readonly madeAtUs: number;
  /** NULL: until it is undone. */
  readonly endsAtUs: number | null;
  /** Made to stay (a schedule): `undo --all` leaves it. */
  readonly isStanding: boolean;
  readonly hostName: string;
  readonly bootId: string | null;
  readonly place: ChangePlace;
  readonly uid: number;
  /** 'intended' is written before the first act, 'on' after the last was read back. */
  readonly state: 'intended' | 'on' | 'ended';
  readonly acts: readonly Act[];
  readonly ending: Ending | null;
  /** What the kernel cannot unlearn: modules, tables, tracking that began. */
  readonly stays: readonly string[];
  /** IP protocols whose refusals were asked for, where log_invalid had to be set to more; absent: every line was asked for. */
  readonly onlyProtos?: readonly number[];
  /** The kernel began to track connections by this change: what was under way became NEW in the middle. */
  readonly startedTracking?: true;
  readonly result: ChangeResult | null;
}

/** 'C7', as people type it. */
export function changeId({ number }: Pick<Change, 'number'>): string {
  return `C${number}`;
}

/** The comment that marks a rule of a change; rules that are put in and taken out one by one are told apart by a second number. */
export function changeComment(number: number, index: number | null = null): string {
  return index === null ? `ctwhy:C${number}` : `ctwhy:C${number}:${index}`;
}

/** The number in 'C7', 'c7' or '7'; NULL for other words. */
export function changeNumber(text: string): number | null {
  const found = /^c?(\d{1,6})$/i.exec(text.trim());
  return found === null ? null : Number(found[1]);
}
