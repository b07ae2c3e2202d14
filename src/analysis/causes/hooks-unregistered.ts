// A reload for a moment leaves no rule that needs conntrack: its hooks go, packets pass unseen, and when they come back the entries are
// behind. The first packet then seen sets the window from where it stands; a keepalive stands one byte too low.

import { holds, since } from '../../catalogue/kernel-version.js';
import { readRulesReadings, type StoredRuleset } from '../../store/rules-of-host.js';
import { inferred, type LookAlike, ruledOutBy, type Step, shown } from '../explain/argument.js';
import { ASK } from '../explain/ask.js';
import { storyLine } from '../explain/host-measures.js';
import type { HostPicture } from '../explain/host-picture.js';
import type { HostVerdict } from '../explain/host-verdict.js';
import { iptablesProgram, speaksNft } from '../explain/rule-commands.js';
import { firstThatNeedsConntrack } from '../ruleset/needs-conntrack.js';
import type { HostCause } from './cause.js';
import { ruleWords } from './words.js';

const ON_DEMAND = since('4.10');

interface Reading {
  readonly stored: readonly StoredRuleset[];
  readonly snapshotId: number;
  readonly kind: string;
  /** NULL: no rule of it needs conntrack. */
  readonly needs: {
    readonly stored: StoredRuleset;
    readonly rule: ReturnType<typeof firstThatNeedsConntrack> & object;
  } | null;
}

function readings(picture: HostPicture): readonly Reading[] {
  return picture.read(readRulesReadings).map(({ kind, snapshotId, rulesets }) => {
    const needing = rulesets
      .map((stored) => ({ stored, rule: firstThatNeedsConntrack(stored.ruleset) }))
      .find((one) => one.rule !== null);
    return {
      kind,
      snapshotId,
      stored: rulesets,
      needs: needing === undefined ? null : { stored: needing.stored, rule: needing.rule! },
    };
  });
}

/** Two readings by the same tool, of which only one needs conntrack; and no other tool's rules that would keep the hooks. */
function gap(picture: HostPicture): { readonly tracked: Reading; readonly bare: Reading } | null {
  const all = readings(picture);
  for (const bare of all) {
    if (bare.needs !== null || bare.stored.some((one) => one.ruleset.isPartial)) continue;
    // An empty listing of legacy tables beside nft rules is how such hosts always look.
    if (all.some((other) => other.kind !== bare.kind && other.needs !== null)) continue;
    const tracked = all.find((other) => other.kind === bare.kind && other.needs !== null);
    if (tracked !== undefined) return { tracked, bare };
  }
  return null;
}

function lookAlikes(picture: HostPicture): readonly LookAlike[] {
  const count = picture.host.snapshots.filter((one) => one.entryCount !== null);
  return [
    {
      cause: 'entry-gone',
      ruledOut: null,
      wouldSettle: count.length > 0 ? ASK.events : ASK.listing,
    },
    ruledOutBy('old-segment', 'no line says so', [], ASK.logInvalid),
  ];
}

function argue(picture: HostPicture): readonly HostVerdict[] {
  if (picture.kernel !== null && holds(ON_DEMAND, picture.kernel) === 'no') return [];
  const found = gap(picture);
  if (found === null) return [];
  const { cite, host } = picture;
  const { tracked, bare } = found;
  const { stored, rule } = tracked.needs!;
  const cited = cite.rule(rule, {
    rulesetId: stored.rulesetId,
    sourceId: stored.sourceId,
    firstLine: stored.firstLine ?? 1,
    atUs: stored.atUs,
  });
  const part = host.parts.find(
    (one) => one.snapshotId === bare.snapshotId && one.part.startsWith('rules:') && one.state === 'read',
  );
  const absent = cite.absence(part, 'no rule that needs conntrack');
  const steps: Step[] = [
    shown(`in one reading of the rules conntrack is needed (${ruleWords(rule)})`, [cited]),
    shown('in another no rule needs it: its hooks are then unregistered, and packets pass unseen', [absent]),
    inferred('connections stayed open across the change, and were seen again behind it', [cited], true, ASK.logInvalid),
    picture.kernel === null
      ? inferred('the kernel registers the hooks on demand (since 4.10)', [], false, ASK.kernel)
      : inferred('no other table or module needed it meanwhile (flowtables, OVS, tc, helpers)', [], false, ASK.ruleset),
  ];
  const isNft = speaksNft(host.rules, null);
  return [
    {
      class: 'midstream-pickup',
      argument: { id: 'midstream-pickup', steps, lookAlikes: lookAlikes(picture) },
      led: { id: 'hooks-unregistered', steps, lookAlikes: [] },
      title: 'A reload that leaves no stateful rule blinds conntrack for a moment',
      summary: `One reading of the rules has rules that need conntrack, another of the same host has none. In between its hooks are unregistered: entries stay, packets pass unseen. Afterwards open connections are judged by what was last seen; an ACK just above the bound is INVALID, and a connection without its entry is NEW in the middle.`,
      missing: [],
      remedies: [
        {
          when: 'lasting',
          text: 'load rules in one step, so that there is never a moment without them',
          command: isNft
            ? 'nft -f RULES   # with "flush ruleset" as its first line'
            : `${iptablesProgram(host.rules, null, false)}-restore < RULES`,
          undo: '',
          price: 'none; a script that flushes first and adds rule by rule is what it replaces',
        },
        {
          when: 'lasting',
          text: 'keep one rule that needs conntrack in a table of its own that no reload touches',
          command:
            'nft add table inet keep_conntrack; nft add chain inet keep_conntrack c "{ type filter hook prerouting priority 0; }"; nft add rule inet keep_conntrack c ct state invalid counter',
          undo: 'nft delete table inet keep_conntrack',
          price: 'conntrack is then always on: every connection takes an entry',
        },
      ],
      about: {
        outcome: 'OTHER',
        fate: 'unknown',
        flow: null,
        tupleIds: [],
        flowText: 'no packet is named',
        packetText: 'two readings of the rules',
        flows: 0,
        count: 0,
        firstAtUs: null,
        lastAtUs: null,
        reason: null,
        story: [
          storyLine('with it', rule.text, [cited]),
          storyLine('without', 'no rule that needs conntrack', [absent]),
        ],
        notices: [],
      },
    },
  ];
}

export const hooksUnregistered: HostCause = {
  id: 'midstream-pickup',
  title: 'Conntrack was blind for a moment',
  needs: 'two readings of the rules of one host',
  decides: 'one of them has no rule that needs conntrack, and connections were open across the change',
  looksLike: ['entry-gone', 'old-segment'],
  causes: ['hooks-unregistered'],
  kernels: 'since 4.10: before, the hooks stayed as long as the module was loaded',
  evidence: ['ruleset', 'kernel log', 'events'],
  argue,
};
