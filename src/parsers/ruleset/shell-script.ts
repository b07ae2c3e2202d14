// A firewall script followed command by command: variables, loops over literal lists and functions are carried out, what depends on the host
// (if, case, while, command output) is told to be unread. Only iptables commands have an effect.

import type { RuleFamily, Ruleset } from '../../model/ruleset.js';
import { applyCommand } from './iptables-command.js';
import { newBuilder, type RulesetBuilder } from './ruleset-builder.js';
import { type ShellCommand, splitShell } from './shell-words.js';
import type { Word } from './words.js';

type Frame =
  /** Taken or not taken, nobody can say from here. */
  | { readonly is: 'undecided'; readonly word: string }
  /** Commands are kept until its end, then carried out once for each item. */
  | {
      readonly is: 'for';
      readonly name: string;
      readonly items: readonly string[];
      readonly body: string[];
      depth: number;
    }
  | { readonly is: 'function'; readonly name: string; readonly body: string[]; depth: number; readonly line: number };

export interface ScriptProblem {
  readonly reason: string;
  readonly at: number;
}

export interface Script {
  readonly builder: RulesetBuilder;
  readonly emptied: Set<string>;
  readonly variables: Map<string, string | null>;
  readonly functions: Map<string, { readonly body: readonly string[]; readonly line: number; wasCalled: boolean }>;
  readonly frames: Frame[];
  readonly families: Set<RuleFamily>;
  backend: Ruleset['backend'];
  /** Commands carried out so far; a loop that never ends is ended. */
  steps: number;
  hereEnd: string | null;
  /** Here-document for iptables-restore that is being collected. */
  here: { readonly family: RuleFamily; readonly lines: string[]; readonly keeps: boolean } | null;
}

export function newScript(): Script {
  return {
    builder: newBuilder(),
    emptied: new Set(),
    variables: new Map(),
    functions: new Map(),
    frames: [],
    families: new Set(),
    backend: 'unknown',
    steps: 0,
    hereEnd: null,
    here: null,
  };
}

const PROGRAM = /^(?:.*\/)?(ip6?tables)(-legacy|-nft)?$/;
const RESTORE = /^(?:.*\/)?(?:xtables-)?(ip6?tables)(-legacy|-nft)?-restore$/;
const MOST_STEPS = 50_000;
const DEEPEST = 30;

/** Whether a command is one of iptables' own, with what stands in front of it (sudo, ip netns exec …) taken off. */
export function iptablesWords(words: readonly Word[]): {
  readonly family: RuleFamily;
  readonly backend: Ruleset['backend'];
  readonly words: readonly Word[];
  readonly isRestore: boolean;
} | null {
  let at = 0;
  for (;;) {
    const word = words[at]?.text ?? '';
    if (/^(sudo|command|exec|nice|eval|run|then|do|else|!|time|nohup|ionice|env)$/.test(word)) {
      at++;
      while (/^-\w+$/.test(words[at]?.text ?? '') && !PROGRAM.test(words[at]?.text ?? '')) at++;
    } else if (word === 'ip' && words[at + 1]?.text === 'netns' && words[at + 2]?.text === 'exec') at += 4;
    else break;
  }
  const name = words[at]?.text ?? '';
  const match = PROGRAM.exec(name) ?? RESTORE.exec(name);
  if (!match) return null;
  return {
    family: match[1] === 'ip6tables' ? 'ip6' : 'ip',
    backend: match[2] === '-legacy' ? 'legacy' : match[2] === '-nft' ? 'nft' : 'unknown',
    words: words.slice(at + 1),
    isRestore: RESTORE.test(name),
  };
}

/** Carries out one logical line. Returns what of it could not be applied. Never throws. */
export function runLine(script: Script, line: string, place: number, depth = 0): ScriptProblem[] {
  if (script.here || script.hereEnd !== null) {
    collectHere(script, line, place);
    return [];
  }
  const problems: ScriptProblem[] = [];
  let holds: boolean | null = true;
  for (const command of splitShell(spelledOut(line), (name) => script.variables.get(name) ?? null)) {
    if (command.hereEnd !== null && script.hereEnd === null) script.hereEnd = command.hereEnd;
    if ((command.joinedBy === '||' && holds === true) || (command.joinedBy === '&&' && holds === false)) continue;
    const wasUnknown = holds === null && (command.joinedBy === '||' || command.joinedBy === '&&');
    if (command.joinedBy === ';' || command.joinedBy === '') holds = true;
    const result = runCommand(script, command, place, depth, wasUnknown);
    if (result.problem) problems.push(result.problem);
    holds = result.holds;
  }
  return problems;
}

interface Ran {
  readonly problem: ScriptProblem | null;
  /** Whether the command succeeded; NULL when that cannot be known. */
  readonly holds: boolean | null;
}

const QUIET: Ran = { problem: null, holds: true };

