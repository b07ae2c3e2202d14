// Sockets that cannot end their connection because nobody answers: the FIN left, conntrack saw it, and it is sent again and again.

import { inferred, type LookAlike, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import { storyLine } from '../../explain/host-measures.js';
import type { HostPicture } from '../../explain/host-picture.js';
import type { HostVerdict } from '../../explain/host-verdict.js';
import { invalidRules } from '../../ruleset/invalid-rules.js';
import type { HostCause } from '../cause.js';
import { aboutSockets, type Stuck, socketWords, stuckSockets } from './stuck.js';

const CLOSING = ['FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT'];

/** No rule for INVALID of this host dropped anything while it happened. */
function notDropped({ host }: HostPicture, entry: ReturnType<HostPicture['cite']['entry']>): LookAlike {
  const drops = invalidRules(host.rules.rulesets, 'OUTPUT').filter(({ does }) => does === 'drop');
  const hits = drops.map(({ rule }) => host.rules.ruleOf(rule)).filter((hit) => hit !== null);
  const still = hits.map((hit) => host.rules.moved(hit)).filter((moved) => moved?.packets === 0);
  return ruledOutBy(
    'entry-gone',
    hits.length > 0 && still.length === hits.length
      ? 'its entry is there, and no rule dropped an INVALID packet of this host'
      : 'its entry is there',
    [entry, ...still.flatMap((moved) => moved?.evidence ?? [])],
    ASK.listing,
  );
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const { cite } = picture;
  const isTracked = (one: Stuck) => CLOSING.includes(one.entry?.state ?? '');
  const found = stuckSockets(picture).filter((one) => one.isUnanswered && one.entry !== null && isTracked(one));
  const [first] = found;
  if (first === undefined) return [];
  const socket = cite.socket(first.socket);
  const entry = cite.entry(first.entry!, first.listing?.atUs ?? null);
  const steps: Step[] = [
    shown(`its FIN was sent and is not acknowledged: ${socketWords(first)}`, [socket]),
    shown(`conntrack saw it and has its entry: ${first.entry!.state}`, [entry]),
    inferred('it left this host, and the answer did not come', [socket], false, ASK.capture),
  ];
  return [
    {
      class: 'not-conntrack',
      argument: {
        id: 'not-conntrack',
        steps,
        lookAlikes: [notDropped(picture, entry), { cause: 'rule-decided', ruledOut: null, wouldSettle: ASK.capture }],
      },
      led: { id: 'peer-silent', steps, lookAlikes: [] },
      title: `${found.length === 1 ? 'A socket waits' : `${found.length} sockets wait`} for a peer that does not answer`,
      summary: `${first.name} is in ${first.socket.state}: its FIN left and was tracked (${first.entry!.state}), and is sent again because nobody acknowledges it. Conntrack is not what keeps it: look on the way to the peer, or at the peer.`,
      missing: [],
      remedies: [
        {
          when: 'now',
          text: 'see whether the FIN goes out and whether anything comes back',
          command: `tcpdump -ni any tcp port ${first.socket.lport} and host ${first.socket.peer}`,
          undo: '',
          price: 'none, it only watches',
        },
      ],
      about: {
        ...aboutSockets(found),
        outcome: 'OTHER',
        fate: 'unknown',
        story: [
          storyLine('at the end', socketWords(first), [socket]),
          storyLine(
            '',
            `entry ${first.entry!.state}${first.entry!.status === null ? '' : ` [${first.entry!.status}]`}`,
            [entry],
          ),
        ],
      },
    },
  ];
}

export const peerSilent: HostCause = {
  id: 'not-conntrack',
  title: 'The peer does not answer',
  needs: 'sockets with their timers and retransmissions, and the listing of the same moment',
  decides: 'the FIN is sent again, not unsent, and the entry is in a closing state: conntrack saw it leave',
  looksLike: ['entry-gone', 'rule-decided'],
  causes: ['peer-silent'],
  kernels: 'all',
  evidence: ['sockets', 'entries', 'ruleset'],
  argue,
};
