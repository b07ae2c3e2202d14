// The rules let the packet pass, and it died between two hooks: in the routing behind PREROUTING, or at the neighbour behind POSTROUTING.

import type { Remedy } from '../../../model/finding.js';
import {
  type Argument,
  confidenceOf,
  inferred,
  type LookAlike,
  open,
  rankOf,
  ruledOutBy,
  type Step,
  shown,
  type Verdict,
} from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { citePacket, firstPacket, sysctlOf } from '../../explain/flow-facts.js';
import { type LostTrace, lostTrace } from '../../explain/lost-trace.js';
import { proofLines } from '../../explain/proof-lines.js';
import { shellWord } from '../../explain/rule-commands.js';
import { statisticMove } from '../../explain/statistics.js';
import type { Cause } from '../cause.js';
import { flowWords } from '../words.js';
import { endsInRouting, nextChains } from './ends-in-routing.js';
import { neighbourUnresolved } from './neighbour.js';
import { routeTo } from './route-lookup.js';
import { reasonsOf } from './why.js';

const SENTENCE: Readonly<Record<string, string>> = {
  'reverse-path-filter':
    'The reverse path filter refuses it: an answer to its source would not leave by the interface it came in at.',
  'no-route': 'This host has no route to where it goes.',
  'forwarding-off': 'It is for another host, and this one does not forward.',
  'forbidden-route': 'The route to where it goes forbids it.',
  'ttl-exceeded': 'Its TTL had run out, so it was not forwarded.',
  'too-big': 'It is too big for the way out and may not be cut up.',
  'neighbour-unresolved': 'The next hop does not answer, so it was thrown away behind the rules.',
};
const SHORT: Readonly<Record<string, string>> = {
  'reverse-path-filter': 'the reverse path filter refuses its source',
  'no-route': 'no route leads there',
  'forwarding-off': 'forwarding is off',
  'forbidden-route': 'its route forbids it',
  'ttl-exceeded': 'its TTL has run out',
  'too-big': 'it is too big for the way out',
  'neighbour-unresolved': 'the next hop does not answer',
};

function notSeenAgain(subject: Case): Step {
  const chains = nextChains(subject);
  const whole = subject.host.coverage.find(
    (row) => (row.what === 'trace' || row.what === 'trace:netlink') && row.state === 'complete',
  );
  const says = 'it is not seen again, in INPUT or FORWARD, where its trace would have gone on';
  if (chains !== null && (whole !== undefined || subject.count > 1))
    return shown(says, [...chains, subject.cite.coverage(whole, 'the trace was listened to all the while')]);
  return inferred('it is not seen again', [citePacket(subject, firstPacket(subject), 0)], true, ASK.ruleset);
}

function lookAlikes(subject: Case, lost: LostTrace): readonly LookAlike[] {
  const packet = firstPacket(subject);
  const cited = citePacket(subject, packet, lost.step);
  const dropped = statisticMove(subject, 'drop');
  const kinds = new Set(packet.steps.map((step) => step.kind));
  const backends = new Set(subject.host.rules.rulesets.map((ruleset) => ruleset.backend));
  const isHalf =
    backends.has('legacy') &&
    backends.has('nft') &&
    !(kinds.has('trace') && (kinds.has('nft-trace') || kinds.has('xtables-trace')));
  return [
    ruledOutBy('rule-decided', 'the last rules it met let it pass', lost.isAccepted ? [cited] : [], ASK.ruleset),
    ruledOutBy(
      'table-full',
      lost.isBehindConntrack ? 'it was seen behind conntrack, which had let it pass' : 'the drop counter did not move',
      lost.isBehindConntrack
        ? [cited]
        : dropped !== null && dropped.delta === 0
          ? dropped.rows.map((row) => subject.cite.value(row, null))
          : [],
      ASK.statistics,
    ),
    ...(isHalf ? [{ cause: 'a rule of the other kind of tables', ruledOut: null, wouldSettle: ASK.trace }] : []),
  ];
}

