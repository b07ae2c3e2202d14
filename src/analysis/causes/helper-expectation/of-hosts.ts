// Helpers in trouble, as messages, settings and lists tell it: the table of expectations is full, a helper is asked for that is not
// there, or nobody attaches one since the kernel stopped doing it by itself (nf_conntrack_helper went with 6.0).

import { holds, since } from '../../../catalogue/kernel-version.js';
import type { EvidenceItem } from '../../../model/finding.js';
import { type HostFactRow, type NoticeRow, readHostFacts } from '../../../store/evidence-reader.js';
import { readControlsWithoutHelper, readExpectationCount } from '../../../store/helped-connections.js';
import { inferred, open, ruledOutBy, type Step, shown } from '../../explain/argument.js';
import { ASK } from '../../explain/ask.js';
import { citeNotices, citeVersions, heldBack, spanOf, storyLine, timeLabel } from '../../explain/host-measures.js';
import { citeValue, type HostPicture, partsRead, settingsNamed } from '../../explain/host-picture.js';
import type { HostSubject, HostVerdict } from '../../explain/host-verdict.js';
import type { HostCause } from '../cause.js';
import { flowWords, ruleWords } from '../words.js';
import { HELPED, helperOf } from './control-ports.js';
import { attachHelper } from './remedies.js';

/** The kernel attaches no helper by itself from here on (net/netfilter/nf_conntrack_helper.c). */
const NO_AUTOMATIC_HELPER = since('6.0');
const NEARLY = 0.95;

export const HELPER_WORDS: Omit<HostCause, 'argue'> = {
  id: 'helper-expectation',
  title: 'A helper does not announce the connections it should',
  needs:
    "the kernel's words about helpers and expectations, or a control connection without helper and what came beside it",
  decides:
    'the table of expectations is full; a helper that a rule names is not there; nothing is expected while nf_conntrack_helper is relied on; the control connection has no helper',
  looksLike: ['table-full', 'rule-decided'],
  causes: ['expectation-table-full', 'helper-missing', 'helper-not-assigned'],
  kernels:
    'all; until 4.6 helpers came by themselves, until 5.19 with nf_conntrack_helper=1, since 6.0 by CT rules only',
  evidence: ['kernel log', 'expectations', 'entries', 'settings', 'ruleset', 'packets'],
};

const NOBODY: Pick<HostSubject, 'flow' | 'tupleIds' | 'flowText' | 'flows'> = {
  flow: null,
  tupleIds: [],
  flowText: 'no packet is named',
  flows: 0,
};

function ofMessages(
  rows: readonly NoticeRow[],
  count: number,
): Pick<HostSubject, 'packetText' | 'count' | 'firstAtUs' | 'lastAtUs' | 'notices'> {
  return {
    packetText: `${rows.length} message${rows.length === 1 ? '' : 's'}${count > rows.length ? ` and ${count - rows.length} held back` : ''}`,
    count,
    ...spanOf(rows),
    notices: rows,
  };
}

function saidLine(picture: HostPicture, rows: readonly NoticeRow[]) {
  const words = `${rows[0]!.text.trim()}${rows.length === 1 ? '' : `, ${rows.length} times`}`;
  return storyLine(timeLabel(spanOf(rows).firstAtUs), words, citeNotices(picture, rows));
}

