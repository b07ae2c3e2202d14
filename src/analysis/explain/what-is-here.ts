// Evidence without a packet: what is here and what it shows by itself, in a sentence each. Nothing is argued from it.

import type { Rule } from '../../model/ruleset.js';
import type { Db } from '../../store/open-store.js';
import {
  readEntryKinds,
  readEventCourses,
  readStatisticSums,
  readTrackerSettings,
  readUntranslated,
} from '../../store/table-summary.js';
import { protocolName } from '../../text/protocols.js';
import { flowWords, ruleWords } from '../causes/words.js';
import type { HostContext } from './case.js';
import type { TextSource } from './cite.js';

export interface Present {
  readonly says: string;
  /** 'conntrack-E.txt:1-6'; empty where several sources say it together. */
  readonly source: string;
}

function place(texts: TextSource, sourceId: number | null, first: number | null = null, last = first): string {
  if (sourceId === null) return '';
  const name = texts.nameOf(sourceId);
  return first === null ? name : `${name}:${first}${last === null || last === first ? '' : `-${last}`}`;
}

type EventStep = readonly [kind: string, state: string | null, status: string | null, timeoutS: number | null];

/** 'NEW SYN_SENT, SYN_RECV, ESTABLISHED [OFFLOAD], destroyed in FIN_WAIT'. */
function courseWords(steps: readonly EventStep[]): string {
  return steps
    .map(([kind, state, status]) => {
      const marks = /\b(?:HW_)?OFFLOAD\b/.test(status ?? '') ? ' [OFFLOAD]' : '';
      if (kind === 'DESTROY') return `destroyed${state === null ? '' : ` in ${state}`}`;
      return `${kind === 'NEW' ? 'NEW ' : ''}${state ?? 'answered'}${marks}`;
    })
    .join(', ');
}

function events(db: Db, texts: TextSource): readonly Present[] {
  return readEventCourses(db).map((course) => ({
    says: `${flowWords({ ...course, extra: null })}: ${courseWords(JSON.parse(course.steps) as EventStep[])}`,
    source: place(texts, course.sourceId, course.firstLine, course.lastLine),
  }));
}

function entries(db: Db, texts: TextSource): readonly Present[] {
  const kinds = readEntryKinds(db);
  const words = kinds.map(
    (kind) =>
      `${kind.entries} ${protocolName(kind.proto)}${kind.state === null ? '' : ` ${kind.state}`}${kind.status === null ? '' : ` [${kind.status}]`}`,
  );
  const listed: readonly Present[] =
    words.length === 0 ? [] : [{ says: `entries: ${words.join(', ')}`, source: place(texts, kinds[0]!.sourceId) }];
  const untranslated = readUntranslated(db).map((one) => ({
    says: `${flowWords({ ...one, extra: null })} is not translated; ${one.translated === 1 ? 'one other' : `${one.translated} others`} to the same destination ${one.translated === 1 ? 'is' : 'are'}`,
    source: place(texts, one.sourceId, one.line),
  }));
  return [...listed, ...untranslated];
}

/** ' (235 packets so far)'; empty where its counter was not listed. */
function timesWords({ packets }: Rule): string {
  return packets === null ? '' : ` (${packets} packet${packets === 1 ? '' : 's'} so far)`;
}

/** Which rules ask for INVALID, and what they do with it. */
function rules(contexts: readonly HostContext[]): readonly Present[] {
  const all = contexts.flatMap((context) =>
    context.rules.rulesets.flatMap((one) => one.chains.flatMap((chain) => chain.rules)),
  );
  if (all.length === 0) return [];
  const asking = all.filter((rule) =>
    rule.conditions.some((one) => one.field === 'ctstate' && !one.isNegated && one.values.includes('INVALID')),
  );
  const dropping = asking.filter((rule) => rule.verdict === 'DROP' || rule.verdict === 'REJECT');
  const random = all.filter((rule) => /-m statistic --mode random|numgen random/.test(rule.text));
  const said: Present[] = [
    {
      says:
        asking.length === 0
          ? 'rules: none asks for INVALID'
          : dropping.length === 0
            ? `rules: ${asking.length} ${asking.length === 1 ? 'asks' : 'ask'} for INVALID, none of them drops it`
            : `rules: INVALID is dropped by ${dropping
                .slice(0, 3)
                .map((rule) => `${ruleWords(rule)}${timesWords(rule)}`)
                .join(', ')}`,
      source: '',
    },
  ];
  if (random.length > 0)
    said.push({
      says: `rules: ${random.length} ${random.length === 1 ? 'picks' : 'pick'} a target at random (${ruleWords(random[0]!)})`,
      source: '',
    });
  return said;
}

function values(db: Db, texts: TextSource): readonly Present[] {
  const sums = readStatisticSums(db);
  const settings = readTrackerSettings(db);
  return [
    ...(sums.length === 0
      ? []
      : [
          {
            says: `statistics since boot: ${sums.map((one) => `${one.name} ${one.total}`).join(', ')}; only two readings tell what moves`,
            source: place(texts, sums[0]!.sourceId),
          },
        ]),
    ...settings.map((one) => ({ says: `${one.name} = ${one.value}`, source: place(texts, one.sourceId, one.line) })),
  ];
}

/** Kernel messages that no finding is about, like ones counted together. */
function notices(contexts: readonly HostContext[], texts: TextSource): readonly Present[] {
  const counted = new Map<string, { count: number; text: string; source: string }>();
  for (const row of contexts.flatMap((context) => context.notices)) {
    const key = row.text.replace(/\d+/g, '#');
    const known = counted.get(key);
    if (known !== undefined) known.count++;
    else counted.set(key, { count: 1, text: row.text.trim(), source: place(texts, row.sourceId, row.line) });
  }
  return [...counted.values()].slice(0, 3).map(({ count, text, source }) => ({
    says: `kernel: "${text}"${count === 1 ? '' : `, and ${count - 1} like it`}`,
    source,
  }));
}

/** What evidence without any finding holds, the most telling first. */
export function whatIsHere(db: Db, contexts: readonly HostContext[], texts: TextSource): readonly Present[] {
  return [
    ...events(db, texts),
    ...entries(db, texts),
    ...notices(contexts, texts),
    ...values(db, texts),
    ...rules(contexts),
  ];
}