/** Addresses that no sender may have (RFC 1122, 3.2.1.3; net/ipv4/route.c: ip_route_input_slow() refuses them, whatever the filter). */
const NEVER_A_SOURCE = /^(?:0\.|127\.|22[4-9]\.|23\d\.|24\d\.|25[0-5]\.)/;

function remedies(subject: Case, why: string | null): readonly Remedy[] {
  const packet = firstPacket(subject);
  const inIf = packet.steps.find((step) => (step.inIf ?? '') !== '')?.inIf ?? null;
  const dst = (packet.tuples.at(-1) ?? subject.flow).dst;
  const src = packet.tuples[0]?.src ?? subject.flow.src;
  const mark = packet.row.mark === null ? '' : ` mark ${packet.row.mark}`;
  const look: Remedy = {
    when: 'lasting',
    text: 'ask the routing about this very packet',
    command: `ip route get ${dst} from ${src}${inIf === null ? '' : ` iif ${shellWord(inIf)}`}${mark}`,
    undo: '',
    price: 'none, it only asks',
  };
  const back = why === 'reverse-path-filter' ? routeTo(subject, src) : null;
  // Loose filtering wants a route, too, by whichever interface (net/ipv4/fib_frontend.c: __fib_validate_source(), all versions).
  if (
    (why === 'reverse-path-filter' && NEVER_A_SOURCE.test(src)) ||
    (back !== null && (back.type === 'none' || back.type === 'unreachable'))
  ) {
    const isForged = NEVER_A_SOURCE.test(src);
    return [
      {
        when: 'lasting',
        text: isForged
          ? `find out who sends with ${src}: no host may have that address, so the packets are forged or a program is wrong; no setting lets them in`
          : `give ${src} a route, if such a host is meant to be there; otherwise its address is forged, and refusing it is right. No setting of rp_filter but 0 lets in what no route leads back to`,
        command: isForged
          ? `tcpdump -eni ${shellWord(inIf ?? 'any')} host ${src}`
          : `ip route add ${src}/32 dev ${shellWord(inIf ?? 'DEV')}`,
        undo: isForged ? '' : `ip route del ${src}/32 dev ${shellWord(inIf ?? 'DEV')}`,
        price: isForged
          ? 'none, it only watches: the link-level address tells the neighbour they come from'
          : 'answers then go that way; where a gateway leads there, add: via GATEWAY',
      },
      look,
    ];
  }
  if (why === 'reverse-path-filter' && inIf !== null) {
    const name = `net.ipv4.conf.${inIf}.rp_filter`;
    return [
      {
        when: 'lasting',
        text: `give ${src} a route by ${inIf}, or have the filter accept what any interface leads back to`,
        command: `sysctl -w ${shellWord(name)}=2`,
        undo: `sysctl -w ${shellWord(name)}=${sysctlOf(subject, name, null)?.value ?? 0}`,
        price: `forged sources that any route leads to are let in at ${inIf}; the greater of this and conf.all.rp_filter counts`,
      },
      look,
    ];
  }
  if (why === 'forwarding-off')
    return [
      {
        when: 'lasting',
        text: 'switch forwarding on, if this host is meant to route',
        command: src.includes(':') ? 'sysctl -w net.ipv6.conf.all.forwarding=1' : 'sysctl -w net.ipv4.ip_forward=1',
        undo: src.includes(':') ? 'sysctl -w net.ipv6.conf.all.forwarding=0' : 'sysctl -w net.ipv4.ip_forward=0',
        price: 'it then routes for everybody whom the rules of FORWARD let pass',
      },
      look,
    ];
  if (why === 'no-route' || why === 'forbidden-route')
    return [
      {
        when: 'lasting',
        text: `give ${dst} a route, in the table that the packet's mark and interface choose`,
        command: `ip rule show; ip route show table all | grep -v '^local\\|^broadcast'`,
        undo: '',
        price: 'look first: this only lists',
      },
      look,
    ];
  if (why === 'neighbour-unresolved')
    return [
      {
        when: 'now',
        text: 'see whether the next hop answers at all',
        command: `ip neigh show ${dst}; ip route get ${dst}`,
        undo: '',
        price: 'none, it only asks',
      },
    ];
  return [look];
}

