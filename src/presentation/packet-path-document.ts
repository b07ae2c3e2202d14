// The screen of ctwhy path --packet: where the described packet ends, on what that depends, and its way step by step.

import type { JourneyWay, PacketJourney } from '../model/journey.js';
import { type Line, type Segment, segment, wrap } from './document.js';
import { rowsHead, rowsShown } from './path-document.js';
import type { Role } from './styles.js';

export interface PacketPathHead {
  /** 'tcp 192.0.2.5 > any:25'. */
  readonly flow: string;
  /** Words of --packet that the flow does not tell: 'in by eth0, FIN,SYN,RST,ACK/SYN'. */
  readonly more: string;
  /** 'the rules of host gw as of 14:17:38 UTC'. */
  readonly rulesFrom: string;
  readonly isVerbose: boolean;
  readonly width: number;
  readonly see: readonly string[];
}

function fateRole(fate: string): Role {
  return fate === 'dropped' || fate === 'rejected' ? 'bad' : fate === 'queued' ? 'warn' : 'good';
}

function endWords({ fate, endedBy }: JourneyWay): readonly Segment[] {
  return [
    segment(fateRole(fate), fate.toUpperCase()),
    segment('plain', endedBy === null ? ': no rule stops it' : ` by ${endedBy}`),
  ];
}

/** 'if tcp dport 22 (inet t in rule 3)'. */
function conditionLines({ when }: JourneyWay, width: number): readonly Line[] {
  return when.flatMap(({ rule, because, is }, at) => {
    const asked = rule === null ? '' : ` (${rule}; ${because.replace(/^.*: /, '')})`;
    return wrap(`${at === 0 ? 'if ' : 'and '}${is.join(', or ')}${asked}`, width - 4, '       ');
  });
}

function translationLines({ translation }: JourneyWay, width: number): readonly Line[] {
  return translation === null ? [] : wrap(`On the way its ${translation}.`, width - 4, '  ');
}

/** Every end with its conditions; one end without any is told in the head. */
function endsOf(ways: readonly JourneyWay[], width: number): readonly Line[] {
  if (ways.length < 2) return [];
  return [
    '',
    [segment('head', `  ${ways.length} ways, by what is not told`)],
    ...ways.flatMap((way, at): readonly Line[] => [
      [segment('plain', `  ${String(at + 1).padStart(2)} `), ...endWords(way)],
      ...conditionLines(way, width),
    ]),
  ];
}

export function packetPathDocument(journey: PacketJourney, head: PacketPathHead): readonly Line[] {
  const { ways } = journey;
  const states = [...new Set(ways.map(({ state }) => state))];
  const [first] = ways;
  const isOne = ways.length === 1 && first !== undefined;
  const lines: Line[] = [
    [segment('head', head.flow), segment('plain', head.more === '' ? '' : `   ${head.more}`)],
    [
      segment(states[0] === 'INVALID' ? 'warn' : 'plain', `${states.length === 1 ? states[0] : 'any state'}    `),
      ...(isOne ? endWords(first) : [segment('warn', 'DEPENDS on what is not told')]),
    ],
    ...wrap(`by ${head.rulesFrom} alone; no packet was sent`, head.width).map((text) => [segment('dim', text)]),
    ...journey.taken.flatMap((text) => wrap(`taken: ${text}`, head.width).map((part) => [segment('dim', part)])),
    ...endsOf(ways, head.width),
  ];
  const shown = head.isVerbose ? ways : ways.slice(0, 1);
  shown.forEach((way, at) => {
    lines.push(
      '',
      ...(isOne ? [] : [[segment('head', `  Way ${at + 1}`), segment('plain', ', step by step')]]),
      rowsHead(head.width),
      ...rowsShown(way.rows, head),
      ...translationLines(way, head.width),
    );
  });
  const rest = ways.length - shown.length;
  if (rest > 0) lines.push([segment('dim', `  the other ${rest === 1 ? 'way' : `${rest} ways`} step by step: -v`)]);
  if (journey.expectation.length > 0)
    lines.push('', ...journey.expectation.flatMap((text) => wrap(text, head.width - 4, '  ')));
  lines.push(
    '',
    ...journey.notes.flatMap((text) => wrap(text, head.width - 4, '  ').map((part): Line => [segment('warn', part)])),
    ...wrap(
      'Not asked: whether there is a route, rp_filter, sockets, tc, eBPF and flowtables.',
      head.width - 4,
      '  ',
    ).map((part): Line => [segment('dim', part)]),
  );
  if (head.see.length > 0)
    lines.push('', ...head.see.map((command): Line => [segment('plain', '  '), segment('cmd', command)]));
  return lines;
}
