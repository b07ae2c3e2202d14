// `ipset list`, `ipset save` and the `ipset create` and `ipset add` commands of scripts.

import type { NamedSet, RuleFamily } from '../../model/ruleset.js';
import { type Emit, type Form, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import { finishRuleset, newBuilder } from '../ruleset/ruleset-builder.js';
import { splitSaveWords } from '../ruleset/words.js';

const HEAD = /^(Name|Type|Revision|Header|Size in memory|References|Number of entries|Default|Members):\s?(.*)$/;
const COMMAND =
  /^(?:\S*[#$%>]\s+)?(?:sudo\s+)?(?:(?:\S*\/)?ipset\s+(?:-!\s+|-exist\s+)*)?(create|add|-N|-A|-exist|-!)\s+(\S+)\s+(\S.*)$/;
const TYPES = /^(?:hash|bitmap|list):[\w,]+|^(?:ip|port|mac)(?:hash|map|porthash|iphash)|^nethash|^setlist/;

export const ipsetForm: Form = {
  id: 'ipset',
  title: 'ipset list, ipset save, ipset commands',
  recognise(line, context) {
    if (/^create \S+ (?:hash|bitmap|list):/.test(line)) return 95;
    if (/\bipset\s+(?:-\S+\s+)*(?:create|add|-N|-A)\s/.test(line)) return 80;
    if (/^Name: \S+$/.test(line))
      return /ipset/.test(context.fileName) || /ipset/.test(context.command ?? '') ? 95 : 55;
    return /^add \S+ [\da-f.:]+/i.test(line) && /ipset/.test(context.fileName) ? 70 : 0;
  },
  open: openIpset,
};

interface SetDraft {
  readonly name: string;
  type: string;
  family: RuleFamily | null;
  readonly flags: string[];
  readonly elements: string[];
}

function openIpset(emit: Emit): FormReader {
  let sets = new Map<string, SetDraft>();
  let firstLine = 0;
  /** Set whose listing is being read, and whether its members have begun. */
  let listed: SetDraft | null = null;
  let isMembers = false;

  function draft(name: string): SetDraft {
    const known = sets.get(name);
    if (known) return known;
    const fresh: SetDraft = { name, type: '', family: null, flags: [], elements: [] };
    sets.set(name, fresh);
    return fresh;
  }

  function headLine(key: string, value: string): LineOutcome {
    if (key === 'Name') {
      listed = draft(value);
      isMembers = false;
    } else if (!listed) return OTHER;
    else if (key === 'Type') listed.type = value;
    else if (key === 'Header') readOptions(listed, value);
    else if (key === 'Members') isMembers = true;
    return TAKEN;
  }

  function commandLine(match: RegExpExecArray): LineOutcome {
    const [, command, name = '', rest = ''] = match;
    if (command === 'create' || command === '-N') {
      const [type = '', ...options] = rest.split(/\s+/);
      if (!TYPES.test(type)) return { is: 'unread', reason: `${type} is not a type of set`, at: 0 };
      const made = draft(name);
      made.type = type;
      readOptions(made, options.join(' '));
      return TAKEN;
    }
    draft(name).elements.push(elementOf(rest));
    return TAKEN;
  }

  function flush(): void {
    if (sets.size > 0) {
      const builder = newBuilder();
      builder.sets.push(...[...sets.values()].map(finish));
      const ruleset = finishRuleset(builder, {
        form: 'ipset',
        family: 'mixed',
        backend: 'unknown',
        isPartial: false,
        generatedBy: null,
      });
      emit({ kind: 'ruleset', line: firstLine, ruleset });
    }
    sets = new Map();
    listed = null;
    isMembers = false;
    firstLine = 0;
  }

  return {
    line(text, line) {
      if (firstLine === 0) firstLine = line;
      const trimmed = text.trim();
      if (trimmed === '' || trimmed.startsWith('#')) {
        isMembers = false;
        return TAKEN;
      }
      const head = HEAD.exec(trimmed);
      if (head) return headLine(head[1] ?? '', head[2] ?? '');
      if (listed && isMembers && !/^(create|add) /.test(trimmed)) {
        if (!isElement(trimmed)) {
          flush();
          return OTHER;
        }
        listed.elements.push(elementOf(trimmed));
        return TAKEN;
      }
      const command = COMMAND.exec(trimmed);
      if (command) return commandLine(command);
      if (/^(?:\S*[#$%>]\s+)?(?:sudo\s+)?(?:\S*\/)?ipset\b/.test(trimmed) || trimmed === 'COMMIT') return TAKEN;
      flush();
      return OTHER;
    },
    end: flush,
  };
}

/** What may stand in a members list: an address, a network, a port, a MAC, a set's name, parts joined by commas. */
function isElement(text: string): boolean {
  return /^[\w.:/,@-]+( (timeout|packets|bytes|comment|nomatch|skbmark|skbprio|skbqueue|physdev:)\b.*)?$/.test(text);
}

/** Without what changes by itself; 'nomatch' stays, since it turns the meaning round. */
function elementOf(text: string): string {
  const split = splitSaveWords(text);
  const words = split.ok ? split.words : [];
  const element = words[0]?.text ?? text;
  return words.some((word) => word.text === 'nomatch' && !word.isQuoted) ? `${element} nomatch` : element;
}

function readOptions(set: SetDraft, options: string): void {
  const words = options.split(/\s+/).filter(Boolean);
  const family = words[words.indexOf('family') + 1];
  if (words.includes('family')) set.family = family === 'inet6' ? 'ip6' : 'ip';
  for (const [index, word] of words.entries()) {
    if (word === 'timeout' || word === 'range' || word === 'netmask' || word === 'markmask')
      set.flags.push(`${word} ${words[index + 1] ?? ''}`);
    else if (word === 'counters' || word === 'comment' || word === 'skbinfo') set.flags.push(word);
  }
}

function finish(set: SetDraft): NamedSet {
  const isAddress = /(^|[:,])(ip|net)/.test(set.type);
  return {
    family: set.family ?? (isAddress ? 'ip' : null),
    table: null,
    name: set.name,
    type: set.type,
    flags: set.flags,
    elements: set.elements,
  };
}
