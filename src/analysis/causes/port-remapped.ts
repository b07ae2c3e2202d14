// An entry is answered to another port although nothing translates it: its own reply tuple was taken, so NAT moved the source port
// (net/netfilter/nf_nat_core.c: nf_nat_alloc_null_binding(), get_unique_tuple(), all versions with NAT loaded).

import { readRemappedEntries } from '../../store/remapped-entries.js';
import { inferred, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { citeVersions, storyLine } from '../explain/host-measures.js';
import type { HostPicture } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import { foundInRules } from '../explain/rule-commands.js';
import type { HostCause } from './cause.js';
import { flowOfEntry, flowWords } from './words.js';

/** A rule that moves source ports by itself: then the remap is what somebody asked for. */
function hasSourceNat({ host }: HostPicture): boolean {
  return host.rules.rulesets
    .flatMap((ruleset) => ruleset.chains)
    .some((chain) =>
      chain.rules.some((rule) => /\b(masquerade|snat|netmap)\b/i.test(`${rule.target ?? ''} ${rule.text}`)),
    );
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  const found = picture.read(readRemappedEntries);
  const first = found.find((one) => one.holderId !== null) ?? found[0];
  if (first === undefined) return [];
  const { host, cite } = picture;
  const isByRule = hasSourceNat(picture);
  // Where a rule translates sources, a moved port is its everyday work, unless the listing shows who holds the port.
  if (isByRule && first.holderId === null) return [];
  const entry = citeVersions(picture, [first.versionId]);
  const holder = first.holderId === null ? [] : citeVersions(picture, [first.holderId]);
  const rulesRead = host.parts.find((part) => part.part.startsWith('rules:') && part.state === 'read');
  const flow = flowOfEntry(first);
  const name = flowWords(flow);
  const steps: Step[] = [
    shown(`${name} is answered to port ${first.replyDport}, though no address is translated`, entry),
    holder.length > 0
      ? shown(`another entry is answered to port ${first.sport} already`, holder)
      : inferred(`port ${first.sport} must have been taken by another entry`, entry, true, ASK.listingBefore),
    inferred('its packets are sent on with the other port', entry, false, ASK.capture),
  ];
  return [
    {
      class: 'insert-race',
      argument: {
        id: 'insert-race',
        steps,
        lookAlikes: [
          ruledOutBy(
            'rule-decided',
            'no rule translates sources here',
            isByRule ? [] : [cite.absence(rulesRead, 'no SNAT, MASQUERADE or NETMAP rule')],
            ASK.ruleset,
          ),
        ],
      },
      led: { id: 'port-remapped', steps, lookAlikes: [] },
      title: `Two connections want the same answers: port ${first.sport} became ${first.replyDport}`,
      summary: `${name} could not have its own port: an entry whose answers look the same was there first, often one left by the other direction. Conntrack let it pass with source port ${first.replyDport}: peers and rules that expect ${first.sport} do not know it.`,
      missing: [],
      remedies: [
        {
          when: 'now',
          text: 'delete the entry that holds the port, if nobody uses it',
          command: `conntrack -D -p ${first.proto === 17 ? 'udp' : 'tcp'} --reply-src ${first.dst} --reply-dst ${first.src} --reply-port-dst ${first.sport}`,
          undo: '',
          price: 'a connection that still uses that entry is tracked anew, or cut where INVALID is dropped',
        },
        {
          when: 'lasting',
          text: 'do not track traffic that both ends begin with fixed ports (IKE, SIP, DNS among servers)',
          command: foundInRules(
            host.rules,
            first.src.includes(':'),
            { iptables: 'NOTRACK|--notrack', nft: 'notrack' },
            'raw',
          ),
          undo: '',
          price: 'look first: this only lists; untracked traffic needs rules for both directions',
        },
      ],
      about: {
        outcome: 'OTHER',
        fate: 'unknown',
        flow: found.length === 1 ? { ...flow, zone: null } : null,
        tupleIds: found.flatMap((one) => [one.tupleId, one.replyTupleId]),
        flowText: found.length === 1 ? name : `${found.length} connections, e.g. ${name}`,
        packetText: `${found.length} entr${found.length === 1 ? 'y' : 'ies'}`,
        flows: found.length,
        count: 0,
        firstAtUs: null,
        lastAtUs: null,
        reason: null,
        story: [
          storyLine('entry', `answered to port ${first.replyDport} instead of ${first.sport}`, entry),
          ...(holder.length > 0 ? [storyLine('', `holds port ${first.sport}`, holder)] : []),
        ],
        notices: [],
      },
    },
  ];
}

export const portRemapped: HostCause = {
  id: 'insert-race',
  title: 'A source port was moved without a rule',
  needs: 'a listing with both entries, and the rules',
  decides:
    'the reply tuple differs from the original in the port alone, another entry has the tuple it wanted, no rule translates sources',
  looksLike: ['rule-decided'],
  causes: ['port-remapped'],
  kernels: 'all, where NAT is loaded',
  evidence: ['entries', 'ruleset'],
  argue,
};
