// `iptables -L` and `ip6tables -L` in all their widths: with or without -n, -v, -x, --line-numbers, one chain or all, one table after another.

import type { RuleFamily, Ruleset } from '../../model/ruleset.js';
import { type Emit, type Form, type FormContext, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import { builtInOrder } from '../ruleset/builtin-chains.js';
import { familyOfChains } from '../ruleset/family.js';
import { readRuleWords } from '../ruleset/iptables-rule.js';
import {
  beginsLikeRule,
  type ListingColumns,
  readColumns,
  readCount,
  readListingRule,
} from '../ruleset/listing-line.js';
import {
  type ChainDraft,
  ensureChain,
  finishRuleset,
  hookBuiltIns,
  inferTable,
  newBuilder,
  type RulesetBuilder,
  unreadDraft,
} from '../ruleset/ruleset-builder.js';

const CHAIN =
  /^Chain (\S+) \((?:policy (\w+)(?: (\d+[KMGT]?) packets, (\d+[KMGT]?) bytes)?|-?\d+ references?)\)(?:\s.*)?$/;
const TABLE = /^(?:\*+ )?(?:IPv[46] )?[Tt]able:? [`'"]?(filter|nat|mangle|raw|security)['"]?:?\s*$/;
/** The command itself, as people paste it with their prompt. */
const COMMAND =
  /^(?:\S*[#$%>]|\S+@\S+:?\S*[#$%])\s+(?:sudo\s+)?(?:\S*\/)?(ip6?tables)(-legacy|-nft)?\s+((?:\S+\s+)*?(?:-[a-zA-Z]*L\S*|--list).*)$/;
const WARNING = /^# Warning: ip6?tables-legacy tables present/;

export const iptablesListForm: Form = {
  id: 'iptables -L',
  title: 'iptables -L, ip6tables -L, with or without -n -v -x --line-numbers',
  recognise(line) {
    if (CHAIN.test(line)) return 95;
    if (WARNING.test(line)) return 60;
    if (COMMAND.test(line)) return 80;
    if (readColumns(line)) return 70;
    return TABLE.test(line) ? 40 : 0;
  },
  open: openListing,
};

/** One run of `iptables -L`: the chains of one table. */
interface Section {
  readonly builder: RulesetBuilder;
  readonly firstLine: number;
  table: string;
  isV6: boolean;
  hasWholeHead: boolean;
}

interface Told {
  table: string;
  family: RuleFamily | null;
  backend: Ruleset['backend'];
}

function openListing(emit: Emit, context: FormContext): FormReader {
  const told = readCommand(context.command ?? '', context.fileName);
  const sections: Section[] = [];
  const notes: string[] = [];
  let chain: ChainDraft | null = null;
  let columns: ListingColumns | null = null;

  function section(line: number): Section {
    const open = sections.at(-1);
    if (open) return open;
    return begin(line);
  }

  function begin(line: number): Section {
    const fresh: Section = {
      builder: newBuilder(),
      firstLine: line,
      table: told.table,
      isV6: false,
      hasWholeHead: false,
    };
    sections.push(fresh);
    return fresh;
  }

  function chainLine(match: RegExpExecArray, line: number): LineOutcome {
    const name = match[1] ?? '';
    const isBuiltIn = match[2] !== undefined;
    let current = section(line);
    const chains = [...current.builder.chains.values()];
    const last = chains.at(-1);
    // Built-in chains are listed first and in the order of the hooks: one that comes late begins another table.
    const isNext =
      isBuiltIn && last !== undefined && (last.hook !== 'listed' || builtInOrder(last.name) >= builtInOrder(name));
    if (isNext || chains.some((one) => one.name === name)) current = begin(line);
    chain = ensureChain(current.builder, 'ip', '', name, line - current.firstLine + 1);
    chain.hook = isBuiltIn ? 'listed' : null;
    chain.policy = match[2] === 'ACCEPT' || match[2] === 'DROP' ? match[2] : null;
    const packets = readCount(match[3]);
    const bytes = readCount(match[4]);
    chain.policyPackets = packets?.value ?? null;
    chain.policyBytes = bytes?.value ?? null;
    if (packets?.isRounded || bytes?.isRounded) current.builder.notes.add(ROUNDED);
    columns = null;
    return TAKEN;
  }

  function ruleLine(text: string, line: number, into: ChainDraft, shown: ListingColumns): LineOutcome {
    const current = section(line);
    const place = line - current.firstLine + 1;
    const read = readListingRule(text, shown);
    const rule = read && readRuleWords(into.name, read.words, place);
    if (!read || !rule?.ok) {
      if (!beginsLikeRule(text)) return OTHER;
      const reason = rule && !rule.ok ? rule.reason : 'the columns of a rule are not all there';
      into.rules.push(unreadDraft(text.trim(), reason, place));
      return { is: 'unread', reason, at: 0 };
    }
    fillGap(into, read.number, place);
    if (read.isV6) current.isV6 = true;
    if (read.isRounded) current.builder.notes.add(ROUNDED);
    let draft = { ...rule.draft, packets: read.packets, bytes: read.bytes };
    if (!shown.hasInterfaces) {
      current.builder.notes.add(
        'Interfaces are not shown (listed without -v), so no rule can be evaluated to a sure match.',
      );
      draft = { ...draft, conditions: [...draft.conditions, NOT_SHOWN] };
    }
    into.rules.push(draft);
    return TAKEN;
  }

  function flush(): void {
    emitSections(emit, sections, told, notes);
    sections.length = 0;
    notes.length = 0;
    chain = null;
    columns = null;
  }

  return {
    line(text, line) {
      const trimmed = text.trim();
      if (trimmed === '') return TAKEN;
      const head = CHAIN.exec(trimmed);
      if (head) return chainLine(head, line);
      const shown = readColumns(text);
      if (shown) {
        columns = shown;
        if (!chain) chain = ensureChain(section(line).builder, 'ip', '', 'unknown', 1);
        return TAKEN;
      }
      if (WARNING.test(trimmed)) {
        notes.push(trimmed.slice(2));
        return TAKEN;
      }
      const command = COMMAND.exec(trimmed);
      const table = TABLE.exec(trimmed);
      if (command || table) {
        if (chain) begin(line);
        chain = null;
        if (command) Object.assign(told, readCommand(trimmed, ''));
        if (table) told.table = table[1] ?? '';
        const open = sections.at(-1);
        if (open && open.builder.chains.size === 0) open.table = told.table;
        return TAKEN;
      }
      if (chain && columns) {
        const outcome = ruleLine(text, line, chain, columns);
        if (outcome.is !== 'other') return outcome;
      }
      flush();
      return OTHER;
    },
    end: flush,
  };
}

const ROUNDED = 'Counters are rounded to K, M or G (listed without -x).';
const NOT_SHOWN = {
  field: 'not-shown',
  isNegated: false,
  values: ['in', 'out'],
  text: 'interfaces (listed without -v)',
  group: null,
};

/** With --line-numbers a listing that begins in the middle, or has lines cut out, keeps its numbers. */
function fillGap(chain: ChainDraft, number: number | null, line: number): void {
  const missing = number === null ? 0 : number - 1 - chain.rules.length;
  if (missing <= 0 || missing > 5000) return;
  for (let count = 0; count < missing; count++) chain.rules.push(unreadDraft('', 'not in the listing', line));
}

function readCommand(command: string, fileName: string): Told {
  const words = `${command} ${fileName}`;
  const table = /(?:-t\s*|--table[ =]|[-_.])(filter|nat|mangle|raw|security)\b/.exec(words)?.[1] ?? '';
  const isDefault = table === '' && /\biptables|ip6tables/.test(command) && /\s-[a-zA-Z]*L|--list/.test(command);
  return {
    table: isDefault ? 'filter' : table,
    family: /ip6tables/.test(words) ? 'ip6' : /\biptables/.test(command) ? 'ip' : null,
    backend: /tables-legacy/.test(words) ? 'legacy' : /tables-nft/.test(words) ? 'nft' : 'unknown',
  };
}

/** Tables of one family listed one after the other are one ruleset; a table that comes again begins the next. */
function emitSections(emit: Emit, sections: readonly Section[], told: Told, notes: readonly string[]): void {
  interface Group {
    readonly builder: RulesetBuilder;
    readonly family: RuleFamily;
    readonly firstLine: number;
    readonly tables: Set<string>;
    isPartial: boolean;
  }
  const groups: Group[] = [];
  for (const section of sections) {
    const chains = [...section.builder.chains.values()];
    if (chains.length === 0) continue;
    const family = section.isV6 ? 'ip6' : (told.family ?? familyOfChains(chains));
    const table = section.table !== '' ? section.table : inferTable(chains, true);
    const open = groups.at(-1);
    const into = open && open.family === family && !open.tables.has(table) ? open : newGroup(family, section.firstLine);
    if (into !== open) groups.push(into);
    into.tables.add(table);
    if (!chains.some((one) => one.name === (table === 'raw' || table === 'nat' ? 'OUTPUT' : 'INPUT')))
      into.isPartial = true;
    for (const note of section.builder.notes) into.builder.notes.add(note);
    for (const draft of chains) {
      const moved = ensureChain(into.builder, family, table, draft.name, 0);
      const shift = section.firstLine - into.firstLine;
      Object.assign(moved, draft, {
        family,
        table,
        line: draft.line + shift,
        rules: draft.rules.map((rule) => ({ ...rule, line: rule.line + shift })),
      });
    }
  }
  function newGroup(family: RuleFamily, firstLine: number): Group {
    return { builder: newBuilder(), family, firstLine, tables: new Set(), isPartial: false };
  }
  for (const group of groups) {
    for (const draft of group.builder.chains.values()) draft.hook = null;
    hookBuiltIns(group.builder.chains.values());
    for (const note of notes) group.builder.notes.add(note);
    const frame = {
      form: 'iptables -L',
      family: group.family,
      backend: told.backend,
      isPartial: group.isPartial,
      generatedBy: null,
    } as const;
    emit({ kind: 'ruleset', line: group.firstLine, ruleset: finishRuleset(group.builder, frame) });
  }
}