function runCommand(script: Script, command: ShellCommand, place: number, depth: number, wasUnknown: boolean): Ran {
  const first = command.words[0]?.text ?? '';
  const collecting = script.frames.find((frame) => frame.is !== 'undecided');
  if (collecting) return collect(script, collecting, command, first, place, depth);
  switch (first) {
    case 'function': {
      const isOpen = command.words[2]?.text === '{';
      const rest = isOpen ? command.source.replace(/^[^{]*\{/, '').trim() : '';
      script.frames.push({
        is: 'function',
        name: command.words[1]?.text ?? '',
        body: rest === '' ? [] : [rest],
        depth: isOpen ? 1 : 0,
        line: place,
      });
      return QUIET;
    }
    case 'for':
      return startFor(script, command);
    case 'if':
    case 'while':
    case 'until':
    case 'case':
    case 'select':
      script.frames.push({ is: 'undecided', word: first });
      return QUIET;
    case 'fi':
    case 'done':
    case 'esac':
      if (script.frames.at(-1)?.is === 'undecided') script.frames.pop();
      return QUIET;
    case 'elif':
      return QUIET;
    case '{':
    case '}':
      return QUIET;
    default:
  }
  const undecided = script.frames.find((frame) => frame.is === 'undecided');
  const setter = /^(export|local|readonly|declare|typeset)$/.test(first);
  for (const { name, value } of command.assignments) script.variables.set(name, undecided ? null : value);
  if (setter) {
    for (const word of command.words.slice(1)) {
      const match = /^([A-Za-z_]\w*)=(.*)$/s.exec(word.text);
      if (match) script.variables.set(match[1] ?? '', undecided || command.reason !== null ? null : (match[2] ?? ''));
    }
    return QUIET;
  }
  return simpleCommand(
    script,
    command,
    place,
    depth,
    undecided?.is === 'undecided' ? undecided.word : wasUnknown ? '&& or ||' : null,
  );
}

function simpleCommand(
  script: Script,
  command: ShellCommand,
  place: number,
  depth: number,
  undecided: string | null,
): Ran {
  const found = iptablesWords(command.words);
  if (!found) return callFunction(script, command, place, depth);
  script.families.add(found.family);
  if (found.backend !== 'unknown') script.backend = found.backend;
  const fail = (reason: string, at = command.at): Ran => ({ problem: { reason, at }, holds: null });
  const asks = found.words.some((word) =>
    /^(-[CLS]|--check|--list|--list-rules|-h|--help|-V|--version)$/.test(word.text),
  );
  if (undecided !== null && !asks)
    return fail(`whether it runs depends on "${undecided}", which cannot be evaluated here`);
  if (command.reason !== null) return asks ? { problem: null, holds: null } : fail(command.reason);
  if (found.isRestore) {
    if (command.hereEnd === null)
      return fail(
        command.readsFile === null
          ? 'what it restores was not given'
          : `it reads ${command.readsFile}, which was not given`,
      );
    script.here = {
      family: found.family,
      lines: [],
      keeps: found.words.some((word) => word.text === '-n' || word.text === '--noflush'),
    };
    return QUIET;
  }
  if (command.joinedBy === '|') return fail('what comes through the pipe was not given');
  if (++script.steps > MOST_STEPS) return fail('too many commands to follow');
  const where = {
    builder: script.builder,
    family: found.family,
    table: 'filter',
    line: place,
    emptied: script.emptied,
  };
  const result = applyCommand(found.words, where);
  if (result.is === 'unread') return fail(result.reason, result.at);
  return { problem: null, holds: result.is === 'asked' ? result.holds : true };
}

function callFunction(script: Script, command: ShellCommand, place: number, depth: number): Ran {
  const called = script.functions.get(command.words[0]?.text ?? '');
  if (!called) return { problem: null, holds: null };
  called.wasCalled = true;
  if (script.frames.some((frame) => frame.is === 'undecided'))
    return {
      problem: { reason: 'whether this function is called cannot be evaluated here', at: command.at },
      holds: null,
    };
  if (depth > DEEPEST)
    return { problem: { reason: 'functions call each other too deep to follow', at: command.at }, holds: null };
  const kept = new Map(script.variables);
  for (let n = 1; n <= 9; n++) script.variables.set(String(n), command.words[n]?.text ?? '');
  script.variables.set(
    '@',
    command.words
      .slice(1)
      .map((word) => word.text)
      .join(' '),
  );
  const problems = called.body.flatMap((source) => runLine(script, source, place, depth + 1));
  for (const name of ['1', '2', '3', '4', '5', '6', '7', '8', '9', '@'])
    script.variables.set(name, kept.get(name) ?? null);
  return { problem: problems[0] ?? null, holds: null };
}

function startFor(script: Script, command: ShellCommand): Ran {
  const [, name, word] = command.words;
  if (!name || word?.text !== 'in' || command.reason !== null) {
    script.frames.push({ is: 'undecided', word: 'for' });
    return QUIET;
  }
  if (script.frames.length > 0) {
    script.frames.push({ is: 'undecided', word: 'for' });
    return QUIET;
  }
  script.frames.push({
    is: 'for',
    name: name.text,
    items: command.words.slice(3).flatMap((item) => expandBraces(item.text)),
    body: [],
    depth: 1,
  });
  return QUIET;
}

/** {1..5} and {a,b}, as bash has them. */
function expandBraces(text: string): string[] {
  const range = /^(.*)\{(\d+)\.\.(\d+)\}(.*)$/.exec(text);
  if (range && Math.abs(Number(range[3]) - Number(range[2])) <= 1000) {
    const from = Number(range[2]);
    const to = Number(range[3]);
    return Array.from(
      { length: Math.abs(to - from) + 1 },
      (_, n) => `${range[1]}${from + (to < from ? -n : n)}${range[4]}`,
    );
  }
  const list = /^(.*)\{([^{}]*,[^{}]*)\}(.*)$/.exec(text);
  return list ? (list[2] ?? '').split(',').map((part) => `${list[1]}${part}${list[3]}`) : [text];
}

function collect(
  script: Script,
  frame: Exclude<Frame, { is: 'undecided' }>,
  command: ShellCommand,
  first: string,
  place: number,
  depth: number,
): Ran {
  const word = first === 'do' || first === 'then' || first === 'else' ? (command.words[1]?.text ?? '') : first;
  const isOpener = word === '{' && frame.is === 'function' && frame.depth === 0;
  if (
    /^(for|while|until|select|if|case)$/.test(word) ||
    (word === '{' && frame.is === 'function') ||
    (word === 'function' && command.words[2]?.text === '{')
  )
    frame.depth++;
  else if (/^(done|fi|esac|\})$/.test(word)) frame.depth--;
  if (frame.depth > 0) {
    const source = command.source.replace(/^\s*(do\b(?=\s)|\{)/, isOpener || first === 'do' ? '' : '$1').trim();
    if (source !== '' && source !== 'do')
      frame.body.push(
        `${command.joinedBy === '&&' || command.joinedBy === '||' ? `: ${command.joinedBy} ` : ''}${source}`,
      );
    return QUIET;
  }
  script.frames.splice(script.frames.indexOf(frame), 1);
  if (frame.is === 'function') {
    script.functions.set(frame.name, { body: frame.body, line: frame.line, wasCalled: false });
    return QUIET;
  }
  if (depth > DEEPEST)
    return { problem: { reason: 'loops are nested too deep to follow', at: command.at }, holds: null };
  const problems: ScriptProblem[] = [];
  for (const item of frame.items) {
    script.variables.set(frame.name, item);
    for (const source of frame.body) problems.push(...runLine(script, source, place, depth + 1));
    if (script.steps > MOST_STEPS) break;
  }
  const problem = problems[0];
  return { problem: problem ? { reason: `in the loop: ${problem.reason}`, at: command.at } : null, holds: true };
}

/** 'start() {' as 'function start {', so that the parentheses are no subshell. */
function spelledOut(line: string): string {
  return line.replace(/(^|;)\s*(?:function\s+)?([A-Za-z_][\w-]*)\s*\(\s*\)\s*(\{|$)/g, '$1 function $2 $3');
}

/** Lines of a here-document: a ruleset for iptables-restore, or text that is nothing to us. */
function collectHere(script: Script, line: string, place: number): void {
  if (line.trim() !== script.hereEnd) {
    script.here?.lines.push(line);
    return;
  }
  const here = script.here;
  script.here = null;
  script.hereEnd = null;
  if (here) script.builder.notes.add(`Line ${place}: a restored ruleset was read from the script itself.`);
  if (here) restore(script, here.family, here.lines, here.keeps, place);
}

function restore(script: Script, family: RuleFamily, lines: readonly string[], keeps: boolean, place: number): void {
  let table = 'filter';
  for (const line of lines) {
    const words = splitShell(line, () => null)[0]?.words ?? [];
    const first = words[0]?.text ?? '';
    const where = { builder: script.builder, family, table, line: place, emptied: script.emptied };
    if (first.startsWith('*')) {
      table = first.slice(1);
      if (!keeps) {
        const flush = ['-F', '-X'].map((text) => [{ text, isQuoted: false, at: 0 }]);
        for (const one of flush) applyCommand(one, { ...where, table });
      }
    } else if (first.startsWith(':')) {
      const policy = words[1]?.text;
      const name = { text: first.slice(1), isQuoted: false, at: 0 };
      const verb = { text: policy === '-' ? '-N' : '-P', isQuoted: false, at: 0 };
      applyCommand(policy === '-' ? [verb, name] : [verb, name, { text: policy ?? '', isQuoted: false, at: 0 }], where);
    } else if (first.startsWith('-')) applyCommand(words, where);
  }
}
