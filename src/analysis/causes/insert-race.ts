// Two first packets of one connection at the same time: each is given a translation of its own, and only one of them gets into the table.
// The other is dropped where it would leave (net/netfilter/nf_conntrack_core.c: __nf_conntrack_confirm(), nf_ct_resolve_clash(), v6.18).

import { holds, since } from '../../catalogue/kernel-version.js';
import type { EvidenceItem, Remedy } from '../../model/finding.js';
import type { Rule } from '../../model/ruleset.js';
import { inferred, type LookAlike, open, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { citeMove, storyLine } from '../explain/host-measures.js';
import type { HostPicture } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import type { RuleHit } from '../explain/rule-book.js';
import { ruleBehind, speaksNft } from '../explain/rule-commands.js';
import { type CounterMove, statisticMove, statisticTotal } from '../explain/statistics.js';
import type { HostCause } from './cause.js';
import { ruleWords } from './words.js';

/** A loser whose translation differs is put into the table in its reply direction: dropped only where that clashes, too. */
const RESOLVES_TRANSLATED = since('5.6');
/** Each lost insertion is counted as one drop: many more drops than that have another cause. */
const DROPS_PER_LOSS = 2;
const RANDOM = /--mode random|numgen (?:random|inc)|--mode nth/;

/** Rules that send the packets of one connection to one of several targets, each packet on its own choice. */
function choosers({ host }: HostPicture): readonly RuleHit[] {
  return host.rules.find(
    (rule, chain) => RANDOM.test(rule.text) && (chain.table === 'nat' || chain.type === 'nat' || translates(rule)),
  );
}

function translates(rule: Rule): boolean {
  return rule.verdict === 'NAT' || /\bdnat to\b/.test(rule.text);
}

/** Whether UDP goes through a chooser: a rule that jumps to its chain, itself, or the rules it jumps to name the protocol. */
function isForUdp({ host }: HostPicture, chooser: RuleHit): boolean {
  const names = (rule: Rule) => rule.conditions.find(({ field }) => field === 'proto')?.values ?? [];
  const isUdp = (rule: Rule) => names(rule).some((name) => /^(udp|17)$/i.test(name)) || /\budp\b/.test(rule.text);
  const isTcp = (rule: Rule) => names(rule).some((name) => /^(tcp|6)$/i.test(name));
  const reach = host.rules.find(
    (rule, chain) =>
      chain.table === chooser.chain.table && (rule.jump === chooser.chain.name || chain.name === chooser.rule.jump),
  );
  const all = [chooser.rule, ...reach.map((hit) => hit.rule)];
  return all.some(isUdp) && !all.some(isTcp);
}

interface Losses {
  readonly is: 'moved' | 'total';
  readonly failed: CounterMove;
  readonly dropped: CounterMove;
}

function lossesOf({ host }: HostPicture): Losses | null {
  const failed = statisticMove({ host }, 'insert_failed');
  const dropped = statisticMove({ host }, 'drop');
  if (failed !== null && dropped !== null)
    return failed.delta > 0 && dropped.delta > 0 && dropped.delta <= failed.delta * DROPS_PER_LOSS
      ? { is: 'moved', failed, dropped }
      : null;
  const failedEver = statisticTotal({ host }, 'insert_failed');
  const droppedEver = statisticTotal({ host }, 'drop');
  if (failedEver === null || droppedEver === null || failedEver.delta === 0 || droppedEver.delta === 0) return null;
  // A table that was full once has dropped many more.
  if (droppedEver.delta > failedEver.delta) return null;
  // A drop that an insertion brought about is counted beside it, on the CPU where it happened.
  const both = failedEver.rows.filter((row) => droppedEver.rows.some((other) => other.cpu === row.cpu));
  return both.length === 0 ? null : { is: 'total', failed: { ...failedEver, rows: both }, dropped: droppedEver };
}

function lossStep(picture: HostPicture, losses: Losses): Step {
  const { is, failed, dropped } = losses;
  const evidence = [...citeMove(picture, failed), ...citeMove(picture, dropped)];
  return is === 'moved'
    ? shown(`insert_failed rose by ${failed.delta} and drop by ${dropped.delta} between the readings`, evidence)
    : inferred(
        `since boot insertion failed ${failed.delta} times and ${dropped.delta} packets were dropped, on the same CPU; only two readings tell whether they rise together, and now`,
        evidence,
        true,
        ASK.statistics,
      );
}

function lookAlikes(picture: HostPicture, losses: Losses | null): readonly LookAlike[] {
  const isMoved = losses?.is === 'moved';
  const full = statisticMove(picture, 'early_drop');
  const chains = statisticMove(picture, 'chaintoolong') ?? statisticMove(picture, 'chainlength');
  const log = picture.host.coverage.find((row) => row.what === 'log' && row.state === 'complete');
  const isSaid = picture.notices.some((row) => row.reasonId === 'table-full');
  return [
    ruledOutBy(
      'table-full',
      'no more packets were dropped than insertions failed, and the kernel does not speak of a full table',
      isMoved && losses.dropped.delta <= losses.failed.delta && !isSaid
        ? [
            ...citeMove(picture, losses.dropped),
            picture.cite.coverage(log, 'the kernel log is whole and has no "table full"'),
          ].slice(log === undefined ? 1 : 0)
        : [],
      ASK.kernelLog,
    ),
    ruledOutBy(
      'ports used up',
      'nothing was evicted and no chain was too long',
      isMoved && full?.delta === 0 && chains?.delta === 0
        ? [...citeMove(picture, full), ...citeMove(picture, chains)]
        : [],
      ASK.listing,
    ),
  ];
}

function remedies(picture: HostPicture): readonly Remedy[] {
  const { rules } = picture.host;
  return [
    {
      when: 'now',
      text: 'let resolvers ask one question after the other (glibc: options single-request, or use-vc)',
      command: "grep -n '^options' /etc/resolv.conf",
      undo: '',
      price: 'looks only; single-request makes each name take two round trips',
    },
    {
      when: 'lasting',
      text: 'answer DNS on the node, and do not track it on the way there; or a kernel from 5.6 on, which lets most losers through',
      ...(speaksNft(rules, null)
        ? {
            command:
              "nft add table ip node_dns; nft add chain ip node_dns pre '{ type filter hook prerouting priority raw; }'; nft add rule ip node_dns pre ip daddr NODE_RESOLVER udp dport 53 notrack",
            undo: 'nft delete table ip node_dns',
          }
        : ruleBehind(rules, { family: 'ip', table: 'raw', chain: 'PREROUTING' }, false, {
            iptables: '-p udp -d NODE_RESOLVER --dport 53 -j NOTRACK',
            nft: '',
          })),
      price:
        'untracked packets are not translated and match no state rule: the resolver must be reached at its own address',
    },
  ];
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const losses = lossesOf(picture);
  const found = choosers(picture).filter((hit) => isForUdp(picture, hit));
  const statistics = picture.host.statistics.length > 0;
  // Rules of this kind stand on every node of a cluster: alone they say something only where they are all somebody gave.
  const isAllThereIs =
    !statistics &&
    picture.notices.length === 0 &&
    !picture.host.hasEvents &&
    picture.host.parts.every((part) => part.part.startsWith('rules:')) &&
    holds(RESOLVES_TRANSLATED, picture.kernel) !== 'yes';
  if (losses === null && (found.length === 0 || !isAllThereIs)) return [];
  const rules = found.slice(0, 3);
  const ruleEvidence: readonly EvidenceItem[] = rules.map((hit) => hit.evidence);
  const choice = `rules choose among several targets for each packet anew: ${rules.map((hit) => ruleWords(hit.rule)).join(', ')}`;
  const steps: Step[] = [
    losses !== null
      ? lossStep(picture, losses)
      : inferred(
          'packets of one socket that come at the same time lose against each other when they are put into the table',
          [],
          true,
          ASK.statistics,
        ),
    rules.length > 0
      ? shown(choice, ruleEvidence, losses === null)
      : open('which rule gives packets of one connection different translations', false, ASK.ruleset),
  ];
  const merged = statisticMove(picture, 'clash_resolve') ?? statisticTotal(picture, 'clash_resolve');
  const count = losses?.is === 'moved' ? Math.min(losses.failed.delta, losses.dropped.delta) : 0;
  return [
    {
      class: 'insert-race',
      argument: { id: 'insert-race', steps, lookAlikes: lookAlikes(picture, losses) },
      led: null,
      title:
        losses === null
          ? 'Packets sent at once may lose a race into the table'
          : 'Packets lose the race into the table and are dropped',
      summary: `${losses === null ? 'These rules give each first packet a target of its own.' : losses.is === 'moved' ? `${losses.failed.delta} entries could not be put into the table and ${losses.dropped.delta} packets were dropped.` : 'Insertions have failed and packets were dropped since boot.'} Two first packets of one socket at the same time (DNS asks for A and AAAA) become two entries; only one gets in, the other's packet is dropped behind all rules, and the sender waits for its own timeout: 5 s for a name, 1 or 3 s for a connection.${merged !== null && merged.delta > 0 ? ` ${merged.delta} such races ended well (clash_resolve).` : ''}`,
      missing: losses === null || losses.is === 'total' ? [ASK.statistics] : [],
      remedies: remedies(picture),
      about: {
        outcome: 'DROP',
        fate: losses?.is === 'moved' ? 'dropped' : 'unknown',
        flow: null,
        tupleIds: [],
        flowText: 'no packet is named',
        packetText:
          count > 0
            ? `${count} packets`
            : losses === null
              ? `${rules.length} rule${rules.length === 1 ? '' : 's'}`
              : 'counters since boot',
        flows: 0,
        count,
        firstAtUs: null,
        lastAtUs: null,
        reason: null,
        story: [
          ...(losses === null
            ? []
            : [
                storyLine(
                  'statistics',
                  `insert_failed ${losses.is === 'moved' ? '+' : ''}${losses.failed.delta}, drop ${losses.is === 'moved' ? '+' : ''}${losses.dropped.delta}`,
                  steps[0]!.evidence,
                ),
              ]),
          ...rules.map((hit, index) =>
            storyLine(index === 0 ? 'rules' : '', `${ruleWords(hit.rule)}: ${hit.rule.text}`, [hit.evidence]),
          ),
        ],
        notices: [],
        isLongAgo: losses?.is === 'total',
      },
    },
  ];
}

export const insertRace: HostCause = {
  id: 'insert-race',
  title: 'Packets lose the race into the table and are dropped',
  needs: 'the statistics twice, or the rules that translate each packet on a choice of its own',
  decides:
    'insert_failed and drop rise together, in like numbers, while a random choice of targets stands in the path; clash_resolve alone is success',
  looksLike: ['table-full', 'ports used up'],
  causes: [],
  kernels:
    'all; since 4.7 equal losers are merged, since 5.6 most translated ones get through, clash_resolve is counted since 5.10',
  evidence: ['statistics', 'ruleset'],
  argue,
};
