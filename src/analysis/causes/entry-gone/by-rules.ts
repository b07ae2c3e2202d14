// No packet, no entry, no socket: only rules that watch or drop this host's own INVALID packets. Those are nearly always closing packets
// of connections whose entry has gone; nothing else makes a host's own packets INVALID as often.

import { readEvidenceSizes } from '../../../store/event-summary.js';
import { inferred, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import { storyLine } from '../../explain/host-measures.js';
import { type HostPicture, settingsNamed } from '../../explain/host-picture.js';
import type { HostVerdict } from '../../explain/host-verdict.js';
import { invalidRules } from '../../ruleset/invalid-rules.js';
import type { HostCause } from '../cause.js';
import { ruleWords } from '../words.js';
import { finAndRstAhead } from './remedies.js';

const DEFAULT_ESTABLISHED_S = 432_000;

function argue(picture: HostPicture): readonly HostVerdict[] {
  const { host, cite } = picture;
  const sizes = picture.read(readEvidenceSizes);
  // Packets, entries or sockets tell more than rules do: what they do not show is then not there.
  if (sizes.packets + sizes.captured + sizes.events + sizes.entries + sizes.sockets > 0) return [];
  const found = invalidRules(host.rules.rulesets, 'OUTPUT');
  // A counter that stands at 0 says that no such packet was there.
  const counted = found.filter(({ rule }) => rule.packets === null || rule.packets > 0);
  const chosen = counted.find(({ does }) => does === 'drop') ?? counted[0];
  const hit = chosen === undefined ? null : host.rules.ruleOf(chosen.rule);
  if (chosen === undefined || hit === null) return [];
  const { rule, does } = chosen;
  const lifetime = settingsNamed(picture, 'nf_conntrack_tcp_timeout_established').at(-1);
  const isShort = lifetime !== undefined && Number(lifetime.value) < DEFAULT_ESTABLISHED_S;
  const moved = rule.packets !== null && rule.packets > 0;
  const steps: Step[] = [
    shown(`${ruleWords(rule)} ${does === 'drop' ? 'drops' : 'watches'} INVALID packets of this host itself`, [
      hit.evidence,
    ]),
    moved
      ? inferred(
          `it met ${rule.packets} packets: their connections' entries had gone`,
          [hit.evidence],
          true,
          ASK.logInvalid,
        )
      : inferred('such packets are closing packets whose entry had gone', [hit.evidence], true, ASK.logInvalid),
    ...(isShort
      ? [shown(`an idle connection's entry lives ${lifetime.value} s only`, [cite.value(lifetime, null)], false)]
      : []),
  ];
  const consequence =
    does === 'drop'
      ? 'Its FIN is then dropped here: the peer hears nothing, and the socket stays in FIN-WAIT-1 or LAST-ACK.'
      : 'Where such a packet is also dropped, here or on the way, its peer hears nothing and the socket stays in FIN-WAIT-1 or LAST-ACK.';
  return [
    {
      class: 'entry-gone',
      argument: {
        id: 'entry-gone',
        steps,
        lookAlikes: [
          { cause: 'late-close', ruledOut: null, wouldSettle: ASK.sockets },
          { cause: 'not-conntrack', ruledOut: null, wouldSettle: ASK.sockets },
        ],
      },
      led: null,
      title: `This host's own INVALID packets are ${does === 'drop' ? 'dropped' : 'watched'}: ${ruleWords(rule)}`,
      summary: `${rule.text} is about packets that this host sends itself. They become INVALID when their connection is older than its conntrack entry: it was idle for longer than the entry lives, or somebody deleted the entry, and then it is closed. ${consequence} These files show the rules alone: whether it happened is not told.`,
      missing: [ASK.sockets, ASK.listing, ASK.logInvalid, ...(lifetime === undefined ? [ASK.sysctls] : [])],
      remedies: [
        {
          when: 'lasting',
          text: `let this host's own FIN and RST pass${does === 'drop' ? ' ahead of that rule' : ', whatever their state'}; drop INVALID in FORWARD only`,
          ...finAndRstAhead(host.rules, rule, rule.family === 'ip6'),
          price: 'INVALID packets of this host leave it untranslated by NAT',
        },
        {
          when: 'lasting',
          text: 'have the endpoints send keepalives more often than the entry lives',
          command: 'sysctl -w net.ipv4.tcp_keepalive_time=600',
          undo: 'sysctl -w net.ipv4.tcp_keepalive_time=7200',
          price: 'only sockets that ask for SO_KEEPALIVE; a packet per connection and period',
        },
      ],
      about: {
        outcome: 'INVALID',
        fate: does === 'drop' ? 'dropped' : 'unknown',
        flow: null,
        tupleIds: [],
        flowText: 'no packet is named',
        packetText: moved ? `${rule.packets} counted` : 'rules only',
        flows: 0,
        count: moved ? rule.packets! : 0,
        firstAtUs: null,
        lastAtUs: null,
        reason: null,
        story: [storyLine('rule', rule.text, [hit.evidence])],
        notices: [],
      },
    },
  ];
}

export const entryGoneByRules: HostCause = {
  id: 'entry-gone',
  title: "This host's own INVALID packets",
  needs: 'a ruleset, and nothing else that would tell more',
  decides: 'a rule in OUTPUT singles out INVALID; sockets without entry and the kernel log would decide',
  looksLike: ['late-close', 'not-conntrack'],
  causes: [],
  kernels: 'all',
  evidence: ['ruleset', 'settings'],
  argue,
};