/** The connection was answered: packets got through, so these are not lost behind POSTROUTING. */
function isAnswered(subject: Case): boolean {
  return (
    subject.events.some((event) => event.kind === 'UPDATE') ||
    subject.entries.some((entry) => !(entry.status ?? '').includes('UNREPLIED'))
  );
}

function surest(found: readonly Argument[]): Argument | null {
  return (
    found
      .filter((argument) => confidenceOf(argument) !== null)
      .sort((a, b) => rankOf(confidenceOf(b)) - rankOf(confidenceOf(a)))[0] ?? null
  );
}

export const routingDropped: Cause = {
  id: 'routing-dropped',
  title: 'Lost between two hooks, not by a rule',
  needs: 'a trace of the packet, and the ruleset that tells where the trace would have gone on',
  decides:
    'the trace ends with an accepting PREROUTING and neither INPUT nor FORWARD follows; a counter of the routing, a setting or the routing table says why',
  looksLike: ['rule-decided', 'table-full'],
  causes: Object.keys(SENTENCE),
  kernels: 'all; IPReversePathFilter is counted since 2.6.39',
  evidence: ['trace', 'counters of the network stack', 'routes', 'settings', 'neighbours', 'kernel log'],
  argue(subject): Verdict | null {
    const { fate } = subject;
    if (fate.fate === 'dropped' || subject.packets.length === 0) return null;
    const packet = firstPacket(subject);
    const lost = lostTrace(packet, subject.host);
    if (lost === null || !subject.packets.every((one) => lostTrace(one, subject.host)?.hook === lost.hook)) return null;
    const isRouting = lost.hook === 'PREROUTING';
    if (isRouting && !endsInRouting(subject)) return null;
    const neighbour = isRouting || isAnswered(subject) ? null : neighbourUnresolved(subject);
    // A trace that ends behind POSTROUTING is a packet that left, unless something says otherwise.
    if (!isRouting && neighbour === null) return null;
    const why = isRouting ? surest(reasonsOf(subject)) : neighbour;
    const isSure = why !== null && confidenceOf(why) === 'certain';
    const steps: Step[] = [
      lost.isAccepted
        ? shown('the rules let it pass', [citePacket(subject, packet, lost.step)])
        : inferred(
            'the rules let it pass, as far as the trace tells',
            [citePacket(subject, packet, lost.step)],
            true,
            ASK.ruleset,
          ),
      isRouting
        ? notSeenAgain(subject)
        : shown('it is sent again and again: nobody answers', [
            citePacket(subject, subject.packets.at(-1)!, lost.step),
            subject.count > 1 ? citePacket(subject, packet, lost.step) : null,
          ]),
      ...(why === null
        ? [open('why the routing threw it away', false, ASK.stackCounters)]
        : [
            isSure
              ? shown(
                  SHORT[why.id] ?? why.id,
                  why.steps.flatMap((step) => step.evidence),
                  false,
                )
              : inferred(
                  SHORT[why.id] ?? why.id,
                  why.steps.flatMap((step) => step.evidence),
                  false,
                  ASK.stackCounters,
                ),
          ]),
    ];
    const where = isRouting ? 'in the routing' : 'behind the rules';
    return {
      class: 'routing-dropped',
      argument: { id: 'routing-dropped', steps, lookAlikes: lookAlikes(subject, lost) },
      led: why,
      fate: 'dropped',
      proof: [...proofLines('last seen', steps.slice(0, 1)), ...proofLines('and then', why?.steps ?? [])],
      title: `Lost ${where}, not by a rule${why === null ? '' : `: ${SHORT[why.id] ?? why.id}`}`,
      summary: `${flowWords(subject.flow)} passes ${lost.hook}${lost.isAccepted ? ', where nothing drops it' : ''}, and is not seen again${isRouting ? ' in INPUT or FORWARD' : ''}: conntrack and the rules are not at fault. ${why === null ? 'A reverse path filter, a missing or forbidding route, forwarding that is off or a packet too big would look like this.' : (SENTENCE[why.id] ?? '')}`,
      missing: why === null ? [ASK.stackCounters, ASK.routing] : [],
      remedies: remedies(subject, why?.id ?? null),
    };
  },
};
