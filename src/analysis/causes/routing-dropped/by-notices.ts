// 'martian source' and 'martian destination' in the kernel log: the routing refused packets, and no line of a rule tells of them.

import type { Remedy } from '../../../model/finding.js';
import type { NoticeRow } from '../../../store/evidence-reader.js';
import { inferred, type LookAlike, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import { citeNotices } from '../../explain/host-measures.js';
import { citeValue, type HostPicture, settingsNamed } from '../../explain/host-picture.js';
import type { HostVerdict } from '../../explain/host-verdict.js';
import { aboutNotices } from '../../explain/notice-subject.js';
import { shellWord } from '../../explain/rule-commands.js';
import type { HostCause } from '../cause.js';

/** net/ipv4/route.c: ip_handle_martian_source(), ip_route_input_slow(): 'martian source DST from SRC, on dev DEV', all versions. */
const SAID = /martian (source|destination) (\S+) from (\S+?),? (?:on )?dev (\S+)/;
/** No host may have such an address (RFC 1122, 3.2.1.3): refused whatever the settings are. */
const NOBODYS = /^(?:0\.|127\.|22[4-9]\.|23\d\.|24\d\.|25[0-5]\.)/;

interface Martian {
  readonly row: NoticeRow;
  readonly is: 'source' | 'destination';
  readonly src: string;
  readonly dst: string;
  readonly dev: string;
}

function martianOf(row: NoticeRow): Martian | null {
  const match = SAID.exec(row.text);
  if (match === null) return null;
  const [, is, dst, src, dev] = match;
  return { row, is: is === 'source' ? 'source' : 'destination', src: src!, dst: dst!, dev: dev! };
}

/** What the reverse path filter is set to, of the interface and of all: the greater counts (net/ipv4/fib_frontend.c). */
function filterStep(picture: HostPicture, { dev, src }: Martian): Step {
  if (NOBODYS.test(src)) return inferred(`no host may send with ${src}`, [], false, ASK.capture);
  const rows = ['all', dev].flatMap((name) => settingsNamed(picture, `net.ipv4.conf.${name}.rp_filter`).slice(-1));
  const most = rows.toSorted((a, b) => Number(b.value) - Number(a.value))[0];
  return most === undefined || Number(most.value) === 0
    ? inferred(`no answer to ${src} would leave by ${dev}`, [], false, ASK.routing)
    : shown(`${most.name} is ${most.value}: answers must have a way back`, [citeValue(picture, most)], false);
}

function remedies({ src, dst, dev, is }: Martian): readonly Remedy[] {
  const ask: Remedy = {
    when: 'lasting',
    text: `ask the routing about such a packet; a route to ${is === 'source' ? src : dst} is missing, or ${is === 'source' ? 'its source is forged' : 'it came to the wrong host'}`,
    command: `ip route get ${dst} from ${src} iif ${shellWord(dev)}`,
    undo: '',
    price: 'none, it only asks',
  };
  const watch: Remedy = {
    when: 'lasting',
    text: 'see which neighbour sends them, by the address of the link level',
    command: `tcpdump -eni ${shellWord(dev)} host ${src}`,
    undo: '',
    price: 'none, it only watches',
  };
  return is === 'source' && NOBODYS.test(src) ? [watch] : [ask, watch];
}

function verdictOf(picture: HostPicture, found: readonly Martian[]): HostVerdict {
  const first = found[0]!;
  const rows = found.map(({ row }) => row);
  const { src, dst, dev, is } = first;
  const steps: Step[] = [
    shown(
      `the routing refuses packets from ${src} to ${dst} that come by ${dev}: martian ${is}, ${rows.length === 1 ? 'once' : `${rows.length} times`}`,
      citeNotices(picture, rows),
    ),
    ...(is === 'source' ? [filterStep(picture, first)] : []),
  ];
  const lookAlikes: LookAlike[] = [
    {
      cause: is === 'source' ? 'a forged source' : 'a packet for another host',
      ruledOut: null,
      wouldSettle: ASK.routing,
    },
    ruledOutBy('rule-decided', 'the routing says so itself, no rule does', citeNotices(picture, rows.slice(0, 1))),
  ];
  const others = new Set(found.map((one) => `${one.src} ${one.dst}`)).size - 1;
  return {
    class: 'routing-dropped',
    argument: { id: 'routing-dropped', steps, lookAlikes },
    led: null,
    title: `The routing drops packets from ${src}: martian ${is}`,
    summary: `Not conntrack and no rule: ${src} sends to ${dst} by ${dev}${others > 0 ? `, and ${others} other ${others === 1 ? 'pair does' : 'pairs do'} alike` : ''}, and the kernel ${is === 'source' ? 'does not take an address like that from there: the way back leads elsewhere or nowhere, or the source is forged' : 'does not take packets to such an address there'}. It drops them in the routing, behind PREROUTING; rules further on never see them.`,
    missing: [ASK.routing, ASK.stackCounters],
    remedies: remedies(first),
    about: {
      ...aboutNotices(picture, rows, { outcome: 'DROP', fate: 'dropped', flowText: `${src} > ${dst}, by ${dev}` }),
      standsAlone: false,
    },
  };
}

export const martians: HostCause = {
  id: 'routing-dropped',
  title: 'The kernel log complains of martians',
  needs: 'the kernel\'s "martian source" or "martian destination" (net.ipv4.conf.*.log_martians)',
  decides: 'the message; the setting of the reverse path filter and the routes say why',
  looksLike: ['rule-decided'],
  causes: [],
  kernels: 'all; the message is rate limited, IPReversePathFilter and IpInAddrErrors count them all',
  evidence: ['kernel log', 'settings', 'routes'],
  argue(picture): readonly HostVerdict[] {
    const found = picture.notices.map(martianOf).filter((one): one is Martian => one !== null);
    return (['source', 'destination'] as const)
      .map((is) => found.filter((one) => one.is === is))
      .filter((alike) => alike.length > 0)
      .map((alike) => verdictOf(picture, alike));
  },
};
