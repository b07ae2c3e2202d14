// Why the routing threw a packet away, each argued on its own: reverse path filter, no route, forwarding off, a route that forbids,
// a time to live that ran out, a packet too big. Each has a counter of its own, so the counters also tell which it was not.

import type { EvidenceItem } from '../../../model/finding.js';
import type { NoticeRow } from '../../../store/evidence-reader.js';
import { type Argument, inferred, type LookAlike, open, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import type { Case } from '../../explain/case.js';
import { citePacket, firstPacket, sysctlOf } from '../../explain/flow-facts.js';
import { type CounterMoved, counterMoved } from '../../explain/stack-counters.js';
import { isLocal, type RouteFound, routeTo } from './route-lookup.js';

/**
 * net/ipv4/route.c: ip_handle_martian_source(), ip_error(); net/ipv4/ip_forward.c: ip_forward(); net/ipv6/ip6_output.c: ip6_forward();
 * the same names in all versions that count them (IPReversePathFilter since 2.6.39).
 */
const COUNTERS = {
  'reverse-path-filter': ['TcpExtIPReversePathFilter', 'IPReversePathFilter'],
  'no-route': ['IpExtInNoRoutes', 'Ip6InNoRoutes', 'IpInNoRoutes'],
  'forwarding-off': ['IpInAddrErrors'],
  'too-big': ['IpFragFails'],
} as const;

const FORBIDDING = ['blackhole', 'unreachable', 'prohibit', 'throw'];

export type Why = keyof typeof COUNTERS | 'forbidden-route' | 'ttl-exceeded';

interface Situation {
  readonly subject: Case;
  readonly src: string;
  readonly dst: string;
  readonly inIf: string | null;
  /** Towards the destination. */
  readonly way: RouteFound | null;
  moved(why: keyof typeof COUNTERS): CounterMoved | null;
}

function namesOf(why: keyof typeof COUNTERS, isSix: boolean): readonly string[] {
  if (why !== 'no-route') return COUNTERS[why];
  return isSix ? ['Ip6InNoRoutes'] : ['IpExtInNoRoutes', 'IpInNoRoutes'];
}

/** The counters of the other reasons stood still. */
function others(situation: Situation, own: Why): readonly LookAlike[] {
  return (Object.keys(COUNTERS) as (keyof typeof COUNTERS)[])
    .filter((why) => why !== own)
    .map((why) => {
      const moved = situation.moved(why);
      return ruledOutBy(
        why,
        `${moved?.name ?? namesOf(why, false)[0]} did not move`,
        moved !== null && moved.delta === 0 ? moved.evidence : [],
        ASK.stackCounters,
      );
    });
}

/** @param decided what shows that these very packets are counted there, although others are counted too */
function counterStep(
  situation: Situation,
  why: keyof typeof COUNTERS,
  decided: readonly (EvidenceItem | null)[] = [],
): Step | null {
  const moved = situation.moved(why);
  const { count } = situation.subject;
  if (moved === null) return open(`whether ${namesOf(why, false)[0]} moved`, false, ASK.stackCounters);
  if (moved.delta === 0) return null;
  // The counter is of the whole namespace: only where it moved by these packets and no more are others out of the question.
  return moved.delta === count || (moved.delta > count && decided.length > 0)
    ? shown(`${moved.name} rose by ${moved.delta}`, [...moved.evidence, ...decided])
    : inferred(
        `${moved.name} rose by ${moved.delta}${moved.delta > count ? `, for ${count} packet${count === 1 ? '' : 's'}: others are among them` : ' only'}`,
        moved.evidence,
        true,
        ASK.stackCounters,
      );
}

/** The stricter of the two counts (net/ipv4/fib_frontend.c: IN_DEV_RPFILTER() is the greater of `all` and the interface's own). */
function filterSetting({ subject, inIf }: Situation): { readonly value: number; readonly row: EvidenceItem } | null {
  const rows = ['all', inIf]
    .filter((name) => name !== null)
    .map((name) => sysctlOf(subject, `net.ipv4.conf.${name}.rp_filter`, null))
    .filter((row) => row !== null)
    .sort((a, b) => Number(b.value) - Number(a.value));
  const [row] = rows;
  return row === undefined ? null : { value: Number(row.value), row: subject.cite.value(row, null) };
}

function martianNotice({ subject, src, dst }: Situation): NoticeRow | null {
  return (
    subject.host.notices.find(
      ({ text }) => /martian source/.test(text) && text.includes(` ${src}`) && text.includes(` ${dst}`),
    ) ?? null
  );
}

function reversePath(situation: Situation): Argument | null {
  const { subject, src, inIf, way } = situation;
  // There is no such filter in IPv6; rules of iptables or nft do it there.
  if (src.includes(':')) return null;
  const setting = filterSetting(situation);
  if (setting !== null && setting.value === 0) return null;
  const back = routeTo(subject, src);
  const notice = martianNotice(situation);
  const isOther = back !== null && inIf !== null && back.dev !== inIf;
  // The route to the destination is asked first (net/ipv4/route.c: ip_route_input_slow()): one that leads nowhere leaves nothing to filter.
  const hasWay = way !== null && way.type !== 'none' && !FORBIDDING.includes(way.type);
  const counter = counterStep(
    situation,
    'reverse-path-filter',
    hasWay && isOther && setting?.value === 1 ? [setting.row, back.evidence] : [],
  );
  if (counter === null) return null;
  if (counter.is === 'open' && notice === null && !(setting !== null && isOther)) return null;
  return {
    id: 'reverse-path-filter',
    steps: [
      counter.is === 'open' && notice !== null
        ? shown('the kernel calls its source martian', [subject.cite.notice(notice)])
        : counter.is === 'open'
          ? inferred(
              'the filter is on, and the way back leads elsewhere',
              [setting!.row, back!.evidence],
              true,
              ASK.stackCounters,
            )
          : counter,
      setting === null
        ? open('how the filter is set', false, ASK.routing)
        : shown(
            `rp_filter is ${setting.value} (${setting.value === 1 ? 'strict: only by the interface that leads back' : 'loose: any interface may lead back'})`,
            [setting.row],
            false,
          ),
      back === null
        ? open(`which way leads back to ${src}`, false, ASK.routing)
        : isOther
          ? shown(
              back.route === null
                ? `no route leads back to ${src}`
                : `it came in at ${inIf}, and the way back to ${src} leads to ${back.dev ?? back.type}`,
              [back.evidence],
              false,
            )
          : inferred(`the way back to ${src} was another one then`, [back.evidence], false, ASK.routing),
    ],
    lookAlikes: others(situation, 'reverse-path-filter'),
  };
}

function noRoute(situation: Situation): Argument | null {
  const { dst, way } = situation;
  const counter = counterStep(situation, 'no-route', way?.type === 'none' && way.isWhole ? [way.evidence] : []);
  if (counter === null || (counter.is === 'open' && way?.type !== 'none')) return null;
  return {
    id: 'no-route',
    steps: [
      counter.is === 'open'
        ? way!.isWhole
          ? shown(`no route leads to ${dst}`, [way!.evidence])
          : inferred(`no route of the main table leads to ${dst}`, [way!.evidence], true, ASK.routing)
        : counter,
      ...(counter.is === 'open'
        ? [counter]
        : way === null
          ? [open(`which way leads to ${dst}`, false, ASK.routing)]
          : [
              way.type === 'none'
                ? shown(`no route leads to ${dst}`, [way.evidence], false)
                : inferred(`the route to ${dst} was not there then`, [way.evidence], false, ASK.routing),
            ]),
    ],
    lookAlikes: others(situation, 'no-route'),
  };
}

function forwardingOff(situation: Situation): Argument | null {
  const { subject, dst, inIf } = situation;
  const isSix = dst.includes(':');
  const names = isSix
    ? ['net.ipv6.conf.all.forwarding']
    : [`net.ipv4.conf.${inIf}.forwarding`, 'net.ipv4.ip_forward', 'net.ipv4.conf.all.forwarding'];
  const setting = names.map((name) => sysctlOf(subject, name, null)).find((row) => row !== null) ?? null;
  if (setting === null || Number(setting.value) !== 0 || isLocal(subject, dst) === true) return null;
  const counter = isSix ? null : counterStep(situation, 'forwarding-off');
  if (!isSix && counter === null) return null;
  return {
    id: 'forwarding-off',
    steps: [
      shown(`${setting.name} is 0: packets for others are not forwarded`, [subject.cite.value(setting, null)]),
      ...(counter === null ? [] : [counter]),
      isLocal(subject, dst) === false
        ? shown(
            `${dst} is not an address of this host`,
            [
              subject.cite.absence(
                subject.host.parts.findLast((part) => part.part === 'addresses' && part.state === 'read'),
                `${dst} is not among the addresses`,
              ),
            ],
            false,
          )
        : open(`whether ${dst} is an address of this host`, false, ASK.routing),
    ],
    lookAlikes: others(situation, 'forwarding-off'),
  };
}

function forbidden(situation: Situation): Argument | null {
  const { dst, way } = situation;
  if (way === null || !FORBIDDING.includes(way.type)) return null;
  return {
    id: 'forbidden-route',
    steps: [
      way.isWhole
        ? shown(`the route to ${dst} is a ${way.type} route`, [way.evidence])
        : inferred(`the route to ${dst} in the main table is a ${way.type} route`, [way.evidence], true, ASK.routing),
    ],
    lookAlikes: others(situation, 'forbidden-route'),
  };
}

function outlived({ subject }: Situation): Argument | null {
  const packet = firstPacket(subject);
  if (packet.row.ttl === null || packet.row.ttl > 1) return null;
  return {
    id: 'ttl-exceeded',
    steps: [shown(`its TTL was ${packet.row.ttl}: it may not be forwarded`, [citePacket(subject, packet, 0)])],
    lookAlikes: [],
  };
}

function tooBig(situation: Situation): Argument | null {
  const { subject, way } = situation;
  const packet = firstPacket(subject);
  const mtu = subject.host.facts.findLast(
    (fact) => fact.kind === 'link' && fact.data['ifname'] === way?.dev && typeof fact.data['mtu'] === 'number',
  );
  const counter = counterStep(situation, 'too-big');
  if (mtu === undefined || packet.row.len === null || packet.row.len <= Number(mtu.data['mtu']) || counter === null)
    return null;
  return {
    id: 'too-big',
    steps: [
      shown(`it has ${packet.row.len} bytes, and ${way?.dev} takes ${Number(mtu.data['mtu'])}`, [
        citePacket(subject, packet, 0),
        subject.cite.hostFact(mtu, null),
      ]),
      counter,
    ],
    lookAlikes: others(situation, 'too-big'),
  };
}

/** Every reason that could be the one; which holds is computed from each argument. */
export function reasonsOf(subject: Case): readonly Argument[] {
  const packet = firstPacket(subject);
  const tuple = packet.tuples.at(-1) ?? subject.flow;
  const src = packet.tuples[0]?.src ?? subject.flow.src;
  const situation: Situation = {
    subject,
    src,
    dst: tuple.dst,
    inIf: packet.steps.find((step) => (step.inIf ?? '') !== '')?.inIf ?? null,
    way: routeTo(subject, tuple.dst),
    moved: (why) => counterMoved(subject.host, subject.cite, namesOf(why, src.includes(':'))),
  };
  return [
    reversePath(situation),
    noRoute(situation),
    forwardingOff(situation),
    forbidden(situation),
    outlived(situation),
    tooBig(situation),
  ].filter((argument) => argument !== null);
}
