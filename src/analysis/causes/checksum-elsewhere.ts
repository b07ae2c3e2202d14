// 'UDP: bad checksum. From …' is said by the UDP socket layer, not by conntrack: nothing is INVALID, and the packet is lost all the same.

import type { EvidenceItem } from '../../model/finding.js';
import type { NoticeRow } from '../../store/evidence-reader.js';
import { inferred, type Step, shown } from '../explain/argument.js';
import { citeNotices } from '../explain/host-measures.js';
import type { HostPicture } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import { aboutNotices } from '../explain/notice-subject.js';
import type { HostCause } from './cause.js';
import { askOffload } from './checksum.js';
import { endWords } from './words.js';

/** net/ipv4/udp.c: __udp4_lib_rcv(), net/ipv6/udp.c, all versions; limited by net_ratelimit(). */
const SAID = /UDP: bad checksum\. From (\S+):(\d+) to (\S+):(\d+) ulen (\d+)/;

/** UDP ports of tunnels whose outer checksum is often left at zero. */
const TUNNELS: Readonly<Record<string, string>> = {
  '4789': 'VXLAN',
  '8472': 'VXLAN',
  '6081': 'GENEVE',
  '4754': 'GRE in UDP',
};

interface Told {
  readonly row: NoticeRow;
  readonly src: string;
  readonly dst: string;
  readonly dport: string;
}

function told(row: NoticeRow): Told | null {
  const match = SAID.exec(row.text);
  return match === null ? null : { row, src: match[1]!, dst: match[3]!, dport: match[4]! };
}

/** Interfaces whose checksum offload a listing shows, in words. */
function offloadStep(picture: HostPicture): Step {
  const facts = picture.host.facts.filter((fact) => fact.kind === 'offload');
  const words: string[] = [];
  const cited: EvidenceItem[] = [];
  for (const fact of facts) {
    const features = fact.data['features'] as Readonly<Record<string, string>> | undefined;
    const state = features?.['tx-checksumming'] ?? features?.['tx-checksum-ip-generic'];
    if (state === undefined) continue;
    words.push(
      `${String(fact.data['ifname'])} ${state}${fact.data['isChange'] === true ? ' (switched while it was looked at)' : ''}`,
    );
    cited.push(picture.cite.hostFact(fact, null));
  }
  return words.length === 0
    ? inferred('an offload, a tunnel or address translation spoils it', [], false, askOffload)
    : shown(`checksums computed by the card: ${[...new Set(words)].join(', ')}`, cited, false);
}

export const checksumElsewhere: HostCause = {
  id: 'checksum',
  title: 'UDP datagrams with a wrong checksum, refused by the socket',
  needs: 'the kernel\'s "UDP: bad checksum. From …"',
  decides: 'the message; a tunnel port as its destination; a listing of offloads',
  looksLike: ['malformed', 'not-conntrack'],
  causes: [],
  kernels: 'all; the message is rate limited, UdpInCsumErrors counts them all',
  evidence: ['kernel log', 'offloads'],
  argue(picture): readonly HostVerdict[] {
    const found = picture.notices.map(told).filter((one): one is Told => one !== null);
    const [first] = found;
    if (first === undefined) return [];
    const rows = found.map((one) => one.row);
    const tunnel = TUNNELS[first.dport];
    const target = endWords(first.dst, Number(first.dport));
    const steps: Step[] = [
      shown(
        `datagrams to ${target} arrive with a wrong checksum, ${rows.length === 1 ? 'once' : `${rows.length} times`}`,
        citeNotices(picture, rows),
      ),
      ...(tunnel === undefined
        ? []
        : [
            shown(
              `${first.dport} is the port of a tunnel (${tunnel}): its outer header is spoiled`,
              [picture.cite.notice(first.row)],
              false,
            ),
          ]),
      offloadStep(picture),
    ];
    return [
      {
        class: 'checksum',
        argument: {
          id: 'checksum',
          steps,
          lookAlikes: [{ cause: 'malformed', ruledOut: null, wouldSettle: askOffload }],
        },
        led: null,
        title: `Wrong checksum${tunnel === undefined ? '' : ` of ${tunnel} packets`}: ${target} loses them`,
        summary: `Not conntrack: the UDP layer of this host refuses datagrams from ${first.src}${new Set(found.map((one) => one.src)).size > 1 ? ' and others' : ''} to ${target}, as their checksum does not fit. ${tunnel === undefined ? 'An offload, address translation or a device on the way spoils it.' : 'The outer header of a tunnel carries no checksum of its own; an offload, or address translation of that header, writes a wrong one.'} A packet of the tunnel that is translated is lost so, and what runs inside looks as if nobody answered.`,
        missing: [askOffload],
        remedies: [
          {
            when: 'now',
            text: 'on the sender: switch off checksum offload of the tunnel, and see whether it ends',
            command: `ethtool -K ${tunnel === undefined ? 'DEV' : 'TUNNEL_DEV'} tx-checksum-ip-generic off   # on the sender`,
            undo: `ethtool -K ${tunnel === undefined ? 'DEV' : 'TUNNEL_DEV'} tx-checksum-ip-generic on`,
            price: 'processor time for each packet of the tunnel',
          },
          {
            when: 'lasting',
            text: 'on the sender: do not translate the outer packets (MASQUERADE, --random-fully), or run a kernel with commit ea64d8d6c675',
            command: 'uname -r   # on the sender',
            undo: '',
            price: 'none, this only looks',
          },
        ],
        about: aboutNotices(picture, rows, {
          outcome: 'DROP',
          fate: 'dropped',
          flowText: `udp ${first.src} > ${target}`,
        }),
      },
    ];
  },
};
