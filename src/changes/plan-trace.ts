// What has to be set so that the rules a packet meets are shown: a table of ours that marks packets, or rules in raw without nf_tables.

import { type Act, changeComment, type IptablesRuleAct, type NftTableAct } from '../model/change.js';
import { familiesOf, type PacketFilter } from '../model/packet-filter.js';
import type { FirewallFacts } from '../survey/firewall.js';
import type { LoggingFacts } from '../survey/logging.js';
import { UnsupportedError, UsageError } from '../text/errors.js';
import type { Plan, PlanContext } from './plan.js';
import { type LoadableLogger, planKernelLog } from './plan-kernel-log.js';
import { flowLimit, literalWords, ourComment } from './rules/iptables-words.js';
import { hasPorts } from './rules/nft-match.js';
import { type Rate, traceTable } from './rules/nft-table-script.js';

export type Backend = 'nft' | 'legacy';

export interface TraceWish {
  readonly filter: PacketFilter;
  /** How the filter was typed, for the list of changes. */
  readonly filterText: string;
  /** State of the packet that alone is traced: NEW, INVALID …; NULL: any. */
  readonly ctstate: string | null;
  /** BPF bytecode as iptables' -m bpf takes it; NULL: none. */
  readonly bytecode: string | null;
  readonly rate: Rate;
  readonly forMs: number;
  readonly backend: Backend;
  /** Conntrack sees packets here, or may be made to. */
  readonly hasTracking: boolean;
  /** The tuples of entries that match now. */
  readonly entries: readonly PacketFilter[];
}

/** @throws UsageError for a wish that the backend cannot fulfil, UnsupportedError where lines could not appear */
export async function planTrace(
  context: PlanContext,
  facts: { readonly logging: LoggingFacts; readonly firewall: FirewallFacts },
  wish: TraceWish,
  loadableLogger: LoadableLogger,
): Promise<Plan> {
  const families = familiesOf(wish.filter);
  const legacyFamilies = families.filter(
    (family) => wish.backend === 'legacy' || facts.firewall.legacyTables[family].length > 0,
  );
  // Legacy tables print what is marked into the kernel log, so that must be open; nft sends it to whoever listens.
  const log =
    legacyFamilies.length === 0
      ? { acts: [] as readonly Act[], seeAt: [] as readonly string[], stays: [] as readonly string[] }
      : await planKernelLog(context, facts.logging, legacyFamilies, loadableLogger);
  const rules = wish.backend === 'nft' ? nftActs(wish) : legacyActs(wish, families);
  const seeAt = [
    ...(wish.backend === 'nft' || facts.firewall.nftRuleset.trim() !== ''
      ? ['rules of nf_tables (also iptables-nft): nft monitor trace, or xtables-monitor --trace']
      : []),
    ...(legacyFamilies.length === 0 ? [] : log.seeAt.map((text) => `rules of iptables-legacy: ${text}`)),
  ];
  return {
    kind: 'trace',
    what: `trace ${wish.filterText}`,
    acts: (number) => [...log.acts, ...rules(number)],
    forMs: wish.forMs,
    isStanding: false,
    stays: [
      ...log.stays,
      ...(wish.backend === 'legacy'
        ? legacyFamilies
            .filter((family) => !facts.firewall.legacyTables[family].includes('raw'))
            .map((family) => `the legacy table raw of IPv${family}, empty: the kernel keeps it`)
        : []),
    ],
    warnings: wish.hasTracking
      ? []
      : ['conntrack does not see packets here: only packets that match as they are on the wire are traced'],
    seeAt,
  };
}

function nftActs(wish: TraceWish): (number: number) => readonly NftTableAct[] {
  if (wish.bytecode !== null)
    throw new UsageError('--bpf needs the iptables backend (nft has no such expression): add --backend legacy');
  const state = wish.ctstate === null ? null : `ct state ${wish.ctstate.toLowerCase()}`;
  if (state !== null && !wish.hasTracking)
    throw new UnsupportedError('--ctstate needs conntrack, which does not see packets here (--allow start-tracking)');
  return (number) => [
    {
      is: 'nft-table',
      family: 'inet',
      table: `ctwhy_${number}`,
      script: traceTable({
        number,
        filter: wish.filter,
        rate: wish.rate,
        hasTracking: wish.hasTracking,
        state,
        entries: wish.entries,
      }),
      listing: null,
    },
  ];
}

function legacyActs(wish: TraceWish, families: readonly (4 | 6)[]): (number: number) => readonly IptablesRuleAct[] {
  if (wish.ctstate !== null)
    throw new UsageError('--ctstate cannot be asked in raw, where iptables traces: conntrack comes behind it');
  if (wish.filter.zone !== null) throw new UsageError('--zone cannot be asked in raw: conntrack comes behind it');
  const filters = [wish.filter, ...wish.entries];
  return (number) => {
    let index = 0;
    return families.flatMap((family) =>
      (['PREROUTING', 'OUTPUT'] as const).flatMap((chain) => {
        const all = filters.flatMap((filter) => literalWords(filter, family, chain));
        const matches = [...new Map(all.map((words) => [words.join(' '), words])).values()];
        return matches.map((words): IptablesRuleAct => {
          index++;
          return {
            is: 'iptables-rule',
            program: family === 4 ? 'iptables-legacy' : 'ip6tables-legacy',
            table: 'raw',
            chain,
            position: 1,
            words: [
              ...words,
              ...(wish.bytecode === null ? [] : ['-m', 'bpf', '--bytecode', wish.bytecode]),
              ...flowLimit(number, index, wish.rate, hasPorts(wish.filter)),
              ...ourComment(number, index),
              '-j',
              'TRACE',
            ],
            comment: changeComment(number, index),
          };
        });
      }),
    );
  };
}
