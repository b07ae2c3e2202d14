// The work of ctwhy explain.

import { citer } from '../../analysis/explain/cite.js';
import { type Explanation, explain } from '../../analysis/explain/explain.js';
import { isNoise } from '../../analysis/explain/finding-parts.js';
import { tellOfHost } from '../../analysis/explain/host-findings.js';
import { tell } from '../../analysis/explain/narrative.js';
import { quietOf } from '../../analysis/explain/quiet.js';
import { lastIngestId, pathFilter, scopeOf } from '../../analysis/explain/scope-of.js';
import { whatIsHere } from '../../analysis/explain/what-is-here.js';
import { REASONS } from '../../catalogue/all-reasons.js';
import { type CommandInput, hasSwitch, optionValue, optionValues } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { parseFilter } from '../../cli/flow-argument.js';
import { FILTER_OPTIONS } from '../../cli/global-options.js';
import { type FlowFilter, NO_FILTER } from '../../model/flow-filter.js';
import { documentWidth, printDocument } from '../../presentation/document.js';
import { explainDocument } from '../../presentation/explain-document.js';
import type { Scope } from '../../store/case-reader.js';
import { readGaps } from '../../store/gap-reader.js';
import type { Db } from '../../store/open-store.js';
import { openTextSource } from '../../store/text-source.js';
import { UsageError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import type { ChosenNamespace } from '../choose-namespace.js';
import { withEvidenceOfOne } from '../evidence-store.js';
import { lookedAt } from './looked-at.js';

export interface Answer {
  readonly explanation: Explanation;
  readonly filter: FlowFilter;
  readonly scope: Scope;
}

/** The filter of a command line, checked before any evidence is looked for. @throws UsageError */
export function filterOf(input: CommandInput, world: World): FlowFilter {
  const filter = parseFilter(input, { nowUs: world.clock.nowUs(), zone: world.environment['TZ'] || 'UTC' });
  if (filter.reasonId !== null && !REASONS.some((reason) => reason.id === filter.reasonId))
    throw new UsageError(`there is no reason ${filter.reasonId}: ctwhy reasons list`);
  return filter;
}

/** The findings for a filter; `path` and `timeline` ask the same way, so that numbers agree. */
export function explainFor(filter: FlowFilter, db: Db): Answer {
  const scope = scopeOf(db, filter, lastIngestId(db));
  const explanation = explain(db, scope, citer(openTextSource(db)), pathFilter(filter));
  return { explanation, filter, scope };
}

/** '-r case.tar' or '--db store.db', to be repeated in commands we print. */
export function readWords(input: CommandInput): string {
  const files = optionValues(input, 'read');
  if (files.length > 0) return `-r ${files.map(typed).join(' ')}`;
  const store = optionValue(input, 'db');
  return store === null ? '' : `--db ${typed(store)}`;
}

/** '--proto tcp --dport 8080', likewise: findings are numbered within their filter. */
export function filterWords(input: CommandInput): string {
  const words = FILTER_OPTIONS.flatMap(({ name, argument }) => {
    if (argument === undefined) return hasSwitch(input, name) ? [`--${name}`] : [];
    return optionValues(input, name).map((value) => `--${name} ${typed(value)}`);
  });
  return words.join(' ');
}

/** All that a printed command needs to mean the same evidence and the same numbers. */
export function againWords(input: CommandInput, netns: ChosenNamespace): string {
  return [readWords(input), netns.words, filterWords(input)].filter((words) => words !== '').join(' ');
}

function typed(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function numbers(input: CommandInput): readonly number[] {
  return (input.positionals['finding'] ?? []).map((text) => {
    if (!/^\d{1,6}$/.test(text)) throw new UsageError(`findings are numbers, not '${text}'`);
    return Number(text);
  });
}

export function run(input: CommandInput, world: World): Promise<ExitCode> {
  return explainEvidence(input, world, { what: null, netnsInode: null, beside: {} });
}

/** Why there is something to explain, where that is not the person's question alone. */
export interface Occasion {
  /** 'capture C7': what was looked at, in the first line; NULL: the input tells. */
  readonly what: string | null;
  /** Of which network namespace; NULL: the input tells, or the newest. */
  readonly netnsInode: number | null;
  /** More members of the JSON document. */
  readonly beside: Readonly<Record<string, unknown>>;
}

/** Prints what the evidence says. */
export async function explainEvidence(input: CommandInput, world: World, occasion: Occasion): Promise<ExitCode> {
  const opened = numbers(input);
  const filter = filterOf(input, world);
  const work = async (db: Db, netns: ChosenNamespace): Promise<ExitCode> => {
    const { explanation, scope } = explainFor(filter, db);
    const wanted = filter.finding === null ? opened : [...opened, filter.finding];
    const all = [...explanation.explained, ...explanation.ofHosts].sort((a, b) => a.finding.id - b.finding.id);
    const missing = wanted.find((number) => !all.some((one) => one.finding.id === number));
    if (missing !== undefined)
      throw new UsageError(`there is no finding ${missing}: there ${all.length === 1 ? 'is 1' : `are ${all.length}`}`);
    const head = lookedAt(db, explanation, input, { scope, what: occasion.what, netns });
    const present = all.length === 0 ? whatIsHere(db, explanation.contexts, openTextSource(db)) : [];
    const isQuiet = all.length > 0 && all.every((one) => isNoise(one.verdict));
    const quiet = isQuiet ? quietOf(db, explanation.contexts) : null;
    if (hasSwitch(input, 'json')) {
      const findings = all
        .map((one) => ({ ...one.finding, isNoise: isNoise(one.verdict) }))
        .filter((finding) => wanted.length === 0 || wanted.includes(finding.id));
      const document = {
        schema: 'ctwhy.explain/1',
        generatedAt: rfc3339(world.clock.nowUs()),
        lookedAt: { ...head.json, ...(present.length === 0 ? {} : { present }) },
        findings,
        ...(quiet === null ? {} : { quiet }),
        gaps: readGaps(db),
        ...occasion.beside,
      };
      world.streams.out.write(`${safeJson(JSON.stringify(document, null, 2))}\n`);
    } else {
      const told = [...explanation.explained.map(tell), ...explanation.ofHosts.map(tellOfHost)].sort(
        (a, b) => a.finding.id - b.finding.id,
      );
      const options = {
        programName: world.programName,
        opened: wanted,
        isAll: hasSwitch(input, 'all'),
        isVerbose: hasSwitch(input, 'verbose'),
        withFixes: hasSwitch(input, 'fix'),
        isFiltered: JSON.stringify(filter) !== JSON.stringify(NO_FILTER),
        knownCommands: input.knownCommands,
        readWords: readWords(input),
        againWords: againWords(input, netns),
        showsTables: head.showsTables,
        packetCount: explanation.packetCount,
        present: told.length === 0 ? present : [],
        quiet,
        width: documentWidth(world.streams.out),
      };
      printDocument(world.streams.out, explainDocument(told, head.lookedAt, options));
    }
    const isTrouble = all.some((one) => !isNoise(one.verdict));
    return hasSwitch(input, 'exit-code') && isTrouble ? EXIT.findings : EXIT.done;
  };
  return await withEvidenceOfOne(input, world, work, occasion.netnsInode);
}