function expectationsFull(picture: HostPicture): readonly HostVerdict[] {
  const rows = picture.notices.filter((row) => row.reasonId === 'expectation-table-full');
  if (rows.length === 0) return [];
  const held = heldBack(picture, rows);
  const cited = citeNotices(picture, rows);
  const limit = settingsNamed(picture, 'nf_conntrack_expect_max').at(-1);
  const most = picture.read(readExpectationCount);
  const part = picture.host.parts.find((one) => one.snapshotId === most?.snapshotId && one.part === 'expectations');
  const listed = most === null ? null : picture.cite.reading(part, `${most.expectations} expectations listed`);
  const isFull = limit !== undefined && most !== null && most.expectations >= Number(limit.value) * NEARLY;
  const steps: Step[] = [
    shown(
      `the kernel said "expectation table full" ${rows.length === 1 ? 'once' : `${rows.length} times`}${held.count > 0 ? `; ${held.count} more messages were held back about then` : ''}`,
      cited,
    ),
    isFull
      ? shown(
          `${most.expectations} of ${limit.value} expectations are there`,
          [listed, citeValue(picture, limit)],
          false,
        )
      : open('how many expectations there are, and of whom', false, ASK.expectationCount),
  ];
  const now = limit === undefined ? 'N' : String(Number(limit.value) * 4);
  return [
    {
      class: 'helper-expectation',
      argument: {
        id: 'helper-expectation',
        steps,
        lookAlikes: [
          ruledOutBy(
            'table-full',
            'the line speaks of expectations: connections have a table and a limit of their own',
            cited.slice(0, 1),
          ),
        ],
      },
      led: { id: 'expectation-table-full', steps, lookAlikes: [] },
      title: 'The table of expectations is full',
      summary: `A helper, or NAT that keeps ports open by expectations (full cone), announces more connections than nf_conntrack_expect_max allows. What it could not announce comes as NEW instead of RELATED, and packets of its control connection are dropped. nf_conntrack_max has nothing to do with it.`,
      missing: [],
      remedies: [
        {
          when: 'now',
          text: 'allow more expectations (not more connections)',
          command: `sysctl -w net.netfilter.nf_conntrack_expect_max=${now}`,
          undo: limit === undefined ? '' : `sysctl -w net.netfilter.nf_conntrack_expect_max=${limit.value}`,
          price:
            'some 200 bytes of kernel memory each, one limit for all namespaces; the chains they are looked for in grow longer',
        },
        {
          when: 'lasting',
          text: 'find who makes them: the master connection of each is listed',
          command: 'conntrack -L expect',
          undo: '',
          price: 'looks only',
        },
      ],
      about: {
        ...NOBODY,
        ...ofMessages(rows, rows.length + held.count),
        outcome: 'NEW',
        fate: 'unknown',
        reason: { id: 'expectation-table-full', message: rows[0]!.text.trim() },
        story: [
          saidLine(picture, rows),
          ...(isFull ? [storyLine('expected', steps[1]!.says, steps[1]!.evidence)] : []),
        ],
      },
    },
  ];
}

/** 'xt_CT: No such helper "sip"', and the kernel's word that it attaches none any more. */
function helperRefused(picture: HostPicture): readonly HostVerdict[] {
  const missing = picture.notices.filter((row) => /No such helper/.test(row.text));
  const off = picture.notices.filter((row) => /automatic helper assignment has been turned off/.test(row.text));
  const rows = missing.length > 0 ? missing : off;
  if (rows.length === 0) return [];
  const helper = /No such helper "([^"]*)"/.exec(rows[0]!.text)?.[1] ?? null;
  const name = helper ?? 'a helper';
  const cited = citeNotices(picture, rows);
  const id = missing.length > 0 ? 'helper-missing' : 'helper-not-assigned';
  const says =
    missing.length > 0
      ? `a rule that attaches the helper "${name}" was refused: the helper is not there`
      : 'a connection that a helper knows came, and no helper was attached to it';
  const steps: Step[] = [shown(says, cited), open('which data connection was missed for it', false, ASK.expectations)];
  const port = HELPED.find((one) => one.helper === name);
  return [
    {
      class: 'helper-expectation',
      argument: {
        id: 'helper-expectation',
        steps,
        lookAlikes: [{ cause: 'rule-decided', ruledOut: null, wouldSettle: ASK.ruleset }],
      },
      led: { id, steps: [steps[0]!], lookAlikes: [] },
      title: missing.length > 0 ? `The helper "${name}" is not there` : 'No helper is attached any more',
      summary: `${missing.length > 0 ? `The kernel has no helper "${name}": its module is not loaded or not installed, and the rule that names it was not taken.` : 'The kernel no longer attaches helpers by port; a rule has to.'} Data connections that the helper would announce are NEW, and NAT does not change the addresses inside the control connection.`,
      missing: [],
      remedies: attachHelper(picture.host, helper, port?.proto === 17 ? 'udp' : 'tcp', port?.port ?? null, false),
      about: {
        ...NOBODY,
        ...ofMessages(rows, rows.length),
        outcome: 'NEW',
        fate: 'unknown',
        reason: null,
        story: [saidLine(picture, rows)],
        // That none comes by itself and that one is not there are two halves of one story.
        notices: [...missing, ...off],
      },
    },
  ];
}

