// What has to be set so that a capture sees what it was asked for: a table of ours that marks the packets, log_invalid beside it, and the
// way of their lines to us: the kernel log, or NFLOG.

import type { Act, SysctlAct } from '../model/change.js';
import type { PacketFilter } from '../model/packet-filter.js';
import { familiesOf } from '../model/packet-filter.js';
import type { FirewallFacts } from '../survey/firewall.js';
import type { LoggingFacts } from '../survey/logging.js';
import { type Plan, type PlanContext, planSysctl } from './plan.js';
import { type LoadableLogger, planKernelLog } from './plan-kernel-log.js';
import { planLogInvalid } from './plan-log-invalid.js';
import { captureTable, type Rate } from './rules/nft-table-script.js';

/** The group that the kernel's own messages go to when nfnetlink_log is bound (net/netfilter/nfnetlink_log.c: nfulnl_log_packet(), v6.1). */
export const NFLOG_GROUP = 0;
const NFNETLINK_LOG = 'nfnetlink_log';

export interface CaptureWish {
  readonly filter: PacketFilter;
  readonly filterText: string;
  /** Of packets that are traced, behind conntrack; NULL: no rules are traced; empty: all packets of the filter. */
  readonly conditions: readonly string[] | null;
  readonly rate: Rate;
  /** Tuples by which the same connections go on the other side of NAT. */
  readonly entries: readonly PacketFilter[];
  /** Whether conntrack is asked to say why it refuses packets. */
  readonly hasLogInvalid: boolean;
  readonly via: 'log' | 'nflog';
  /** Why the kernel cannot drop the table by itself; NULL: it can. */
  readonly whyNotOwned: string | null;
  readonly forMs: number;
  /** More to know, a sentence each. */
  readonly warnings: readonly string[];
}

/** @throws UnsupportedError where lines could not appear */
export async function planCapture(
  context: PlanContext,
  facts: { readonly logging: LoggingFacts; readonly firewall: FirewallFacts },
  wish: CaptureWish,
  loadableLogger: LoadableLogger,
): Promise<Plan> {
  const { filter } = wish;
  // What is planned first is what later plans build on: with NFLOG bound, they leave the kernel log alone.
  const nflog = wish.via === 'nflog' ? await nflogActs(context, facts.logging) : [];
  const logging = wish.via === 'nflog' ? boundToNflog(facts.logging) : facts.logging;
  const invalid = wish.hasLogInvalid
    ? await planLogInvalid(
        context,
        logging,
        { protos: filter.protos, family: onlyFamily(filter), forMs: null },
        loadableLogger,
      )
    : null;
  // Legacy tables print what is marked by the logger of their family.
  const legacy =
    wish.conditions === null ? [] : familiesOf(filter).filter((one) => facts.firewall.legacyTables[one].length > 0);
  const lines = legacy.length === 0 ? null : await planKernelLog(context, logging, legacy, loadableLogger);
  const { conditions } = wish;
  return {
    kind: 'capture',
    what: `capture ${wish.filterText}`,
    acts: (number) => [
      ...nflog,
      ...unique([...(lines?.acts ?? []), ...(invalid?.acts(number) ?? [])]),
      ...(conditions === null ? [] : [tableAct(number, wish, conditions)]),
    ],
    forMs: wish.forMs,
    isStanding: false,
    ...(invalid?.marks === undefined ? {} : { marks: invalid.marks }),
    stays: [...new Set([...(invalid?.stays ?? []), ...(lines?.stays ?? [])])],
    warnings: [
      ...(invalid?.warnings ?? []),
      ...wish.warnings,
      ...(wish.whyNotOwned === null || conditions === null
        ? []
        : [`should ctwhy be killed, its table goes when the time is over or by ctwhy undo: ${wish.whyNotOwned}`]),
    ],
    seeAt: [],
  };
}

function tableAct(number: number, wish: CaptureWish, conditions: readonly string[]): Act {
  const isOwned = wish.whyNotOwned === null;
  const script = captureTable({
    number,
    filter: wish.filter,
    rate: wish.rate,
    conditions,
    entries: wish.entries,
    isOwned,
  });
  const named = { family: 'inet', table: `ctwhy_${number}`, script, listing: null } as const;
  return isOwned ? { is: 'nft-owned-table', ...named, holderPid: null } : { is: 'nft-table', ...named };
}

function onlyFamily(filter: PacketFilter): 4 | 6 | null {
  const families = familiesOf(filter);
  return families.length === 1 ? families[0]! : null;
}

/** The same setting may be wanted twice. */
function unique(acts: readonly Act[]): readonly Act[] {
  return [...new Map(acts.map((act) => [JSON.stringify(act), act])).values()];
}

/**
 * Both families: whoever binds a group by libpcap binds IPv4 to it as well (NFULNL_CFG_CMD_PF_BIND; net/netfilter/nfnetlink_log.c:
 * nfulnl_recv_config(), v6.1), so that the setting must be ours before.
 */
async function nflogActs(context: PlanContext, facts: LoggingFacts): Promise<readonly Act[]> {
  const acts: Act[] = [];
  const isThere = facts.loggers.some(({ available }) => available.includes(NFNETLINK_LOG));
  if (!isThere) acts.push({ is: 'module', module: NFNETLINK_LOG });
  for (const { number } of facts.loggers) {
    const planned: readonly SysctlAct[] = await planSysctl(
      context,
      { name: `net.netfilter.nf_log.${number}`, path: `/proc/sys/net/netfilter/nf_log/${number}`, inFirstNetns: false },
      () => NFNETLINK_LOG,
    );
    acts.push(...planned);
  }
  return acts;
}

/** Whether the act turns a logger to NFLOG: from the last of them on somebody has to listen. */
export function isNflogBinding(act: Act): boolean {
  return act.is === 'sysctl' && act.after === NFNETLINK_LOG;
}

function boundToNflog(facts: LoggingFacts): LoggingFacts {
  return { ...facts, loggers: facts.loggers.map((one) => ({ ...one, bound: NFNETLINK_LOG })) };
}
