// A line of kernel text: what its envelope told, and what its message is.

import type { Packet } from './packet.js';

/** A time exactly as the source gave it. */
export type Stamp =
  | { readonly kind: 'uptime'; readonly us: number }
  | { readonly kind: 'epoch'; readonly us: number }
  /** Local time of an unknown zone; year NULL for classic syslog. usOfDay keeps the fraction that was printed. */
  | {
      readonly kind: 'wall';
      readonly year: number | null;
      readonly month: number;
      readonly day: number;
      readonly usOfDay: number;
    };

export interface KernelLine {
  /** The stamps of the line, best first: an envelope can carry wall time and, in brackets, uptime. */
  readonly stamps: readonly Stamp[];
  /** What the last digit of the wall or epoch stamp stands for, where no text of a line shows it (packets of a capture). */
  readonly stampResolutionUs?: number;
  readonly host: string | null;
  readonly bootId: string | null;
  /** /etc/machine-id of the host, where the envelope names it (journal exports). */
  readonly machineId?: string;
  /** /dev/kmsg sequence number. */
  readonly sequence: number | null;
  readonly facility: number | null;
  readonly severity: number | null;
  /** printk caller, e.g. 'T512' or 'C1' (CONFIG_PRINTK_CALLER). */
  readonly caller: string | null;
  readonly message: string;
  /** Column (0-based) of message in the line. */
  readonly messageAt: number;
  /** The envelope says another program than the kernel wrote it. */
  readonly isOtherProgram: boolean;
  /** Chain of the rule, where the envelope names it (Proxmox firewall log: 'tap101i0-IN'). */
  readonly chain?: string;
}

export type RuleKind = 'rule' | 'return' | 'policy' | 'packet' | 'conntrack' | 'verdict';

/** What a kernel message is, with what was read off it. */
export type KernelMessage =
  | {
      readonly kind: 'trace';
      readonly table: string;
      readonly chain: string;
      readonly ruleKind: 'rule' | 'return' | 'policy';
      readonly ruleNumber: number;
      readonly packet: Packet;
    }
  | {
      readonly kind: 'log';
      /** LOG prefix as printed, its blanks included. */
      readonly prefix: string;
      readonly packet: Packet;
    }
  | {
      readonly kind: 'log-invalid' | 'helper';
      /** Words between the protocol prefix and the dump, numbers replaced by %u. */
      readonly message: string;
      readonly numbers: readonly number[];
      readonly protoName: string;
      /** Catalogue entry; NULL when the text is not in the catalogue. */
      readonly reasonId: string | null;
      readonly packet: Packet | null;
    }
  | {
      readonly kind: 'debug';
      readonly reasonId: string | null;
      readonly function: string | null;
      readonly text: string;
    }
  | {
      readonly kind: 'notice';
      readonly reasonId: string | null;
      readonly count: number | null;
      readonly text: string;
      readonly detail: Readonly<Record<string, string | number>>;
    }
  /** The AUDIT target's record (NETFILTER_PKT); hook 0..4 = PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING, NULL since 4.13. */
  | {
      readonly kind: 'audit';
      /** 'accept', 'drop', 'reject' (--type); NULL since 4.13. */
      readonly action: 'accept' | 'drop' | 'reject' | null;
      readonly hook: number | null;
      readonly packet: Packet;
    }
  /** Not netfilter's: counted, not kept. */
  | { readonly kind: 'other' }
  /** Looks like netfilter's but could not be read. */
  | { readonly kind: 'unreadable'; readonly reason: string; readonly at: number };
