// Sockets that cannot end their connection because its entry has gone and a rule drops this host's own INVALID: told by sockets, the
// listing and the rules, where no packet was logged.

import { inferred, open, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import { storyLine } from '../../explain/host-measures.js';
import { type HostPicture, settingsNamed } from '../../explain/host-picture.js';
import type { HostVerdict } from '../../explain/host-verdict.js';
import { ruleAhead } from '../../explain/rule-commands.js';
import { invalidRules } from '../../ruleset/invalid-rules.js';
import type { HostCause } from '../cause.js';
import { ruleWords } from '../words.js';
import { aboutSockets, socketWords, stuckSockets } from './stuck.js';

function argue(picture: HostPicture): readonly HostVerdict[] {
  const { host, cite } = picture;
  const found = stuckSockets(picture).filter((one) => one.isUnsent && one.entry === null && one.listing !== undefined);
  const [first] = found;
  if (first === undefined) return [];
  const socket = cite.socket(first.socket);
  const absent = cite.absence(first.listing, 'no entry of the connection in the listing of the same moment');
  const drop = invalidRules(host.rules.rulesets, 'OUTPUT').find(({ does }) => does === 'drop') ?? null;
  const hit = drop === null ? null : host.rules.ruleOf(drop.rule);
  // With rules at hand of which none drops INVALID here, something else keeps the packets.
  if (host.rules.hasRules && hit === null) return [];
  const moved = hit === null ? null : host.rules.moved(hit);
  const lifetime = settingsNamed(picture, 'nf_conntrack_tcp_timeout_established').at(-1);
  const steps: Step[] = [
    shown(`the socket is still closing: ${socketWords(first)}`, [socket]),
    shown('its connection has no entry', [absent]),
    hit === null
      ? inferred("a rule drops this host's own INVALID packets", [socket], true, ASK.ruleset)
      : shown(`${ruleWords(hit.rule)} drops INVALID packets of this host itself`, [hit.evidence]),
    ...(moved !== null && moved.packets > 0
      ? [shown(`it dropped ${moved.packets} between the readings`, moved.evidence, false)]
      : []),
    open('that its FIN was INVALID: no line shows it', false, ASK.logInvalid),
  ];
  const flow = {
    src: first.socket.local,
    sport: first.socket.lport,
    dst: first.socket.peer ?? '',
    dport: first.socket.pport,
  };
  const isSix = flow.src.includes(':');
  return [
    {
      class: 'entry-gone',
      argument: {
        id: 'entry-gone',
        steps,
        lookAlikes: [
          ruledOutBy(
            'late-close',
            `the socket is there (${first.socket.state}): not a leftover of a closed connection`,
            [socket],
          ),
          ruledOutBy('not-conntrack', 'what it has to say is unsent, not unacknowledged: it never left this host', [
            socket,
          ]),
        ],
      },
      led: null,
      title: `${found.length === 1 ? 'A socket' : `${found.length} sockets`} cannot close: entry gone${hit === null ? '' : `, ${ruleWords(hit.rule)} drops the FIN`}`,
      summary: `${first.name} is in ${first.socket.state} and its FIN does not leave this host. Its conntrack entry has gone, so the FIN is INVALID${hit === null ? ', and something drops it here' : `, and ${ruleWords(hit.rule)} drops it`}. The peer hears nothing.${lifetime === undefined ? '' : ` An idle connection's entry lives ${lifetime.value} s.`}`,
      missing: [ASK.events],
      remedies: [
        ...(hit === null
          ? []
          : [
              {
                when: 'now' as const,
                text: 'let this connection close: its peer is told',
                ...ruleAhead(host.rules, hit.rule, isSix, {
                  iptables: `-p tcp --sport ${flow.sport} -d ${flow.dst} --dport ${flow.dport} -m conntrack --ctstate INVALID -j ACCEPT`,
                  nft: `${isSix ? 'ip6' : 'ip'} daddr ${flow.dst} tcp sport ${flow.sport} tcp dport ${flow.dport} ct state invalid accept`,
                }),
                price: 'one reversed entry for up to 5 min',
              },
            ]),
        {
          when: 'lasting',
          text: 'have the endpoints send keepalives more often than the entry lives',
          command: 'sysctl -w net.ipv4.tcp_keepalive_time=600',
          undo: 'sysctl -w net.ipv4.tcp_keepalive_time=7200',
          price: 'only sockets that ask for SO_KEEPALIVE; a packet per connection and period',
        },
      ],
      about: {
        ...aboutSockets(found),
        outcome: 'INVALID',
        fate: 'dropped',
        story: [
          storyLine('at the end', socketWords(first), [socket]),
          storyLine('', 'no entry in the listing', [absent]),
          ...(hit === null ? [] : [storyLine('rule', hit.rule.text, [hit.evidence])]),
          ...(moved !== null && moved.packets > 0
            ? [storyLine('', `counted ${moved.packets} between the readings`, moved.evidence)]
            : []),
        ],
      },
    },
  ];
}

export const stuckWithoutEntry: HostCause = {
  id: 'entry-gone',
  title: 'Sockets that cannot close, without an entry',
  needs: 'sockets with their timers, the listing of the same moment, and the rules',
  decides:
    'a socket in FIN-WAIT-1 or LAST-ACK whose FIN is unsent, no entry of it, a rule in OUTPUT that drops INVALID',
  looksLike: ['late-close', 'not-conntrack'],
  causes: [],
  kernels: 'all; the persist timer with notsent was seen on 5.10 and 6.18',
  evidence: ['sockets', 'entries', 'ruleset'],
  argue,
};