function readListed(...[db, hostId]: Parameters<Parameters<HostPicture['read']>[0]>): readonly HostFactRow[] {
  return readHostFacts(db, hostId, ['listed']);
}

interface Nothing {
  readonly says: string;
  readonly evidence: EvidenceItem;
  /** Somebody listened while it should have happened; a list may have been read at any time. */
  readonly isWatched: boolean;
}

/** That nothing was expected: of whoever listened, or of a list that was read. */
function nothingExpected(picture: HostPicture): Nothing | null {
  const facts = picture.read(readListed);
  const events = facts.find((fact) => fact.data['what'] === 'expectation events');
  if (events !== undefined)
    return Number(events.data['shown']) > 0
      ? null
      : {
          says: 'nobody expected anything while somebody listened',
          evidence: picture.cite.hostFact(events, null),
          isWatched: true,
        };
  const most = picture.read(readExpectationCount);
  if (most !== null && most.expectations > 0) return null;
  const part = partsRead(picture, 'expectations').at(-1);
  const cited = picture.cite.absence(part, 'no expectation');
  return cited === null ? null : { says: 'the list of expectations is empty', evidence: cited, isWatched: false };
}

/** The setting that is not there any more is relied on, and nobody expects anything. */
function notAssigned(picture: HostPicture): readonly HostVerdict[] {
  const nothing = nothingExpected(picture);
  if (nothing === null) return [];
  const attaching = picture.host.rules.find(
    (rule) =>
      /--helper\b|\bct helper set\b/.test(rule.text) && rule.conditions.every((one) => one.field !== 'cthelper'),
  );
  if (attaching.length > 0) return [];
  const setting = settingsNamed(picture, 'nf_conntrack_helper').at(-1);
  const isRemoved = holds(NO_AUTOMATIC_HELPER, picture.kernel);
  const isReliedOn = setting !== undefined && Number(setting.value) === 1;
  const controls = picture.read(readControlsWithoutHelper).filter((one) => helperOf(one.proto, one.dport) !== null);
  const missed = controls.filter(
    (one) =>
      one.unanswered > 0 &&
      helperOf(one.proto, one.dport)!.announces({
        proto: one.otherProto ?? -1,
        sport: one.otherSport,
        dport: one.otherDport,
      }) === 'surely',
  );
  const control = missed[0] ?? (nothing.isWatched ? controls[0] : undefined);
  // An empty list of expectations is what a healthy host has: somebody must rely on a helper, or a connection must miss it.
  if (missed.length === 0 && !(isReliedOn && isRemoved !== 'no' && (nothing.isWatched || control !== undefined)))
    return [];
  const entry = control === undefined ? [] : citeVersions(picture, [control.versionId]);
  const other =
    missed[0] === undefined || missed[0].otherVersionId === null
      ? []
      : citeVersions(picture, [missed[0].otherVersionId]);
  const rulesRead = picture.host.parts.find((one) => one.part.startsWith('rules:') && one.state === 'read');
  const noRule = picture.cite.absence(rulesRead, 'no rule attaches a helper');
  const kernel = picture.host.kernelRelease;
  const steps: Step[] = [
    ...(isReliedOn
      ? [shown('helpers are meant to come by themselves: nf_conntrack_helper = 1', [citeValue(picture, setting)])]
      : []),
    ...(control === undefined
      ? []
      : [shown(`a control connection has no helper: ${flowWords({ ...control, extra: null })}`, entry)]),
    ...(missed.length > 0
      ? [
          shown(
            `what it announces comes unannounced and is not answered: ${missed[0]!.unanswered === 1 ? '1 entry' : `${missed[0]!.unanswered} entries`} between the same two hosts`,
            other,
          ),
        ]
      : []),
    nothing.isWatched
      ? shown(nothing.says, [nothing.evidence])
      : inferred(nothing.says, [nothing.evidence], false, ASK.expectations),
    isRemoved === 'yes'
      ? inferred(
          `this kernel (${kernel}) attaches no helper by itself`,
          entry.length > 0 ? entry : [nothing.evidence],
          false,
        )
      : // A connection that missed its helper shows it; the setting alone means the opposite on a kernel that still has it.
        missed.length > 0
        ? open('whether this kernel still attaches helpers by itself (it does until 5.19)', false, ASK.kernel)
        : inferred(
            'this kernel attaches no helper by itself (they do until 5.19)',
            [nothing.evidence],
            true,
            ASK.kernel,
          ),
    noRule === null
      ? open('that no rule attaches one', false, ASK.ruleset)
      : shown('no rule attaches one', [noRule], false),
  ];
  const helped = control === undefined ? null : helperOf(control.proto, control.dport);
  return [
    {
      class: 'helper-expectation',
      argument: {
        id: 'helper-expectation',
        steps,
        lookAlikes: [{ cause: 'no connection that needs a helper', ruledOut: null, wouldSettle: ASK.listing }].slice(
          control === undefined ? 0 : 1,
        ),
      },
      led: { id: 'helper-not-assigned', steps, lookAlikes: [] },
      title: helped === null ? 'No helper is attached: nothing is expected' : `No ${helped.helper} helper is attached`,
      summary: `${isReliedOn ? `The setting nf_conntrack_helper = 1 is relied on, which kernels since 6.0 do not have any more: there a rule has to attach each helper${isRemoved === 'yes' ? '' : ' (until 5.19 the setting still does)'}. ` : ''}${control === undefined ? '' : `${flowWords({ ...control, extra: null })} is a control connection without helper. `}Nothing is expected, so the connections that the helper would announce (GRE of PPTP, data of FTP, voice of SIP) are NEW, are not translated as they should be, and rules for RELATED do not let them in.`,
      missing: [],
      remedies: attachHelper(
        picture.host,
        helped?.helper ?? null,
        helped?.proto === 17 ? 'udp' : 'tcp',
        helped?.port ?? null,
        control?.src.includes(':') ?? false,
      ),
      about: {
        ...NOBODY,
        ...(control === undefined
          ? {}
          : {
              flow: { ...control, id: control.tupleId, extra: null, zone: control.zone },
              tupleIds: [control.tupleId],
              flowText: flowWords({ ...control, extra: null }),
              flows: 1,
            }),
        packetText: control === undefined ? 'no expectation' : '1 control connection',
        outcome: 'NEW',
        fate: 'unknown',
        count: 0,
        firstAtUs: null,
        lastAtUs: null,
        notices: [],
        reason: null,
        story: [
          ...(isReliedOn ? [storyLine('setting', 'nf_conntrack_helper = 1', [citeValue(picture, setting)])] : []),
          ...(control === undefined
            ? []
            : [storyLine('control', `${flowWords({ ...control, extra: null })} without helper`, entry)]),
          ...(missed.length > 0
            ? [
                storyLine(
                  'missed',
                  steps.find((step) => step.evidence === other)?.says ?? 'not announced, not answered',
                  other,
                ),
              ]
            : []),
          storyLine('expected', nothing.says, [nothing.evidence]),
          ...attaching.slice(0, 1).map((hit) => storyLine('rule', ruleWords(hit.rule), [hit.evidence])),
        ],
      },
    },
  ];
}

export const helperOfHosts: HostCause = {
  ...HELPER_WORDS,
  argue: (picture) => [...expectationsFull(picture), ...helperRefused(picture), ...notAssigned(picture)],
};
