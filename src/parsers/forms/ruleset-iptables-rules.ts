// `iptables -S` and `ip6tables -S`, with -v and without, one table after the other.

import type { RuleFamily } from '../../model/ruleset.js';
import { type Emit, type Form, type FormContext, type FormReader, OTHER, TAKEN } from '../form.js';
import { familyOfChains } from '../ruleset/family.js';
import { applyCommand } from '../ruleset/iptables-command.js';
import {
  ensureChain,
  finishRuleset,
  hookBuiltIns,
  inferTable,
  newBuilder,
  type RulesetBuilder,
  unreadDraft,
} from '../ruleset/ruleset-builder.js';
import { splitSaveWords } from '../ruleset/words.js';

const POLICY = /^-P (?:PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) (?:ACCEPT|DROP)(?: -c \d+ \d+)?$/;
const COMMAND =
  /^(?:\S*[#$%>]|\S+@\S+:?\S*[#$%])\s+(?:sudo\s+)?(?:\S*\/)?(ip6?tables)(-legacy|-nft)?\s+((?:\S+\s+)*?(?:-[a-z]*S|--list-rules)(?:\s.*)?)$/;

export const iptablesRulesForm: Form = {
  id: 'iptables -S',
  title: 'iptables -S, ip6tables -S, with or without -v',
  recognise(line) {
    if (POLICY.test(line.trimEnd())) return 95;
    if (COMMAND.test(line)) return 80;
    return /^-N [^\s-]\S*\s*$/.test(line) ? 75 : 0;
  },
  open: openRules,
};

interface Section {
  readonly builder: RulesetBuilder;
  readonly firstLine: number;
  readonly table: string;
  hasRules: boolean;
}

function openRules(emit: Emit, context: FormContext): FormReader {
  let told = tableOf(`${context.command ?? ''} ${context.fileName}`);
  let family: RuleFamily | null = /ip6tables/.test(`${context.command ?? ''} ${context.fileName}`) ? 'ip6' : null;
  let section: Section | null = null;
  const notes: string[] = [];

  function begin(line: number): Section {
    flush();
    section = { builder: newBuilder(), firstLine: line, table: told, hasRules: false };
    return section;
  }

  function flush(): void {
    if (section) emitSection(emit, section, family, notes);
    section = null;
  }

  return {
    line(text, line) {
      const trimmed = text.trim();
      if (trimmed === '') return TAKEN;
      if (trimmed.startsWith('#')) {
        const command = COMMAND.exec(trimmed);
        if (command) {
          flush();
          family = command[1] === 'ip6tables' ? 'ip6' : 'ip';
          told = tableOf(command[3] ?? '') || 'filter';
        } else if (/^# Warning: /.test(trimmed)) notes.push(trimmed.slice(2));
        return TAKEN;
      }
      const command = COMMAND.exec(trimmed);
      if (command) {
        flush();
        family = command[1] === 'ip6tables' ? 'ip6' : 'ip';
        told = tableOf(command[3] ?? '') || 'filter';
        return TAKEN;
      }
      if (!/^-[PNAI] \S/.test(trimmed)) {
        flush();
        return OTHER;
      }
      const isPolicy = trimmed.startsWith('-P ');
      const current = section && !(isPolicy && section.hasRules) ? section : begin(line);
      if (!isPolicy) current.hasRules = true;
      const place = {
        builder: current.builder,
        family: 'ip',
        table: '',
        line: line - current.firstLine + 1,
        emptied: new Set<string>(),
      } as const;
      const split = splitSaveWords(trimmed);
      const result = split.ok
        ? applyCommand(split.words, place)
        : ({ is: 'unread', reason: split.reason, at: split.at } as const);
      if (result.is !== 'unread') return TAKEN;
      if (trimmed.startsWith('-A ')) {
        const chain = ensureChain(current.builder, 'ip', '', trimmed.split(' ')[1] ?? '', place.line);
        chain.rules.push(unreadDraft(trimmed, result.reason, place.line));
      }
      return { is: 'unread', reason: result.reason, at: result.at };
    },
    end: flush,
  };
}

function tableOf(text: string): string {
  return /(?:-t\s*|--table[ =]|[-_.])(filter|nat|mangle|raw|security)\b/.exec(text)?.[1] ?? '';
}

function emitSection(emit: Emit, section: Section, told: RuleFamily | null, notes: readonly string[]): void {
  const chains = [...section.builder.chains.values()];
  if (chains.length === 0) return;
  const family = told ?? familyOfChains(chains);
  const isComplete = chains.some((chain) => chain.policy !== null);
  const table = section.table !== '' ? section.table : inferTable(chains, isComplete);
  for (const chain of chains) Object.assign(chain, { family, table });
  hookBuiltIns(chains);
  for (const note of notes) section.builder.notes.add(note);
  const ruleset = finishRuleset(section.builder, {
    form: 'iptables -S',
    family,
    backend: 'unknown',
    isPartial: !isComplete,
    generatedBy: null,
  });
  emit({ kind: 'ruleset', line: section.firstLine, ruleset });
}
