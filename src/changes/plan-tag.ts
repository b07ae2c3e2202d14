// Rules that print each packet's conntrack state: in a table of ours just behind conntrack, or copied in front of a rule of the user's.

import type { Act } from '../model/change.js';
import { changeComment } from '../model/change.js';
import type { PacketFilter } from '../model/packet-filter.js';
import { familiesOf } from '../model/packet-filter.js';
import type { FoundRule } from '../survey/find-rule.js';
import type { LoggingFacts } from '../survey/logging.js';
import { UnsupportedError, UsageError } from '../text/errors.js';
import type { Plan, PlanContext } from './plan.js';
import { type LoadableLogger, planLogRules } from './plan-kernel-log.js';
import { flowLimit, literalWords, logTarget, ourComment } from './rules/iptables-words.js';
import { hasPorts } from './rules/nft-match.js';
import {
  nftLog,
  type Rate,
  rateText,
  type TagOptions,
  type TagTable,
  tagPrefix,
  tagTable,
} from './rules/nft-table-script.js';

export interface TagWish {
  readonly filter: PacketFilter;
  readonly filterText: string;
  readonly states: readonly string[];
  readonly rate: Rate;
  readonly options: TagOptions;
  readonly table: TagTable | null;
  /** A rule to copy; NULL: a table of ours. */
  readonly at: FoundRule | null;
  readonly backend: 'nft' | 'legacy';
  readonly forMs: number;
}

/** iptables takes no more (include/uapi/linux/netfilter/xt_LOG.h: prefix[30]). */
const PREFIX_MAX = 29;

/** @throws UsageError, UnsupportedError */
export async function planTag(
  context: PlanContext,
  logging: LoggingFacts,
  wish: TagWish,
  loadableLogger: LoadableLogger,
): Promise<Plan> {
  const log = await planLogRules(context, logging, logFamilies(wish), loadableLogger);
  const acts =
    wish.at === null ? (wish.backend === 'nft' ? tableActs(wish) : legacyActs(wish)) : copyActs(wish, wish.at);
  const where = wish.at === null ? (wish.table ?? 'behind conntrack') : `before ${wish.at.name}`;
  return {
    kind: 'tag',
    what: `tag ${wish.states.join(',')} ${wish.at === null ? `${wish.filterText}, ` : ''}${where}`,
    acts: (number) => {
      const longest = Math.max(...wish.states.map((state) => tagPrefix(number, state).length));
      if (longest > PREFIX_MAX) throw new UnsupportedError(`the prefix would be longer than ${PREFIX_MAX} characters`);
      return [...log.acts, ...acts(number)];
    },
    forMs: wish.forMs,
    isStanding: false,
    stays: log.stays,
    warnings:
      wish.table === 'nat'
        ? ['only the first packet of a connection passes nat: packets of ESTABLISHED and INVALID never come here']
        : [],
    seeAt: ['the kernel log (dmesg -w, journalctl -kf); every line begins with ctwhy:'],
  };
}

/** Families whose logger the rules load: a log statement in an inet table asks for both. */
function logFamilies({ at, backend, filter }: TagWish): readonly (4 | 6)[] {
  if (at === null) return backend === 'nft' ? [4, 6] : familiesOf(filter);
  return at.family === 'ip' ? [4] : at.family === 'ip6' ? [6] : [4, 6];
}

function tableActs(wish: TagWish): (number: number) => readonly Act[] {
  return (number) => [
    {
      is: 'nft-table',
      family: 'inet',
      table: `ctwhy_${number}`,
      script: tagTable({ number, ...wish }),
      listing: null,
    },
  ];
}

/** iptables-legacy has no chain of its own behind conntrack; the first rules of mangle come next. */
function legacyActs(wish: TagWish): (number: number) => readonly Act[] {
  if (wish.table === 'nat') throw new UsageError('--table nat needs nf_tables; here rules go into mangle');
  if (wish.filter.zone !== null) throw new UsageError('--zone needs nf_tables: iptables cannot ask for a zone');
  return (number) => {
    let index = 0;
    return familiesOf(wish.filter).flatMap((family) =>
      (['PREROUTING', 'OUTPUT'] as const).flatMap((chain) =>
        literalWords(wish.filter, family, chain).flatMap((words) =>
          wish.states.map((state): Act => {
            index++;
            return {
              is: 'iptables-rule',
              program: family === 4 ? 'iptables-legacy' : 'ip6tables-legacy',
              table: 'mangle',
              chain,
              position: 1,
              words: [
                ...words,
                ...['-m', 'conntrack', '--ctstate', state],
                ...flowLimit(number, index, wish.rate, hasPorts(wish.filter)),
                ...ourComment(number, index),
                ...logTarget(tagPrefix(number, state), wish.options),
              ],
              comment: changeComment(number, index),
            };
          }),
        ),
      ),
    );
  };
}

function copyActs(wish: TagWish, at: FoundRule): (number: number) => readonly Act[] {
  if (at.table === 'raw')
    throw new UsageError(
      'in raw every packet tests as INVALID, because conntrack comes behind it: a tag there would lie',
    );
  return (number) =>
    wish.states.map((state, index): Act => {
      const prefix = tagPrefix(number, state);
      if (at.backend === 'nft')
        return {
          is: 'nft-rule',
          family: at.family,
          table: at.table,
          chain: at.chain,
          beforeHandle: at.handle,
          text: [
            at.match,
            `ct state ${state.toLowerCase()}`,
            `limit rate ${rateText(wish.rate)} burst ${wish.rate.count} packets`,
            nftLog(prefix, wish.options),
            `comment "${changeComment(number, index + 1)}"`,
          ]
            .filter((part) => part !== '')
            .join(' '),
          comment: changeComment(number, index + 1),
          handle: null,
        };
      return {
        is: 'iptables-rule',
        program: at.program!,
        table: at.table,
        chain: at.chain,
        // Each goes in front of the rule; those before it have moved it down.
        position: at.position + index,
        words: [
          ...at.words,
          ...['-m', 'conntrack', '--ctstate', state],
          ...flowLimit(number, index + 1, wish.rate, false),
          ...ourComment(number, index + 1),
          ...logTarget(prefix, wish.options),
        ],
        comment: changeComment(number, index + 1),
      };
    });
}
