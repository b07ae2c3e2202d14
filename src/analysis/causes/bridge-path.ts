// Two neighbours on one bridge talk through an address that this host translates: the request comes by conntrack, the answer goes over the
// bridge straight, untranslated, and the client refuses it. With br_netfilter switched off, frames between ports pass no IP hook
// (net/bridge/br_netfilter_hooks.c: br_nf_pre_routing(), all versions).

import type { EvidenceItem } from '../../model/finding.js';
import { readAnsweredClients, readAnsweredTarget, readUnansweredRedirected } from '../../store/bridged-answers.js';
import type { HostFactRow } from '../../store/evidence-reader.js';
import type { EntryWithEnds } from '../../store/stale-suspects.js';
import { isInPrefix } from '../../text/address.js';
import { inferred, type LookAlike, open, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { citeVersions, storyLine, timeOfList } from '../explain/host-measures.js';
import { citeValue, type HostPicture, settingsNamed } from '../explain/host-picture.js';
import { flowOfEntry, type HostVerdict } from '../explain/host-verdict.js';
import { type PastedChange, ruleBehind, speaksNft } from '../explain/rule-commands.js';
import type { HostCause } from './cause.js';
import { endWords, flowWords } from './words.js';

interface Network {
  readonly address: string;
  readonly bits: number;
  readonly device: string;
  /** NULL: guessed from the addresses. */
  readonly fact: HostFactRow | null;
}

function isIn(address: string, { address: network, bits }: Network): boolean {
  return isInPrefix(address, `${network}/${bits}`);
}

/** The network of this host that both addresses are in; without its addresses, the /24 or /64 they share. */
function sharedNetwork({ host }: HostPicture, a: string, b: string): Network | null {
  const own = host.facts
    .filter(
      (fact) =>
        fact.kind === 'address' && typeof fact.data['local'] === 'string' && typeof fact.data['prefixlen'] === 'number',
    )
    .map(
      (fact): Network => ({
        address: String(fact.data['local']),
        bits: Number(fact.data['prefixlen']),
        device: String(fact.data['ifname'] ?? ''),
        fact,
      }),
    );
  if (own.length > 0) return own.find((one) => one.bits > 0 && isIn(a, one) && isIn(b, one)) ?? null;
  const guessed: Network = { address: a, bits: a.includes(':') ? 64 : 24, device: '', fact: null };
  return isIn(b, guessed) ? guessed : null;
}

/** The link that says the device is a bridge; NULL: not known to be one. */
function bridgeOf({ host }: HostPicture, device: string): HostFactRow | null {
  return (
    host.facts.find((fact) => {
      const info = fact.data['linkinfo'];
      const kind =
        typeof info === 'object' && info !== null
          ? (info as Record<string, unknown>)['info_kind']
          : fact.data['info_kind'];
      return (
        fact.kind === 'link' &&
        fact.data['ifname'] === device &&
        (kind === 'bridge' || /^(br|docker|cni|virbr|kube-bridge)/.test(device))
      );
    }) ?? null
  );
}

interface Found {
  readonly own: EntryWithEnds;
  readonly network: Network;
}

function lookAlikes(picture: HostPicture, { own }: Found): readonly LookAlike[] {
  const alive = picture.read((db, hostId) => readAnsweredTarget(db, hostId, own));
  return [
    ruledOutBy(
      'not-conntrack',
      `${endWords(own.replySrc, own.replySport)} answers others`,
      alive === null ? [] : citeVersions(picture, [alive]),
      ASK.listing,
    ),
    { cause: 'asymmetric-reply-unseen', ruledOut: null, wouldSettle: ASK.captureHere },
  ];
}

/** Connections that a DNAT rule turns back into their own network get this host's address, too. */
function hairpin({ host }: HostPicture, network: string): PastedChange {
  const isSix = network.includes(':');
  const ip = isSix ? 'ip6' : 'ip';
  const nft = `${ip} saddr ${network} ${ip} daddr ${network} ct status dnat masquerade`;
  const chain = host.rules.rulesets
    .flatMap(({ chains }) => chains)
    .find(({ family, type, hook }) => type === 'nat' && hook === 'POSTROUTING' && [ip, 'inet'].includes(family));
  if (chain === undefined && speaksNft(host.rules, null))
    return {
      command: `nft add table ${ip} hairpin; nft add chain ${ip} hairpin post '{ type nat hook postrouting priority srcnat; }'; nft add rule ${ip} hairpin post ${nft}`,
      undo: `nft delete table ${ip} hairpin`,
    };
  const place = {
    family: chain?.family ?? ip,
    table: chain?.table ?? 'nat',
    chain: chain?.name ?? 'POSTROUTING',
  } as const;
  return ruleBehind(host.rules, place, isSix, {
    iptables: `-s ${network} -d ${network} -m conntrack --ctstate DNAT -j MASQUERADE`,
    nft,
  });
}

/** Neighbours of the target wait for it, several times, and it answers others alone: the way back makes the difference. */
function isOnlyNeighbours(picture: HostPicture, found: readonly Found[]): boolean {
  const { own, network } = found[0]!;
  const alike = found.filter((one) => one.own.dst === own.dst && one.own.dport === own.dport);
  const answered = picture.read((db, hostId) => readAnsweredClients(db, hostId, own));
  return alike.length > 1 && answered.length > 0 && !answered.some((client) => isIn(client, network));
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const setting = settingsNamed(picture, 'bridge-nf-call-iptables').at(-1);
  if (setting !== undefined && Number(setting.value) !== 0) return [];
  const found = picture.read(readUnansweredRedirected).flatMap((own): readonly Found[] => {
    const network = sharedNetwork(picture, own.src, own.replySrc);
    return network === null ? [] : [{ own, network }];
  });
  const first = found[0];
  if (first === undefined) return [];
  const { own, network } = first;
  const bridge = network.fact === null ? null : bridgeOf(picture, network.device);
  // Neighbours that answer each other past this host need no bridge: something must say that there is one.
  if (setting === undefined && bridge === null && !isOnlyNeighbours(picture, found)) return [];
  const entries = found.slice(0, 4).map((one) => picture.cite.entry(one.own, timeOfList(picture, one.own.snapshotId)));
  const said: readonly (EvidenceItem | null)[] = [setting === undefined ? null : citeValue(picture, setting)];
  const nets: readonly (EvidenceItem | null)[] = [
    network.fact === null ? null : picture.cite.hostFact(network.fact, null),
    bridge === null ? null : picture.cite.hostFact(bridge, null),
  ];
  const redirected = `${found.length === 1 ? 'a connection' : `${found.length} connections`} to an address that is translated to a neighbour of the client ${found.length === 1 ? 'is' : 'are'} not answered: ${flowWords({ ...own, extra: null })} was sent to ${endWords(own.replySrc, own.replySport)}`;
  const steps: Step[] = [
    shown(redirected, entries),
    network.fact !== null && bridge !== null
      ? shown(`client and target are on one bridge (${network.device})`, nets)
      : inferred(
          network.fact === null
            ? 'client and target look like neighbours'
            : `client and target are in one network (${network.device})`,
          network.fact === null ? entries.slice(0, 1) : nets,
          true,
          ASK.addressesAndLinks,
        ),
    setting === undefined
      ? open('whether bridged frames pass the IP hooks (bridge-nf-call-iptables)', false, ASK.bridgeSettings)
      : shown('bridged frames pass no IP hook: bridge-nf-call-iptables = 0', said),
  ];
  return [
    {
      class: 'bridge-path',
      argument: { id: 'bridge-path', steps, lookAlikes: lookAlikes(picture, first) },
      led: { id: 'bridge-bypass', steps: steps.slice(0, 2), lookAlikes: lookAlikes(picture, first).slice(1) },
      title: 'Answers between neighbours on a bridge are not translated back',
      summary: `${flowWords({ ...own, extra: null })} is translated to ${endWords(own.replySrc, own.replySport)}, a neighbour of ${own.src} on the same bridge. The answer goes over the bridge without passing conntrack${setting === undefined ? '' : ' (bridge-nf-call-iptables = 0)'}: it arrives from ${own.replySrc} instead of ${own.dst}, and the client refuses it. From other hosts the same address works.`,
      missing: [],
      remedies: [
        {
          when: 'now',
          text: 'let bridged frames pass the IP hooks',
          command:
            'modprobe br_netfilter; sysctl -w net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1',
          undo: 'sysctl -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0',
          price:
            'every bridged frame passes the rules: a FORWARD chain that drops by default drops them too, and each costs CPU time',
        },
        {
          when: 'lasting',
          text: 'or translate the source as well where both are on the bridge, so that the answer comes back here',
          ...hairpin(picture, `${network.address}/${network.bits}`),
          price: 'the target sees this host as the client',
        },
      ],
      about: {
        outcome: 'OTHER',
        fate: 'unknown',
        flow: flowOfEntry(own),
        tupleIds: found.flatMap((one) => [one.own.tupleId, one.own.replyTupleId]),
        flowText:
          found.length === 1
            ? flowWords({ ...own, extra: null })
            : `${found.length} connections, e.g. ${flowWords({ ...own, extra: null })}`,
        packetText: `${found.length} ${found.length === 1 ? 'entry' : 'entries'}`,
        flows: found.length,
        count: 0,
        firstAtUs: null,
        lastAtUs: null,
        reason: null,
        story: [
          storyLine(
            'entry',
            `${flowWords({ ...own, extra: null })}: ${own.state ?? ''}, sent to ${endWords(own.replySrc, own.replySport)}`,
            entries.slice(0, 1),
          ),
          ...(network.fact === null
            ? []
            : [storyLine('network', `${network.device}: ${network.address}/${network.bits}`, nets)]),
          ...(setting === undefined ? [] : [storyLine('setting', 'net.bridge.bridge-nf-call-iptables = 0', said)]),
        ],
        notices: [],
      },
    },
  ];
}

export const bridgePath: HostCause = {
  id: 'bridge-path',
  title: 'Answers between neighbours on a bridge are not translated back',
  needs:
    'unanswered entries whose destination was translated to a neighbour of the client, and bridge settings or links',
  decides: 'client and target are on one bridge, and bridge-nf-call-iptables is 0; the target answers others',
  looksLike: ['not-conntrack', 'asymmetric-reply-unseen'],
  causes: ['bridge-bypass'],
  kernels:
    'all; the setting is there when br_netfilter is loaded (a module of its own since 3.18), for each namespace since 5.3',
  evidence: ['entries', 'settings', 'addresses and links'],
  argue,
};
